/// A process: its id and its start time, so that a reused pid is another process.
public struct ProcessID: Sendable, Hashable, Comparable {
    /// Process id (thread group id) as the observed procfs numbers it.
    public let pid: Int32
    /// `starttime` of the thread group leader, in clock ticks since boot (field 22 of `/proc/PID/stat`).
    public let startTicks: UInt64

    public init(pid: Int32, startTicks: UInt64) {
        self.pid = pid
        self.startTicks = startTicks
    }

    public static func < (a: ProcessID, b: ProcessID) -> Bool { (a.pid, a.startTicks) < (b.pid, b.startTicks) }
}

/// A thread: its process, its own id and its own start time.
public struct ThreadID: Sendable, Hashable, Comparable {
    public let process: ProcessID
    public let tid: Int32
    /// `starttime` of the thread itself, in clock ticks since boot.
    public let startTicks: UInt64

    public var pid: Int32 { process.pid }

    public init(process: ProcessID, tid: Int32, startTicks: UInt64) {
        self.process = process
        self.tid = tid
        self.startTicks = startTicks
    }

    public static func < (a: ThreadID, b: ThreadID) -> Bool {
        (a.process, a.tid, a.startTicks) < (b.process, b.tid, b.startTicks)
    }
}
