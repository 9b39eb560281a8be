import Testing
import UserStacks
import WaitModel

@testable import WaitResolution

/// What the frames of a language's runtime say, on stacks as they were seen.
struct RuntimeFramesTests {
    /// Frames from `function` or `function@module`, innermost first; an empty function has no symbol.
    private static func frames(_ text: [String], in module: String) -> [StackFrame] {
        text.map { entry in
            let parts = entry.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
            let function = String(parts[0])
            return StackFrame(
                programCounter: 1, function: function.isEmpty ? nil : function, module: parts.count > 1 ? String(parts[1]) : module)
        }
    }

    struct Example: Sendable, CustomTestStringConvertible {
        let name: String
        let module: String
        let frames: [String]
        let kind: WaitKind
        let cause: Cause
        var thread = "x"
        var testDescription: String { name }
    }

    static let libc = "@/lib/libc.so.6"
    static let examples: [Example] = [
        Example(
            name: "Go without a goroutine", module: "/bin/app",
            frames: [
                "runtime.futex.abi0", "runtime.futexsleep", "runtime.notesleep", "runtime.stopm", "runtime.findRunnable",
                "runtime.schedule",
            ], kind: .runtimePark, cause: .idle),
        Example(
            name: "Go, a goroutine's own thread", module: "/bin/app",
            frames: [
                "runtime.futex", "runtime.futexsleep", "runtime.notesleep", "runtime.mPark", "runtime.stoplockedm", "runtime.schedule",
            ],
            kind: .runtimePark, cause: .noSignaller),
        Example(
            name: "Go, a lock of the runtime", module: "/bin/app",
            frames: ["runtime.futex", "runtime.futexsleep", "runtime.lock2", "main.f"],
            kind: .runtimePark, cause: .runtimeInternal),
        Example(
            name: "Java monitor", module: "/jvm/libjvm.so",
            frames: [
                "pthread_cond_timedwait" + libc, "os::PlatformEvent::park(long)", "ObjectMonitor::EnterI(JavaThread*)",
                "ObjectMonitor::enter(JavaThread*)",
            ], kind: .runtimePark, cause: .runtimeInternal),
        Example(
            name: "Java compiler thread", module: "/jvm/libjvm.so",
            frames: [
                "pthread_cond_timedwait" + libc, "os::PlatformMonitor::wait(long)", "Monitor::wait(long)", "CompileQueue::get()",
            ], kind: .runtimePark, cause: .idle),
        Example(
            name: "Java without symbols", module: "/jvm/libjvm.so", frames: ["pthread_cond_wait" + libc, "", "", ""], kind: .runtimePark,
            cause: .noSignaller),
        Example(
            name: "Java without symbols, a collector's thread", module: "/jvm/libjvm.so", frames: ["pthread_cond_wait" + libc, "", ""],
            kind: .runtimePark, cause: .idle, thread: "GC Thread#0"),
        Example(
            name: "Rust channel", module: "/bin/app",
            frames: ["syscall" + libc, "std::thread::functions::park", "<std::sync::mpmc::list::Channel<()>>::recv", "app::main"],
            kind: .runtimePark, cause: .noSignaller),
        Example(
            name: "Rust mutex inside a Once", module: "/bin/app",
            frames: [
                "syscall" + libc, "<std::sys::sync::mutex::futex::Mutex>::lock_contended", "<std::sys::sync::once::futex::Once>::call",
            ], kind: .futexMutex, cause: .noSignaller),
        Example(
            name: "Rust barrier", module: "/bin/app",
            frames: ["syscall" + libc, "<std::sys::sync::condvar::futex::Condvar>::wait", "<std::sync::barrier::Barrier>::wait"],
            kind: .futexBarrier, cause: .noSignaller),
        Example(
            name: "a condition variable of the program's, around it Tokio", module: "/bin/app",
            frames: [
                "syscall" + libc, "<std::sys::sync::condvar::futex::Condvar>::wait", "app::job", "tokio::runtime::scheduler::worker::run",
            ], kind: .futexCondvar, cause: .noSignaller),
        Example(
            name: "Tokio's worker", module: "/bin/app",
            frames: [
                "syscall" + libc, "<std::sys::sync::condvar::futex::Condvar>::wait", "tokio::runtime::scheduler::multi_thread::park::park",
            ], kind: .runtimePark, cause: .idle),
        Example(
            name: "libuv's pool", module: "/bin/node",
            frames: ["pthread_cond_wait" + libc, "uv_cond_wait", "worker", "start_thread" + libc],
            kind: .runtimePark, cause: .idle),
        Example(
            name: "libdispatch's pool", module: "/lib/libdispatch.so",
            frames: ["", "_dispatch_sema4_timedwait", "_dispatch_semaphore_wait_slow", "_dispatch_worker_thread"], kind: .runtimePark,
            cause: .idle),
        Example(
            name: "a semaphore of the program's on a worker thread", module: "/lib/libdispatch.so",
            frames: [
                "", "_dispatch_sema4_wait", "_dispatch_semaphore_wait_slow", "app.f()@/bin/app", "_dispatch_worker_thread",
            ], kind: .futexSemaphore, cause: .noSignaller),
        Example(
            name: "CPython's lock", module: "/usr/bin/python3.11", frames: ["sem_clockwait" + libc, "PyThread_acquire_lock_timed", ""],
            kind: .runtimePark, cause: .noSignaller),
        Example(
            name: "CPython's interpreter lock without symbols", module: "/usr/bin/python3.11",
            frames: ["pthread_cond_timedwait" + libc, "", "PyEval_RestoreThread", ""], kind: .runtimePark, cause: .runtimeInternal),
    ]

    @Test(arguments: examples)
    func frames(_ example: Example) throws {
        let frames = Self.frames(example.frames, in: example.module)
        let found = try #require(RuntimeFrames.meaning(of: frames, threadName: example.thread))
        #expect(found.meaning.kind == example.kind)
        #expect(found.meaning.deadEnd == example.cause)
    }

    @Test(
        "What is no runtime's wait says nothing",
        arguments: [
            ["pthread_cond_wait@/lib/libc.so.6", "worker", "start_thread@/lib/libc.so.6"],
            ["pthread_cond_timedwait@/lib/libc.so.6", "wait_for_job", "PyEval_RestoreThread@/usr/bin/python3.11"],
            ["clock_nanosleep@/lib/libc.so.6", "app.run()", "_dispatch_worker_thread@/lib/libdispatch.so"],
            ["epoll_wait@/lib/libc.so.6", "runtime.main"],
            [],
        ])
    func others(_ frames: [String]) {
        #expect(RuntimeFrames.meaning(of: Self.frames(frames, in: "/bin/app"), threadName: "app") == nil)
    }
}
