import Evidence
import ProcFS
import WaitModel

/// The interpreters that processes run, as far as their frames can be read: CPython 3.11 to 3.13.
final class Interpreters {
    private let host: Host
    /// Bytes of a stack above the stack pointer at most.
    private static let stackLimit = 1 << 30
    /// What each file has of an interpreter, by its dynamic symbols, and by all of them.
    private var symbols: [ObjectIdentifier: [String: UInt64]] = [:]
    private var allSymbols: [ObjectIdentifier: [String: UInt64]] = [:]
    private var processes: [Int32: Result<CPythonProcess, InterpreterProblem>] = [:]

    init(host: Host) { self.host = host }

    /// The native stack with the interpreter's calls among it; the stack as it is where no interpreter is in it, and where one is
    /// and its calls are not certain, with the reason.
    func interpreted(
        _ stack: UserStack, frames: [StackWalk.Frame], reachedRoot: Bool, of thread: ThreadReading, image: ProcessImage,
        stillStands: () -> Bool
    ) -> UserStack {
        guard let (module, bias) = interpreter(in: frames, stack, image), let innermost = frames.first else { return stack }
        var result = stack
        switch calls(of: thread, module, bias, innermost.stackPointer, image) {
        case .failure(let problem):
            // A thread of the interpreter's own that runs no Python has nothing to be shown.
            let runsPython = stack.frames.contains { $0.rawSymbol?.hasPrefix(InterpretedStack.loopName) == true }
            if runsPython { result.interpreterProblem = problem }
        case .success(let calls):
            guard !calls.runs.isEmpty else { return stack }
            guard stillStands() else {
                result.interpreterProblem = .moved
                return result
            }
            let places = zip(frames, stack.frames).map { frame, described in
                InterpretedStack.Place(
                    stackPointer: frame.stackPointer, isGuessed: frame.isGuessed,
                    isInterpreter: image.location(of: frame.codeAddress)?.module === module,
                    isLoop: described.rawSymbol?.hasPrefix(InterpretedStack.loopName) == true)
            }
            guard let positions = InterpretedStack.positions(of: calls.runs, among: places, isComplete: reachedRoot) else {
                result.interpreterProblem = .foreignStack
                return result
            }
            result.frames = InterpretedStack.merge(stack.frames, calls.runs, at: positions)
            // A loop that no run is of: another interpreter's, whose state names another thread.
            let covered = Set(positions.map(\.index))
            if places.indices.contains(where: { places[$0].isLoop && !covered.contains($0) }) { result.interpreterProblem = .partial }
            if calls.isTruncated {
                result.interpreterProblem = .tooDeep(CPythonProcess.frameLimit)
                result.isComplete = false
            }
        }
        return result
    }

    private func calls(
        of thread: ThreadReading, _ module: Module, _ bias: UInt64, _ stackPointer: UInt64, _ image: ProcessImage
    ) -> Result<CPythonStack, InterpreterProblem> {
        let read = reader(thread)
        let process = processes[thread.pid] ?? open(module, bias, read)
        processes[thread.pid] = process
        switch process {
        case .failure(let problem): return .failure(problem)
        case .success(let process):
            guard thread.runCount != nil else { return .failure(.noRunCount) }
            guard let id = nativeID(thread) else { return .failure(.memory) }
            return process.calls(of: id, stack: range(stackPointer, image), read: read)
        }
    }

    /// The lock that a thread waits for at a futex, where it names its owner; nil before a stack of its process was read.
    func lock(waitedForBy thread: ThreadReading, at futex: UInt64, stackPointer: UInt64, image: ProcessImage) -> InterpreterLock? {
        guard case .success(let process) = processes[thread.pid], let id = nativeID(thread) else { return nil }
        let read = reader(thread)
        if var global = process.globalLock(waitedForBy: id, at: futex, read: read) {
            // It runs every few milliseconds to try again, so its run count says nothing: that it still waits is seen after the holder was.
            if global.owner != nil, !stillWaits(thread, at: futex) { global.owner = nil }
            return global
        }
        return process.recursiveLock(waitedForBy: id, at: futex, stack: range(stackPointer, image), read: read)
    }

