/// The CPython that a process runs: its version's layout, and the addresses by which its objects are recognised.
struct CPythonRuntime {
    let layout: CPythonLayout
    /// `_PyRuntime`.
    let address: UInt64
    let codeType: UInt64
    let textType: UInt64
    let bytesType: UInt64
    /// `Py_None`.
    let none: UInt64

    private static let names: Set<String> = [
        "_PyRuntime", "Py_Version", "PyCode_Type", "PyUnicode_Type", "PyBytes_Type", "_Py_NoneStruct",
    ]

    /// The variables of an interpreter that a file has; empty for a file that is none.
    /// - Parameter dynamicOnly: whether to look only at what the loader sees.
    static func symbols(in file: ElfFile, dynamicOnly: Bool) -> [String: UInt64] {
        for type in dynamicOnly ? [11] : [11, 2] as [UInt32] {
            let found = DataSymbols.find(names, in: file, type: type)
            if found["_PyRuntime"] != nil { return found.mapValues(\.address) }
        }
        return [:]
    }

    /// - Parameters:
    ///   - symbols: addresses as the file counts.
    ///   - bias: what is added to them in this process.
    static func open(
        symbols: [String: UInt64], bias: UInt64, file: ElfFile, memory: InterpreterMemory
    ) -> Result<CPythonRuntime, InterpreterProblem> {
        guard file.layout.is64 else { return .failure(.unknownLayout("32-bit CPython")) }
        // Include/pylifecycle.h: since 3.11.
        guard let versionAt = symbols["Py_Version"] else { return .failure(.unknownLayout("CPython before 3.11")) }
        guard let address = symbols["_PyRuntime"], let code = symbols["PyCode_Type"], let text = symbols["PyUnicode_Type"],
            let contents = symbols["PyBytes_Type"], let none = symbols["_Py_NoneStruct"]
        else { return .failure(.unknownLayout("a CPython without the symbols of its types")) }
        // A constant: from the file, since the page may not be present in a process that never looked at it, as after a fork.
        let constant = file.bytes(at: versionAt, count: 8)
        guard let version = constant.count == 8 ? constant.number(at: 0, size: 8) : memory.word(at: versionAt &+ bias) else {
            return .failure(.memory)
        }
        // PY_VERSION_HEX: major, minor, micro, level (0xC: release candidate, 0xF: final) with serial.
        let (major, minor, micro) = (version >> 24, version >> 16 & 0xFF, version >> 8 & 0xFF)
        let name = "CPython \(major).\(minor).\(micro)"
        guard version < 1 << 32, version >> 4 & 0xF >= 0xC else { return .failure(.unknownLayout("a test release of \(name)")) }
        let layout: CPythonLayout
        switch (major, minor) {
        case (3, 11): layout = .minor11
        case (3, 12): layout = .minor12
        case (3, 13):
            guard let head = memory.bytes(at: address &+ bias, count: CPythonLayout.debugOffsetsSize) else { return .failure(.memory) }
            guard let own = CPythonLayout(debugOffsets: head) else { return .failure(.unknownLayout("this build of \(name)")) }
            layout = own
        default: return .failure(.unknownLayout(name))
        }
        return .success(
            CPythonRuntime(
                layout: layout, address: address &+ bias, codeType: code &+ bias, textType: text &+ bias, bytesType: contents &+ bias,
                none: none &+ bias))
    }
}

/// Why the frames of an interpreter are not shown although the thread runs one, or why they end early.
public enum InterpreterProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// This version or build is not known.
    case unknownLayout(String)
    /// What the interpreter keeps is not where this version keeps it, or contradicts itself.
    case inconsistent(String)
    /// Its frames belong to native calls that are not this thread's.
    case foreignStack
    /// The memory that was needed is not present or not readable.
    case memory
    /// The thread ran while its frames were read.
    case moved
    /// The kernel counts no runs, so that nobody can say that it stood still.
    case noRunCount
    /// Several interpreters run in the one thread, and the order of their frames is not clear.
    case severalInterpreters
    /// Calls of another interpreter in the same thread are missing; its native frames stand for them.
    case partial
    /// No thread state names the thread.
    case unknownThread
    /// More frames than are followed.
    case tooDeep(Int)

    public var description: String {
        switch self {
        case .unknownLayout(let name): "\(name) is not known"
        case .inconsistent(let what): what
        case .foreignStack: "the interpreter's frames are not those of this thread's stack"
        case .memory: "memory of the interpreter cannot be read"
        case .moved: "the thread ran while they were read"
        case .noRunCount: "the kernel does not tell whether the thread stood still"
        case .severalInterpreters: "several interpreters run in this thread"
        case .partial: "calls of another interpreter in this thread are not shown"
        case .unknownThread: "the interpreter knows no such thread"
        case .tooDeep(let limit): "only the innermost \(limit) are shown"
        }
    }
}
