import KernelFacts
import ProcFS
import WaitModel

/// One thread as one look found it. The run count was read first: if a later look finds the same, all of this still holds.
public struct ThreadReading: Sendable {
    public let id: ThreadID
    public let stat: ThreadStat
    /// The kernel function that it sleeps in, normalised; nil when procfs hides it (see `channelProblem`).
    public let channel: String?
    /// As procfs printed it.
    public let rawChannel: String?
    public let call: SystemCallState?
    /// Why there is no `call`.
    public let callProblem: ReadError?
    /// How often it was put on a CPU; nil where the kernel keeps no such count.
    public let runCount: UInt64?
    /// Its `stat` did not answer in time, and what `status` tells stands in for it: name and state, no start time. procfs keeps its reader
    /// waiting like that while the process executes a program.
    public var isShut = false

    public var name: String { stat.comm }
    public var pid: Int32 { id.pid }
    public var tid: Int32 { id.tid }

    /// In an interruptible or uninterruptible sleep.
    public var isAsleep: Bool { stat.state == UInt8(ascii: "S") || stat.state == UInt8(ascii: "D") }

    /// The system call that it is blocked in.
    public var systemCall: SystemCall? {
        if case .inside(let call) = call { return call }
        return nil
    }

    /// `/proc/PID/task/TID/FILE`, for citing.
    public func path(_ file: String) -> String { "/proc/\(pid)/task/\(tid)/\(file)" }
}

/// One process with its threads, as one look found them.
public struct ProcessReading: Sendable {
    public let id: ProcessID
    /// Name of the leader.
    public let name: String
    public let parent: Int32
    public let threads: [ThreadReading]

    /// Every thread has ended; only the parent's wait is missing.
    public var isZombie: Bool { threads.allSatisfy { $0.stat.state == 0x5A || $0.stat.state == 0x58 } }
    /// A thread that still has memory and descriptors: the leader, unless it has ended before the others.
    public var living: ThreadReading? {
        let leader = threads.first { $0.tid == id.pid }
        if let leader, leader.stat.state != 0x5A { return leader }
        return threads.first { $0.stat.state != 0x5A && $0.stat.state != 0x58 } ?? leader
    }
}
