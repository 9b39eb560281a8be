import Evidence
import UserStacks
import WaitModel

/// What a futex word cannot tell, a frame can: which call of the C library or of a language's runtime a thread waits in.
enum FutexFrames {
    /// One call and what it stands for.
    struct Meaning {
        let kind: WaitKind
        /// Clause for the reader.
        let text: String
        /// The cause where a chain ends here.
        let deadEnd: Cause
    }

    /// Where memory named nobody, lets the stack say what the wait is. Whom it waits for, a frame does not tell.
    static func sharpen(_ wait: inout Wait, _ thread: BlockedThread, on host: Host) {
        guard [.futexOther, .futexCondvar, .futexSemaphore].contains(wait.kind), let meaning = meaning(thread, on: host) else { return }
        wait.deadEnd = meaning.deadEnd
        // What memory tells besides the kind (how many wait) stays in the words.
        if wait.kind != meaning.kind || wait.kind == .futexOther { wait.description = meaning.text }
        wait.kind = meaning.kind
        wait.isDemand = wait.isDemand || [.futexMutex, .futexRwlock].contains(meaning.kind) || meaning.deadEnd == .runtimeInternal
        // A runtime's lock that is tried again and again in slices of time has no time limit of its own.
        if meaning.deadEnd == .runtimeInternal, wait.mobility == .free(.timer) {
            wait.mobility = .waiting
            wait.timeoutSeconds = nil
        }
        if meaning.kind == .sleep { wait.mobility = .free(.sleeping) }
    }

    /// The innermost frame of the thread's stack that says what the wait is; nil when none does, or stacks are not to be read.
    static func meaning(_ thread: BlockedThread, on host: Host) -> Meaning? {
        guard host.readsStacksForKinds, let stack = host.stackReader.stack(of: thread.reading) else { return nil }
        // A runtime's lock is made of the C library's: where a runtime called it, the runtime's word says more.
        guard let runtime = meaning(stack, by: runtimes, thread) else { return meaning(stack, by: libraries, thread) }
        return runtime.text == pythonLock ? PythonWaits.meaning(stack) ?? runtime : runtime
    }

    private static func meaning(_ stack: UserStack, by rows: [Row], _ thread: BlockedThread) -> Meaning? {
        for frame in stack.nativeFrames.prefix(depth) {
            guard let name = frame.function, let meaning = meaning(of: name, by: rows) else { continue }
            thread.cite("user stack", name + (frame.isGuessed ? " (guessed frame)" : ""))
            return meaning
        }
        return nil
    }

    /// Frames that are looked at: the waiting call is near the top, and a name further down is somebody else's.
    private static let depth = 8

    private typealias Row = (prefix: String, kind: WaitKind, text: String, deadEnd: Cause)

    /// What a function's name says, by the first prefix that is known.
    static func meaning(of function: String) -> Meaning? { meaning(of: function, by: runtimes) ?? meaning(of: function, by: libraries) }

    private static func meaning(of function: String, by rows: [Row]) -> Meaning? {
        var name = Substring(function)
        if name.hasPrefix("__GI_") { name = name.dropFirst(5) }
        // Rust: `<std::sys::sync::mutex::futex::Mutex>::lock_contended`.
        if name.hasPrefix("<") { name = name.dropFirst() }
        guard let row = rows.first(where: { name.hasPrefix($0.prefix) }) else { return nil }
        return Meaning(kind: row.kind, text: row.text, deadEnd: row.deadEnd)
    }

    /// Python/thread_pthread.h: a semaphore, or a mutex with a condition. Neither says who has it.
    private static let pythonLock = "waits for a Python lock, which records no owner"

