/// `/proc/PID/task/TID/syscall`. Source: proc_pid_syscall(5), fs/proc/base.c `proc_pid_syscall`; since Linux 2.6.27.
public enum SystemCallState: Sendable, Hashable {
    /// It runs, or is about to.
    case running
    /// Blocked, but in no system call: a page fault, a stop on the way back, an exit.
    case outside(stackPointer: UInt64, programCounter: UInt64)
    /// Blocked in system call `number` of the thread's own architecture.
    case inside(SystemCall)

    public init?(_ bytes: UnsafeRawBufferPointer) {
        if bytes.begins(with: "running") {
            self = .running
            return
        }
        var cursor = ByteCursor(bytes)
        guard let number = cursor.signed() else { return nil }
        if number < 0 {
            guard let sp = cursor.unsigned(base: 16), let pc = cursor.unsigned(base: 16) else { return nil }
            self = .outside(stackPointer: sp, programCounter: pc)
            return
        }
        guard let narrow = Int32(exactly: number) else { return nil }
        var call = SystemCall(number: narrow)
        for i in 0..<6 {
            guard let value = cursor.unsigned(base: 16) else { return nil }
            call[i] = value
        }
        guard let sp = cursor.unsigned(base: 16), let pc = cursor.unsigned(base: 16) else { return nil }
        call.stackPointer = sp
        call.programCounter = pc
        self = .inside(call)
    }
}

/// A system call in progress: its number, its six argument registers and where user code made it.
public struct SystemCall: Sendable, Hashable {
    public var number: Int32
    private var arguments: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0)
    public var stackPointer: UInt64 = 0
    public var programCounter: UInt64 = 0

    public init(number: Int32, arguments: [UInt64] = [], stackPointer: UInt64 = 0, programCounter: UInt64 = 0) {
        self.number = number
        self.stackPointer = stackPointer
        self.programCounter = programCounter
        for (i, value) in arguments.prefix(6).enumerated() { self[i] = value }
    }

    /// Argument 0 to 5.
    public subscript(index: Int) -> UInt64 {
        get {
            switch index {
            case 0: arguments.0
            case 1: arguments.1
            case 2: arguments.2
            case 3: arguments.3
            case 4: arguments.4
            default: arguments.5
            }
        }
        set {
            switch index {
            case 0: arguments.0 = newValue
            case 1: arguments.1 = newValue
            case 2: arguments.2 = newValue
            case 3: arguments.3 = newValue
            case 4: arguments.4 = newValue
            default: arguments.5 = newValue
            }
        }
    }

    public static func == (a: SystemCall, b: SystemCall) -> Bool {
        a.number == b.number && a.arguments.0 == b.arguments.0 && a.arguments.1 == b.arguments.1 && a.arguments.2 == b.arguments.2
            && a.arguments.3 == b.arguments.3 && a.arguments.4 == b.arguments.4 && a.arguments.5 == b.arguments.5
            && a.stackPointer == b.stackPointer && a.programCounter == b.programCounter
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(number)
        hasher.combine(arguments.0)
        hasher.combine(stackPointer)
    }
}
