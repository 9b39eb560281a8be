import UserStacks
import WaitModel

/// What a wait for a lock of CPython is in the words of its standard library: all of its queues, events and joins are made of one
/// sort of lock, and the Python call tells them apart.
enum PythonWaits {
    private typealias Row = (module: String, function: String, text: String, deadEnd: Cause)

    /// By the module's path in the library and `co_qualname`. Sources: Lib/queue.py, Lib/threading.py, Lib/concurrent/futures of
    /// 3.11 to 3.13.
    private static let rows: [Row] = [
        ("queue.py", "Queue.get", "waits for an item of a Python queue", .noSignaller),
        ("queue.py", "Queue.put", "waits for room in a full Python queue", .noSignaller),
        ("queue.py", "Queue.join", "waits until all items of a Python queue are done", .noSignaller),
        ("threading.py", "Thread.join", "waits for a Python thread to end", .noSignaller),
        ("threading.py", "_shutdown", "waits at the program's end for its Python threads", .noSignaller),
        ("threading.py", "Event.wait", "waits for a Python event to be set", .noSignaller),
        ("threading.py", "Barrier.wait", "waits at a Python barrier for the threads that have not come", .noSignaller),
        ("threading.py", "Semaphore.acquire", "waits on a Python semaphore", .noSignaller),
        ("threading.py", "Condition.wait", "waits on a Python condition", .noSignaller),
        ("threading.py", "Condition.wait_for", "waits on a Python condition", .noSignaller),
        ("concurrent/futures/_base.py", "Future.result", "waits for the result of a Python future", .noSignaller),
        ("concurrent/futures/_base.py", "Future.exception", "waits for the result of a Python future", .noSignaller),
        ("concurrent/futures/_base.py", "wait", "waits for Python futures", .noSignaller),
    ]

    /// The calls in which the library waits for what its name says, rather than for a lock that guards its own data.
    private static let waiting: Set<String> = ["Condition.wait", "Thread._wait_for_tstate_lock", "Thread.join", "_shutdown"]

    /// The library's calls that the program's own innermost call made, innermost first; all of them where it made none.
    private static func libraryCalls(_ stack: UserStack) -> ArraySlice<StackFrame> {
        stack.frames.filter { $0.language == .python }.prefix { PythonLibrary.module($0.file ?? "") != nil }
    }

    /// nil where the library has no name for the wait: then it is a lock that the program took itself.
    static func meaning(_ stack: UserStack) -> FutexFrames.Meaning? {
        // Calls of another interpreter further in are not among the frames.
        guard stack.interpreterProblem != .partial else { return nil }
        let calls = libraryCalls(stack)
        // A worker waits for its pool in a call of machine code, so that its own is the innermost of the library's.
        if let first = calls.first, first.function == "_worker", PythonLibrary.module(first.file ?? "") == "concurrent/futures/thread.py" {
            return FutexFrames.Meaning(kind: .runtimePark, text: "is a worker of a Python thread pool without work", deadEnd: .idle)
        }
        guard let innermost = calls.first, waiting.contains(innermost.function ?? ""),
            PythonLibrary.module(innermost.file ?? "") == "threading.py"
        else { return nil }
        for call in calls.reversed() {
            let module = PythonLibrary.module(call.file ?? "")
            guard let row = rows.first(where: { $0.module == module && $0.function == call.function }) else { continue }
            return FutexFrames.Meaning(kind: .runtimePark, text: row.text, deadEnd: row.deadEnd)
        }
        return nil
    }
}
