import Evidence
import ProcFS
import WaitModel

/// Who could make one descriptor ready, for a thread that blocks on it alone or in a poll set.
struct Readiness {
    enum Direction { case read, write }

    var parties: [Party]
    /// The cause where a chain ends here.
    var deadEnd: Cause
    /// Somebody at the other end owes something: a full buffer, an unread request.
    var isDemand: Bool
    var resource: Resource
    /// `data from …`, `room in …`: what is waited for.
    var text: String
    var completeness: Certainty = .certain
}

/// Turns holders of an object's other end into parties.
struct Counterparts {
    /// Processes that hold it, the waiting one left out, ascending.
    var others: [ProcessReading] = []
    /// The waiting process holds it too.
    var includesOwn = false
    /// Every process's descriptors could be looked at.
    var isComplete = true

    init(_ holders: [DescriptorHolder], of thread: BlockedThread, on host: Host) {
        var seen: Set<Int32> = []
        for holder in holders where seen.insert(holder.pid).inserted {
            if holder.pid == thread.reading.pid {
                includesOwn = true
            } else if let process = host.process(holder.pid) {
                others.append(process)
            }
        }
        others.sort { $0.id < $1.id }
        isComplete = host.holdersAreComplete(seen.union([thread.reading.pid]), someFound: !seen.isEmpty)
    }

    var isEmpty: Bool { others.isEmpty && !includesOwn }

    /// The parties: exactly one holder is certain, several are possible, and whoever may not be looked at is unnamed.
    func parties(role: String, what: String, thread: BlockedThread, member: Int = 0) -> [Party] {
        let count = others.count + (includesOwn ? 1 : 0)
        let certainty: Certainty = count == 1 ? (isComplete ? .certain : .inferred) : .possible
        var parties = others.map { process in
            Party(
                .process(process.id), role: role, certainty: certainty,
                because: count == 1 ? "the only process that holds \(what)" : "one of \(count) processes that hold \(what)", member: member)
        }
        if includesOwn {
            parties.append(
                Party(
                    .process(thread.reading.id.process), role: role, certainty: certainty,
                    because: count == 1 ? "only its own process holds \(what)" : "its own process holds \(what) too", member: member))
        }
        if !isComplete { parties.append(Self.invisible(role: role, member: member)) }
        return parties
    }

    /// Whoever may hold it without being visible to this user: no verdict may rest on their absence.
    static func invisible(role: String, member: Int) -> Party {
        Party(
            .outside(.invisible), role: role, certainty: .possible,
            because: "processes whose descriptors may not be read could hold it too",
            member: member)
    }

    /// The cause where nobody can be followed. The kernel would have ended the wait if the other end were closed, so an end that no
    /// process holds lies in an undelivered message (or in the kernel: an io_uring's registered files), or is held by a process
    /// that may not be looked at.
    func deadEnd(of thread: BlockedThread, on host: Host) -> Cause {
        if !isEmpty { return includesOwn && others.isEmpty ? .selfHeld : .unknown }
        if isComplete { return .inFlightFD }
        guard let carrier = host.socketsCarryingDescriptors.first else { return .unknown }
        thread.cite("/proc/\(carrier.pid)/fdinfo/\(carrier.descriptor)", "scm_fds: descriptors lie there that nobody has received")
        return .inFlightFD
    }

    /// How sure the list of parties is.
    var completeness: Certainty { isEmpty || !isComplete ? .inferred : .certain }
}

extension Wait {
    /// Takes account of the time limit that a process may have set on the socket itself: it stands in no argument of the call. Where
    /// it cannot be asked, no list of parties is certain to be whole, since time may be one.
    mutating func heedSocketTimeLimit(_ thread: BlockedThread, descriptor: Int32, sends: Bool, on host: Host) {
        switch host.source.socketTimeLimit(pid: thread.reading.pid, descriptor: descriptor, sends: sends) {
        case .success(let seconds) where seconds > 0:
            thread.cite(
                "getsockopt(\(sends ? "SO_SNDTIMEO" : "SO_RCVTIMEO")) of /proc/\(thread.reading.pid)/fd/\(descriptor)", "\(seconds) s")
            timeoutSeconds = seconds
            mobility = .free(.timer)
        case .success: break
        case .failure: release.completeness = min(release.completeness, .inferred)
        }
    }
}
