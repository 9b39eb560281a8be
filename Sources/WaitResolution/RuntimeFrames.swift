import Evidence
import UserStacks
import WaitModel

/// One function of a language's runtime, and what a thread waits for that is in it.
struct RuntimeRow: Sendable {
    /// How a row takes part when the frames of a runtime are read from the innermost one outwards.
    enum Part: Sendable {
        /// It says all: what lies further out is the program's own.
        case whole
        /// It says that the runtime parks the thread; a frame of the runtime further out may say what for.
        case inner
        /// It says what for, but only outside an `inner` one: the name alone says nothing, or the thread passes here in other ways.
        case outer
    }

    /// Beginning of the function's name, or all of it when it ends in `$`.
    let name: String
    let part: Part
    let meaning: FutexFrames.Meaning

    func matches(_ function: Substring) -> Bool {
        name.hasSuffix("$") ? function == name.dropLast() : function.hasPrefix(name)
    }
}

/// A language's runtime as it shows on a stack. It parks threads by means of the C library's condition variables and semaphores or of
/// bare futexes, in which nothing says what for; the functions that it is in do.
struct LanguageRuntime: Sendable {
    let rows: [RuntimeRow]
    /// Whether a frame is the runtime's own, so that a row further out still speaks of the same wait.
    let owns: @Sendable (_ function: Substring?, _ module: Substring) -> Bool
    /// What a frame of the runtime's library says that has no symbol.
    var unnamed: FutexFrames.Meaning?
    /// What the thread's name adds, for runtimes that name the threads of their own.
    var byThreadName: @Sendable (_ name: String) -> FutexFrames.Meaning? = { _ in nil }

    /// - Parameters:
    ///   - part: see `RuntimeRow.Part`.
    ///   - deadEnd: the cause where a chain ends here.
    static func row(
        _ name: String, _ text: String, _ deadEnd: Cause = .noSignaller, part: RuntimeRow.Part = .whole, kind: WaitKind = .runtimePark
    ) -> RuntimeRow {
        RuntimeRow(name: name, part: part, meaning: FutexFrames.Meaning(kind: kind, text: text, deadEnd: deadEnd))
    }

    static let all: [LanguageRuntime] = [go, java, python, rust, node, dispatch, swift]
}

/// Reads what a thread waits for from the frames of its language's runtime.
enum RuntimeFrames {
    /// Frames in which a runtime is looked for: the waiting call is near the top, and what lies further out is somebody else's.
    private static let depth = 8
    /// Frames of the runtime itself that are read outwards from there.
    fileprivate static let reach = 12

    /// What the stack says; nil when no runtime parks the thread.
    static func meaning(_ stack: UserStack, _ thread: BlockedThread) -> FutexFrames.Meaning? {
        guard let (meaning, evidence) = meaning(of: stack.frames, threadName: thread.reading.name) else { return nil }
        thread.cite("user stack", evidence)
        return meaning
    }

    /// - Parameter frames: innermost first.
    static func meaning(of frames: [StackFrame], threadName: String) -> (meaning: FutexFrames.Meaning, evidence: String)? {
        if LanguageRuntime.isInterpreterLock(frames) {
            return (LanguageRuntime.interpreterLockMeaning, LanguageRuntime.interpreterLockEvidence + ", in a slice of a timed wait")
        }
        for index in frames.prefix(depth).indices {
            for runtime in LanguageRuntime.all {
                guard let found = runtime.meaning(from: index, in: frames) else { continue }
                let cited = frames[found.frame]
                let evidence =
                    (cited.function ?? "a function of \(cited.module ?? "its runtime")") + (cited.isGuessed ? " (guessed frame)" : "")
                return (runtime.byThreadName(threadName) ?? found.meaning, evidence)
            }
            // A function of the program's waits on its own account, whatever runtime has called it.
            guard isPassage(frames[index]) else { return nil }
        }
        return nil
    }

    /// Whether a frame only carries out the wait for whoever called it: the C library's, or the runtime's own.
    private static func isPassage(_ frame: StackFrame) -> Bool {
        let module = module(frame)
        let function = frame.function.map(bare)
        if isCLibrary(module) || LanguageRuntime.all.contains(where: { $0.owns(function, module) }) { return true }
        // Linked into the program, the C library is known by its names: those with two underscores are reserved for it.
        return ["__", "pthread_", "sem_", "futex", "syscall", "cnd_"].contains { function?.hasPrefix($0) ?? false }
    }

    static func isCLibrary(_ module: Substring) -> Bool {
        ["libc.so", "libc-", "libpthread", "ld-", "[vdso]"].contains { module.hasPrefix($0) }
    }

    /// The function's name as the rows have it, without what C libraries and Rust put before it.
    static func bare(_ function: String) -> Substring {
        var name = Substring(function)
        if name.hasPrefix("__GI_") { name = name.dropFirst(5) }
        // Rust: `<std::sys::sync::mutex::futex::Mutex>::lock_contended`.
        while name.hasPrefix("<") { name = name.dropFirst() }
        return name
    }

    static func module(_ frame: StackFrame) -> Substring {
        guard let path = frame.module else { return "" }
        return path.lastIndex(of: "/").map { path[path.index(after: $0)...] } ?? path[...]
    }
}

extension LanguageRuntime {
    /// What the frames from `index` outwards say, if the one at `index` is one that this runtime parks a thread in.
    fileprivate func meaning(from index: Int, in frames: [StackFrame]) -> (meaning: FutexFrames.Meaning, frame: Int)? {
        guard let first = row(of: frames[index]), first.part != .outer else { return nil }
        var best = (first.meaning, index)
        guard first.part == .inner else { return best }
        for outer in (index + 1)..<max(index + 1, min(index + RuntimeFrames.reach, frames.count)) {
            let frame = frames[outer]
            if let row = row(of: frame) {
                if row.part == .inner {
                    if frame.function != nil { best = (row.meaning, outer) }
                    continue
                }
                return (row.meaning, outer)
            }
            guard owns(frame.function.map(RuntimeFrames.bare), RuntimeFrames.module(frame)) else { break }
        }
        return best
    }

    private func row(of frame: StackFrame) -> RuntimeRow? {
        guard let function = frame.function else {
            guard let unnamed, owns(nil, RuntimeFrames.module(frame)) else { return nil }
            return RuntimeRow(name: "", part: .inner, meaning: unnamed)
        }
        let name = RuntimeFrames.bare(function)
        return rows.first { $0.matches(name) }
    }
}

extension RuntimeFrames {
    /// How often a thread that turns over in slices of time is looked at again.
    private static let attempts = 8

    /// A thread's stack. Runtimes wait for some of their locks in slices (CPython's interpreter lock, Java's monitors), so that the thread
    /// may have run since it was looked at; when it sleeps in the same call on the same object again, that look's stack stands for it.
    static func stack(of reading: ThreadReading, on host: Host) -> UserStack? {
        guard let stack = host.stackReader.stack(of: reading) else { return nil }
        guard stack.problem == .moved, let before = reading.systemCall else { return stack }
        for _ in 0..<attempts {
            guard let again = host.freshReading(of: reading) else { return stack }
            // A condition variable of glibc has two words in turn, four bytes apart.
            guard again.isAsleep, let call = again.systemCall, call.number == before.number, call[0] | 7 == before[0] | 7 else { continue }
            if let found = host.stackReader.stack(of: again), found.problem != .moved { return found }
        }
        return stack
    }
}
