import Evidence
import ProcFS
import WaitModel

/// pthread_join and thrd_join. glibc waits for the tid that the kernel clears when the thread ends (CLONE_CHILD_CLEARTID), musl for the
/// state in the thread's descriptor. Both prove themselves: the word lies in a structure that begins with its own address.
/// Source: glibc nptl/pthread_join_common.c; musl src/thread/pthread_join.c, src/internal/pthread_impl.h.
enum Joins {
    static func resolve(_ memory: FutexMemory, _ thread: BlockedThread, on host: Host) -> Wait? {
        ofTheGNUKind(memory, thread, on: host) ?? ofMusl(memory, thread, on: host)
    }

    private static func ofTheGNUKind(_ memory: FutexMemory, _ thread: BlockedThread, on host: Host) -> Wait? {
        let call = memory.call
        // The kernel wakes a shared futex, so the C library waits on a shared one although the thread is its own.
        guard !call.isPrivate, memory.word == call.value, memory.word != 0, memory.word <= LockOwners.largestTID,
            let target = host.thread(ofInnermostID: Int32(memory.word), in: thread.reading.id.process), target.id != thread.id
        else { return nil }
        if ThreadDescriptor.holdsTID(at: call.address, thread) {
            return join(target, .certain, "the word is the thread id that the kernel clears when it ends", thread, on: host)
        }
        // Other architectures, whose descriptor is not known here: the C library's own code waits so for nothing else.
        guard FutexCaller.of(thread, on: host).surelyIs(.glibc), thread.architecture != .x86_64, thread.architecture != .i386 else {
            return nil
        }
        return join(target, .inferred, "the word is its thread id", thread, on: host)
    }

    /// `detach_state` stands 8 bytes behind `tid`, `self` at the front of both.
    private static func ofMusl(_ memory: FutexMemory, _ thread: BlockedThread, on host: Host) -> Wait? {
        let call = memory.call
        // DT_EXITING 1, DT_JOINABLE 2.
        guard call.command == 0, call.value == 1 || call.value == 2 else { return nil }
        let before: Int? =
            switch thread.architecture {
            case .x86_64: 56
            case .i386: 32
            case .arm64: 40
            case .arm: 24
            case nil: nil
            }
        guard let before, memory.pointer(-before, thread.wordSize) == call.address &- UInt64(before), let tid = memory.u32(-8),
            tid != 0, tid <= LockOwners.largestTID
        else { return nil }
        guard let target = host.thread(ofInnermostID: Int32(tid), in: thread.reading.id.process), target.id != thread.id else { return nil }
        return join(target, .certain, "the word is in that thread's own descriptor", thread, on: host)
    }

    private static func join(
        _ target: ThreadReading, _ certainty: Certainty, _ because: String, _ thread: BlockedThread, on host: Host
    ) -> Wait {
        Wait(
            kind: .futexJoin,
            resource: host.register(
                Resource(
                    id: ResourceID("thread:\(target.tid)"), kind: "thread", label: "end of thread \(target.name) (\(target.tid))",
                    facts: [("tid", .number(Int64(target.tid)))])),
            release: Release(.any, [Party(.thread(target.id), role: "joined thread", certainty: certainty, because: because)]),
            deadEnd: .unknown, isDemand: false, description: "waits for thread \(target.name) (\(target.tid)) to end (pthread_join)")
    }
}
