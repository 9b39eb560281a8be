import Evidence
import ProcFS
import WaitModel

/// System V message queues. Source: msgop(2), msgctl(2), ipc/msg.c: a send blocks when its bytes, or one message more, exceed
/// `msg_qbytes`; `msg_lspid` and `msg_lrpid` are the last users, not the only ones.
enum MessageQueues: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        switch thread.callName {
        case "msgsnd": return send(thread, on: host)
        case "msgrcv": return receive(thread, on: host)
        default: return nil
        }
    }

    private static func send(_ thread: BlockedThread, on host: Host) -> Wait {
        let id = thread.int(0)
        guard let queue = queue(id, thread, on: host) else {
            return Wait(
                kind: .sysvMessageSend, resource: host.register(unknownQueue(id)), release: Release(.any, [unnamed("consumer")]),
                deadEnd: .noSignaller, isDemand: true, description: "sends to System V message queue \(id)")
        }
        let limit = queue.bytesLimit.map { " of \($0)" } ?? ""
        let text = "sends to System V message queue \(id) (\(queue.bytes)\(limit) bytes, \(queue.messages) messages)"
        var wait = Wait(
            kind: .sysvMessageSend, resource: host.register(resource(queue)),
            release: Release(.any, [], onDeath: .kept, completeness: .inferred),
            deadEnd: .noCounterpart, isDemand: true, description: text)
        guard queue.lastReceiver != 0 else {
            wait.release.parties = [
                Party(.outside(.unnamed), role: "consumer", certainty: .possible, because: "nobody has ever received from this queue")
            ]
            return wait
        }
        guard let consumer = lastUser(queue.lastReceiver, at: queue.lastReceiveSeconds, on: host) else {
            wait.release.parties = [
                Party(
                    .outside(.unnamed), role: "consumer", certainty: .possible,
                    because: "the last process to receive from it, \(queue.lastReceiver), is gone")
            ]
            return wait
        }
        wait.release.parties = MessageConsumers.parties(consumer, queue, thread, on: host)
        return wait
    }

    private static func receive(_ thread: BlockedThread, on host: Host) -> Wait {
        let id = thread.int(0)
        guard let queue = queue(id, thread, on: host) else {
            return Wait(
                kind: .sysvMessageReceive, resource: host.register(unknownQueue(id)), release: Release(.any, [unnamed("producer")]),
                deadEnd: .idle, description: "waits for a message on System V message queue \(id)")
        }
        var parties: [Party] = []
        if queue.lastSender != 0, let producer = lastUser(queue.lastSender, at: queue.lastSendSeconds, on: host) {
            parties.append(
                Party(.process(producer.id), role: "producer", certainty: .inferred, because: "last process to send to this queue (lspid)"))
        }
        parties.append(
            Party(.outside(.unnamed), role: "producer", certainty: .possible, because: "any process that knows the queue may send"))
        return Wait(
            kind: .sysvMessageReceive, resource: host.register(resource(queue)),
            release: Release(.any, parties, onDeath: .kept, completeness: .inferred), deadEnd: .idle,
            description: "waits for a message on System V message queue \(id)")
    }

    // MARK: Last users

    /// The process of that number, unless it began after it is said to have used the queue: then the number was reused.
    ///
    /// The kernel stores a process id, but for a receiver that slept the id of the thread (ipc/msg.c `pipelined_send`).
    private static func lastUser(_ number: Int32, at seconds: Int64, on host: Host) -> ProcessReading? {
        guard let process = host.threadGroup(of: number).flatMap({ host.process($0) }), !process.isZombie else { return nil }
        if let start = host.startTime(of: process.id), start > Double(seconds) + 2 { return nil }
        return process
    }

    // MARK: The queue

    private static func queue(_ id: Int32, _ thread: BlockedThread, on host: Host) -> MessageQueue? {
        guard host.sharesNamespace("ipc", thread.reading) else {
            host.note(
                Gap(
                    what: "System V message queue \(id) of process \(thread.reading.pid)", why: "it is in another ipc namespace",
                    unlock: "run waitchain inside that namespace (nsenter --ipc -t \(thread.reading.pid))"))
            return nil
        }
        guard let queue = host.messageQueue(id: id) else { return nil }
        let limit = queue.bytesLimit.map { " qbytes=\($0)" } ?? ""
        thread.cite(
            "msgctl(\(id), IPC_STAT)",
            "cbytes=\(queue.bytes)\(limit) qnum=\(queue.messages) lspid=\(queue.lastSender) lrpid=\(queue.lastReceiver) rtime=\(queue.lastReceiveSeconds)"
        )
        return queue
    }

    private static func resource(_ queue: MessageQueue) -> Resource {
        var facts: [(key: String, value: FactValue)] = [("bytes", .number(Int64(clamping: queue.bytes)))]
        if let limit = queue.bytesLimit { facts.append(("bytesLimit", .number(Int64(clamping: limit)))) }
        facts.append(("messages", .number(Int64(clamping: queue.messages))))
        facts.append(("lastSender", .number(Int64(queue.lastSender))))
        facts.append(("lastReceiver", .number(Int64(queue.lastReceiver))))
        facts.append(("lastReceiveSeconds", .number(queue.lastReceiveSeconds)))
        let key = queue.key == 0 ? "private" : "key 0x" + String(UInt32(truncatingIfNeeded: queue.key), radix: 16)
        return Resource(
            id: ResourceID("sysv-msg:\(queue.id)"), kind: "sysv-msg-queue", label: "System V message queue \(queue.id) (\(key))",
            facts: facts)
    }

    private static func unknownQueue(_ id: Int32) -> Resource {
        Resource(id: ResourceID("sysv-msg:\(id)"), kind: "sysv-msg-queue", label: "System V message queue \(id)")
    }

    private static func unnamed(_ role: String) -> Party {
        Party(.outside(.unnamed), role: role, certainty: .possible, because: "the queue could not be looked at")
    }
}
