private func sends(
    _ parties: [PartyTruth] = [.inferred("holder")], root: [String]? = ["holder"], cause causes: [String]? = asleep,
    verdict: Verdict = .chain, remedy: String? = nil
) -> Truth {
    Truth(["sysv-msg-send"], "sysv-msg:{queue}", on: parties, root: root, cause: causes, verdict: verdict, remedy: remedy)
}

private func queue(_ name: String, _ summary: String, states: [String: RoleState] = [:], _ truth: Truth) -> Scenario {
    Scenario(name, summary, needs: [.messageQueues], states: states, truth)
}

/// Queues, of which the kernel knows only who touched them last.
let systemVIPC: [Scenario] = [
    queue("sysv-send-full-bytes", "a queue full of bytes, its receiver sleeps", sends()),
    queue("sysv-send-full-count", "a queue full of messages without text", sends()),
    queue(
        "sysv-send-stopped", "a full queue, its receiver is stopped", states: ["holder": .stopped],
        sends(cause: stopped, remedy: "kill -CONT {pid:holder}")),
    queue(
        "sysv-send-bystander", "the last receiver only peeked once; the consumer never read",
        sends([.atMost(.inferred, "bystander"), .atMost(.possible, "consumer")], root: nil, cause: nil, verdict: .chainOrRest)),
    queue(
        "sysv-send-receiver-gone", "the last receiver has exited", states: ["receiver": .gone],
        sends([], root: ["victim"], cause: nobody)),
    queue("sysv-send-never-received", "nobody ever received", sends([], root: ["victim"], cause: nobody)),
    queue("sysv-send-creator-gone", "the queue's creator has exited, its receiver sleeps", states: ["creator": .gone], sends()),
    queue(
        "sysv-send-mutual", "two daemons send to each other's full queue",
        sends(root: nil, cause: nil, verdict: .chainOrDeadlock)),
    queue(
        "sysv-receive-type", "messages are there, but none of the awaited type",
        Truth(
            ["sysv-msg-receive"], "sysv-msg:{queue}", on: [.inferred("holder")], root: ["holder", "victim"],
            cause: asleep + atRest, verdict: .chainOrRest)),
    queue(
        "sysv-receive-nobody", "a queue that nobody ever sent to",
        Truth(["sysv-msg-receive"], "sysv-msg:{queue}", on: [], root: ["victim"], cause: atRest, verdict: .chainOrRest)),
    queue(
        "sysv-semaphore", "a semaphore taken by a process that sleeps",
        Truth(["sysv-sem", "unknown"], nil, on: [.atMost(.inferred, "holder")], othersAllowed: true, cause: nil, verdict: .chainOrRest)),
]
