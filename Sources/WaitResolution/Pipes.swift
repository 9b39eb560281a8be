import Evidence
import ProcFS
import WaitModel

/// Pipes and opened FIFOs. Source: pipe(7), fs/pipe.c. Holders are all descriptors with the same link and the other access mode.
enum Pipes: WaitResolver {
    private static let readers: Set<String> = ["read", "readv", "pread64", "splice", "tee", "sendfile", "sendfile64", "copy_file_range"]
    private static let writers: Set<String> = ["write", "writev", "pwrite64", "vmsplice", "splice", "tee", "sendfile", "sendfile64"]

    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        guard let call = thread.callName, readers.contains(call) || writers.contains(call) else { return nil }
        // splice and tee read from their first descriptor and write to the third argument (splice) or second (tee, sendfile: first).
        let candidates: [(descriptor: Int32, direction: Readiness.Direction)]
        switch call {
        case "splice": candidates = [(thread.int(0), .read), (thread.int(2), .write)]
        case "tee": candidates = [(thread.int(0), .read), (thread.int(1), .write)]
        case "sendfile", "sendfile64": candidates = [(thread.int(0), .write)]
        default: candidates = [(thread.int(0), readers.contains(call) ? .read : .write)]
        }
        let wanted = directionOfFunction(thread)
        // Which of two descriptors holds up a splice, only the kernel's function tells.
        guard wanted != nil || candidates.count == 1 else { return nil }
        for (descriptor, direction) in candidates where wanted == nil || wanted == direction || candidates.count == 1 {
            guard let link = host.descriptorLink(descriptor, of: thread.reading), let object = object(link, thread) else { continue }
            let ready = readiness(object, link: link, direction, thread, on: host)
            thread.cite("/proc/\(thread.reading.pid)/fd/\(descriptor)", link)
            return Wait(
                kind: direction == .read ? .pipeRead : .pipeWrite, resource: host.register(ready.resource),
                release: Release(.any, ready.parties, completeness: ready.completeness), deadEnd: ready.deadEnd, isDemand: ready.isDemand,
                description: (direction == .read ? "reads from " : "writes to ") + ready.text)
        }
        return nil
    }

    private enum Object {
        case pipe(UInt64)
        case fifo(String)
    }

    /// A path is a FIFO when the thread sleeps in the pipe code: its file type cannot be asked without touching the file.
    private static func object(_ link: String, _ thread: BlockedThread) -> Object? {
        switch DescriptorTarget(link: link) {
        case .pipe(let inode): return .pipe(inode)
        case .path(let path) where thread.classification.family == .pipe: return .fifo(path)
        default: return nil
        }
    }

    /// Which side of a splice or a tee is waited for, where the kernel function tells.
    private static func directionOfFunction(_ thread: BlockedThread) -> Readiness.Direction? {
        guard thread.classification.restsOnKernelFunction else { return nil }
        switch thread.classification.kind {
        case .pipeRead: return .read
        case .pipeWrite: return .write
        default: return nil
        }
    }

    /// Who stands at the other end of an anonymous pipe.
    static func readiness(
        pipe inode: UInt64, _ direction: Readiness.Direction, _ thread: BlockedThread, on host: Host, member: Int = 0
    ) -> Readiness {
        readiness(.pipe(inode), link: "pipe:[\(inode)]", direction, thread, on: host, member: member)
    }

    private static func readiness(
        _ object: Object, link: String, _ direction: Readiness.Direction, _ thread: BlockedThread, on host: Host, member: Int = 0
    ) -> Readiness {
        var ends: [DescriptorHolder] = []
        var sameEnds: Set<Int32> = []
        for holder in host.holders(of: link) {
            guard let info = host.descriptorInfo(holder) else { continue }
            if direction == .read ? info.canWrite : info.canRead { ends.append(holder) }
            if direction == .read ? info.canRead : info.canWrite { sameEnds.insert(holder.pid) }
        }
        let counterparts = Counterparts(ends, of: thread, on: host)
        let role = direction == .read ? "writer" : "reader"
        let end = direction == .read ? "write end" : "read end"
        var parties = counterparts.parties(role: role, what: "the \(end)", thread: thread, member: member)
        // Whoever kept both ends closed neither after a fork, and most likely does not use the pipe. Not so the reader's own parents:
        // they made the pipe, and a pool's parent keeps both ends of its task queue.
        if direction == .read, !counterparts.includesOwn, !counterparts.others.isEmpty, counterparts.isComplete,
            counterparts.others.allSatisfy({
                sameEnds.contains($0.id.pid) && !isAncestor($0, of: thread.reading, on: host) && !uses(link, $0, on: host)
            })
        {
            parties = counterparts.others.map { process in
                Party(
                    .process(process.id), role: "bystander", certainty: counterparts.others.count == 1 ? .certain : .possible,
                    because: "it holds the write end, and the read end too, and is busy elsewhere: it kept both after a fork",
                    endsChain: .leakedFD, member: member)
            }
        }
        let identity: String
        let kind: String
        switch object {
        case .pipe(let inode): (identity, kind) = ("pipe:[\(inode)]", "pipe")
        case .fifo(let path): (identity, kind) = ("fifo:\(path)", "fifo")
        }
        var facts: [(key: String, value: FactValue)] = [
            (direction == .read ? "writers" : "readers", .number(Int64(counterparts.others.count + (counterparts.includesOwn ? 1 : 0))))
        ]
        facts.append(("complete", .flag(counterparts.isComplete)))
        let who = counterparts.others.prefix(3).map { "\($0.name) (\($0.id.pid))" }.joined(separator: ", ")
        let tail: String
        if !who.isEmpty {
            tail =
                ", whose \(end) \(who)\(counterparts.others.count > 3 ? " and others" : "") hold\(counterparts.others.count == 1 ? "s" : "")"
        } else {
            tail =
                counterparts.includesOwn
                ? ", whose \(end) only its own process holds" : counterparts.isComplete ? ", whose \(end) nobody holds" : ""
        }
        return Readiness(
            parties: parties, deadEnd: counterparts.deadEnd(of: thread, on: host), isDemand: direction == .write,
            resource: Resource(
                id: ResourceID(identity), kind: kind, label: kind == "fifo" ? "FIFO \(identity.dropFirst(5))" : identity, facts: facts),
            text: (direction == .write ? "full " : "") + (kind == "fifo" ? "FIFO \(identity.dropFirst(5))" : identity) + tail,
            completeness: counterparts.completeness)
    }

    private static func isAncestor(_ process: ProcessReading, of reading: ThreadReading, on host: Host) -> Bool {
        var parent = host.process(reading.id.process)?.parent ?? 0
        for _ in 0..<16 where parent > 1 {
            if parent == process.id.pid { return true }
            parent = host.process(parent)?.parent ?? 0
        }
        return false
    }

    /// Whether a thread of the process is in a system call on a descriptor of this pipe: then it is no bystander.
    private static func uses(_ link: String, _ process: ProcessReading, on host: Host) -> Bool {
        process.threads.contains { reading in
            if reading.stat.state == UInt8(ascii: "R") { return true }
            let thread = BlockedThread(reading, on: host)
            guard let call = thread.callName, readers.contains(call) || writers.contains(call) else { return false }
            return host.descriptorLink(thread.int(0), of: reading) == link
        }
    }
}

