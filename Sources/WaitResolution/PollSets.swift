import Evidence
import ProcFS
import WaitModel

/// poll, select and epoll: any member suffices. Source: poll(2), select(2), epoll(7); an epoll set's members stand in its fdinfo.
enum PollSets: WaitResolver {
    /// Members looked at one by one; of larger sets the rest counts as unnamed.
    private static let memberLimit = 256

    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        guard let call = thread.callName else { return nil }
        let kind: WaitKind
        var members: [Member]?
        let limit: Double?
        switch call {
        case "poll":
            kind = .poll
            members = pollMembers(thread)
            let milliseconds = thread.int(2)
            limit = milliseconds < 0 ? nil : Double(milliseconds) / 1000
        case "ppoll", "ppoll_time64":
            kind = .poll
            members = pollMembers(thread)
            // The kernel writes the time that is left into the caller's copy only at the end.
            limit = thread.argument(2) == 0 ? nil : thread.seconds(at: thread.argument(2)) ?? 0
        case "select", "pselect6", "_newselect", "pselect6_time64":
            kind = .select
            members = selectMembers(thread)
            limit = thread.argument(4) == 0 ? nil : thread.seconds(at: thread.argument(4), microseconds: call.hasSuffix("select")) ?? 0
        case "epoll_wait", "epoll_pwait":
            kind = .epoll
            members = epollMembers(thread.int(0), thread, on: host)
            let milliseconds = thread.int(3)
            limit = milliseconds < 0 ? nil : Double(milliseconds) / 1000
        case "epoll_pwait2":
            kind = .epoll
            members = epollMembers(thread.int(0), thread, on: host)
            limit = thread.argument(3) == 0 ? nil : thread.seconds(at: thread.argument(3)) ?? 0
        case "restart_syscall":
            guard thread.classification.family == .poll else { return nil }
            return Wait(
                kind: .poll,
                release: Release(
                    .any,
                    [Party(.outside(.timer), role: "timer", certainty: .certain, because: "only a poll with a time limit is restarted so")]),
                mobility: .free(.timer), deadEnd: .timer, description: "polls, with a time limit")
        default: return nil
        }
        var wait = describe(kind, members, thread, on: host)
        if let limit {
            wait.timeoutSeconds = limit
            wait.mobility = .free(.timer)
            wait.deadEnd = .timer
        }
        return wait
    }

    private struct Member: Hashable {
        let descriptor: Int32
        let reads: Bool
        let writes: Bool
    }

    private static func describe(_ kind: WaitKind, _ members: [Member]?, _ thread: BlockedThread, on host: Host) -> Wait {
        guard let members else {
            return Wait(
                kind: kind,
                release: Release(
                    .any, [Party(.outside(.unnamed), role: "member", certainty: .possible, because: "the set could not be read")]),
                deadEnd: .idle, description: "waits in \(thread.callName ?? kind.rawValue)")
        }
        var parties: [Party] = []
        var outside: [Outside: Int] = [:]
        var texts: [String] = []
        var demands = false
        var completeness = Certainty.certain
        var deadEnds: Set<Cause> = []
        for (ordinal, member) in members.prefix(memberLimit).enumerated() {
            for ready in MemberKinds.readiness(
                member.descriptor, reads: member.reads, writes: member.writes, thread, on: host, member: ordinal)
            {
                for party in ready.parties {
                    // A thousand clients of a server are one sort of party.
                    if case .outside(let sort) = party.target, outside.updateValue(ordinal, forKey: sort) != nil { continue }
                    parties.append(party)
                }
                // What only the own process holds is how a program wakes its own loop: its signal handlers may, whatever its threads do.
                if ready.deadEnd == .selfHeld, outside.updateValue(ordinal, forKey: .unnamed) == nil {
                    parties.append(
                        Party(
                            .outside(.unnamed), role: "signal handler", certainty: .possible,
                            because: "a signal handler of its own may write",
                            member: ordinal))
                }
                demands = demands || ready.isDemand
                completeness = min(completeness, ready.completeness)
                deadEnds.insert(ready.deadEnd)
                if texts.count < 4 { texts.append(ready.text) }
            }
        }
        if members.count > memberLimit {
            parties.append(
                Party(
                    .outside(.unnamed), role: "member", certainty: .possible,
                    because: "\(members.count - memberLimit) further members were not looked at",
                    member: memberLimit))
        }
        let count = members.count
        let call = thread.callName ?? kind.rawValue
        thread.cite("\(call) set", members.prefix(32).map { "\($0.descriptor)" }.joined(separator: " "))
        let text: String
        if count == 0 {
            text = "waits in \(call) for a signal (the set is empty)"
            parties.append(Party(.outside(.unnamed), role: "signaller", certainty: .possible, because: "whoever sends a signal"))
        } else {
            let more = count > texts.count ? " and \(count - texts.count) more" : ""
            text = "waits in \(call) for any of \(count): " + texts.joined(separator: "; ") + more
        }
        let identity = kind == .epoll ? "epoll" : "poll"
        let resource = Resource(
            id: ResourceID("\(identity):\(thread.reading.pid):\(thread.reading.tid)"), kind: "poll-set",
            label: "\(call) set of \(count) descriptors",
            facts: [("members", .number(Int64(count)))])
        // Only a set in which nobody outside can act is held up: an event loop always has other work.
        let isDemand = demands && outside.isEmpty
        let deadEnd: Cause = outside.isEmpty && deadEnds.count == 1 ? deadEnds.first ?? .idle : .idle
        return Wait(
            kind: kind, resource: host.register(resource), release: Release(.any, parties, completeness: completeness), deadEnd: deadEnd,
            isDemand: isDemand,
            description: text)
    }

    // MARK: Members

    /// struct pollfd {int fd; short events; short revents}.
    private static func pollMembers(_ thread: BlockedThread) -> [Member]? {
        let count = min(Int(clamping: thread.argument(1)), 4096)
        guard count > 0 else { return [] }
        guard let bytes = thread.memory(thread.argument(0), count * 8), bytes.count >= 8 else { return nil }
        return stride(from: 0, to: bytes.count - 7, by: 8).compactMap { offset in
            let descriptor = Int32(bitPattern: bytes.u32(offset))
            let events = bytes.u32(offset + 4) & 0xffff
            return descriptor < 0 ? nil : Member(descriptor: descriptor, reads: events & 0x43 != 0, writes: events & 0x104 != 0)
        }
    }

    /// fd_set: a bit a descriptor; the kernel overwrites the caller's sets only when it returns.
    private static func selectMembers(_ thread: BlockedThread) -> [Member]? {
        let count = min(Int(clamping: thread.argument(0)), 65536)
        guard count > 0 else { return [] }
        let bytesNeeded = (count + 7) / 8
        func set(_ index: Int) -> [UInt8]? { thread.argument(index) == 0 ? [] : thread.memory(thread.argument(index), bytesNeeded) }
        guard let reads = set(1), let writes = set(2), let errors = set(3) else { return nil }
        func has(_ set: [UInt8], _ bit: Int) -> Bool { bit / 8 < set.count && set[bit / 8] >> (bit % 8) & 1 == 1 }
        return (0..<count).compactMap { bit in
            let (r, w) = (has(reads, bit) || has(errors, bit), has(writes, bit))
            return r || w ? Member(descriptor: Int32(bit), reads: r, writes: w) : nil
        }
    }

    private static func epollMembers(_ descriptor: Int32, _ thread: BlockedThread, on host: Host) -> [Member]? {
        host.descriptorInfo(descriptor, of: thread.reading)?.epollMembers.map {
            Member(descriptor: $0.descriptor, reads: $0.events & 0x2041 != 0, writes: $0.events & 0x4 != 0)
        }
    }
}

