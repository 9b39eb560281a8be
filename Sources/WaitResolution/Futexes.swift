import Evidence
import ProcFS
import WaitModel

/// Futex waits: the C library's mutexes and joins where their memory names the owner; others by the shape of the word.
/// Source: futex(2), glibc nptl (struct __pthread_mutex_s, struct pthread), kernel/futex.
enum Futexes: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        guard let call = FutexCall(thread) else { return nil }
        var wait = waitOnWord(call, thread, on: host)
        if let limit = call.timeoutSeconds(thread) {
            wait.timeoutSeconds = limit
            wait.mobility = .free(.timer)
        }
        FutexFrames.sharpen(&wait, thread, on: host)
        PythonLocks.name(&wait, call, thread, on: host)
        return wait
    }

    private static func waitOnWord(_ call: FutexCall, _ thread: BlockedThread, on host: Host) -> Wait {
        // The page is present while somebody sleeps on it; 40 bytes from the word hold every layout that is read here.
        guard let bytes = thread.memory(call.address, 40), bytes.count >= 4 else { return other(call, thread, on: host) }
        let word = bytes.u32(0)
        thread.cite("memory \(thread.reading.pid):0x\(String(call.address, radix: 16))", "futex word 0x\(String(word, radix: 16))")
        if call.isPriorityInheriting {
            return Mutexes.owned(by: word & FutexCall.tidMask, call, thread, on: host, what: "priority-inheriting mutex")
        }
        guard call.isPlainWait else { return other(call, thread, on: host) }
        if let join = Joins.resolve(call, word: word, thread, on: host) { return join }
        if let mutex = Mutexes.resolve(call, bytes, thread, on: host) { return mutex }
        if let wait = conditionOrSemaphore(call, bytes, thread, on: host) { return wait }
        return other(call, thread, on: host)
    }

    /// glibc's condition variables and semaphores, told by the shape of what surrounds the word. Neither records who would signal.
    private static func conditionOrSemaphore(_ call: FutexCall, _ bytes: [UInt8], _ thread: BlockedThread, on host: Host) -> Wait? {
        // Both wait with FUTEX_WAIT_BITSET for the value 0 (nptl/sem_waitcommon.c, nptl/pthread_cond_wait.c).
        guard call.command == FutexCall.waitBitset, call.value == 0, thread.wordSize == 8 else { return nil }
        let waiters = bytes.u32(4)
        if call.address % 8 == 0, bytes.u32(0) == 0, (1...9999).contains(waiters),
            waiters <= 4 * threadCount(thread, host) + 4 || !call.isPrivate
        {
            return nobodyNamed(
                .futexSemaphore, "semaphore", call, thread, on: host, facts: [("value", .number(0)), ("waiters", .number(Int64(waiters)))],
                "waits on a semaphore (value 0, \(waiters) waiting)")
        }
        // __g_signals[0] is at +40, [1] at +44 of the condition variable, __wrefs at +36: its upper bits count the waiters.
        let base = call.address &- (call.address % 8 == 4 ? 44 : 40)
        guard let head = thread.memory(base, 48), head.count == 48 else { return nil }
        let references = head.u32(36) >> 3
        guard (1...9999).contains(references) else { return nil }
        return nobodyNamed(
            .futexCondvar, "condition variable", call, thread, on: host, facts: [("waiters", .number(Int64(references)))],
            "waits on a condition variable (\(references) waiting)")
    }

    private static func threadCount(_ thread: BlockedThread, _ host: Host) -> UInt32 {
        UInt32(clamping: host.process(thread.reading.id.process)?.threads.count ?? 1)
    }

    private static func nobodyNamed(
        _ kind: WaitKind, _ label: String, _ call: FutexCall, _ thread: BlockedThread, on host: Host,
        facts: [(key: String, value: FactValue)], _ text: String
    ) -> Wait {
        Wait(
            kind: kind, resource: call.register(kind: label, label: label, thread, on: host, facts: facts),
            release: Release(
                .any,
                [
                    Party(
                        .outside(.unnamed), role: "signaller", certainty: .possible,
                        because: "a \(label) does not record who will signal it")
                ]),
            deadEnd: .noSignaller, description: text)
    }

    private static func other(_ call: FutexCall, _ thread: BlockedThread, on host: Host) -> Wait {
        Wait(
            kind: .futexOther, resource: call.register(kind: "futex", label: "futex", thread, on: host),
            release: Release(
                .any, [Party(.outside(.unnamed), role: "waker", certainty: .possible, because: "the word does not name who will wake it")]),
            deadEnd: .noSignaller, description: "waits on a futex at 0x\(String(call.address, radix: 16))")
    }
}

