import Evidence
import WaitModel

/// glibc's barriers and one-time initialisations, told by the call that only the C library's code makes and by their own arithmetic.
/// Source: glibc nptl/pthread_barrier_wait.c, sysdeps/nptl/internaltypes.h `struct pthread_barrier`; nptl/pthread_once.c.
enum OnceAndBarrier {
    /// {unsigned in; unsigned current_round; unsigned count; int shared; unsigned out}: `in` counts arrivals, the round is the number
    /// of those that may leave, always a multiple of `count`.
    static func barrier(_ memory: FutexMemory, _ thread: BlockedThread, on host: Host) -> Wait? {
        guard !memory.hasChanged, let arrivals = memory.u32(-4), let count = memory.u32(4), let sharing = memory.u32(8),
            let out = memory.u32(12),
            sharing == (memory.call.isPrivate ? 0 : 128), count >= 2, count <= 1 << 22, memory.word % count == 0,
            arrivals > memory.word, arrivals - memory.word < count, out <= memory.word
        else { return nil }
        let came = arrivals - memory.word
        return Futexes.nobodyNamed(
            .futexBarrier,
            memory.call.register(
                kind: "barrier", label: "barrier", at: memory.call.address &- 4, thread, on: host,
                facts: [("arrived", .number(Int64(came))), ("needed", .number(Int64(count)))]),
            role: "threads that have not come", because: "a barrier counts who has come and does not record who has not",
            "waits at a barrier: \(came) of \(count) threads have come")
    }

    /// One int: 1 and the fork generation while somebody initialises.
    static func once(_ memory: FutexMemory, _ thread: BlockedThread, on host: Host) -> Wait? {
        guard !memory.hasChanged, memory.call.isPrivate, memory.word & 3 == 1, memory.word < 4096, !memory.call.isOnOwnStack(thread) else {
            return nil
        }
        return Futexes.nobodyNamed(
            .futexOnce, memory.call.register(kind: "once", label: "one-time initialisation", thread, on: host), role: "initialising thread",
            because: "pthread_once does not record who runs the initialisation", isDemand: true,
            "waits for a one-time initialisation (pthread_once, call_once) that another thread runs")
    }
}

/// A C++ function's static that another thread initialises. libstdc++'s guard holds bits only; libc++abi's holds the thread's id.
/// Source: gcc libstdc++-v3/libsupc++/guard.cc; llvm libcxxabi/src/cxa_guard_impl.h.
enum GuardWaits {
    /// _GLIBCXX_GUARD_PENDING_BIT | _GLIBCXX_GUARD_WAITING_BIT
    private static let pendingAndAwaited: UInt32 = 0x10100

    static func resolve(_ memory: FutexMemory, _ thread: BlockedThread, on host: Host) -> Wait? {
        guard memory.call.command == 0, !memory.call.isPrivate, memory.word == memory.call.value,
            memory.word == pendingAndAwaited, memory.call.address % 8 == 0, memory.u32(4) == 0
        else { return nil }
        return Futexes.nobodyNamed(
            .futexOnce, memory.call.register(kind: "guard", label: "guard of a C++ static", thread, on: host), role: "initialising thread",
            because: "the guard does not record who initialises", isDemand: true,
            "waits for a C++ static that another thread initialises; its guard does not record which")
    }
}
