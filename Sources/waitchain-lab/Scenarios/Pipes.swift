private func reads(
    _ parties: [PartyTruth], root: [String]?, cause causes: [String]?, verdict: Verdict = .chainOrRest, remedy: String? = nil
) -> Truth {
    Truth(
        ["pipe-read"], "pipe:[{pipe}]", on: parties, rule: parties.count > 1 ? "any" : nil, root: root, cause: causes, verdict: verdict,
        remedy: remedy)
}

private func writes(
    _ parties: [PartyTruth], root: [String]?, cause causes: [String]?, verdict: Verdict = .chainOrRest, remedy: String? = nil
) -> Truth {
    Truth(["pipe-write"], "pipe:[{pipe}]", on: parties, root: root, cause: causes, verdict: verdict, remedy: remedy)
}

/// Pipes and FIFOs.
let pipes: [Scenario] = [
    Scenario("pipe-read", "an empty pipe, its writer sleeps", reads([.certain("holder")], root: ["holder"], cause: asleep)),
    Scenario("pipe-write-full", "a full pipe, its reader sleeps", writes([.certain("holder")], root: ["holder"], cause: asleep)),
    Scenario(
        "pipe-writer-idle", "an empty pipe, its writer waits for a signal", reads([.certain("holder")], root: ["holder"], cause: atRest)),
    Scenario(
        "pipe-writer-running", "an empty pipe, its writer computes", states: ["holder": .moving],
        reads([.certain("holder")], root: ["holder"], cause: ["running", "starved"])),
    Scenario(
        "pipe-reader-stopped", "a full pipe, its reader is stopped", states: ["holder": .stopped],
        writes([.certain("holder")], root: ["holder"], cause: stopped, verdict: .chain, remedy: "kill -CONT {pid:holder}")),
    Scenario(
        "pipe-two-writers", "an empty pipe with two writers that sleep",
        reads([.possible("holder-1"), .possible("holder-2")], root: ["holder-1", "holder-2"], cause: asleep)),
    Scenario(
        "pipe-self-held", "the reader itself keeps the only write end",
        Truth(["pipe-read"], "pipe:[{pipe}]", root: ["victim"], cause: ["self-held"], verdict: .chain)),
    Scenario(
        "pipe-leaked-end", "a forgotten child keeps the write end, and the read end too",
        reads([.certain("holder")], root: ["holder"], cause: ["leaked-fd"], verdict: .chain)),
    Scenario(
        "pipe-mutual-read", "two processes read from each other",
        reads([.certain("holder")], root: ["victim", "holder"], cause: deadlocked, verdict: .deadlock)),
    Scenario(
        "pipe-mutual-write", "two processes write to each other's full pipe",
        writes([.certain("holder")], root: ["victim", "holder"], cause: deadlocked, verdict: .deadlock)),
    Scenario(
        "pipe-mutual-third-writer", "a cycle that is none: a third process could write",
        reads([.possible("holder"), .possible("bystander")], root: nil, cause: nil)),
    Scenario("pipe-pipeline", "a pipeline whose first process sleeps", reads([.certain("holder")], root: ["root"], cause: asleep)),
    Scenario(
        "fifo-open-read", "open of a FIFO that nobody writes",
        Truth(["fifo-open-read"], "fifo:{path}", on: [], root: ["victim"], cause: ["no-counterpart"])),
    Scenario(
        "fifo-open-write", "open of a FIFO that nobody reads",
        Truth(["fifo-open-write"], "fifo:{path}", on: [], root: ["victim"], cause: ["no-counterpart"])),
    Scenario(
        "fifo-read", "an empty FIFO, its writer sleeps",
        Truth(["pipe-read"], "fifo:{path}", on: [.certain("holder")], root: ["holder"], cause: asleep, verdict: .chainOrRest)),
]