/// The arguments of futex(2), futex_wait(2) or a restarted one.
struct FutexCall {
    static let tidMask: UInt32 = 0x3fff_ffff
    static let waitBitset = 9

    let address: UInt64
    let command: Int
    let isPrivate: Bool
    /// FUTEX_CLOCK_REALTIME.
    let usesRealTime: Bool
    let value: UInt32
    private let limitAddress: UInt64

    init?(_ thread: BlockedThread) {
        switch thread.callName {
        case "futex", "futex_time64":
            address = thread.argument(0)
            let operation = thread.int(1)
            command = Int(operation & 0x7f)
            isPrivate = operation & 0x80 != 0
            usesRealTime = operation & 0x100 != 0
            value = UInt32(truncatingIfNeeded: thread.argument(2))
            limitAddress = thread.argument(3)
        case "futex_wait":  // futex_wait(uaddr, val, mask, flags, timeout, clock), since Linux 6.7
            address = thread.argument(0)
            command = Self.waitBitset
            isPrivate = thread.argument(3) & 0x80 != 0
            usesRealTime = thread.argument(5) == 0
            value = UInt32(truncatingIfNeeded: thread.argument(1))
            limitAddress = thread.argument(4)
        default:
            return nil
        }
    }

    /// FUTEX_LOCK_PI, FUTEX_LOCK_PI2: the word's low 30 bits are the owner, by the kernel's own rule.
    var isPriorityInheriting: Bool { command == 6 || command == 13 }
    /// FUTEX_WAIT, FUTEX_WAIT_BITSET.
    var isPlainWait: Bool { command == 0 || command == Self.waitBitset }
    var hasLimit: Bool { limitAddress != 0 }

    /// Seconds that the call was given (FUTEX_WAIT) or that were left when it was looked at.
    func timeoutSeconds(_ thread: BlockedThread) -> Double? {
        guard hasLimit else { return nil }
        guard let seconds = thread.seconds(at: limitAddress) else { return 0 }
        if command == 0 { return seconds }
        let now = usesRealTime || command == 6 ? Host.wallClock() : Double(MonotonicClock.now()) / 1e9
        return max(0, seconds - now)
    }

    /// A private futex is named by its address space, a shared one by the file and the place in it, so that all who map it agree.
    func register(
        kind: String, label: String, _ thread: BlockedThread, on host: Host, facts: [(key: String, value: FactValue)] = []
    ) -> ResourceID {
        let place: String
        if let shared = sharedPlace(thread, on: host) {
            place = "futex:file:\(shared.deviceMajor):\(shared.deviceMinor):\(shared.inode)+\(address - shared.start + shared.fileOffset)"
        } else {
            place = "futex:\(thread.reading.pid):0x\(String(address, radix: 16))"
        }
        return host.register(
            Resource(
                id: ResourceID(place), kind: kind, label: "\(label) at 0x\(String(address, radix: 16)) of process \(thread.reading.pid)",
                facts: facts))
    }

    /// The shared mapping that holds the word; nil for private memory.
    func sharedPlace(_ thread: BlockedThread, on host: Host) -> MemoryMapping? {
        guard !isPrivate, let mapping = host.mappings(of: thread.reading).mapping(at: address), mapping.isShared else { return nil }
        return mapping
    }
}

/// pthread_join: the word is the tid that the kernel clears when that thread ends (CLONE_CHILD_CLEARTID).
enum Joins {
    static func resolve(_ call: FutexCall, word: UInt32, _ thread: BlockedThread, on host: Host) -> Wait? {
        // The kernel wakes a shared futex, so the C library waits on a shared one although the thread is its own.
        guard !call.isPrivate, word == call.value, word != 0, word <= 4 << 20,
            let target = host.thread(ofInnermostID: Int32(word), in: thread.reading.id.process)
        else { return nil }
        let certain = ThreadDescriptor.holdsTID(at: call.address, thread)
        let because = certain ? "the word is the thread id that the kernel clears when it ends" : "the word is its thread id"
        return Wait(
            kind: .futexJoin,
            resource: host.register(
                Resource(
                    id: ResourceID("thread:\(target.tid)"), kind: "thread", label: "end of thread \(target.name) (\(target.tid))",
                    facts: [("tid", .number(Int64(target.tid)))])),
            release: Release(
                .any, [Party(.thread(target.id), role: "joined thread", certainty: certain ? .certain : .inferred, because: because)]),
            deadEnd: .unknown, isDemand: false, description: "waits for thread \(target.name) (\(target.tid)) to end (pthread_join)")
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
