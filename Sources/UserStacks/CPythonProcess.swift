/// The thread states of one process's interpreters, by thread, read once.
final class CPythonProcess {
    let runtime: CPythonRuntime
    /// Addresses of the thread states by `native_thread_id`: the id in the innermost pid namespace.
    let states: [UInt64: [UInt64]]
    /// The list was followed to its end.
    private let isWhole: Bool
    private var codes: [UInt64: CPythonCode] = [:]

    private static let interpreterLimit = 1024
    private static let threadLimit = 50_000
    private static let attempts = 3
    static let listLimitBytes = 64 << 20
    static let threadLimitBytes = 4 << 20
    /// Python frames of one thread at most.
    static let frameLimit = 1000

    init(runtime: CPythonRuntime, read: @escaping StackMemory.Reader) {
        self.runtime = runtime
        var list: (states: [UInt64: [UInt64]], isWhole: Bool) = ([:], false)
        // Threads come and go while the list is read.
        for _ in 0..<Self.attempts where !list.isWhole {
            list = Self.list(runtime, InterpreterMemory(limitBytes: Self.listLimitBytes, read: read))
        }
        (states, isWhole) = list
    }

    private static func list(_ runtime: CPythonRuntime, _ memory: InterpreterMemory) -> (states: [UInt64: [UInt64]], isWhole: Bool) {
        let layout = runtime.layout
        var states: [UInt64: [UInt64]] = [:]
        var count = 0
        var seen: Set<UInt64> = []
        guard var interpreter = memory.word(at: runtime.address &+ UInt64(layout.interpretersHead)), interpreter != 0 else {
            return (states, false)
        }
        while interpreter != 0 {
            guard seen.insert(interpreter).inserted, seen.count <= interpreterLimit,
                var state = memory.word(at: interpreter &+ UInt64(layout.threadsHead)),
                let next = memory.word(at: interpreter &+ UInt64(layout.interpreterNext))
            else { return (states, false) }
            var previous: UInt64 = 0
            while state != 0 {
                count += 1
                // Each state names its interpreter and the state before it: a list that is followed right, and a layout that fits.
                guard count <= threadLimit, state % 8 == 0, let bytes = memory.bytes(at: state, count: layout.threadSize),
                    bytes.number(at: layout.threadInterpreter, size: 8) == interpreter,
                    bytes.number(at: layout.threadPrevious, size: 8) == previous
                else { return (states, false) }
                let id = bytes.number(at: layout.nativeThreadID, size: 8)
                if id != 0 { states[id, default: []].append(state) }
                previous = state
                state = bytes.number(at: layout.threadNext, size: 8)
            }
            interpreter = next
        }
        return (states, true)
    }

    /// The Python calls of one thread.
    /// - Parameters:
    ///   - nativeID: the thread's id in its innermost pid namespace.
    ///   - stack: addresses of the C stack that it runs on.
    ///   - read: memory as the thread sees it.
    func calls(
        of nativeID: UInt64, stack: Range<UInt64>, read: @escaping StackMemory.Reader
    ) -> Result<CPythonStack, InterpreterProblem> {
        guard let states = states[nativeID] else { return isWhole ? .failure(.unknownThread) : .failure(.memory) }
        // Another state of this thread may be in the part that was not read.
        guard isWhole else { return .failure(.inconsistent("the list of the interpreter's threads changed while it was read")) }
        let objects = CPythonObjects(runtime: runtime, memory: InterpreterMemory(limitBytes: Self.threadLimitBytes, read: read))
        var found: [CPythonStack] = []
        var foreign = false
        for state in states.prefix(Self.interpreterLimit) {
            var walk = CPythonWalk(objects: objects, stack: stack, frameLimit: Self.frameLimit, codes: codes)
            switch walk.calls(ofState: state, nativeID: nativeID) {
            // A subinterpreter's state names the thread that made it, whichever runs it.
            case .failure(.foreignStack): foreign = true
            case .failure(let problem): return .failure(problem)
            case .success(let calls):
                codes = walk.codes
                if !calls.runs.isEmpty { found.append(calls) }
            }
        }
        guard found.count > 1 else {
            guard let only = found.first else { return foreign ? .failure(.foreignStack) : .success(CPythonStack()) }
            return .success(only)
        }
        // Interpreters that call each other in one thread: their runs lie one above the other on its stack.
        let runs = found.flatMap(\.runs).sorted { ($0.marker ?? 0) < ($1.marker ?? 0) }
        guard !found.contains(where: \.isTruncated), Set(runs.map(\.marker)).count == runs.count else {
            return .failure(.severalInterpreters)
        }
        return .success(CPythonStack(runs: runs))
    }
}
