private func waits(
    _ parties: [PartyTruth] = [.certain("holder")], resource: String? = "process:{pid:holder}", rule: String? = nil,
    root: [String] = ["holder"], cause causes: [String] = asleep, verdict: Verdict = .chainOrRest, remedy: String? = nil
) -> Truth {
    Truth(["child-exit"], resource, on: parties, rule: rule, root: root, cause: causes, verdict: verdict, remedy: remedy)
}

private let threeChildren = ["holder-1", "holder-2", "holder-3"]

/// Children, zombies, cause: stopped and traced processes; sleeps and pauses.
let processes: [Scenario] = [
    Scenario("child-wait", "wait4 for one child that sleeps", waits()),
    Scenario(
        "child-wait-any", "wait4 for any of three children that sleep", needs: [.childrenFile],
        waits(threeChildren.map(PartyTruth.certain), resource: nil, rule: "any", root: threeChildren)),
    Scenario("child-waitid", "waitid for one child that sleeps", waits()),
    Scenario("child-chain", "a child that itself waits for a child", waits(root: ["root"])),
    Scenario(
        "child-stopped", "the awaited child is stopped", states: ["holder": .stopped],
        waits(cause: stopped, verdict: .chain, remedy: "kill -CONT {pid:holder}")),
    Scenario(
        "child-vfork", "the child of a vfork neither execs nor exits",
        Truth(["vfork"], on: [.certain("holder")], root: ["holder"], cause: asleep, verdict: .chainOrRest)),
    Scenario(
        "zombie", "a child that has exited, and a parent that does not wait", states: ["victim": .zombie],
        Truth(["zombie"], root: ["parent"], cause: nil, verdict: .chainOrRest)),
    Scenario(
        "zombie-leader", "the first thread has exited, others live and hang", states: ["leader": .zombie],
        Truth(["futex-mutex"], "futex:*", on: [.certain("holder")], root: ["holder"], cause: asleep)),
    Scenario(
        "stopped", "stopped by a signal", states: ["victim": .stopped],
        Truth(["job-control-stop"], root: ["victim"], cause: stopped, verdict: .chain, remedy: "kill -CONT {pid:victim}")),
    Scenario(
        "traced", "stopped by its tracer", needs: [.tracing], states: ["victim": .traced],
        Truth(["ptrace-stop"], root: ["victim", "tracer"], cause: ["traced"], verdict: .chain)),
    Scenario(
        "pipe-writer-traced", "an empty pipe, its writer is stopped by a tracer", needs: [.tracing], states: ["holder": .traced],
        Truth(["pipe-read"], "pipe:[{pipe}]", on: [.certain("holder")], root: ["holder", "tracer"], cause: ["traced"], verdict: .chain)),
    Scenario("sleep", "a sleep", Truth(["sleep"], root: ["victim"], cause: asleep, verdict: .chainOrRest)),
    Scenario("pause", "pause()", Truth(["pause", "poll"], root: ["victim"], cause: atRest, verdict: .chainOrRest)),
    Scenario("signal-wait", "sigwaitinfo", Truth(["signal-wait"], root: ["victim"], cause: atRest, verdict: .chainOrRest)),
]
