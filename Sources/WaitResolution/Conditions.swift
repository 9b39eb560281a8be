import Evidence
import ProcFS
import WaitModel

/// glibc's condition variables and semaphores. Neither records who would signal. Several fields must agree with the call before the kind
/// is claimed. Source: glibc sysdeps/nptl/bits/thread-shared-types.h, nptl/pthread_cond_wait.c, nptl/sem_waitcommon.c, nptl/sem_open.c.
enum Conditions {
    static func resolve(_ memory: FutexMemory, _ thread: BlockedThread, on host: Host) -> Wait? {
        semaphore(memory, thread, on: host) ?? condition(memory, thread, on: host)
    }

    // MARK: Semaphores

    private static func semaphore(_ memory: FutexMemory, _ thread: BlockedThread, on host: Host) -> Wait? {
        let threads = host.process(thread.id.process)?.threads.count ?? 1
        guard let waiters = semaphoreWaiters(memory, among: threads, thread) else { return nil }
        let call = memory.call
        let mapping = call.sharedPlace(thread, on: host)
        let name = mapping.flatMap(semaphoreName)
        let label = name.map { "semaphore \($0)" } ?? "semaphore"
        var wait = Futexes.nobodyNamed(
            .futexSemaphore,
            call.register(
                kind: "semaphore", label: label, thread, on: host, facts: [("value", .number(0)), ("waiters", .number(Int64(waiters)))]),
            because: "a semaphore does not record who will post it",
            "waits on \(name.map { "semaphore \($0)" } ?? "a semaphore") (value 0, \(waiters) waiting)")
        if name != nil, let mapping { wait.release.parties += posters(mapping, thread, on: host) }
        return wait
    }

    /// How many threads wait on a semaphore whose value is 0; nil when it is none.
    private static func semaphoreWaiters(_ memory: FutexMemory, among threads: Int, _ thread: BlockedThread) -> UInt32? {
        let call = memory.call
        guard !memory.hasChanged else { return nil }
        let (waiters, sharing): (UInt32?, UInt32?)
        if thread.wordSize == 8 {
            // {u64 value and, in its upper half, waiters; int private}
            guard call.value == 0, call.address % 8 == 0 else { return nil }
            (waiters, sharing) = (memory.u32(4), memory.u32(8))
        } else {
            // {unsigned value << 1 | somebody waits; int private; int pad; unsigned waiters}
            guard call.value == 1 else { return nil }
            (waiters, sharing) = (memory.u32(12), memory.u32(4))
        }
        // FUTEX_PRIVATE is 0, FUTEX_SHARED is 128 (sysdeps/nptl/futex-internal.h).
        guard let waiters, let sharing, (1...1 << 20).contains(waiters), sharing == (call.isPrivate ? 0 : 128),
            !call.isOnOwnStack(thread) || waiters <= threads
        else { return nil }
        return waiters
    }

    /// sem_open keeps semaphore `/X` in the file `sem.X` of /dev/shm.
    private static func semaphoreName(_ mapping: MemoryMapping) -> String? {
        guard var name = mapping.path.map(FutexCaller.fileName), name.hasPrefix("sem.") else { return nil }
        if name.hasSuffix(" (deleted)") { name = String(name.dropLast(10)) }
        return "/" + name.dropFirst(4)
    }

    /// Every other process that has the named semaphore open could post it; reading everybody's maps is for named targets only.
    private static func posters(_ mapping: MemoryMapping, _ thread: BlockedThread, on host: Host) -> [Party] {
        guard host.readsStacksForKinds, let pids = try? host.processIDs().get() else { return [] }
        var parties: [Party] = []
        for pid in pids where pid != thread.reading.pid && parties.count < 64 {
            guard let process = host.process(pid), let living = process.living, !living.stat.isKernelThread,
                host.mappings(of: living).contains(where: {
                    $0.inode == mapping.inode && $0.deviceMajor == mapping.deviceMajor && $0.deviceMinor == mapping.deviceMinor
                })
            else { continue }
            parties.append(
                Party(.process(process.id), role: "possible poster", certainty: .possible, because: "it has the semaphore open, too"))
        }
        return parties
    }

    // MARK: Condition variables

    private static func condition(_ memory: FutexMemory, _ thread: BlockedThread, on host: Host) -> Wait? {
        // All waiters of a private one are threads of the process; a copy that fork made may count the parent's.
        let most = memory.call.isOnOwnStack(thread) ? host.process(thread.id.process)?.threads.count ?? 1 : 1 << 20
        guard let found = conditionWaiters(memory, atMost: UInt32(clamping: most)) else { return nil }
        return Futexes.nobodyNamed(
            .futexCondvar,
            memory.call.register(
                kind: "condition variable", label: "condition variable", at: memory.call.address &- UInt64(found.offset), thread, on: host,
                facts: [("waiters", .number(Int64(found.waiters)))]),
            because: "a condition variable does not record who will signal it",
            "waits on a condition variable (\(found.waiters) waiting)")
    }

    /// Where in the condition variable the word is, and how many threads use it; nil when it is none.
    ///
    /// Since 2.25 {u64 wseq; u64 g1_start; u32 g_refs[2]; u32 g_size[2]; u32 g1_orig_size; u32 wrefs; u32 g_signals[2]}; since 2.42 without
    /// `g_refs`, and with two unused words at the end. The waiter sleeps on the element of `g_signals` that is its group's.
    private static func conditionWaiters(_ memory: FutexMemory, atMost most: UInt32) -> (offset: Int, waiters: UInt32)? {
        for (signals, references, group) in [(40, 36, 16), (44, 36, 20), (32, 28, nil), (36, 28, nil)] as [(Int, Int, Int?)] {
            guard let wrefs = memory.u32(references - signals), let sequence = memory.u64(-signals),
                let start = memory.u64(8 - signals)
            else { continue }
            // Bit 0: shared between processes; bit 1: CLOCK_MONOTONIC; from bit 3 on, a count.
            let waiters = wrefs >> 3
            guard (1...max(1, most)).contains(waiters), sequence >> 1 >= UInt64(waiters), start >> 1 <= sequence >> 1,
                (wrefs & 1 != 0) == !memory.call.isPrivate, wrefs & 4 == 0,
                !memory.call.hasLimit || memory.call.usesRealTime == (wrefs & 2 == 0) || memory.call.command == 0
            else { continue }
            if let group {
                guard memory.call.value & ~1 == 0, let inGroup = memory.u32(group - signals), (1...waiters).contains(inGroup >> 1) else {
                    continue
                }
            } else {
                guard memory.u32(40 - signals) == 0, memory.u32(44 - signals) == 0 else { continue }
            }
            return (signals, waiters)
        }
        return nil
    }
}
