import Evidence
import UserStacks
import WaitModel

/// CPython: its locks are semaphores (condition variables where there are none; since 3.13 words in a parking lot), of which nobody records the holder;
/// the interpreter lock is a condition variable that is waited on in slices of time. Source: Python/thread_pthread.h, Python/ceval_gil.c
/// (ceval_gil.h before 3.12), Python/parking_lot.c, Python/lock.c.
extension LanguageRuntime {
    private static let interpreterLock = "waits for CPython's global interpreter lock"

    static let python = LanguageRuntime(
        rows: [
            row("take_gil", interpreterLock, .runtimeInternal),
            row("drop_gil", "has given CPython's interpreter lock to another thread, which has not taken it yet", .runtimeInternal),
            row("PyThread_acquire_lock", "waits for a lock of CPython (Lock, Condition, Queue, Event and join are made of these)"),
            row("PyMutex_", "waits for a lock of CPython (Lock, Condition, Queue, Event and join are made of these)"),
            row("_PyMutex_", "waits for a lock of CPython (Lock, Condition, Queue, Event and join are made of these)"),
            row("PyEvent_Wait", "waits for an event of CPython (a thread's end, for instance)"),
            row("_PyParkingLot_Park", "is parked by CPython", part: .inner),
            row("_PySemaphore_", "is parked by CPython", part: .inner),
        ],
        owns: { _, module in module.contains("python") })

    /// Distributions' interpreters have no symbol for `take_gil`; those are exported that call it. Each slice of the wait is the switch
    /// interval, five milliseconds unless the program asked for another (sys.setswitchinterval).
    static func isInterpreterLock(_ stack: [StackFrame]) -> Bool {
        let frames = stack.prefix(6)
        guard let wait = frames.firstIndex(where: { $0.function?.hasPrefix("pthread_cond_timedwait") ?? false }) else { return false }
        // A caller without a name in the interpreter, and around it a function that is known to take the lock.
        var index = wait + 1
        while index < frames.count, frames[index].function == nil, RuntimeFrames.module(frames[index]).contains("python") { index += 1 }
        guard index > wait, index < frames.count, RuntimeFrames.module(frames[index]).contains("python"), let name = frames[index].function
        else { return false }
        return ["PyEval_RestoreThread", "PyEval_AcquireThread", "PyGILState_Ensure", "_PyEval_EvalFrameDefault", "_Py_HandlePending"]
            .contains(name)
    }

    /// The function that waits for it, as evidence names it, by symbol or by its callers.
    static let interpreterLockEvidence = "take_gil"

    static let interpreterLockMeaning = FutexFrames.Meaning(kind: .runtimePark, text: interpreterLock, deadEnd: .runtimeInternal)
}
