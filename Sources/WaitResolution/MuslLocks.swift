import Evidence
import WaitModel

/// musl's locks. An ordinary mutex records nobody, the other types record their owner and stand in a list that begins in its descriptor;
/// condition variables and barriers live on the waiters' stacks. All wait by FUTEX_WAIT.
/// Source: musl src/thread, src/internal/pthread_impl.h, src/stdio/__lockfile.c.
enum MuslLocks {
    static func resolve(_ memory: FutexMemory, _ caller: FutexCaller, _ thread: BlockedThread, on host: Host) -> Wait? {
        if let wait = recordedMutex(memory, caller, thread, on: host) { return wait }
        // What follows is told by a few small numbers: only in a program that is known to use musl.
        guard caller.surelyIs(.musl) else { return nil }
        return condition(memory, thread, on: host) ?? barrier(memory, thread, on: host)
            ?? ordinaryMutex(memory, thread, on: host) ?? semaphoreOrRwlock(memory, thread, on: host) ?? stream(memory, thread, on: host)
            ?? once(memory, thread, on: host) ?? internalLock(memory, caller, thread, on: host)
    }

    private static let lockBits: UInt32 = 0x8000_0000

    // MARK: Mutexes: {int type; int lock; int waiters; …; void *prev, *next; int count}

    /// The word is the owner's thread id; `prev` leads to a pointer to this mutex.
    private static func recordedMutex(
        _ memory: FutexMemory, _ caller: FutexCaller, _ thread: BlockedThread, on host: Host
    ) -> Wait? {
        let call = memory.call
        let size = thread.wordSize
        guard call.value & lockBits != 0, let type = memory.u32(-4), let waiters = memory.u32(4), type & ~0x8f == 0, type & 7 != 0,
            type & 8 == 0, (type & 0x80 != 0) == !call.isPrivate, (1...1 << 20).contains(waiters)
        else { return nil }
        let owner = memory.word & FutexCall.tidMask
        guard owner != 0, owner <= LockOwners.largestTID else { return nil }
        // `prev` and `next` are the fourth and fifth pointers from the mutex's start.
        let base = call.address &- 4
        var isListed = false
        if let previous = memory.pointer(3 * size - 4, size), previous != 0, let link = thread.memory(previous, size), link.count == size {
            isListed = (size == 8 ? link.u64(0) : UInt64(link.u32(0))) == base &+ UInt64(4 * size)
        }
        guard isListed || caller.surelyIs(.musl) else { return nil }
        let isRobust = type & 4 != 0
        let noun = isRobust ? "robust mutex" : type & 3 == 1 ? "recursive mutex" : "error-checking mutex"
        // A shared list belongs to another address space, whose pointers lead nowhere here.
        let isCertain = isListed || (caller.surelyIs(.musl) && !call.isPrivate)
        return OwnedLock(
            noun: noun, passesOn: isRobust, certainty: isCertain ? .certain : .inferred, because: "the lock's word is its thread id",
            address: base
        )
        .wait(owner: owner, call, thread, on: host)
    }

    /// EBUSY in the place of an owner.
    private static func ordinaryMutex(_ memory: FutexMemory, _ thread: BlockedThread, on host: Host) -> Wait? {
        let call = memory.call
        guard call.value == 0x8000_0010, let type = memory.u32(-4), type & ~0x80 == 0, (type & 0x80 != 0) == !call.isPrivate,
            let waiters = memory.u32(4), (1...1 << 20).contains(waiters),
            // A rwlock with 16 readers has the same word.
            FutexFrames.meaning(thread, on: host)?.kind != .futexRwlock
        else { return nil }
        let woken = ConditionFrames.isReacquiring(thread, on: host) ? ConditionFrames.clause : ""
        return OwnedLock(noun: "mutex", address: call.address &- 4, facts: [("waiters", .number(Int64(waiters)))]).unnamed(
            call, thread, on: host, because: "an ordinary mutex of musl does not record its owner",
            "waits for a mutex; musl does not record the owner of an ordinary one" + woken)
    }

