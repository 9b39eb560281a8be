/// What a thread is across restarts and devices: its program, its name, and its place among equals.
public struct Role: Sendable, Hashable, Comparable {
    /// Path of the executable, or the process's name where the path may not be read.
    public let program: String
    /// Name of the process, for people.
    public let process: String
    public let thread: String
    /// Place among the threads of the same program and name, oldest first, from 0.
    public let ordinal: Int

    public init(program: String, process: String, thread: String, ordinal: Int) {
        self.program = program
        self.process = process
        self.thread = thread
        self.ordinal = ordinal
    }

    public static func < (a: Role, b: Role) -> Bool {
        (a.program, a.thread, a.ordinal) < (b.program, b.thread, b.ordinal)
    }
}

/// Program and thread name: the threads that share it are equals.
struct RoleName: Hashable, Comparable {
    let program: String
    let thread: String

    init(_ thread: PictureThread) {
        let isKernelThread = thread.executable == nil
        program = isKernelThread ? withoutSerial(thread.program) : thread.program
        self.thread = isKernelThread ? withoutSerial(thread.thread) : thread.thread
    }

    static func < (a: RoleName, b: RoleName) -> Bool { (a.program, a.thread) < (b.program, b.thread) }
}

/// Kernel threads carry a processor or a serial number (`kworker/3:1`, `ksoftirqd/0`); those of one name are equals.
/// Others keep theirs: `worker-1` and `worker-2` may well be different roles.
private func withoutSerial(_ name: String) -> String { String(name.prefix { $0 != "/" }) }
