import ProcFS

/// The language of frames that an interpreter keeps itself.
public enum InterpretedLanguage: String, Sendable, Hashable {
    case python
}

/// One call on a user stack.
public struct StackFrame: Sendable, Hashable {
    /// The instruction that runs when the frame inside this one returns; in the innermost frame the one after the system call. Of an
    /// interpreted frame the address of the instruction that the interpreter is at.
    public var programCounter: UInt64
    /// Demangled; nil when no symbol covers the address.
    public var function: String?
    /// Path as `/proc/PID/maps` shows it, `[vdso]`; nil for code in anonymous memory and for interpreted frames.
    public var module: String?
    /// Bytes into the function; without one, the address within the module as `addr2line` takes it.
    public var offset: UInt64
    public var file: String?
    public var line: Int?
    /// The frame rests on a value that was searched for on the stack, not on frame information alone.
    public var isGuessed: Bool
    /// The symbol as the file has it, before demangling.
    public var rawSymbol: String?
    /// Of a frame that an interpreter runs; nil for machine code.
    public var language: InterpretedLanguage?

    public init(
        programCounter: UInt64, function: String? = nil, module: String? = nil, offset: UInt64 = 0, file: String? = nil, line: Int? = nil,
        isGuessed: Bool = false, rawSymbol: String? = nil, language: InterpretedLanguage? = nil
    ) {
        self.programCounter = programCounter
        self.function = function
        self.module = module
        self.offset = offset
        self.file = file
        self.line = line
        self.isGuessed = isGuessed
        self.rawSymbol = rawSymbol
        self.language = language
    }
}

/// The calls that a thread is in, read from its memory while it slept.
public struct UserStack: Sendable, Hashable {
    /// Innermost first.
    public var frames: [StackFrame]
    /// The walk came to where the thread begins.
    public var isComplete: Bool
    /// Why the stack is incomplete or missing.
    public var problem: StackProblem?
    /// Why the frames of an interpreter that runs in this thread are missing or end early; its native frames then stand for them.
    public var interpreterProblem: InterpreterProblem?

    public init(frames: [StackFrame], isComplete: Bool, problem: StackProblem? = nil) {
        self.frames = frames
        self.isComplete = isComplete
        self.problem = problem
    }
}

/// Why a walk ended before the thread's first function, or never began.
public enum StackProblem: Sendable, Hashable, CustomStringConvertible {
    /// The thread ran while its stack was copied: what was copied belongs to no single moment.
    case moved
    /// Stack pointer and program counter are not known: `/proc/PID/task/TID/syscall` could not be read.
    case noRegisters(ReadError)
    /// Stack memory could not be read at `address`.
    case memory(address: UInt64)
    /// No file that is mapped holds the code at `address` (code made at run time, or the file could not be opened).
    case unknownCode(address: UInt64)
    /// The module has no call frame information for `address`.
    case noFrameInformation(module: String, address: UInt64)
    /// A register that the frame of `address` is found by was saved nowhere, and no search found it.
    case lostRegister(address: UInt64)
    /// Some frames are return addresses found on the stack, since `module` has no call frame information.
    case scanned(module: String)
    /// The frame information contradicts itself, or leads in a circle.
    case inconsistent(address: UInt64)
    /// More frames or memory than are followed.
    case tooDeep

    public var description: String {
        func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
        switch self {
        case .moved: return "the thread ran while its stack was read"
        case .noRegisters(let error): return "its stack pointer is not known (syscall: \(error.name))"
        case .memory(let address): return "stack memory at \(hex(address)) cannot be read"
        case .unknownCode(let address): return "the code at \(hex(address)) belongs to no file that can be read"
        case .noFrameInformation(let module, let address): return "\(module) has no frame information for \(hex(address))"
        case .lostRegister(let address): return "the frame of \(hex(address)) is found by a register that nothing saved"
        case .scanned(let module): return "\(module) has no frame information; return addresses were searched for on the stack"
        case .inconsistent(let address): return "the frame information of \(hex(address)) leads in a circle"
        case .tooDeep: return "the stack is deeper than is followed"
        }
    }
}
