import Evidence
import ProcFS
import WaitModel

/// Terminals. Source: pty(7), tty(4). A pseudo-terminal's other side is held by whoever has the master with the same number
/// (`tty-index` in fdinfo); behind every terminal a person may sit. That output is stopped by XOFF is not shown by procfs.
enum Terminals: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        let isWrite: Bool
        switch thread.callName {
        case "read", "readv": isWrite = false
        case "write", "writev": isWrite = true
        default: return nil
        }
        guard case .path(let path)? = host.descriptor(thread.int(0), of: thread.reading), isTerminal(path) else { return nil }
        thread.cite("/proc/\(thread.reading.pid)/fd/\(thread.int(0))", path)
        var parties: [Party] = []
        if path.hasPrefix("/dev/pts/"), let number = Int32(path.dropFirst("/dev/pts/".count)) {
            let masters = ["/dev/ptmx", "/dev/pts/ptmx"].flatMap { host.holders(of: $0) }.filter {
                host.descriptorInfo($0)?.terminalIndex == number
            }
            let counterparts = Counterparts(masters, of: thread, on: host)
            if !counterparts.isEmpty { parties = counterparts.parties(role: "terminal", what: "the terminal's other side", thread: thread) }
        }
        if !isWrite || parties.isEmpty {
            parties.append(Party(.outside(.person), role: "person", certainty: .possible, because: "somebody at the terminal"))
        }
        return Wait(
            kind: isWrite ? .ttyWrite : .ttyRead,
            resource: host.register(Resource(id: ResourceID("tty:\(path)"), kind: "terminal", label: "terminal \(path)")),
            release: Release(.any, parties, completeness: .inferred), deadEnd: isWrite ? .unknown : .idle, isDemand: isWrite,
            description: isWrite ? "writes to terminal \(path), which takes no more" : "waits for input from terminal \(path)")
    }

    private static func isTerminal(_ path: String) -> Bool {
        path.hasPrefix("/dev/pts/") && path != "/dev/pts/ptmx" || path.hasPrefix("/dev/tty") || path == "/dev/console"
    }
}
