import Evidence
import ProcFS
import WaitModel

/// glibc's mutexes of all types, its stdio and internal locks, and every lock that the kernel passes on by priority inheritance.
///
/// That memory looks like a mutex does not make it one: the claim is certain when the call came from the C library's own code and every
/// field agrees. Source: glibc sysdeps/nptl/bits/struct_mutex.h, nptl/pthreadP.h, nptl/pthread_mutex_lock.c, nptl/lowlevellock.c.
enum Mutexes {
    /// Bits of `__kind` (nptl/pthreadP.h).
    private static let robustBit: UInt32 = 0x10
    private static let inheritBit: UInt32 = 0x20
    private static let protectBit: UInt32 = 0x40
    private static let sharedBit: UInt32 = 0x80
    /// FORCE_ELISION, NO_ELISION.
    private static let elisionBits: UInt32 = 0x300
    /// PTHREAD_MUTEX_PRIO_CEILING_MASK: the word of a priority-protecting mutex holds its ceiling, too.
    private static let ceilingBits: UInt32 = 0xfff8_0000
    /// PTHREAD_MUTEX_INCONSISTENT, PTHREAD_MUTEX_NOTRECOVERABLE.
    private static let specialOwners: [UInt32] = [0x7fff_ffff, 0x7fff_fffe]

    static func resolve(_ memory: FutexMemory, _ caller: FutexCaller, _ thread: BlockedThread, on host: Host) -> Wait? {
        let isCertain = caller.surelyIs(.glibc)
        if memory.call.value & FutexCall.waitersBit != 0 { return robust(memory, isCertain, thread, on: host) }
        // Whoever sleeps has set the word to 2. Without a time limit the library waits by FUTEX_WAIT, with one by FUTEX_WAIT_BITSET
        // (sysdeps/nptl/futex-internal.h); by FUTEX_WAIT_BITSET without one others wait, Rust's locks among them.
        guard memory.call.command == 0 || memory.call.hasLimit else { return nil }
        let kind = memory.u32(thread.wordSize == 8 ? 16 : 12) ?? 0
        guard memory.call.value & ~(kind & protectBit != 0 ? ceilingBits : 0) == 2 else { return nil }
        if isCertain, memory.word & ~ceilingBits == 0 {
            return OwnedLock(noun: "lock").unnamed(
                memory.call, thread, on: host, because: "the lock is free",
                "waits for a lock that nobody holds now: its wake-up was lost or is on its way")
        }
        if let lock = ordinary(memory, isCertain, thread, on: host) { return lock }
        if let stream = standardStream(memory, thread, on: host) { return stream }
        guard isCertain else { return nil }
        return internalLock(memory, caller, thread, on: host)
    }

    /// {int lock; unsigned count; int owner; unsigned nusers; int kind; short spins, elision; list}, on 32 bits {… owner; kind; nusers; …}.
    private static func ordinary(_ memory: FutexMemory, _ isCertain: Bool, _ thread: BlockedThread, on host: Host) -> Wait? {
        let is64 = thread.wordSize == 8
        guard let count = memory.u32(4), let owner = memory.u32(8), let kind = memory.u32(is64 ? 16 : 12),
            let users = memory.u32(is64 ? 12 : 16)
        else { return nil }
        let type = kind & 3
        guard kind & ~(3 | protectBit | sharedBit | elisionBits) == 0,
            (kind & sharedBit != 0) == !memory.call.isPrivate, owner <= LockOwners.largestTID
        else { return nil }
        // Only a recursive mutex counts, a priority-protecting one to 1; only an adaptive one spins; a robust one alone is in a list.
        guard type == 1 || count <= (kind & protectBit == 0 ? 0 : 1), type != 1 || count >= 1 || owner == 0 else { return nil }
        if is64 {
            guard memory.u64(24) == 0, memory.u64(32) == 0, type == 3 || (memory.u32(20) ?? 1) & 0xffff == 0 else { return nil }
        }
        let name = ["mutex", "recursive mutex", "error-checking mutex", "adaptive mutex"][Int(type)]
        guard owner != 0 else {
            // All zero but for the lock: a lock of the C library's own, which is one int, looks the same.
            guard isCertain, users >= 1 || kind != 0 else { return nil }
            return OwnedLock(noun: name).unnamed(
                memory.call, thread, on: host, because: "the lock names no owner: it changes hands, or hardware lock elision is on",
                "waits for a mutex that names no owner")
        }
        guard users >= 1, users <= 1 << 20 else { return nil }
        var lock = OwnedLock(noun: name, certainty: isCertain ? .certain : .inferred)
        if type == 1, isInLoader(memory.call, thread, on: host) {
            lock = OwnedLock(noun: "dynamic loader's lock", isTheOnlyOne: true, certainty: lock.certainty)
        }
        var wait = lock.wait(owner: owner, memory.call, thread, on: host)
        if let text = wait?.description, ConditionFrames.isReacquiring(thread, on: host) {
            wait?.description = text + ConditionFrames.clause
        }
        return wait
    }

