private func watches(
    _ kind: String, _ parties: [PartyTruth] = [.certain("holder")], root: [String]? = ["holder"], cause causes: [String]? = asleep,
    verdict: Verdict = .chainOrRest, remedy: String? = nil
) -> Truth {
    Truth([kind], on: parties, rule: "any", root: root, cause: causes, verdict: verdict, remedy: remedy)
}

private func sets(_ name: String, _ summary: String, states: [String: RoleState] = [:], _ truth: Truth) -> Scenario {
    Scenario(name, summary, states: states, truth)
}

/// poll, select and epoll, and those that stand behind their members.
let pollSets: [Scenario] = [
    sets("poll-pipe", "poll of a pipe whose writer sleeps", watches("poll")),
    sets(
        "poll-writer-stopped", "poll of a pipe whose writer is stopped", states: ["holder": .stopped],
        watches("poll", cause: stopped, verdict: .chain, remedy: "kill -CONT {pid:holder}")),
    sets("select-pipe", "select of a pipe whose writer sleeps", watches("select")),
    sets("epoll-pipe", "epoll of a pipe whose writer sleeps", watches("epoll")),
    sets("epoll-nested", "an epoll set inside an epoll set", watches("epoll")),
    Scenario(
        "poll-knot", "two writers, and both want what the poller holds", needs: [.fileLockTable],
        watches(
            "poll", [.named("holder-1"), .named("holder-2")], root: ["victim", "holder-1", "holder-2"], cause: deadlocked,
            verdict: .deadlock)),
    Scenario(
        "poll-knot-timed", "the same, but poll will give up one day", needs: [.fileLockTable],
        watches("poll", [.named("holder-1"), .named("holder-2")], root: nil, cause: nil)),
    Scenario(
        "poll-one-can-act", "the same, but one of the writers is free to write", needs: [.fileLockTable],
        watches("poll", [.named("holder-1"), .named("holder-2")], root: nil, cause: nil)),
]