/// What one member of a poll set waits for, by what its descriptor is.
enum MemberKinds {
    static func readiness(
        _ descriptor: Int32, reads: Bool, writes: Bool, _ thread: BlockedThread, on host: Host, member: Int, depth: Int = 0
    ) -> [Readiness] {
        guard let link = host.descriptorLink(descriptor, of: thread.reading) else {
            return [outside(.unnamed, "descriptor \(descriptor), which could not be looked at", member, .idle)]
        }
        switch DescriptorTarget(link: link) {
        case .pipe(let inode):
            var all: [Readiness] = []
            if reads { all.append(Pipes.readiness(pipe: inode, .read, thread, on: host, member: member)) }
            if writes { all.append(Pipes.readiness(pipe: inode, .write, thread, on: host, member: member)) }
            return all
        case .socket(let inode): return socket(inode, reads: reads, writes: writes, thread, on: host, member: member)
        case .anonymous(let name): return anonymous(name, descriptor, thread, on: host, member: member, depth: depth)
        case .path(let path):
            if path.hasPrefix("/dev/tty") || path.hasPrefix("/dev/pts/") || path == "/dev/console" {
                return [outside(.person, "terminal \(path)", member, .idle)]
            }
            return [outside(.device, path, member, .idle)]
        }
    }