    /// FILE's lock: thread id and MAYBE_WAITERS. Around it {…; int fd, pipe_pid; long lockcount; int mode; int lock; int lbf; …}.
    private static func stream(_ memory: FutexMemory, _ thread: BlockedThread, on host: Host) -> Wait? {
        let call = memory.call
        guard call.isPrivate, call.value & 0xc000_0000 == 0x4000_0000, !memory.hasChanged else { return nil }
        let owner = memory.word & FutexCall.tidMask
        // Buffering by lines ends at '\n' or nowhere (-1).
        guard owner != 0, owner <= LockOwners.largestTID, let descriptor = memory.u32(thread.wordSize == 8 ? -20 : -16),
            Int32(bitPattern: descriptor) >= -1, let line = memory.u32(4), line == 10 || line == UInt32.max
        else { return nil }
        return OwnedLock(noun: "stdio stream's lock", because: "the lock's word is its thread id").wait(
            owner: owner, call, thread, on: host)
    }

    // MARK: {int value; int waiters; int sharing; …}

    /// Both wait for a word with the highest bit set. Of a semaphore the third int is the futex flag for "private", of a rwlock the flag
    /// for "shared" (sem_init.c, pthread_rwlock_timedrdlock.c), so that one is 0 where the other is 128.
    private static func semaphoreOrRwlock(_ memory: FutexMemory, _ thread: BlockedThread, on host: Host) -> Wait? {
        let call = memory.call
        guard call.value & lockBits != 0, let waiters = memory.u32(4), (1...1 << 20).contains(waiters), let sharing = memory.u32(8),
            sharing == 0 || sharing == 128
        else { return nil }
        if sharing == (call.isPrivate ? 128 : 0) {
            guard call.value == 0x8000_0000 || call.value == UInt32.max else { return nil }
            return Futexes.nobodyNamed(
                .futexSemaphore,
                call.register(
                    kind: "semaphore", label: "semaphore", thread, on: host,
                    facts: [("value", .number(0)), ("waiters", .number(Int64(waiters)))]),
                because: "a semaphore does not record who will post it", "waits on a semaphore (value 0, \(waiters) waiting)")
        }
        let readers = call.value & 0x7fff_ffff
        guard readers != 0, readers == 0x7fff_ffff || readers <= 1 << 20 else { return nil }
        let isWritten = readers == 0x7fff_ffff
        let lock = OwnedLock(noun: "rwlock", kind: .futexRwlock, facts: isWritten ? [] : [("readers", .number(Int64(readers)))])
        let text =
            isWritten
            ? "waits for a rwlock that a writer holds; musl does not record which"
            : "waits for a rwlock to write; \(readers) reader\(readers == 1 ? " holds" : "s hold") it, and nothing records who"
        var wait = lock.unnamed(call, thread, on: host, because: "a rwlock of musl does not record who holds it", text)
        if !isWritten { wait.release.rule = .all }
        return wait
    }

    // MARK: On the waiters' stacks

    /// {prev, next; int state, barrier; int *notify} on the waiter's own stack; the condition variable's address is not to be seen.
    /// When it is signalled the waiters take the mutex one by one: each is moved to the mutex's queue by the one before it.
    private static func condition(_ memory: FutexMemory, _ thread: BlockedThread, on host: Host) -> Wait? {
        let call = memory.call
        guard call.value == 2, call.isPrivate, call.isOnOwnStack(thread), let state = memory.u32(-4), state <= 2 else {
            return sharedCondition(memory, thread, on: host)
        }
        let resource = call.register(kind: "condition variable", label: "condition variable's waiter", thread, on: host)
        if memory.word == 0 {
            var wait = OwnedLock(noun: "mutex of a condition variable").unnamed(
                call, thread, on: host, because: "the mutex is not recorded where the thread sleeps",
                "was woken from a condition variable and waits for its mutex again, in that mutex's queue")
            wait.resource = resource
            return wait
        }
        if state != 0 {
            return Futexes.nobodyNamed(
                .futexMutex, resource, role: "thread woken before", because: "the threads that were woken take the mutex one by one",
                isDemand: true, "was woken from a condition variable and waits for its turn to take the mutex again")
        }
        return Futexes.nobodyNamed(
            .futexCondvar, resource, because: "a condition variable does not record who will signal it", "waits on a condition variable")
    }

