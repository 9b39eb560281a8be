import Evidence
import ProcFS
import WaitModel

/// Terminals. Source: pty(7), tty(4), drivers/tty/n_tty.c, drivers/tty/pty.c. A pseudo-terminal's other side is held by whoever has the
/// master with the same number (`tty-index` in fdinfo); behind every terminal a person may sit.
enum Terminals: WaitResolver {
    private enum Sort { case read, write, drain }

    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        let sort: Sort
        switch thread.callName {
        case "read", "readv": sort = .read
        case "write", "writev": sort = .write
        // TCSETSW, TCSETSF, TCSBRK and TCSBRKP wait until all is sent (tty_wait_until_sent).
        case "ioctl" where [0x5403, 0x5404, 0x5409, 0x5425].contains(thread.argument(1) & 0xffff_ffff): sort = .drain
        default: return nil
        }
        guard case .path(var path)? = host.descriptor(thread.int(0), of: thread.reading) else { return nil }
        if isMaster(path) {
            guard sort != .drain else { return nil }
            return master(thread, path, reads: sort == .read, on: host)
        }
        guard isTerminal(path) else { return nil }
        thread.cite("/proc/\(thread.reading.pid)/fd/\(thread.int(0))", path)
        // The controlling terminal's own name (Documentation/admin-guide/devices.txt: pseudo-terminals are majors 136 to 143).
        if path == "/dev/tty", let own = thread.reading.stat.pseudoTerminal { path = "/dev/pts/\(own)" }
        let number = path.hasPrefix("/dev/pts/") ? Int32(path.dropFirst("/dev/pts/".count)) : nil
        let others = number.map { masters(of: $0, on: host) } ?? []
        return sort == .read ? reads(thread, path, others, on: host) : writes(thread, path, others, drains: sort == .drain, on: host)
    }

    // MARK: The program's side

    private static func reads(_ thread: BlockedThread, _ path: String, _ masters: [DescriptorHolder], on host: Host) -> Wait {
        let counterparts = Counterparts(masters, of: thread, on: host)
        var parties = counterparts.isEmpty ? [] : counterparts.parties(role: "terminal", what: "the terminal's other side", thread: thread)
        parties.append(person)
        return Wait(
            kind: .ttyRead, resource: host.register(terminal(path)), release: Release(.any, parties, completeness: .inferred),
            deadEnd: .idle, description: "waits for input from terminal \(path)")
    }

    private static func writes(
        _ thread: BlockedThread, _ path: String, _ masters: [DescriptorHolder], drains: Bool, on host: Host
    ) -> Wait {
        let counterparts = Counterparts(masters, of: thread, on: host)
        let verb = drains ? "waits until all output to terminal \(path) is sent" : "writes to terminal \(path)"
        if let unread = unread(masters, thread, on: host), unread < fullBytes / 2 {
            // The other side has taken what there was, and yet no more goes in: output is stopped. By whom, nothing records.
            return Wait(
                kind: .ttyWrite,
                resource: host.register(terminal(path, [("unreadBytes", .number(unread)), ("isFlowStopped", .flag(true))])),
                release: Release(.any, [person], completeness: .inferred), deadEnd: .flowStopped, isDemand: true,
                description: verb)
        }
        var parties = counterparts.isEmpty ? [] : counterparts.parties(role: "terminal", what: "the terminal's other side", thread: thread)
        if parties.isEmpty { parties.append(person) }
        return Wait(
            kind: .ttyWrite, resource: host.register(terminal(path)), release: Release(.any, parties, completeness: .inferred),
            deadEnd: .unknown, isDemand: true, description: drains ? verb : verb + ", which takes no more")
    }

    /// Bytes that a reader leaves unread at the most (N_TTY_BUF_SIZE less one).
    private static let fullBytes: Int64 = 4095

    /// What lies unread at the terminal's other side; nil where it may not be asked.
    private static func unread(_ masters: [DescriptorHolder], _ thread: BlockedThread, on host: Host) -> Int64? {
        for holder in masters.prefix(4) {
            guard case .success(let bytes) = host.source.unreadBytes(pid: holder.pid, descriptor: holder.descriptor) else { continue }
            thread.cite("ioctl(FIONREAD) of /proc/\(holder.pid)/fd/\(holder.descriptor)", "\(bytes)")
            return bytes
        }
        return nil
    }

    // MARK: The other side

    private static func master(_ thread: BlockedThread, _ path: String, reads: Bool, on host: Host) -> Wait? {
        guard let number = host.descriptorInfo(thread.int(0), of: thread.reading)?.terminalIndex else { return nil }
        thread.cite("/proc/\(thread.reading.pid)/fdinfo/\(thread.int(0))", "tty-index: \(number)")
        let name = "/dev/pts/\(number)"
        let counterparts = Counterparts(host.holders(of: name), of: thread, on: host)
        // A program may also reach its terminal as /dev/tty, and terminals of other mounts have the same numbers: never certain.
        let parties = counterparts.parties(role: reads ? "writer" : "reader", what: "terminal \(name)", thread: thread).map {
            Party($0.target, role: $0.role, certainty: min($0.certainty, .inferred), because: $0.because)
        }
        let who = counterparts.others.prefix(3).map { "\($0.name) (\($0.id.pid))" }.joined(separator: ", ")
        return Wait(
            kind: reads ? .ttyRead : .ttyWrite, resource: host.register(terminal(name)),
            release: Release(
                .any,
                parties.isEmpty ? [Party(.outside(.unnamed), role: "program", certainty: .possible, because: "whoever opens it")] : parties,
                completeness: .inferred),
            deadEnd: reads ? .idle : .unknown, isDemand: !reads,
            description: (reads
                ? "waits for output of the programs on terminal \(name)" : "writes to terminal \(name), whose programs take no more")
                + (who.isEmpty ? "" : ", which \(who) \(counterparts.others.count == 1 ? "has" : "have") open"))
    }

    private static func masters(of number: Int32, on host: Host) -> [DescriptorHolder] {
        ["/dev/ptmx", "/dev/pts/ptmx"].flatMap { host.holders(of: $0) }.filter { host.descriptorInfo($0)?.terminalIndex == number }
    }

    private static var person: Party {
        Party(.outside(.person), role: "person", certainty: .possible, because: "somebody at the terminal")
    }

    private static func terminal(_ path: String, _ facts: [(key: String, value: FactValue)] = []) -> Resource {
        Resource(id: ResourceID("tty:\(path)"), kind: "terminal", label: "terminal \(path)", facts: facts)
    }

    static func isMaster(_ path: String) -> Bool { path == "/dev/ptmx" || path.hasSuffix("/pts/ptmx") }

    static func isTerminal(_ path: String) -> Bool {
        path.hasPrefix("/dev/pts/") && path != "/dev/pts/ptmx" || path.hasPrefix("/dev/tty") || path == "/dev/console"
            || path.hasPrefix("/dev/hvc") || path.hasPrefix("/dev/vcs")
    }
}