    /// Rust: library/std/src/sys/sync (sys/unix/locks before 1.68); JVM: hotspot/share/runtime; CPython: Python/thread_pthread.h and
    /// ceval_gil.c, lock.c; Go: runtime/lock_futex.go; libdispatch: src/semaphore.c, src/queue.c.
    private static let runtimes: [Row] = [
        ("take_gil", .runtimePark, "waits for CPython's global interpreter lock", .runtimeInternal),
        ("PyThread_acquire_lock", .runtimePark, pythonLock, .noSignaller),
        ("_PyParkingLot_Park", .runtimePark, pythonLock, .noSignaller),
        ("ObjectMonitor::enter", .runtimePark, "waits to enter a Java monitor", .runtimeInternal),
        ("ObjectMonitor::EnterI", .runtimePark, "waits to enter a Java monitor", .runtimeInternal),
        ("ObjectMonitor::wait", .runtimePark, "waits in Object.wait of Java", .noSignaller),
        ("Unsafe_Park", .runtimePark, "is parked by Java (LockSupport.park)", .noSignaller),
        ("Parker::park", .runtimePark, "is parked by Java (LockSupport.park)", .noSignaller),
        ("runtime.stopm", .runtimePark, "is a thread of Go without work", .idle),
        ("runtime.mPark", .runtimePark, "is a thread of Go without work", .idle),
        ("runtime.notesleep", .runtimePark, "is parked by Go's runtime", .noSignaller),
        ("runtime.lock2", .runtimePark, "waits for a lock of Go's runtime", .runtimeInternal),
        ("JavaThread::sleep", .sleep, "sleeps (Thread.sleep of Java)", .sleeping),
        ("std::sync::barrier", .futexBarrier, "waits at a Rust Barrier for the threads that have not come", .noSignaller),
        ("std::thread::functions::park", .runtimePark, "is parked by Rust (thread::park)", .noSignaller),
        ("std::thread::park", .runtimePark, "is parked by Rust (thread::park)", .noSignaller),
        ("std::sys::sync::thread_parking", .runtimePark, "is parked by Rust (thread::park)", .noSignaller),
        ("std::sys::unix::locks::futex_mutex", .futexMutex, "waits for a Rust Mutex, which records no owner", .noSignaller),
        ("std::sys::unix::locks::futex::Mutex", .futexMutex, "waits for a Rust Mutex, which records no owner", .noSignaller),
        ("std::sys::unix::locks::futex_condvar", .futexCondvar, "waits on a Rust Condvar", .noSignaller),
        ("std::sys::unix::locks::futex_rwlock", .futexRwlock, "waits for a Rust RwLock, which records no owner", .noSignaller),
        ("std::sys::sync::mutex", .futexMutex, "waits for a Rust Mutex, which records no owner", .noSignaller),
        ("std::sys::sync::rwlock", .futexRwlock, "waits for a Rust RwLock, which records no owner", .noSignaller),
        ("std::sys::sync::condvar", .futexCondvar, "waits on a Rust Condvar", .noSignaller),
        ("std::sys::sync::once", .futexOnce, "waits for a Rust Once that another thread runs", .noSignaller),
        ("_dispatch_group_wait", .runtimePark, "waits for a dispatch group", .noSignaller),
        ("_dispatch_sync_f_slow", .runtimePark, "waits in DispatchQueue.sync", .runtimeInternal),
        ("__DISPATCH_WAIT_FOR_QUEUE__", .runtimePark, "waits in DispatchQueue.sync", .runtimeInternal),
        ("_dispatch_semaphore_wait", .futexSemaphore, "waits on a dispatch semaphore", .noSignaller),
        ("_dispatch_worker_thread", .runtimePark, "is a worker thread of libdispatch without work", .idle),
    ]

    /// glibc and musl: POSIX names, with their internal spellings; C++: libstdc++ and the Itanium ABI.
    private static let libraries: [Row] = [
        ("__cxa_guard_acquire", .futexOnce, "waits for a C++ static that another thread initialises", .noSignaller),
        ("std::call_once", .futexOnce, "waits for a call_once that another thread runs", .noSignaller),
        ("pthread_once", .futexOnce, "waits for a pthread_once that another thread runs", .noSignaller),
        ("__pthread_once", .futexOnce, "waits for a pthread_once that another thread runs", .noSignaller),
        ("call_once", .futexOnce, "waits for a call_once that another thread runs", .noSignaller),
        ("pthread_barrier_wait", .futexBarrier, "waits at a barrier for the threads that have not come", .noSignaller),
        ("__pthread_barrier_wait", .futexBarrier, "waits at a barrier for the threads that have not come", .noSignaller),
        ("pthread_rwlock", .futexRwlock, "waits for a rwlock", .noSignaller),
        ("__pthread_rwlock", .futexRwlock, "waits for a rwlock", .noSignaller),
        ("sem_wait", .futexSemaphore, "waits on a semaphore", .noSignaller),
        ("sem_timedwait", .futexSemaphore, "waits on a semaphore", .noSignaller),
        ("sem_clockwait", .futexSemaphore, "waits on a semaphore", .noSignaller),
        ("__new_sem_wait", .futexSemaphore, "waits on a semaphore", .noSignaller),
        ("pthread_cond_", .futexCondvar, "waits on a condition variable", .noSignaller),
        ("__pthread_cond_", .futexCondvar, "waits on a condition variable", .noSignaller),
        ("cnd_wait", .futexCondvar, "waits on a condition variable", .noSignaller),
        ("cnd_timedwait", .futexCondvar, "waits on a condition variable", .noSignaller),
    ]
}