/// Opening a FIFO waits until the other end is opened. Source: fifo(7), fs/pipe.c `fifo_open`, `wait_for_partner`.
enum FIFOOpens: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        let pathArgument: Int
        let flags: Int32
        switch thread.callName {
        case "openat": (pathArgument, flags) = (1, thread.int(2))
        case "open": (pathArgument, flags) = (0, thread.int(1))
        case "creat": (pathArgument, flags) = (0, 1)
        default: return nil
        }
        // Up to Linux 5.4 an open waits in the function in which reads and writes do; some kernels show none of them in wchan.
        guard thread.classification.family == .fifoOpen else { return nil }
        let path = thread.string(thread.argument(pathArgument)).map { absolute($0, thread, openat: pathArgument == 1, on: host) }
        if let path { thread.cite("memory \(thread.reading.pid):0x\(String(thread.argument(pathArgument), radix: 16))", path) }
        let reads = flags & 3 == 0
        let name = path ?? "unknown"
        // Who has the other end open would have ended the wait; who will open it, nothing tells.
        let resource = Resource(id: ResourceID("fifo:\(name)"), kind: "fifo", label: "FIFO \(name)")
        return Wait(
            kind: reads ? .fifoOpenRead : .fifoOpenWrite, resource: host.register(resource),
            release: Release(
                .any,
                [Party(.outside(.newWork), role: reads ? "writer" : "reader", certainty: .possible, because: "whoever opens the other end")]
            ),
            deadEnd: .noCounterpart, isDemand: false,
            description: "opens FIFO \(name) for \(reads ? "reading" : "writing") and waits for a \(reads ? "writer" : "reader")")
    }

    private static func absolute(_ path: String, _ thread: BlockedThread, openat: Bool, on host: Host) -> String {
        guard !path.hasPrefix("/") else { return path }
        let directory =
            openat && thread.int(0) >= 0
            ? host.descriptorLink(thread.int(0), of: thread.reading) : host.workingDirectory(of: thread.reading)
        guard let directory else { return path }
        return (directory == "/" ? "" : directory) + "/" + path
    }
}
