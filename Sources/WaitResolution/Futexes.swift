import Evidence
import ProcFS
import WaitModel

/// Futex waits: the C library's objects, told by what stands around the word and by which code made the call; the owner where the memory
/// or the kernel's rule names one. Where neither knows the word, it stays a futex.
/// Source: futex(2), kernel/futex; glibc nptl; musl src/thread.
enum Futexes: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        if thread.callName == "futex_waitv" { return FutexVectors.resolve(thread, on: host) }
        guard let call = FutexCall(thread) else { return nil }
        let memory = FutexMemory(call, thread)
        if let memory { cite(memory, thread) }
        var wait = memory.flatMap { waitOnWord($0, thread, on: host) } ?? other(call, thread, on: host)
        if let limit = call.timeoutSeconds(thread) {
            wait.timeoutSeconds = limit
            wait.mobility = .free(.timer)
        } else if let memory, call.command == 0 || call.command == FutexCall.waitBitset, memory.hasChanged {
            // kernel/futex/waitwake.c futex_wait_setup compares under the bucket's lock, so the word was changed later.
            thread.cite(
                "memory \(thread.reading.pid):0x\(String(call.address, radix: 16))",
                "the word has changed since the thread began to wait for 0x\(String(call.value, radix: 16)): a wake-up was lost, "
                    + "is on its way or was meant for others, or the thread was moved to another word's queue")
        }
        FutexFrames.sharpen(&wait, thread, on: host)
        return wait
    }

    static func cite(_ memory: FutexMemory, _ thread: BlockedThread) {
        thread.cite(
            "memory \(thread.reading.pid):0x\(String(memory.call.address, radix: 16))", "futex word 0x\(String(memory.word, radix: 16))")
    }

    /// What the word is part of; nil when nothing that is known.
    static func waitOnWord(_ memory: FutexMemory, _ thread: BlockedThread, on host: Host) -> Wait? {
        let call = memory.call
        if call.isPriorityInheriting { return Mutexes.priorityInheriting(memory, thread, on: host) }
        if call.command == FutexCall.waitRequeuePI { return RequeuedWaits.resolve(memory, thread, on: host) }
        guard call.isPlainWait else { return nil }
        // What proves itself, whoever made the call.
        if let queue = DispatchQueues.resolve(call, thread, on: host) { return queue }
        if let join = Joins.resolve(memory, thread, on: host) { return join }
        let isBitset = call.command == FutexCall.waitBitset
        // glibc's condition variables, semaphores and rwlocks wait by FUTEX_WAIT_BITSET (sysdeps/nptl/futex-internal.h), musl never.
        if isBitset, call.hasLimit || call.usesRealTime, !call.isOnOwnStack(thread),
            let wait = Conditions.resolve(memory, thread, on: host)
        {
            return wait
        }
        let caller = FutexCaller.of(thread, on: host)
        if let wait = ParkedForGood.resolve(memory, caller, thread, on: host) { return wait }
        if isBitset, call.hasLimit || call.usesRealTime,
            let wait = Rwlocks.resolve(memory, caller, thread, on: host) ?? Conditions.resolve(memory, thread, on: host)
        {
            return wait
        }
        if caller.mayBe(.musl), !isBitset, let wait = MuslLocks.resolve(memory, caller, thread, on: host) { return wait }
        let isPlainOfGNU = !isBitset && caller.surelyIs(.glibc)
        // A barrier's round may be 2, as a lock's word is; its arithmetic is the stronger sign.
        if isPlainOfGNU, let wait = OnceAndBarrier.barrier(memory, thread, on: host) { return wait }
        if caller.mayBe(.glibc), let wait = Mutexes.resolve(memory, caller, thread, on: host) { return wait }
        if isPlainOfGNU {
            if let wait = OnceAndBarrier.once(memory, thread, on: host) { return wait }
            // glibc 2.25 to 2.29 without a time limit.
            if let wait = Conditions.resolve(memory, thread, on: host) { return wait }
        }
        return RequeuedWaits.oldCondition(memory, caller, thread, on: host) ?? GuardWaits.resolve(memory, thread, on: host)
    }

    /// A wait that nobody can be named for.
    static func nobodyNamed(
        _ kind: WaitKind, _ resource: ResourceID, role: String = "signaller", because: String, isDemand: Bool = false, _ text: String
    ) -> Wait {
        Wait(
            kind: kind, resource: resource,
            release: Release(.any, [Party(.outside(.unnamed), role: role, certainty: .possible, because: because)]),
            deadEnd: .noSignaller, isDemand: isDemand, description: text)
    }

    static func other(_ call: FutexCall, _ thread: BlockedThread, on host: Host) -> Wait {
        nobodyNamed(
            .futexOther, call.register(kind: "futex", label: "futex", thread, on: host), role: "waker",
            because: "the word does not name who will wake it", "waits on a futex at 0x\(String(call.address, radix: 16))")
    }
}

extension Host {
    /// The thread of a process whose id in its own innermost pid namespace is `tid`, as C libraries store it.
    func thread(ofInnermostID tid: Int32, in process: ProcessID) -> ThreadReading? {
        guard let reading = self.process(process) else { return nil }
        let leader = status(pid: process.pid, tid: reading.living?.tid ?? process.pid)
        if (leader?.namespaceIDs.count ?? 1) <= 1 { return reading.threads.first { $0.tid == tid } }
        return reading.threads.first { status(pid: process.pid, tid: $0.tid)?.innermostID == tid }
    }
}
