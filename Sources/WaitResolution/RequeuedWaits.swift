import Evidence
import ProcFS
import WaitModel

/// Waiters that the kernel moves from a condition variable's word to a mutex's (FUTEX_CMP_REQUEUE, FUTEX_WAIT_REQUEUE_PI) without waking
/// them: procfs goes on showing the word that they went to sleep on. That it has changed since is the mark.
/// Source: kernel/futex/requeue.c; glibc before 2.25, nptl/pthread_cond_wait.c and pthread_cond_broadcast.c.
enum RequeuedWaits {
    /// FUTEX_WAIT_REQUEUE_PI names both words.
    static func resolve(_ memory: FutexMemory, _ thread: BlockedThread, on host: Host) -> Wait? {
        let call = memory.call
        let second = FutexCall(address: call.secondAddress, value: 0, isPrivate: call.isPrivate)
        if memory.hasChanged, let target = FutexMemory(second, thread), target.word & FutexCall.waitersBit != 0 {
            Futexes.cite(target, thread)
            var wait = OwnedLock(
                noun: "priority-inheriting mutex", passesOn: true, certainty: .inferred,
                because: "the kernel takes the lock's word for its owner's thread id"
            ).wait(owner: target.word & FutexCall.tidMask, second, thread, on: host)
            if let text = wait?.description { wait?.description = text + ConditionFrames.clause }
            return wait
        }
        return Futexes.nobodyNamed(
            .futexCondvar, call.register(kind: "condition variable", label: "condition variable", thread, on: host),
            because: "a condition variable does not record who will signal it",
            "waits on a condition variable whose mutex inherits priority")
    }

    /// {int lock; unsigned futex; u64 total_seq, wakeup_seq, woken_seq; void *mutex; unsigned nwaiters, broadcast_seq}: every wait and every
    /// wake-up adds one to `futex`, so it is the sum of the first two counts.
    static func oldCondition(_ memory: FutexMemory, _ caller: FutexCaller, _ thread: BlockedThread, on host: Host) -> Wait? {
        let call = memory.call
        guard caller.library != .musl, let lock = memory.u32(-4), lock <= 2, let total = memory.u64(4), let wakeups = memory.u64(12),
            let woken = memory.u64(20), let mutex = memory.pointer(28, thread.wordSize), let users = memory.u32(28 + thread.wordSize),
            total >= 1, wakeups <= total, woken <= wakeups, memory.word == UInt32(truncatingIfNeeded: total &+ wakeups),
            (1...1 << 20).contains(users >> 1), mutex > 0x10000, mutex % 4 == 0
        else { return nil }
        if memory.hasChanged, !call.hasLimit, wakeups > woken {
            let second = FutexCall(address: mutex, value: 2, isPrivate: call.isPrivate)
            let standIn = FutexCaller(library: caller.library, place: .unknown, function: nil)
            if let target = FutexMemory(second, thread), var wait = Mutexes.resolve(target, standIn, thread, on: host) {
                Futexes.cite(target, thread)
                wait.description += ConditionFrames.clause
                return wait
            }
        }
        return Futexes.nobodyNamed(
            .futexCondvar,
            call.register(
                kind: "condition variable", label: "condition variable", at: call.address &- 4, thread, on: host,
                facts: [("waiters", .number(Int64(users >> 1))), ("mutex", .text("0x" + String(mutex, radix: 16)))]),
            because: "a condition variable does not record who will signal it", "waits on a condition variable (\(users >> 1) waiting)")
    }
}
