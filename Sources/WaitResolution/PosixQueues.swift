import Evidence
import ProcFS
import WaitModel

/// POSIX message queues. Source: mq_overview(7), ipc/mqueue.c. Who has the queue open with the other access mode can end the wait; the
/// link of the descriptor is the queue's name, with ` (deleted)` after it when it was unlinked.
enum PosixQueues: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        let sends: Bool
        switch thread.callName {
        case "mq_timedsend", "mq_timedsend_time64": sends = true
        case "mq_timedreceive", "mq_timedreceive_time64": sends = false
        default: return nil
        }
        let kind: WaitKind = sends ? .posixQueueSend : .posixQueueReceive
        let verb = sends ? "sends to full" : "waits for a message on"
        guard let link = host.descriptorLink(thread.int(0), of: thread.reading) else {
            return Wait(
                kind: kind,
                release: Release(
                    .any, [Party(.outside(.unnamed), role: "other end", certainty: .possible, because: "the queue may not be looked at")]),
                deadEnd: .unknown, isDemand: sends, description: "\(verb) POSIX message queue")
        }
        thread.cite("/proc/\(thread.reading.pid)/fd/\(thread.int(0))", link)
        let ends = host.holders(of: link).filter { holder in
            guard let info = host.descriptorInfo(holder) else { return false }
            return sends ? info.canRead : info.canWrite
        }
        let counterparts = Counterparts(ends, of: thread, on: host)
        var parties = counterparts.parties(role: sends ? "receiver" : "sender", what: "the queue open that way", thread: thread)
        // A queue with a name gets new senders any time; a full one waits for those that have it.
        if !sends, !link.hasSuffix(" (deleted)") {
            parties.append(
                Party(.outside(.newWork), role: "sender", certainty: .possible, because: "whoever opens it by name"))
        }
        let who = counterparts.others.prefix(3).map { "\($0.name) (\($0.id.pid))" }.joined(separator: ", ")
        var wait = Wait(
            kind: kind,
            resource: host.register(
                Resource(
                    id: ResourceID("posix-mq:\(link)"), kind: "posix-mq", label: "POSIX message queue \(link)",
                    facts: [(sends ? "receivers" : "senders", .number(Int64(counterparts.others.count)))])),
            release: Release(.any, parties, onDeath: .kept, completeness: .inferred),
            deadEnd: sends ? (counterparts.isEmpty ? .noCounterpart : counterparts.deadEnd(of: thread, on: host)) : .idle, isDemand: sends,
            description: "\(verb) POSIX message queue \(link)"
                + (who.isEmpty ? "" : ", which \(who) \(counterparts.others.count == 1 ? "has" : "have") open"))
        // abs_timeout: a moment of CLOCK_REALTIME.
        if thread.argument(4) != 0 {
            wait.timeoutSeconds = thread.seconds(at: thread.argument(4)).map { max(0, $0 - Host.wallClock()) } ?? 0
            wait.mobility = .free(.timer)
        }
        return wait
    }
}
