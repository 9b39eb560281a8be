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
                kind: .sysvMessageSend, resource: host.register(unknownQueue(id, thread, on: host)),
                release: Release(.any, [unnamed("consumer")]),
                deadEnd: .noSignaller, isDemand: true, description: "sends to System V message queue \(id)")
        }
        let limit = queue.bytesLimit.map { " of \($0)" } ?? ""
        let text = "sends to System V message queue \(id) (\(queue.bytes)\(limit) bytes, \(queue.messages) messages)"
        var wait = Wait(
            kind: .sysvMessageSend, resource: host.register(resource(queue, thread, on: host)),
            release: Release(.any, [], onDeath: .kept, completeness: .inferred),
            deadEnd: .noCounterpart, isDemand: true, description: text)
        let consumer: LastUser
        switch LastUser.find(queue.lastReceiver, at: queue.lastReceiveSeconds, on: host) {
        case .found(let user): consumer = user
        case .nobody(let because):
            wait.release.parties = [Party(.outside(.unnamed), role: "consumer", certainty: .possible, because: because("receive from it"))]
            return wait
        }
        wait.release.parties = MessageConsumers.parties(consumer.process, queue, thread, on: host)
        return wait
    }

    private static func receive(_ thread: BlockedThread, on host: Host) -> Wait {
        let id = thread.int(0)
        guard let queue = queue(id, thread, on: host) else {
            return Wait(
                kind: .sysvMessageReceive, resource: host.register(unknownQueue(id, thread, on: host)),
                release: Release(.any, [unnamed("producer")]),
                deadEnd: .idle, description: "waits for a message on System V message queue \(id)")
        }
        var parties: [Party] = []
        if case .found(let producer) = LastUser.find(queue.lastSender, at: queue.lastSendSeconds, on: host) {
            parties.append(
                Party(
                    .process(producer.process.id), role: "producer", certainty: .inferred,
                    because: "last process to send to this queue (lspid)"))
        }
        parties.append(
            Party(.outside(.unnamed), role: "producer", certainty: .possible, because: "any process that knows the queue may send"))
        return Wait(
            kind: .sysvMessageReceive, resource: host.register(resource(queue, thread, on: host)),
            release: Release(.any, parties, onDeath: .kept, completeness: .inferred), deadEnd: .idle,
            description: "waits for a message on System V message queue \(id)")
    }

    // MARK: The queue

    private static func queue(_ id: Int32, _ thread: BlockedThread, on host: Host) -> MessageQueue? {
        guard let queue = host.messageQueue(id: id, of: thread.reading) else { return nil }
        let limit = queue.bytesLimit.map { " qbytes=\($0)" } ?? ""
        thread.cite(
            "msgctl(\(id), IPC_STAT)",
            "cbytes=\(queue.bytes)\(limit) qnum=\(queue.messages) lspid=\(queue.lastSender) lrpid=\(queue.lastReceiver) rtime=\(queue.lastReceiveSeconds)"
        )
        return queue
    }

    private static func resource(_ queue: MessageQueue, _ thread: BlockedThread, on host: Host) -> Resource {
        var facts: [(key: String, value: FactValue)] = [("bytes", .number(Int64(clamping: queue.bytes)))]
        if let limit = queue.bytesLimit { facts.append(("bytesLimit", .number(Int64(clamping: limit)))) }
        facts.append(("messages", .number(Int64(clamping: queue.messages))))
        facts.append(("lastSender", .number(Int64(queue.lastSender))))
        facts.append(("lastReceiver", .number(Int64(queue.lastReceiver))))
        facts.append(("lastReceiveSeconds", .number(queue.lastReceiveSeconds)))
        let key = queue.key == 0 ? "private" : "key 0x" + String(UInt32(truncatingIfNeeded: queue.key), radix: 16)
        return Resource(
            id: ResourceID("sysv-msg:\(queue.id)\(host.ipcScope(of: thread.reading))"), kind: "sysv-msg-queue",
            label: "System V message queue \(queue.id) (\(key))",
            facts: facts)
    }

    private static func unknownQueue(_ id: Int32, _ thread: BlockedThread, on host: Host) -> Resource {
        Resource(
            id: ResourceID("sysv-msg:\(id)\(host.ipcScope(of: thread.reading))"), kind: "sysv-msg-queue",
            label: "System V message queue \(id)")
    }

    private static func unnamed(_ role: String) -> Party {
        Party(.outside(.unnamed), role: role, certainty: .possible, because: "the queue could not be looked at")
    }
}
