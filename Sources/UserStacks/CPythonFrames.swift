/// The Python calls of a thread, innermost first, by the calls of the evaluation loop that run them.
struct CPythonStack {
    struct Call {
        var code: CPythonCode
        /// Code unit that runs, or that called the next inner frame.
        var unit: Int
        /// Its address.
        var instruction: UInt64
        /// Address of the interpreter's frame.
        var frame: UInt64 = 0
    }

    /// What one native call of `_PyEval_EvalFrameDefault` runs: since 3.11 Python functions call each other within it.
    struct Run {
        var calls: [Call]
        /// An address in the native frame of that call: of its `_PyCFrame` or of its entry frame. nil where the walk ended before it.
        var marker: UInt64?
    }

    var runs: [Run] = []
    var isTruncated = false
}

/// Follows the frames of one thread state. Sources: Python/ceval.c (`_PyEval_EvalFrameDefault`, its beginning), pycore_frame.h.
struct CPythonWalk {
    let objects: CPythonObjects
    let stack: Range<UInt64>
    let frameLimit: Int
    /// Code objects that were read. A thread that stands still keeps its own alive.
    private(set) var codes: [UInt64: CPythonCode]

    /// enum _frameowner
    private enum Owner {
        static let thread: UInt64 = 0
        static let generator: UInt64 = 1
        static let controlStack: UInt64 = 3
    }

    private var layout: CPythonLayout { objects.runtime.layout }
    private var memory: InterpreterMemory { objects.memory }

    init(objects: CPythonObjects, stack: Range<UInt64>, frameLimit: Int, codes: [UInt64: CPythonCode]) {
        self.objects = objects
        self.stack = stack
        self.frameLimit = frameLimit
        self.codes = codes
    }

    private static let contradiction = InterpreterProblem.inconsistent("the interpreter's frames contradict each other")

    mutating func calls(ofState state: UInt64, nativeID: UInt64) -> Result<CPythonStack, InterpreterProblem> {
        guard let bytes = memory.bytes(at: state, count: layout.threadSize) else { return .failure(.memory) }
        guard bytes.number(at: layout.nativeThreadID, size: 8) == nativeID else { return .failure(.moved) }
        let first = bytes.number(at: layout.threadFrame, size: 8)
        switch layout.chain {
        case .controlFrames(let isEntry): return byControlFrames(first, isEntry: isEntry)
        case .controlFrameThenEntries:
            guard let frame = memory.word(at: first &+ UInt64(layout.controlCurrent)) else { return .failure(.memory) }
            return byEntries(frame)
        case .entries: return byEntries(first)
        }
    }

    /// 3.11: a loop's `_PyCFrame` names its innermost frame; the frame with `is_entry` is its outermost, and the next `_PyCFrame`
    /// names the same frame that this one has before it.
    private mutating func byControlFrames(_ first: UInt64, isEntry: Int) -> Result<CPythonStack, InterpreterProblem> {
        var result = CPythonStack()
        var run: [CPythonStack.Call] = []
        var control = first
        guard var frame = memory.word(at: control &+ UInt64(layout.controlCurrent)) else { return .failure(.memory) }
        var seen: Set<UInt64> = []
        while frame != 0 {
            guard seen.insert(frame).inserted else { return .failure(Self.contradiction) }
            guard seen.count <= frameLimit else { return .success(truncated(&result, run)) }
            guard let bytes = memory.bytes(at: frame, count: layout.frameSize), frame % 8 == 0 else { return .failure(.memory) }
            switch call(bytes, at: frame) {
            case .failure(let problem): return .failure(problem)
            case .success(let call): if let call { run.append(call) }
            }
            frame = bytes.number(at: layout.framePrevious, size: 8)
            guard bytes.number(at: isEntry, size: 1) == 1 else {
                guard frame != 0 else { return .failure(Self.contradiction) }
                continue
            }
            if let problem = close(&result, &run, marker: control) { return .failure(problem) }
            guard let next = memory.word(at: control &+ UInt64(layout.controlPrevious)),
                let before = memory.word(at: next &+ UInt64(layout.controlCurrent))
            else { return .failure(.memory) }
            guard before == frame else { return .failure(Self.contradiction) }
            control = next
        }
        return .success(result)
    }

    /// 3.12 and 3.13: a frame that the C stack owns lies before the outermost of each loop.
    private mutating func byEntries(_ first: UInt64) -> Result<CPythonStack, InterpreterProblem> {
        var result = CPythonStack()
        var run: [CPythonStack.Call] = []
        var frame = first
        var seen: Set<UInt64> = []
        while frame != 0 {
            guard let bytes = memory.bytes(at: frame, count: layout.frameSize), frame % 8 == 0 else { return .failure(.memory) }
            let next = bytes.number(at: layout.framePrevious, size: 8)
            if bytes.number(at: layout.frameOwner, size: 1) == Owner.controlStack {
                if let problem = close(&result, &run, marker: frame) { return .failure(problem) }
            } else {
                guard seen.insert(frame).inserted else { return .failure(Self.contradiction) }
                guard seen.count <= frameLimit else { return .success(truncated(&result, run)) }
                switch call(bytes, at: frame) {
                case .failure(let problem): return .failure(problem)
                case .success(let call): if let call { run.append(call) }
                }
                guard next != 0 else { return .failure(Self.contradiction) }
            }
            frame = next
        }
        return .success(result)
    }

    /// Ends a run. Runs lie on the C stack of the very thread, outer ones above inner ones, so there is no circle.
    private func close(_ result: inout CPythonStack, _ run: inout [CPythonStack.Call], marker: UInt64) -> InterpreterProblem? {
        guard stack.contains(marker), marker > result.runs.last?.marker ?? 0 else {
            return .foreignStack
        }
        result.runs.append(CPythonStack.Run(calls: run, marker: marker))
        run = []
        return nil
    }

    private func truncated(_ result: inout CPythonStack, _ run: [CPythonStack.Call]) -> CPythonStack {
        result.runs.append(CPythonStack.Run(calls: run, marker: nil))
        result.isTruncated = true
        return result
    }

    /// nil for a frame that is being made (`_PyFrame_IsIncomplete`), which Python's own tracebacks leave out too.
    private mutating func call(_ frame: [UInt8], at place: UInt64) -> Result<CPythonStack.Call?, InterpreterProblem> {
        let owner = frame.number(at: layout.frameOwner, size: 1)
        guard owner == Owner.thread || owner == Owner.generator else { return .failure(Self.contradiction) }
        let address = frame.number(at: layout.frameCode, size: 8)
        let unread = InterpreterProblem.inconsistent("a frame of the interpreter has no code object that can be read")
        guard let head = codes[address]?.head ?? objects.head(at: address) else { return .failure(memory.isExhausted ? .memory : unread) }
        let instruction = frame.number(at: layout.frameInstruction, size: 8)
        guard let unit = head.unit(at: instruction) else { return .failure(Self.contradiction) }
        // Before its names are looked at: the interpreter's own cleanup code (`_Py_InitCleanup`) is always in this state.
        if owner != Owner.generator, unit < head.firstTraceable { return .success(nil) }
        guard let code = codes[address] ?? objects.code(head) else { return .failure(memory.isExhausted ? .memory : unread) }
        codes[address] = code
        return .success(CPythonStack.Call(code: code, unit: unit, instruction: instruction, frame: place))
    }
}
