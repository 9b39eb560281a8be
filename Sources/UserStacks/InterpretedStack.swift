/// Puts the calls of a Python program where they belong among the native ones: in place of the calls of the evaluation loop that
/// run them.
enum InterpretedStack {
    /// What begins the names of the evaluation loop, whatever a compiler made of it (`.cold`, `.constprop.0`).
    static let loopName = "_PyEval_EvalFrameDefault"

    /// A native call as far as its place matters.
    struct Place {
        var stackPointer: UInt64
        var isGuessed: Bool
        /// Its code is of the interpreter's file.
        var isInterpreter: Bool
        /// Its function is the evaluation loop.
        var isLoop: Bool
    }

    /// Where to put each run: before which native call, and whether in its place. nil when a run lies in no native call that could be
    /// its own: then the frames are not those of this stack.
    /// - Parameter isComplete: the native walk came to the thread's beginning, so that every call is among `places`.
    static func positions(of runs: [CPythonStack.Run], among places: [Place], isComplete: Bool) -> [(index: Int, replaces: Bool)]? {
        var result: [(index: Int, replaces: Bool)] = []
        var next = 0
        for run in runs {
            guard let marker = run.marker else {
                // The walk was cut off in this run: its calls are those of the next loop.
                let index = places[next...].firstIndex { $0.isLoop } ?? places.count
                result.append((index, false))
                continue
            }
            let found = places.indices.dropFirst(next).first { index in
                guard places[index].stackPointer <= marker else { return false }
                return index + 1 == places.count ? isComplete : marker < places[index + 1].stackPointer
            }
            guard let found else {
                if isComplete { return nil }
                // Beyond where the native walk ended.
                result.append((places.count, false))
                next = places.count
                continue
            }
            let place = places[found]
            if !place.isGuessed, !place.isInterpreter { return nil }
            result.append((found, place.isLoop && !run.calls.isEmpty))
            next = found + 1
        }
        return result
    }

    static func frames(of run: CPythonStack.Run) -> [StackFrame] {
        run.calls.map { call in
            StackFrame(
                programCounter: call.instruction, function: call.code.function, module: nil, offset: UInt64(max(0, call.unit)) * 2,
                file: call.code.file, line: call.code.line(ofUnit: call.unit), language: .python)
        }
    }

    static func merge(_ native: [StackFrame], _ runs: [CPythonStack.Run], at positions: [(index: Int, replaces: Bool)]) -> [StackFrame] {
        var result: [StackFrame] = []
        var run = 0
        for index in 0...native.count {
            var isReplaced = false
            while run < runs.count, run < positions.count, positions[run].index == index {
                result += frames(of: runs[run])
                isReplaced = isReplaced || positions[run].replaces
                run += 1
            }
            if index < native.count, !isReplaced { result.append(native[index]) }
        }
        return result
    }
}
