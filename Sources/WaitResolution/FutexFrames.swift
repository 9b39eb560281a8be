import Evidence
import UserStacks
import WaitModel

/// What a futex word cannot tell, a frame can: which call of the C library or of a language's runtime a thread waits in.
enum FutexFrames {
    /// One call and what it stands for.
    struct Meaning: Sendable {
        let kind: WaitKind
        /// Clause for the reader.
        let text: String
        /// The cause where a chain ends here.
        let deadEnd: Cause
    }

    /// Where memory named nobody, lets the stack say what the wait is. Whom it waits for, a frame does not tell.
    static func sharpen(_ wait: inout Wait, _ thread: BlockedThread, on host: Host) {
        if wait.kind == .futexMutex, wait.release.parties.allSatisfy({ $0.target == .outside(.unnamed) }) {
            if let use = internalLock(thread, on: host) { wait.description += " (\(use))" }
            return
        }
        guard [.futexOther, .futexCondvar, .futexSemaphore].contains(wait.kind), let meaning = meaning(thread, on: host) else { return }
        wait.deadEnd = meaning.deadEnd
        // What memory tells besides the kind (how many wait) stays in the words.
        if wait.kind != meaning.kind || wait.kind == .futexOther { wait.description = meaning.text }
        wait.kind = meaning.kind
        wait.isDemand = wait.isDemand || [.futexMutex, .futexRwlock].contains(meaning.kind) || meaning.deadEnd == .runtimeInternal
        // A runtime's lock that is tried again and again in slices of time has no time limit of its own, and who was seen to turn over
        // has not got on.
        if meaning.deadEnd == .runtimeInternal, wait.mobility == .free(.timer) {
            wait.mobility = .free(.runtimeInternal)
            wait.timeoutSeconds = nil
        }
        InterpreterLock.name(&wait, thread, on: host)
        if meaning.kind == .sleep { wait.mobility = .free(.sleeping) }
        if meaning.deadEnd == .idle {
            wait.isDemand = false
            wait.release = Release(.any, [Party(.outside(.newWork), role: "work", certainty: .possible, because: "it has nothing to do")])
            if wait.mobility == .free(.timer) { wait.mobility = .free(.idle) }
        }
    }

    /// The innermost frame of the thread's stack that says what the wait is; nil when none does, or stacks are not to be read.
    static func meaning(_ thread: BlockedThread, on host: Host) -> Meaning? {
        guard host.readsStacksForKinds, let stack = RuntimeFrames.stack(of: thread.reading, on: host) else { return nil }
        // A runtime's lock is made of the C library's: where a runtime called it, the runtime's word says more.
        if let meaning = RuntimeFrames.meaning(stack, thread) { return meaning }
        return meaning(stack, by: libraries, thread)
    }

