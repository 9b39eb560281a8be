import Evidence
import ProcFS
import WaitModel

/// glibc's rwlocks since 2.25. A writer that holds one is recorded, readers are only counted.
///
/// {u32 readers; u32 writers; u32 wrphase_futex; u32 writers_futex; …; cur_writer; shared; …; flags}: readers wait on `wrphase_futex`
/// while a writer holds the lock, the writer whose turn it is waits there for the readers, further writers wait on `writers_futex`; with
/// PREFER_WRITER_NONRECURSIVE readers wait on `readers` behind that writer.
/// Source: glibc nptl/pthread_rwlock_common.c, sysdeps/x86/nptl/bits/struct_rwlock.h.
enum Rwlocks {
    private enum Place { case readers, writePhase, writers }

    private struct Layout {
        let place: Place
        let base: UInt64
        let readers: UInt32
        /// 0 while no writer holds it.
        let writer: UInt32

        var readerCount: UInt32 { readers >> 3 }
        var isWritePhase: Bool { readers & 1 != 0 }
        /// A writer has the claim, whether it holds the lock or waits for the readers.
        var isClaimed: Bool { readers & 2 != 0 }
    }

    static func resolve(_ memory: FutexMemory, _ caller: FutexCaller, _ thread: BlockedThread, on host: Host) -> Wait? {
        guard let layout = [Place.writePhase, .writers, .readers].lazy.compactMap({ layout(memory, at: $0, thread) }).first else {
            return nil
        }
        let call = memory.call
        guard caller.mayBe(.glibc) else { return nil }
        let reads = layout.place == .readers || (layout.place == .writePhase && call.value == 3)
        var lock = OwnedLock(
            noun: "rwlock", kind: .futexRwlock, certainty: caller.surelyIs(.glibc) ? .certain : .inferred,
            because: "the lock's writer field is its thread id", address: layout.base, purpose: reads ? " to read" : " to write",
            facts: [("readers", .number(layout.isWritePhase ? 0 : Int64(layout.readerCount)))])
        thread.cite(
            "memory \(thread.reading.pid):0x\(String(layout.base, radix: 16))",
            "rwlock: \(layout.readerCount) \(layout.isWritePhase ? "readers waiting" : "readers"), writer \(layout.writer)")
        // A writer that holds it.
        if layout.isWritePhase, layout.writer != 0 {
            lock.facts.append(("writerTid", .number(Int64(layout.writer))))
            return lock.wait(owner: layout.writer, call, thread, on: host)
        }
        let held = "\(layout.readerCount) reader\(layout.readerCount == 1 ? "" : "s") hold\(layout.readerCount == 1 ? "s" : "") it"
        // The writer whose turn it is, behind the readers.
        if layout.place == .writePhase, !reads {
            var wait = lock.unnamed(
                call, thread, on: host, because: "a rwlock counts its readers and does not record who they are",
                "waits for a rwlock to write; \(held), and nothing records who")
            wait.release.rule = .all
            wait.release.parties = [
                Party(
                    .outside(.unnamed), role: layout.readerCount == 1 ? "reader" : "\(layout.readerCount) readers", certainty: .possible,
                    because: "a rwlock counts its readers and does not record who they are")
            ]
            return wait
        }
        // Behind a writer that waits for readers itself.
        guard !layout.isWritePhase else {
            return lock.unnamed(
                call, thread, on: host, because: "the lock is on its way from one thread to another",
                "waits for a rwlock that changes hands")
        }
        var wait = lock.unnamed(
            call, thread, on: host, because: "a waiting writer is not recorded",
            "waits for a rwlock\(lock.purpose) behind a writer that waits itself: \(held), and nothing records who")
        if let writer = waitingWriter(layout, call, thread, on: host) {
            wait.release.parties = [
                Party(
                    .thread(writer.id), role: "waiting writer", certainty: .inferred,
                    because: "it waits where only the writer whose turn it is waits")
            ]
            wait.description =
                "waits for a rwlock\(lock.purpose) behind thread \(writer.name) (\(writer.tid)), which waits to write until its readers leave (\(held))"
        }
        return wait
    }

    /// nil when the fields do not agree with a rwlock whose word at `place` is waited on.
    private static func layout(_ memory: FutexMemory, at place: Place, _ thread: BlockedThread) -> Layout? {
        let call = memory.call
        let offset =
            switch place {
            case .readers: 0
            case .writePhase: 8
            case .writers: 12
            }
        guard let readers = memory.u32(-offset), memory.u32(4 - offset) != nil, let phase = memory.u32(8 - offset),
            let claim = memory.u32(12 - offset)
        else { return nil }
        let (writer, isShared, flags): (UInt32?, UInt32?, UInt32?)
        if thread.architecture == .x86_64 || thread.architecture == .arm64 {
            (writer, isShared, flags) = (memory.u32(24 - offset), memory.u32(28 - offset), memory.u32(48 - offset))
        } else {
            // {… unsigned char flags, shared, pad1, pad2; int cur_writer}, the same for i386 and arm.
            let packed = memory.u32(24 - offset)
            (writer, isShared, flags) = (memory.u32(28 - offset), packed.map { $0 >> 8 & 0xff }, packed.map { $0 & 0xff })
        }
        guard let writer, let isShared, let flags, flags <= 2, isShared == (call.isPrivate ? 0 : 1), phase <= 3, claim <= 3,
            writer <= LockOwners.largestTID
        else { return nil }
        let layout = Layout(place: place, base: call.address &- UInt64(offset), readers: readers, writer: writer)
        switch (place, call.value) {
        // A reader, while a writer has the lock: it has counted itself.
        case (.writePhase, 3): guard layout.isWritePhase, layout.readerCount >= 1 else { return nil }
        // The writer whose turn it is.
        case (.writePhase, 2): guard !layout.isWritePhase, layout.isClaimed, layout.readerCount >= 1, claim & 1 == 1 else { return nil }
        case (.writers, 3): guard layout.isClaimed, layout.isWritePhase || layout.readerCount >= 1 else { return nil }
        // A reader behind that writer, where writers are preferred (flag 2) and RWAITING (bit 2) is set.
        case (.readers, let seen):
            guard flags == 2, seen & 7 == 6, seen >> 3 >= 1, !layout.isWritePhase, layout.isClaimed, layout.readerCount >= 1 else {
                return nil
            }
        default: return nil
        }
        return layout
    }

    /// The writer whose turn it is: the only one that waits for the phase to become a write phase (value 2).
    private static func waitingWriter(_ layout: Layout, _ call: FutexCall, _ thread: BlockedThread, on host: Host) -> ThreadReading? {
        let phase = layout.base &+ 8
        return host.process(thread.id.process)?.threads.first { other in
            guard other.id != thread.id, let call = other.systemCall else { return false }
            return call[0] == phase && UInt32(truncatingIfNeeded: call[2]) == 2 && call.number == thread.reading.systemCall?.number
        }
    }
}