    /// The word is "owner | FUTEX_WAITERS", as the kernel's robust list has it.
    private static func robust(_ memory: FutexMemory, _ isCertain: Bool, _ thread: BlockedThread, on host: Host) -> Wait? {
        let is64 = thread.wordSize == 8
        guard let kind = memory.u32(is64 ? 16 : 12), let recorded = memory.u32(8), let count = memory.u32(4) else { return nil }
        // Unlike other types a robust one counts in any case. The word says who owns it now; what the waiter saw may be an earlier owner.
        let owner = memory.word & FutexCall.tidMask
        guard kind & robustBit != 0, kind & ~(0x1f | sharedBit | elisionBits) == 0, owner != 0, owner <= LockOwners.largestTID,
            recorded == owner || specialOwners.contains(recorded) || recorded == 0, kind & 3 == 1 || count <= 1
        else { return nil }
        var wait = OwnedLock(noun: "robust mutex", passesOn: true, certainty: isCertain ? .certain : .inferred).wait(
            owner: owner, memory.call, thread, on: host)
        if let text = wait?.description, ConditionFrames.isReacquiring(thread, on: host) {
            wait?.description = text + ConditionFrames.clause
        }
        return wait
    }

    /// stdio's lock: {int lock; int count; void *owner}, owner pointing to the holder's struct pthread, which proves itself.
    private static func standardStream(_ memory: FutexMemory, _ thread: BlockedThread, on host: Host) -> Wait? {
        guard memory.call.isPrivate, let count = memory.u32(4), (1...(1 << 20)).contains(count),
            let owner = memory.pointer(8, thread.wordSize),
            let tid = ThreadDescriptor.tid(ofDescriptorAt: owner, thread), tid != 0, tid <= LockOwners.largestTID
        else { return nil }
        return OwnedLock(noun: "stdio stream's lock", because: "the lock points to its thread's descriptor").wait(
            owner: tid, memory.call, thread, on: host)
    }

    /// One int without an owner (nptl/lowlevellock.c): malloc's arenas, fork's and exit's lists, and others.
    private static func internalLock(_ memory: FutexMemory, _ caller: FutexCaller, _ thread: BlockedThread, on host: Host) -> Wait {
        OwnedLock(noun: "lock inside the C library").unnamed(
            memory.call, thread, on: host, because: "a lock inside the C library records no owner",
            "waits for a lock inside the C library, which records no owner")
    }

    private static func isInLoader(_ call: FutexCall, _ thread: BlockedThread, on host: Host) -> Bool {
        let mappings = host.mappings(of: thread.reading)
        // The last page of the loader's data has no file behind it; it follows its file's mappings.
        guard let index = mappings.firstIndex(where: { $0.start <= call.address && call.address < $0.end }) else { return false }
        let path = mappings[index].path ?? (index > 0 && mappings[index - 1].end == mappings[index].start ? mappings[index - 1].path : nil)
        let name = path.map(FutexCaller.fileName) ?? ""
        return name.hasPrefix("ld-linux") || name.hasPrefix("ld-2.") || name.hasPrefix("ld64.so")
    }

    // MARK: Priority inheritance

    /// FUTEX_LOCK_PI: the kernel itself takes the word's low 30 bits for the owner (kernel/futex/pi.c), whatever library made it.
    static func priorityInheriting(_ memory: FutexMemory, _ thread: BlockedThread, on host: Host) -> Wait? {
        let owner = memory.word & FutexCall.tidMask
        let lock = OwnedLock(
            noun: "priority-inheriting mutex", passesOn: true, because: "the kernel takes the lock's word for its owner's thread id")
        guard owner != 0 else {
            return lock.unnamed(
                memory.call, thread, on: host, because: "the lock names no owner",
                "waits for a priority-inheriting mutex that names no owner")
        }
        var wait = lock.wait(owner: owner, memory.call, thread, on: host)
        if let text = wait?.description, ConditionFrames.isReacquiring(thread, on: host) {
            wait?.description = text + ConditionFrames.clause
        }
        return wait
    }
}

/// A thread that was woken from a condition variable needs its mutex again before pthread_cond_wait returns.
enum ConditionFrames {
    static let clause = "; it was woken from a condition variable and needs the mutex again"

    static func isReacquiring(_ thread: BlockedThread, on host: Host) -> Bool {
        guard host.readsStacksForKinds, let stack = host.stackReader.stack(of: thread.reading) else { return false }
        let name = stack.frames.prefix(6).lazy.compactMap(\.function).first {
            $0.hasPrefix("pthread_cond_") || $0.hasPrefix("__pthread_cond_") || $0.hasPrefix("___pthread_cond_") || $0.hasPrefix("cnd_")
        }
        guard let name else { return false }
        thread.cite("user stack", name)
        return true
    }
}