    private static func meaning(_ stack: UserStack, by rows: [Row], _ thread: BlockedThread) -> Meaning? {
        for frame in stack.frames.prefix(depth) {
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
    static func meaning(of function: String) -> Meaning? { meaning(of: function, by: libraries) }

    private static func meaning(of function: String, by rows: [Row]) -> Meaning? {
        var name = Substring(function)
        if name.hasPrefix("__GI_") { name = name.dropFirst(5) }
        // Rust: `<std::sys::sync::mutex::futex::Mutex>::lock_contended`.
        if name.hasPrefix("<") { name = name.dropFirst() }
        // A template's name begins with what it returns.
        for type in ["void ", "bool "] where name.hasPrefix(type) { name = name.dropFirst(type.count) }
        guard let row = rows.first(where: { name.hasPrefix($0.prefix) }) else { return nil }
        return Meaning(kind: row.kind, text: row.text, deadEnd: row.deadEnd)
    }

    /// glibc and musl: POSIX names, with their internal spellings; C++: libstdc++ and the Itanium ABI.
    private static let libraries: [Row] = [
        ("__cxa_guard_acquire", .futexOnce, "waits for a C++ static that another thread initialises", .noSignaller),
        ("std::call_once", .futexOnce, "waits for a call_once that another thread runs", .noSignaller),
        ("pthread_once", .futexOnce, "waits for a pthread_once that another thread runs", .noSignaller),
        ("__pthread_once", .futexOnce, "waits for a pthread_once that another thread runs", .noSignaller),
        ("call_once", .futexOnce, "waits for a call_once that another thread runs", .noSignaller),
        ("pthread_barrier_wait", .futexBarrier, "waits at a barrier for the threads that have not come", .noSignaller),
        ("__pthread_barrier_wait", .futexBarrier, "waits at a barrier for the threads that have not come", .noSignaller),
        ("std::latch", .futexBarrier, "waits for a C++ latch to be counted down", .noSignaller),
        ("std::barrier", .futexBarrier, "waits at a C++ barrier for the threads that have not come", .noSignaller),
        ("std::counting_semaphore", .futexSemaphore, "waits on a C++ semaphore", .noSignaller),
        ("std::__semaphore_impl", .futexSemaphore, "waits on a C++ semaphore", .noSignaller),
        ("std::__atomic_semaphore", .futexSemaphore, "waits on a C++ semaphore", .noSignaller),
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

    /// What a lock inside the C library protects, by the function that takes it. Source: glibc malloc/arena.c, posix/fork.c,
    /// stdlib/exit.c, time/tzset.c, misc/syslog.c, libio/genops.c; musl src/malloc, src/process/fork.c, src/exit/atexit.c.
    private static let internalLocks: [(functions: Set<String>, use: String)] = [
        (
            [
                "malloc", "free", "calloc", "realloc", "memalign", "posix_memalign", "aligned_alloc", "_int_malloc", "_int_free",
                "__libc_malloc",
                "__libc_free", "__libc_calloc", "__libc_realloc", "arena_get2", "arena_get_retry", "__libc_malloc_impl", "__libc_free",
                "malloc_consolidate", "malloc_trim", "unlink_chunk", "sysmalloc", "systrim", "__malloc_fork_lock_parent",
            ],
            "of malloc's memory pools"
        ),
        (["fork", "__libc_fork", "_Fork", "__run_fork_handlers", "__run_prefork_handlers", "__register_atfork"], "which fork needs"),
        (
            ["exit", "__run_exit_handlers", "__cxa_atexit", "__internal_atexit", "__funcs_on_exit", "__cxa_finalize"],
            "of the functions to call at exit"
        ),
        (
            ["tzset", "localtime", "localtime_r", "mktime", "strftime", "__tz_convert", "__tzset", "gmtime", "gmtime_r"],
            "of the time zone's data"
        ),
        (["syslog", "vsyslog", "__vsyslog_internal", "openlog", "closelog"], "of syslog"),
        (["dlopen", "dlclose", "dlsym", "dl_iterate_phdr", "_dl_open", "__dl_iterate_phdr"], "of the dynamic loader"),
        (["fopen", "fclose", "fflush", "_IO_flush_all_lockp", "_IO_un_link", "_IO_link_in", "__ofl_lock"], "of the list of open streams"),
        (["setlocale", "newlocale", "uselocale", "gettext", "dcgettext"], "of the locale"),
        (["getpwnam", "getpwuid", "getgrnam", "getgrgid", "gethostbyname", "getaddrinfo"], "of the name service"),
        (["setenv", "putenv", "unsetenv", "getenv"], "of the environment"),
    ]

    private static func internalLock(_ thread: BlockedThread, on host: Host) -> String? {
        guard host.readsStacksForKinds, let stack = host.stackReader.stack(of: thread.reading) else { return nil }
        for (index, frame) in stack.frames.prefix(depth).enumerated() {
            guard let name = frame.function else { continue }
            if name.hasPrefix("pthread_mutex") || name.hasPrefix("__pthread_mutex") || name.hasPrefix("___pthread_mutex") { return nil }
            guard let lock = internalLocks.first(where: { $0.functions.contains(name) }) else { continue }
            thread.cite("user stack", name)
            // The classic: a handler calls what the thread was in the midst of.
            let outer = stack.frames[index...].drop { $0.function != "<signal handler called>" }.dropFirst()
            guard let interrupted = outer.first?.function, lock.functions.contains(interrupted) || interrupted.hasPrefix(name) else {
                return lock.use
            }
            thread.cite("user stack", "a signal handler was called in \(interrupted)")
            return "\(lock.use), in a signal handler that interrupted \(interrupted), which may hold it"
        }
        return nil
    }
}
