import Evidence
import ProcFS
import WaitModel

/// Mutexes whose owner is recorded: glibc's in all types, robust and priority-inheriting ones, musl's recursive ones.
/// Source: glibc sysdeps/nptl/bits/struct_mutex.h, nptl/pthread_mutex_lock.c; musl src/thread/pthread_mutex_timedlock.c.
enum Mutexes {
    /// Bits of `__kind` (nptl/pthreadP.h).
    private static let robustBit: UInt32 = 0x10
    private static let inheritBit: UInt32 = 0x20
    private static let protectBit: UInt32 = 0x40
    private static let sharedBit: UInt32 = 0x80
    private static let elisionBits: UInt32 = 0x300

    static func resolve(_ call: FutexCall, _ bytes: [UInt8], _ thread: BlockedThread, on host: Host) -> Wait? {
        // Robust (glibc: kind at +16 says so) and musl's owner-recording mutexes wait for "owner | WAITERS".
        if call.value & 0x8000_0000 != 0, call.value != 0xffff_ffff {
            let owner = bytes.u32(0) & FutexCall.tidMask
            let kind = bytes.u32(thread.wordSize == 8 ? 16 : 12)
            let robust = kind & robustBit != 0 && kind & ~(0xff | elisionBits) == 0
            guard owner != 0, robust || host.thread(ofInnermostID: Int32(owner), in: thread.id.process) != nil else { return nil }
            // musl's ordinary mutex holds EBUSY there and records nobody; thread 16 of a namespace would look the same.
            guard robust || owner != 16 else { return nil }
            return owned(by: owner, call, thread, on: host, what: robust ? "robust mutex" : "mutex", word: bytes)
        }
        // glibc waits by FUTEX_WAIT, with a limit by FUTEX_WAIT_BITSET; Rust by the latter without one, for the same value.
        guard call.command == 0 || call.hasLimit else { return nil }
        // glibc: {int lock; unsigned count; int owner; unsigned nusers; int kind}, and whoever sleeps has set lock to 2.
        guard call.value == 2, bytes.u32(0) != 0, bytes.count >= 20 else { return nil }
        let kind = bytes.u32(thread.wordSize == 8 ? 16 : 12)
        let owner = bytes.u32(8)
        guard kind & ~(0x3 | protectBit | sharedBit | elisionBits) == 0, owner != 0, owner <= 4 << 20 else {
            return standardStream(call, bytes, thread, on: host)
        }
        let users = bytes.u32(thread.wordSize == 8 ? 12 : 16)
        guard users >= 1, users <= 1 << 20, kind & 3 == 1 || bytes.u32(4) == 0 else { return nil }
        let name = ["mutex", "recursive mutex", "error-checking mutex", "adaptive mutex"][Int(kind & 3)]
        return owned(by: owner, call, thread, on: host, what: name, word: bytes)
    }

    /// stdio's lock: {int lock; int count; void *owner}, owner pointing to the holder's struct pthread.
    private static func standardStream(_ call: FutexCall, _ bytes: [UInt8], _ thread: BlockedThread, on host: Host) -> Wait? {
        guard call.isPrivate else { return nil }
        let owner = thread.wordSize == 8 ? bytes.u64(8) : UInt64(bytes.u32(8))
        guard let tid = ThreadDescriptor.tid(ofDescriptorAt: owner, thread), tid != 0, tid <= 4 << 20 else { return nil }
        return owned(by: tid, call, thread, on: host, what: "stdio stream's lock", word: bytes)
    }