    private func stillWaits(_ thread: ThreadReading, at futex: UInt64) -> Bool {
        guard case .inside(let before) = thread.call else { return false }
        for _ in 0..<Self.attempts {
            guard let bytes = try? host.source.read("\(thread.pid)/task/\(thread.tid)/syscall", limit: 256).get() else { return false }
            // Running for a moment, between two tries.
            guard case .inside(let now)? = bytes.withUnsafeBytes({ SystemCallState($0) }) else { continue }
            // A condition variable's two words take turns (__g_signals of glibc's).
            return now.number == before.number && (now[0] == futex || now[0] &+ 4 == futex || futex &+ 4 == now[0])
        }
        return false
    }

    private static let attempts = 20

    /// Whether a thread that stands still is inside a `with` block of a lock.
    func isInside(_ lock: InterpreterLock, _ thread: ThreadReading, stackPointer: UInt64, image: ProcessImage) -> Bool {
        guard case .success(let process) = processes[thread.pid], let id = nativeID(thread) else { return false }
        return process.isInside(lock, nativeID: id, stack: range(stackPointer, image), read: reader(thread))
    }

    private func reader(_ thread: ThreadReading) -> StackMemory.Reader {
        let (pid, tid) = (thread.pid, thread.tid)
        return { [host] in try? host.source.memory(pid: pid, tid: tid, address: $0, count: $1).get() }
    }

    private func range(_ stackPointer: UInt64, _ image: ProcessImage) -> Range<UInt64> {
        stackPointer..<stackPointer &+ UInt64(image.room(above: stackPointer, limit: Self.stackLimit))
    }

    /// The thread's id in its innermost pid namespace, as `gettid` gives it to the interpreter.
    private func nativeID(_ thread: ThreadReading) -> UInt64? {
        host.status(pid: thread.pid, tid: thread.tid)?.innermostID.flatMap { $0 > 0 ? UInt64($0) : nil }
    }

    private func open(_ module: Module, _ bias: UInt64, _ read: @escaping StackMemory.Reader) -> Result<CPythonProcess, InterpreterProblem>
    {
        let memory = InterpreterMemory(limitBytes: 1 << 20, read: read)
        return CPythonRuntime.open(symbols: allSymbols[ObjectIdentifier(module)] ?? [:], bias: bias, file: module.file, memory: memory)
            .map { CPythonProcess(runtime: $0, read: read) }
    }

    /// The file of the interpreter that the stack passes through.
    private func interpreter(in frames: [StackWalk.Frame], _ stack: UserStack, _ image: ProcessImage) -> (Module, UInt64)? {
        var seen: Set<ObjectIdentifier> = []
        for (frame, described) in zip(frames, stack.frames) {
            guard let location = image.location(of: frame.codeAddress) else { continue }
            // A program without dynamic symbols: worth a search of all others where a name says that it is one.
            let isNamed = described.rawSymbol?.hasPrefix(InterpretedStack.loopName) == true
            guard isNamed || seen.insert(ObjectIdentifier(location.module)).inserted, isNamed || !Self.isOther(location.module.name) else {
                continue
            }
            if !found(location.module, isNamed: isNamed).isEmpty { return (location.module, location.bias) }
        }
        return nil
    }

    /// A library of another runtime, or the C library: no interpreter is looked for in it.
    private static func isOther(_ name: String) -> Bool {
        KnownCode.isRuntime(module: name) && name.split(separator: "/").last?.hasPrefix("libpython") != true
    }

    private func found(_ module: Module, isNamed: Bool) -> [String: UInt64] {
        let key = ObjectIdentifier(module)
        if let known = allSymbols[key] { return known }
        if !isNamed, let known = symbols[key] { return known }
        var found = symbols[key] ?? CPythonRuntime.symbols(in: module.file, dynamicOnly: true)
        symbols[key] = found
        if found.isEmpty, isNamed { found = CPythonRuntime.symbols(in: module.file, dynamicOnly: false) }
        if !found.isEmpty || isNamed { allSymbols[key] = found }
        return found
    }
}

extension Host {
    /// Whether a process has code of a file that is named for Python: its interpreter, or the library of it.
    public func runsPython(_ thread: ThreadReading) -> Bool {
        mappings(of: thread).contains { mapping in
            guard mapping.isExecutable, let name = mapping.path?.split(separator: "/").last else { return false }
            return name.hasPrefix("python") || name.hasPrefix("libpython")
        }
    }
}
