import Evidence
import ProcFS
import WaitModel

/// What the C library does when a priority-inheriting lock can never be had: the kernel refuses it (EDEADLK, the waiter holds it itself;
/// ESRCH, its owner is gone), and the library puts the thread to sleep for good on a zero on its own stack. Which lock it was, only
/// pointers that are left on the stack tell.
/// Source: glibc nptl/pthread_mutex_lock.c ("Delay the thread indefinitely"); musl src/thread/pthread_mutex_timedlock.c.
enum ParkedForGood {
    static func resolve(_ memory: FutexMemory, _ caller: FutexCaller, _ thread: BlockedThread, on host: Host) -> Wait? {
        let call = memory.call
        guard call.value == 0, memory.word == 0, call.isPrivate, !call.hasLimit, call.isOnOwnStack(thread),
            caller.place == .library || caller.place == .unknown,
            caller.mayBe(.musl) && call.command == 0 || caller.mayBe(.glibc) && call.usesRealTime
        else { return nil }
        guard let found = refusedLock(call, isMusl: call.command == 0, thread, on: host) else {
            return unknownLock(memory, caller, thread, on: host)
        }
        thread.cite(
            "memory \(thread.reading.pid):0x\(String(found.address, radix: 16))",
            "priority-inheriting mutex of thread \(found.owner), to which the waiter's stack points")
        let resource = host.register(
            Resource(
                id: ResourceID("futex:\(thread.reading.pid):0x\(String(found.address, radix: 16))"), kind: "mutex",
                label: "priority-inheriting mutex at 0x\(String(found.address, radix: 16)) of process \(thread.reading.pid)",
                facts: [("ownerTid", .number(Int64(found.owner)))]))
        var wait = Wait(
            kind: .futexMutex, resource: resource, release: Release(.any, [], onDeath: .kept, completeness: .inferred),
            deadEnd: .ownerExited,
            isDemand: true)
        if found.isOwn {
            wait.release.parties = [
                Party(
                    .thread(thread.id), role: "owner", certainty: .inferred,
                    because: "the kernel refused the lock, and its word is the waiter's own thread id")
            ]
            wait.deadEnd = .selfDeadlock
            wait.description = "waits for a priority-inheriting mutex that it holds itself; the C library has put it to sleep for good"
        } else {
            wait.description =
                "waits for a priority-inheriting mutex whose owner, thread \(found.owner), has exited; the C library has put it to sleep for good"
        }
        return wait
    }

    /// Nothing points to the lock any more. In the C library's own code nothing else waits on a zero of its own stack for good, but a
    /// condition variable or a semaphore may lie there.
    private static func unknownLock(
        _ memory: FutexMemory, _ caller: FutexCaller, _ thread: BlockedThread, on host: Host
    ) -> Wait? {
        guard caller.surelyIs(.glibc), Conditions.resolve(memory, thread, on: host) == nil,
            Rwlocks.resolve(memory, caller, thread, on: host) == nil
        else { return nil }
        return Wait(
            kind: .futexMutex, resource: memory.call.register(kind: "futex", label: "futex", thread, on: host),
            release: Release(.any, [], onDeath: .kept, completeness: .inferred), deadEnd: .noCounterpart, isDemand: true,
            description:
                "is put to sleep for good: the kernel refused it a priority-inheriting mutex that it holds itself or that nobody holds any more"
        )
    }

    private struct Refused {
        let address: UInt64
        let owner: UInt32
        let isOwn: Bool
    }

    /// The one lock that the innermost 4 KiB of the stack point to and that the kernel would refuse; nil when
    /// there is none, or more than one.
    private static func refusedLock(_ call: FutexCall, isMusl: Bool, _ thread: BlockedThread, on host: Host) -> Refused? {
        let size = thread.wordSize
        guard let stack = thread.call?.stackPointer, let bytes = thread.memory(stack, 4096) else {
            return nil
        }
        let mappings = host.mappings(of: thread.reading)
        let own = UInt32(clamping: host.status(pid: thread.reading.pid, tid: thread.reading.tid)?.innermostID ?? thread.reading.tid)
        var seen: Set<UInt64> = []
        var found: [Refused] = []
        for at in stride(from: 0, through: bytes.count - size, by: size) where seen.count < 64 {
            let pointer = size == 8 ? bytes.u64(at) : UInt64(bytes.u32(at))
            guard pointer > 0x10000, pointer % 4 == 0, !(stack..<call.address &+ 256).contains(pointer),
                let mapping = mappings.mapping(at: pointer), mapping.isWritable, seen.insert(pointer).inserted,
                let lock = thread.memory(pointer, 20), lock.count == 20
            else { continue }
            let (word, kind) = isMusl ? (lock.u32(4), lock.u32(0)) : (lock.u32(0), lock.u32(size == 8 ? 16 : 12))
            let inherits = isMusl ? kind & 8 != 0 && kind & ~0x8f == 0 : kind & 0x20 != 0 && kind & ~0x3b3 == 0
            let owner = word & FutexCall.tidMask
            guard inherits, owner != 0, owner <= LockOwners.largestTID else { continue }
            if owner == own {
                found.append(Refused(address: pointer, owner: owner, isOwn: true))
            } else if host.thread(ofInnermostID: Int32(owner), in: thread.id.process) == nil {
                found.append(Refused(address: pointer, owner: owner, isOwn: false))
            }
        }
        return found.count == 1 ? found.first : nil
    }
}