    private static func socket(
        _ inode: UInt64, reads: Bool, writes: Bool, _ thread: BlockedThread, on host: Host, member: Int
    ) -> [Readiness] {
        guard host.sharesNamespace("net", thread.reading) else {
            return [outside(.network, "socket [\(inode)] of another network namespace", member, .idle)]
        }
        var all: [Readiness] = []
        if host.unixTable?.byInode[inode] != nil {
            if reads { all.append(UnixSockets.readiness(inode, .read, thread, on: host, member: member)) }
            if writes { all.append(UnixSockets.readiness(inode, .write, thread, on: host, member: member)) }
            return all
        }
        if let socket = host.internetTable?.byInode[inode] {
            if reads { all.append(InternetSockets.readiness(socket, .receive, thread, on: host, member: member)) }
            if writes { all.append(InternetSockets.readiness(socket, .send, thread, on: host, member: member)) }
            return all
        }
        return [outside(.network, "socket [\(inode)]", member, .idle)]
    }

    private static func anonymous(
        _ name: String, _ descriptor: Int32, _ thread: BlockedThread, on host: Host, member: Int, depth: Int
    ) -> [Readiness] {
        let info = host.descriptorInfo(descriptor, of: thread.reading)
        switch name {
        case "eventpoll":
            guard depth < 4, let info else { return [outside(.unnamed, "a nested epoll set", member, .idle)] }
            return info.epollMembers.prefix(64).flatMap {
                readiness(
                    $0.descriptor, reads: $0.events & 0x2041 != 0, writes: $0.events & 0x4 != 0, thread, on: host, member: member,
                    depth: depth + 1)
            }
        case "timerfd":
            guard info?.timerArmed != false else {
                return [
                    Readiness(
                        parties: ownProcess(thread, "whoever arms the timer", member), deadEnd: .selfHeld, isDemand: false,
                        resource: plain("timerfd", descriptor, thread), text: "a timer that is not armed")
                ]
            }
            return [outside(.timer, "a timer", member, .timer)]
        case "signalfd": return [outside(.unnamed, "signals", member, .idle)]
        case "pidfd":
            guard let pid = info?.pidfdTarget, pid > 0, let target = thread.process(pid) else {
                return [outside(.unnamed, "a process", member, .idle)]
            }
            return [
                Readiness(
                    parties: [Party(target, role: "child", certainty: .certain, because: "the pidfd names it", member: member)],
                    deadEnd: .unknown,
                    isDemand: false, resource: plain("pidfd", descriptor, thread), text: "the end of process \(pid)")
            ]
        case "eventfd":
            return [Events.readiness(eventfd: descriptor, .read, thread, on: host, member: member)]
        default: return [outside(.device, name, member, .idle)]
        }
    }

    private static func ownProcess(_ thread: BlockedThread, _ because: String, _ member: Int) -> [Party] {
        [Party(.process(thread.id.process), role: "owner", certainty: .possible, because: because, member: member)]
    }

    private static func outside(_ sort: Outside, _ text: String, _ member: Int, _ deadEnd: Cause) -> Readiness {
        Readiness(
            parties: [Party(.outside(sort), role: "source", certainty: .possible, because: text, member: member)], deadEnd: deadEnd,
            isDemand: false,
            resource: Resource(id: ResourceID("member:\(text)"), kind: "descriptor", label: text), text: text)
    }

    private static func plain(_ kind: String, _ descriptor: Int32, _ thread: BlockedThread) -> Resource {
        Resource(
            id: ResourceID("\(kind):\(thread.reading.pid):\(descriptor)"), kind: kind,
            label: "\(kind) \(descriptor) of process \(thread.reading.pid)")
    }
}