    /// {void *shared; int seq; int waiters; int clock; …} for those that processes share; the word is `seq`.
    private static func sharedCondition(_ memory: FutexMemory, _ thread: BlockedThread, on host: Host) -> Wait? {
        let call = memory.call
        let isShared = memory.pointer(-8, thread.wordSize).map { $0 != 0 } ?? false
        // The count's highest bit marks a condition variable that is being destroyed.
        guard !call.isPrivate, thread.wordSize == 8, isShared, let waiters = memory.u32(4), (1...1 << 20).contains(waiters & 0x7fff_ffff),
            let clock = memory.u32(8), clock <= 11, call.value & lockBits == 0
        else { return nil }
        return Futexes.nobodyNamed(
            .futexCondvar,
            call.register(
                kind: "condition variable", label: "condition variable", at: call.address &- 8, thread, on: host,
                facts: [("waiters", .number(Int64(waiters & 0x7fff_ffff)))]),
            because: "a condition variable does not record who will signal it", "waits on a condition variable")
    }

    /// {int count, last, waiters, finished} on the stack of the thread that came first: it waits for `finished`, the others for `last`.
    private static func barrier(_ memory: FutexMemory, _ thread: BlockedThread, on host: Host) -> Wait? {
        let call = memory.call
        guard call.isPrivate, !memory.hasChanged else { return nil }
        let (count, last, base): (UInt32?, UInt32?, UInt64)
        if call.value == 1, call.isOnOwnStack(thread) {
            (count, last, base) = (memory.u32(-12), memory.u32(-8), call.address &- 12)
        } else if call.value == 0, let finished = memory.u32(8), finished <= 1, (memory.u32(4) ?? 0) >= 1, (memory.u32(-4) ?? 0) >= 1 {
            (count, last, base) = (memory.u32(-4), memory.word, call.address &- 4)
        } else {
            return nil
        }
        guard let count, count <= 1 << 20, last == 0 else { return nil }
        return Futexes.nobodyNamed(
            .futexBarrier,
            call.register(
                kind: "barrier", label: "barrier", at: base, thread, on: host, facts: [("arrived", .number(Int64(count) + 1))]),
            role: "threads that have not come", because: "a barrier does not record who has not come",
            "waits at a barrier for the threads that have not come (\(count + 1) \(count == 0 ? "is" : "are") there)")
    }

    private static func once(_ memory: FutexMemory, _ thread: BlockedThread, on host: Host) -> Wait? {
        guard memory.call.value == 3, memory.call.isPrivate, !memory.hasChanged, !memory.call.isOnOwnStack(thread) else { return nil }
        return Futexes.nobodyNamed(
            .futexOnce, memory.call.register(kind: "once", label: "one-time initialisation", thread, on: host), role: "initialising thread",
            because: "pthread_once does not record who runs the initialisation", isDemand: true,
            "waits for a one-time initialisation (pthread_once, call_once) that another thread runs")
    }

    /// One int: a flag and the number of threads that want it (src/thread/__lock.c).
    private static func internalLock(_ memory: FutexMemory, _ caller: FutexCaller, _ thread: BlockedThread, on host: Host) -> Wait? {
        guard caller.function == "__lock", memory.call.value & lockBits != 0 else { return nil }
        return OwnedLock(noun: "lock inside the C library").unnamed(
            memory.call, thread, on: host, because: "a lock inside the C library records no owner",
            "waits for a lock inside the C library, which records no owner")
    }
}
