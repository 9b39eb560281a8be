import Evidence
import ProcFS
import WaitModel

/// Reads and writes of event descriptors: eventfd, timerfd, signalfd, inotify, fanotify. Source: eventfd(2), timerfd_create(2),
/// signalfd(2), inotify(7), fanotify(7); all of one sort share an inode, so their link tells the sort and fdinfo which one it is.
enum Events: WaitResolver {
    private static let reads: Set<String> = ["read", "readv", "pread64"]
    private static let writes: Set<String> = ["write", "writev", "pwrite64"]

    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        guard let call = thread.callName, reads.contains(call) || writes.contains(call),
            case .anonymous(let name)? = host.descriptor(thread.int(0), of: thread.reading)
        else { return nil }
        let isWrite = writes.contains(call)
        thread.cite("/proc/\(thread.reading.pid)/fd/\(thread.int(0))", "anon_inode:[\(name)]")
        switch name {
        case "eventfd": return eventfd(isWrite: isWrite, thread, on: host)
        case "timerfd": return timer(thread, on: host)
        case "signalfd": return signals(thread, on: host)
        case "inotify": return watches(thread, on: host)
        case "fanotify", "[fanotify]": return idle(.fanotify, .newWork, "reads file events (fanotify)", "whoever touches a watched file")
        default: return nil
        }
    }

    private static func eventfd(isWrite: Bool, _ thread: BlockedThread, on host: Host) -> Wait {
        let ready = readiness(eventfd: thread.int(0), isWrite ? .write : .read, thread, on: host)
        return Wait(
            kind: isWrite ? .eventfdWrite : .eventfdRead, resource: host.register(ready.resource),
            release: Release(.any, ready.parties, completeness: ready.completeness), deadEnd: ready.deadEnd, isDemand: isWrite,
            description: (isWrite ? "writes to " : "reads from ") + ready.text)
    }

    /// Whoever has the same eventfd may write to it and read from it, the own process too.
    static func readiness(
        eventfd descriptor: Int32, _ direction: Readiness.Direction, _ thread: BlockedThread, on host: Host, member: Int = 0
    ) -> Readiness {
        guard let info = host.descriptorInfo(descriptor, of: thread.reading), let id = info.eventfdID else {
            // Before Linux 5.2 nothing tells one eventfd from another.
            return Readiness(
                parties: [
                    Party(
                        .outside(.unnamed), role: "writer", certainty: .possible, because: "this kernel does not tell who has it",
                        member: member)
                ],
                deadEnd: .noSignaller, isDemand: direction == .write,
                resource: Resource(
                    id: ResourceID("eventfd:\(thread.reading.pid):\(descriptor)"), kind: "eventfd",
                    label: "eventfd \(descriptor) of process \(thread.reading.pid)"), text: "an eventfd")
        }
        let holders = host.holders(of: "anon_inode:[eventfd]").filter {
            ($0.pid == thread.reading.pid && $0.descriptor == descriptor) || host.descriptorInfo($0)?.eventfdID == id
        }
        let counterparts = Counterparts(holders, of: thread, on: host)
        let who = counterparts.others.prefix(3).map { "\($0.name) (\($0.id.pid))" }.joined(separator: ", ")
        return Readiness(
            parties: counterparts.parties(
                role: direction == .read ? "writer" : "reader", what: "the eventfd", thread: thread, member: member),
            deadEnd: counterparts.deadEnd(of: thread, on: host), isDemand: direction == .write,
            resource: Resource(
                id: ResourceID("eventfd:\(id)"), kind: "eventfd", label: "eventfd \(id)",
                facts: [("count", .number(Int64(clamping: info.eventfdCount ?? 0)))]
                    + (info.eventfdIsSemaphore.map { [("isSemaphore", .flag($0))] } ?? [])),
            text: "eventfd \(id)"
                + (who.isEmpty
                    ? ", which only its own process has" : ", which \(who) \(counterparts.others.count == 1 ? "has" : "have") too"),
            completeness: counterparts.completeness)
    }

    private static func signals(_ thread: BlockedThread, on host: Host) -> Wait {
        let mask = host.descriptorInfo(thread.int(0), of: thread.reading)?.signalMask
        if let mask { thread.cite("\(thread.reading.path("fdinfo"))/\(thread.int(0))", "sigmask \(String(mask, radix: 16))") }
        return idle(
            .signalfdRead, .unnamed, "waits for \(mask.map(SignalName.words) ?? "a signal") (signalfd)", "whoever sends a signal")
    }

    private static func watches(_ thread: BlockedThread, on host: Host) -> Wait {
        guard let info = host.descriptorInfo(thread.int(0), of: thread.reading) else {
            return idle(.inotifyRead, .newWork, "reads file events (inotify)", "whoever changes a watched file")
        }
        let count = info.inotifyWatches
        var wait = idle(
            .inotifyRead, .newWork,
            count == 0
                ? "reads file events (inotify), and watches no file at all"
                : "waits for a change of \(count == 1 ? "the file that it watches" : "any of \(count) files") (inotify)",
            count == 0 ? "whoever adds a file to watch" : "whoever changes a watched file")
        // Without a watch no event will come: only its own process may add one.
        if count == 0 { wait.deadEnd = .noSignaller }
        var facts: [(key: String, value: FactValue)] = [("watches", .number(Int64(count)))]
        if let first = info.firstWatch {
            facts.append(("firstInode", .number(Int64(clamping: first.inode))))
            facts.append(("firstDevice", .text("\(first.device >> 20):\(first.device & 0xfffff)")))
        }
        wait.resource = host.register(
            Resource(
                id: ResourceID("inotify:\(thread.reading.pid):\(thread.int(0))"), kind: "inotify",
                label: "inotify \(thread.int(0)) of process \(thread.reading.pid)", facts: facts))
        return wait
    }

    private static func timer(_ thread: BlockedThread, on host: Host) -> Wait {
        let info = host.descriptorInfo(thread.int(0), of: thread.reading)
        if info?.timerArmed == false {
            // Only whoever has it may arm it; which processes share it, nothing tells.
            return Wait(
                kind: .timerfdRead,
                release: Release(
                    .any, [Party(.outside(.unnamed), role: "owner", certainty: .possible, because: "whoever has the timer may arm it")]),
                deadEnd: .noSignaller, description: "reads a timer that is not armed (timerfd)")
        }
        return Wait(
            kind: .timerfdRead,
            release: Release(.any, [Party(.outside(.timer), role: "timer", certainty: .certain, because: "the timer is armed")]),
            mobility: info?.timerArmed == true ? .free(.timer) : .waiting, deadEnd: .timer, description: "reads a timer (timerfd)")
    }

    private static func idle(_ kind: WaitKind, _ outside: Outside, _ text: String, _ because: String) -> Wait {
        Wait(
            kind: kind, release: Release(.any, [Party(.outside(outside), role: "source", certainty: .possible, because: because)]),
            deadEnd: .idle, description: text)
    }
}
