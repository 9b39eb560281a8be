import CLinux
import ProcFS

extension Host {
    /// The children that one thread made; nil where the kernel does not tell (CONFIG_PROC_CHILDREN). A child that outlives its thread goes
    /// to another thread of the same process.
    public func children(ofThread thread: ThreadReading) -> [Int32]? {
        guard let text = try? source.readInPlace("\(directory(of: thread))/children", { $0.text }).get() else { return nil }
        return text.split(separator: " ").compactMap { Int32($0) }
    }

    /// Whether two processes share their memory, as those on both sides of a vfork do; nil where it may not be asked (kcmp(2)).
    public func sharesMemory(_ one: Int32, _ other: Int32) -> Bool? {
        guard source.sharesPIDs else { return nil }
        let answer = cl_shares_memory(one, other)
        return answer < 0 ? nil : answer == 1
    }

    /// Processes whose first thread a process traces. Reads the status of every process, once a look.
    public func tracees(of pid: Int32) -> [Int32] {
        attached { Tracees(self) }.byTracer[pid] ?? []
    }
}

private final class Tracees {
    let byTracer: [Int32: [Int32]]

    init(_ host: Host) {
        var map: [Int32: [Int32]] = [:]
        for pid in (try? host.processIDs().get()) ?? [] {
            if let tracer = host.status(pid: pid, tid: pid)?.tracer, tracer != 0 { map[tracer, default: []].append(pid) }
        }
        byTracer = map
    }
}