    /// A lock whose word or owner field names `tid`.
    static func owned(
        by tid: UInt32, _ call: FutexCall, _ thread: BlockedThread, on host: Host, what: String, word: [UInt8]? = nil
    ) -> Wait {
        thread.cite("memory \(thread.reading.pid):0x\(String(call.address, radix: 16))", "owner of the \(what) is thread \(tid)")
        let resource = call.register(kind: "mutex", label: what, thread, on: host, facts: [("ownerTid", .number(Int64(tid)))])
        // What the kernel or the C library does when the owner dies: robust and priority-inheriting locks pass on.
        let passesOn = what == "robust mutex" || call.isPriorityInheriting
        var wait = Wait(
            kind: .futexMutex, resource: resource, release: Release(.any, [], onDeath: passesOn ? .released : .kept), deadEnd: .unknown,
            isDemand: true, description: "waits for \(article(what)) \(what)")
        guard tid != 0 else {
            wait.release.parties = [Party(.outside(.unnamed), role: "owner", certainty: .possible, because: "the lock names no owner")]
            return wait
        }
        let shared = call.sharedPlace(thread, on: host)
        if let owner = host.thread(ofInnermostID: Int32(tid), in: thread.id.process) {
            wait.release.parties = [
                Party(.thread(owner.id), role: "owner", certainty: .certain, because: "the lock's owner field is its thread id")
            ]
            wait.description =
                owner.id == thread.id
                ? "waits for \(article(what)) \(what) that it holds itself"
                : "waits for \(article(what)) \(what) that thread \(owner.name) (\(owner.tid)) holds"
            return wait
        }
        guard let shared else {
            wait.deadEnd = neverInProcess(tid, thread, on: host) ? .ownerNotInProcess : .ownerExited
            wait.description =
                wait.deadEnd == .ownerExited
                ? "waits for \(article(what)) \(what) whose owner, thread \(tid), has exited"
                : "waits for \(article(what)) \(what) that was copied by fork while thread \(tid) of the parent held it"
            return wait
        }
        if let owner = sharedOwner(tid, mapping: shared, thread, on: host) {
            wait.release.parties = [
                Party(
                    .thread(owner.id), role: "owner", certainty: .certain,
                    because: "the lock's owner field is its thread id, and its process maps the same memory")
            ]
            let process = host.process(owner.pid)?.name ?? "process"
            wait.description = "waits for a shared \(what) that \(process)/\(owner.name) (\(owner.tid)) holds"
            return wait
        }
        if host.processesMayBeHidden {
            wait.release.parties = [
                Party(.outside(.unnamed), role: "owner", certainty: .possible, because: "thread \(tid), which is not visible here, owns it")
            ]
        } else {
            wait.deadEnd = .ownerExited
            wait.description = "waits for a shared \(what) whose owner, thread \(tid), has exited"
        }
        return wait
    }

    /// Thread ids rise, so a lower one than the process's own was never a thread of it: its memory was copied by fork.
    private static func neverInProcess(_ tid: UInt32, _ thread: BlockedThread, on host: Host) -> Bool {
        let own = host.status(pid: thread.reading.pid, tid: thread.reading.tid)?.namespaceIDs
        // The leader's own number in the innermost namespace; its thread group id is not shown there, its leader's status is.
        let leader = host.status(pid: thread.reading.pid, tid: thread.reading.pid)?.innermostID ?? own?.last ?? thread.reading.pid
        if Int32(clamping: tid) < leader { return true }
        return host.process(thread.reading.stat.parent)?.threads.contains { $0.tid == Int32(clamping: tid) } ?? false
    }

    /// The thread that stores `tid` as its id and maps the same file: first the one of that number here, then, for other pid
    /// namespaces, every process that maps it.
    private static func sharedOwner(_ tid: UInt32, mapping: MemoryMapping, _ thread: BlockedThread, on host: Host) -> ThreadReading? {
        func maps(_ process: ProcessReading) -> Bool {
            guard let living = process.living else { return false }
            return host.mappings(of: living).contains {
                $0.inode == mapping.inode && $0.deviceMajor == mapping.deviceMajor && $0.deviceMinor == mapping.deviceMinor && $0.isShared
            }
        }
        let number = Int32(clamping: tid)
        if let status = host.status(pid: number, tid: number), let group = status.threadGroup, status.innermostID == number,
            let process = host.process(group), maps(process), let owner = process.threads.first(where: { $0.tid == number })
        {
            return owner
        }
        guard let pids = try? host.processIDs().get() else { return nil }
        for pid in pids {
            guard let status = host.status(pid: pid, tid: pid), status.namespaceIDs.count > 1, let process = host.process(pid),
                maps(process),
                let owner = host.thread(ofInnermostID: number, in: process.id)
            else { continue }
            return owner
        }
        return nil
    }

    private static func article(_ noun: String) -> String { "aeiou".contains(noun.first ?? "x") ? "an" : "a" }
}
