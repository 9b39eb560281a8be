/// `/proc/PID/task/TID/stat`, one line. Source: proc_pid_stat(5), fs/proc/array.c `do_task_stat`.
public struct ThreadStat: Sendable, Hashable {
    /// Id as in the first field: a tid under `task/`, a pid at the top.
    public var id: Int32
    /// Name of the thread, at most 15 bytes; may hold blanks, parentheses and newlines.
    public var comm: String
    /// R running or runnable, S sleeping, D uninterruptible, T stopped, t traced, Z zombie, X dead, I idle kernel thread, P parked.
    public var state: UInt8
    public var parent: Int32
    public var processGroup: Int32
    /// Controlling terminal as a device number; 0 when there is none.
    public var terminal: Int32
    /// `PF_*` flags of include/linux/sched.h.
    public var flags: UInt64
    /// CPU time in user and kernel mode, in clock ticks.
    public var userTicks: UInt64
    public var systemTicks: UInt64
    public var threadCount: Int32
    /// Clock ticks since boot.
    public var startTicks: UInt64
    /// CPU that it last ran on; nil before Linux 2.2.8.
    public var processor: Int32?
    /// Scheduling policy (SCHED_OTHER 0, FIFO 1, RR 2, BATCH 3, IDLE 5, DEADLINE 6); nil before Linux 2.5.19.
    public var policy: Int32?

    /// PF_KTHREAD.
    public var isKernelThread: Bool { flags & 0x0020_0000 != 0 }
    /// PF_EXITING.
    public var isExiting: Bool { flags & 0x4 != 0 }

    /// nil when the bytes are no such line (a thread that vanished reads as empty).
    public init?(_ bytes: UnsafeRawBufferPointer) {
        var cursor = ByteCursor(bytes)
        guard let id = cursor.int32() else { return nil }
        cursor.skipBlanks()
        // The name may hold `) `; everything after the last parenthesis is numbers, but for the state.
        guard cursor.skip(0x28), let close = bytes.lastIndex(of: 0x29), close >= cursor.position else { return nil }
        self.id = id
        comm = UnsafeRawBufferPointer(rebasing: bytes[cursor.position..<close]).text
        cursor = ByteCursor(bytes, at: close + 1)
        guard let state = cursor.word().first else { return nil }
        self.state = state
        guard let parent = cursor.int32(), let group = cursor.int32(), cursor.signed() != nil,
            let terminal = cursor.int32(), cursor.signed() != nil, let flags = cursor.unsigned()
        else { return nil }
        self.parent = parent
        processGroup = group
        self.terminal = terminal
        self.flags = flags
        for _ in 0..<4 { guard cursor.unsigned() != nil else { return nil } }
        guard let user = cursor.unsigned(), let system = cursor.unsigned() else { return nil }
        userTicks = user
        systemTicks = system
        for _ in 0..<4 { guard cursor.signed() != nil else { return nil } }
        guard let threads = cursor.int32(), cursor.signed() != nil, let start = cursor.unsigned() else { return nil }
        threadCount = threads
        startTicks = start
        // Fields 23 to 38; from a zombie or without permission they read 0, and some exceed 63 bits.
        for _ in 0..<16 { _ = cursor.word() }
        processor = cursor.int32()
        _ = cursor.word()
        policy = cursor.int32()
    }
}

extension ThreadStat {
    /// As much of it as `status` tells, for a thread whose `stat` does not answer: its start time and flags are unknown.
    public init?(_ status: Status) {
        guard let id = status.id, let state = status.state else { return nil }
        self.init(
            id: id, comm: status.name ?? "", state: state, parent: status.parent ?? 0, processGroup: 0, terminal: 0, flags: 0, userTicks: 0,
            systemTicks: 0, threadCount: 0, startTicks: 0, processor: nil, policy: nil)
    }

    private init(
        id: Int32, comm: String, state: UInt8, parent: Int32, processGroup: Int32, terminal: Int32, flags: UInt64, userTicks: UInt64,
        systemTicks: UInt64, threadCount: Int32, startTicks: UInt64, processor: Int32?, policy: Int32?
    ) {
        (self.id, self.comm, self.state, self.parent, self.processGroup) = (id, comm, state, parent, processGroup)
        (self.terminal, self.flags, self.userTicks, self.systemTicks) = (terminal, flags, userTicks, systemTicks)
        (self.threadCount, self.startTicks, self.processor, self.policy) = (threadCount, startTicks, processor, policy)
    }
}
