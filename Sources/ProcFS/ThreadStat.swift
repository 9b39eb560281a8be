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
    /// The terminal's foreground process group; -1 without a terminal.
    public var foregroundGroup: Int32
    /// `PF_*` flags of include/linux/sched.h.
    public var flags: UInt64
    /// CPU time in user and kernel mode, in clock ticks.
    public var userTicks: UInt64
    public var systemTicks: UInt64
    /// -20 to 19; higher is less.
    public var nice: Int32
    public var threadCount: Int32
    /// Clock ticks since boot.
    public var startTicks: UInt64
    /// CPU that it last ran on; nil before Linux 2.2.8.
    public var processor: Int32?
    /// Scheduling policy (SCHED_OTHER 0, FIFO 1, RR 2, BATCH 3, IDLE 5, DEADLINE 6); nil before Linux 2.5.19.
    public var policy: Int32?
    /// 1 to 99 under SCHED_FIFO and SCHED_RR, higher first; 0 otherwise.
    public var realtimePriority: Int32?

    /// Number of the pseudo-terminal that is its controlling terminal.
    public var pseudoTerminal: Int32? {
        let (major, minor) = (terminal >> 8 & 0xfff, terminal & 0xff | terminal >> 12 & 0xfff00)
        return terminal != 0 && (136...143).contains(major) ? (major - 136) * 256 + minor : nil
    }

    /// PF_KTHREAD.
    public var isKernelThread: Bool { flags & 0x0020_0000 != 0 }
    /// PF_EXITING.
    public var isExiting: Bool { flags & 0x4 != 0 }
    /// PF_DUMPCORE: it writes its process's core dump; since Linux 2.6.32.
    public var dumpsCore: Bool { flags & 0x200 != 0 }

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
            let terminal = cursor.int32(), let foreground = cursor.int32(), let flags = cursor.unsigned()
        else { return nil }
        self.parent = parent
        processGroup = group
        self.terminal = terminal
        foregroundGroup = foreground
        self.flags = flags
        for _ in 0..<4 { guard cursor.unsigned() != nil else { return nil } }
        guard let user = cursor.unsigned(), let system = cursor.unsigned() else { return nil }
        userTicks = user
        systemTicks = system
        for _ in 0..<3 { guard cursor.signed() != nil else { return nil } }
        guard let nice = cursor.int32() else { return nil }
        self.nice = nice
        guard let threads = cursor.int32(), cursor.signed() != nil, let start = cursor.unsigned() else { return nil }
        threadCount = threads
        startTicks = start
        // Fields 23 to 38; from a zombie or without permission they read 0, and some exceed 63 bits.
        for _ in 0..<16 { _ = cursor.word() }
        processor = cursor.int32()
        realtimePriority = cursor.int32()
        policy = cursor.int32()
    }
}
