import Evidence
import ProcFS
import WaitModel

/// One word that a thread waits on: the arguments of futex(2), futex_wait(2), or one element of futex_waitv(2).
/// Source: futex(2), include/uapi/linux/futex.h, kernel/futex/syscalls.c.
struct FutexCall {
    static let tidMask: UInt32 = 0x3fff_ffff
    static let waitersBit: UInt32 = 0x8000_0000
    static let waitBitset = 9
    static let waitRequeuePI = 11

    let address: UInt64
    let command: Int
    let isPrivate: Bool
    /// FUTEX_CLOCK_REALTIME.
    let usesRealTime: Bool
    /// What the word held when the thread went to sleep.
    let value: UInt32
    /// FUTEX_WAIT_REQUEUE_PI: the word that the waiter is moved to.
    private(set) var secondAddress: UInt64 = 0
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
            if command == Self.waitRequeuePI { secondAddress = thread.argument(4) }
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

    /// A word that is waited on for good, as an element of futex_waitv's array is, whose time limit is the whole call's.
    init(address: UInt64, value: UInt32, isPrivate: Bool) {
        self.address = address
        self.value = value
        self.isPrivate = isPrivate
        command = 0
        usesRealTime = true
        limitAddress = 0
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
        // FUTEX_LOCK_PI counts by the wall clock without being told so; FUTEX_LOCK_PI2 needs the flag.
        let now = usesRealTime || command == 6 ? Host.wallClock() : Double(MonotonicClock.now()) / 1e9
        return max(0, seconds - now)
    }

    /// A private futex is named by its address space, a shared one by the file and the place in it, so that all who map it agree.
    /// - Parameter first: address of the object that the word is part of, where that is known: all its waiters then agree.
    func register(
        kind: String, label: String, at first: UInt64? = nil, _ thread: BlockedThread, on host: Host,
        facts: [(key: String, value: FactValue)] = []
    ) -> ResourceID {
        let base = first ?? address
        let place: String
        if let shared = sharedPlace(thread, on: host) {
            place = "futex:file:\(shared.deviceMajor):\(shared.deviceMinor):\(shared.inode)+\(base &- shared.start &+ shared.fileOffset)"
        } else {
            place = "futex:\(thread.reading.pid):0x\(String(base, radix: 16))"
        }
        return host.register(
            Resource(
                id: ResourceID(place), kind: kind, label: "\(label) at 0x\(String(base, radix: 16)) of process \(thread.reading.pid)",
                facts: facts))
    }

    /// The shared mapping that holds the word; nil for private memory.
    func sharedPlace(_ thread: BlockedThread, on host: Host) -> MemoryMapping? {
        guard !isPrivate, let mapping = host.mappings(of: thread.reading).mapping(at: address), mapping.isShared else { return nil }
        return mapping
    }

    /// Whether the word lies on the waiter's own stack: near above its stack pointer, where only a frame of its own is.
    func isOnOwnStack(_ thread: BlockedThread) -> Bool {
        guard let pointer = thread.call?.stackPointer, pointer != 0 else { return false }
        return address >= pointer && address - pointer < 4096
    }
}

/// What stands around a futex word, in one read: from 56 bytes before it to 64 behind its start, which holds every layout that is known.
struct FutexMemory {
    static let before = 56
    static let count = 120

    let call: FutexCall
    private let bytes: [UInt8]
    /// Of the word in `bytes`.
    private let origin: Int

    /// nil when the word itself cannot be read. The page is present while somebody sleeps on it, the one before it need not be.
    init?(_ call: FutexCall, _ thread: BlockedThread) {
        self.call = call
        let start = call.address &- UInt64(Self.before)
        if call.address > UInt64(Self.before), let bytes = thread.memory(start, Self.count), bytes.count >= Self.before + 4 {
            (self.bytes, origin) = (bytes, Self.before)
            return
        }
        let page = max(call.address & ~0xfff, call.address > UInt64(Self.before) ? start : 0)
        let count = Int(call.address - page)
        guard let bytes = thread.memory(page, count + Self.count - Self.before), bytes.count >= count + 4 else { return nil }
        (self.bytes, origin) = (bytes, count)
    }

    /// The futex word as it is now.
    var word: UInt32 { bytes.u32(origin) }
    /// It is not what it was when the thread went to sleep.
    var hasChanged: Bool { word != call.value }

    /// 32 bits at a distance from the word; nil beyond what was read.
    func u32(_ offset: Int) -> UInt32? {
        let at = origin + offset
        return at >= 0 && at + 4 <= bytes.count ? bytes.u32(at) : nil
    }

    func u64(_ offset: Int) -> UInt64? {
        let at = origin + offset
        return at >= 0 && at + 8 <= bytes.count ? bytes.u64(at) : nil
    }

    /// A pointer of the target's size.
    func pointer(_ offset: Int, _ wordSize: Int) -> UInt64? { wordSize == 8 ? u64(offset) : u32(offset).map { UInt64($0) } }
}
