import Evidence
import ProcFS
import WaitModel

/// DispatchQueue.sync: the waiting thread's context names the queue, and the queue's state names the thread that drains it.
///
/// Source: swift-corelibs-libdispatch src/queue_internal.h (struct dispatch_sync_context_s, DISPATCH_QUEUE_CLASS_HEADER, dq_state),
/// src/shims/lock.h (DLOCK_OWNER_MASK), src/queue.c (_dispatch_sync_f_slow, __DISPATCH_WAIT_FOR_QUEUE__), src/shims/lock.c
/// (_dispatch_thread_event_wait_slow).
enum DispatchQueues {
    /// What a thread event counts down to when somebody waits for it: the word that is slept on.
    private static let waitedFor: UInt32 = 0xffff_ffff
    /// DISPATCH_WLH_ANON, which `dc_data` of the context holds where there are no kernel work loops.
    private static let anonymousLoop: UInt64 = 0xffff_ffff_ffff_fffc

    /// Where the fields lie, counted from the word that is slept on (`dsc_event`), and in the queue. All of it for 64 bits.
    private enum Offset {
        static let function: UInt64 = 64
        static let data: UInt64 = 48
        static let queue: UInt64 = 40
        static let waiter: UInt64 = 4
        static let target = 24
        static let state = 56
        static let label = 72
        static let length = 88
    }

    /// Bits of dq_state.
    private enum State {
        static let owner: UInt64 = 0x3fff_ffff
        static let suspended: UInt64 = 0xff80_0000_0000_0000
        static let inBarrier: UInt64 = 0x0040_0000_0000_0000
    }

    private struct Queue {
        let address: UInt64
        let state: UInt64
        let target: UInt64
        let label: UInt64
        var owner: UInt32 { UInt32(state & State.owner) }
    }

    static func resolve(_ call: FutexCall, _ thread: BlockedThread, on host: Host) -> Wait? {
        let head = Offset.function
        guard call.value == waitedFor, call.command == 0, call.isPrivate, thread.wordSize == 8, call.address > head,
            let context = thread.memory(call.address - head, Int(head) + 8), context.count == Int(head) + 8,
            context.u64(Int(head - Offset.data)) == anonymousLoop, let own = host.innermostID(of: thread.reading),
            // dsc_waiter: the context is this very thread's.
            context.u32(Int(head + Offset.waiter)) == UInt32(bitPattern: own),
            // dc_func: a function of libdispatch's (_dispatch_async_and_wait_invoke), wherever that is linked to.
            let code = host.mappings(of: thread.reading).mapping(at: context.u64(0)), code.isExecutable, code.inode != 0,
            var queue = queue(at: context.u64(Int(head - Offset.queue)), classIn: code, thread, on: host)
        else { return nil }
        // A queue that this thread drains itself leads to the one that it targets: there it waits (_dispatch_sync_recurse).
        var levels = 0
        while queue.owner == UInt32(bitPattern: own), levels < 8, let next = self.queue(at: queue.target, classIn: code, thread, on: host) {
            queue = next
            levels += 1
        }
        thread.cite(
            "memory \(thread.reading.pid):0x\(String(queue.address + UInt64(Offset.state), radix: 16))",
            "state of the queue 0x\(String(queue.state, radix: 16)): thread \(queue.owner) drains it")
        return wait(for: queue, own: own, thread, on: host)
    }

    private static func wait(for queue: Queue, own: Int32, _ thread: BlockedThread, on host: Host) -> Wait {
        let label = queue.label == 0 ? "" : thread.string(queue.label) ?? ""
        let name = label.isEmpty ? "a DispatchQueue" : "DispatchQueue \(label)"
        let place = "0x" + String(queue.address, radix: 16)
        var wait = Wait(
            kind: .runtimePark,
            resource: host.register(
                Resource(
                    id: ResourceID("dispatch-queue:\(thread.reading.pid):\(place)"), kind: "dispatch-queue",
                    label: "\(name) at \(place) of process \(thread.reading.pid)", facts: [("drainerTid", .number(Int64(queue.owner)))])),
            release: Release(.any, [], onDeath: .kept), deadEnd: .runtimeInternal, isDemand: true,
            description: "waits in sync for \(name)")
        func unnamed(_ because: String) -> Wait {
            wait.release.parties = [Party(.outside(.unnamed), role: "drainer", certainty: .possible, because: because)]
            return wait
        }
        if queue.state & State.suspended != 0 {
            wait.description = "waits in sync for \(name), which is suspended"
            wait.deadEnd = .noSignaller
            return unnamed("a queue does not record who suspended it")
        }
        guard queue.owner != 0, queue.owner != UInt32(bitPattern: own) else {
            wait.description = "waits in sync for \(name), on which others run whom nothing names"
            return unnamed("those who run on a concurrent queue are only counted")
        }
        guard let drainer = host.thread(ofInnermostID: Int32(queue.owner), in: thread.id.process) else {
            return unnamed("thread \(queue.owner), which drains it, is not there")
        }
        // While a queue is drained one item at a time, its drainer is the one who lets the next in; otherwise items run elsewhere, too.
        let isExclusive = queue.state & State.inBarrier != 0
        wait.deadEnd = .unknown
        wait.description = "waits in sync for \(name), which thread \(drainer.name) (\(drainer.tid)) runs"
        wait.release.parties = [
            Party(
                .thread(drainer.id), role: "drainer", certainty: isExclusive ? .certain : .inferred,
                because: "the queue's state names it as the thread that runs the queue's work")
        ]
        return wait
    }

    /// The object at an address, if it is a queue: its class lies in the file that libdispatch's code is in.
    private static func queue(at address: UInt64, classIn code: MemoryMapping, _ thread: BlockedThread, on host: Host) -> Queue? {
        guard address != 0, address % 8 == 0, let bytes = thread.memory(address, Offset.length), bytes.count == Offset.length,
            let mapping = host.mappings(of: thread.reading).mapping(at: bytes.u64(0)), mapping.inode == code.inode,
            mapping.deviceMajor == code.deviceMajor, mapping.deviceMinor == code.deviceMinor
        else { return nil }
        return Queue(address: address, state: bytes.u64(Offset.state), target: bytes.u64(Offset.target), label: bytes.u64(Offset.label))
    }
}

extension Host {
    /// A thread's id in its own pid namespace, as it sees it itself.
    func innermostID(of thread: ThreadReading) -> Int32? { status(pid: thread.pid, tid: thread.tid)?.innermostID }
}
