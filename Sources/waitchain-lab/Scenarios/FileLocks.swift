private func locks(
    of role: String = "victim", kind: String = "file-lock-flock", _ parties: [PartyTruth]? = [.certain("holder")], rule: String? = nil,
    file: String = "file", root: [String] = ["holder"], cause causes: [String] = asleep, verdict: Verdict = .chain, remedy: String? = nil
) -> Truth {
    Truth(of: role, [kind], "file-lock:*:{\(file)}", on: parties, rule: rule, root: root, cause: causes, verdict: verdict, remedy: remedy)
}

private func file(_ name: String, _ summary: String, states: [String: RoleState] = [:], _ truth: Truth) -> Scenario {
    Scenario(name, summary, needs: [.fileLockTable], states: states, truth)
}

/// flock, POSIX record locks and open-file-description locks.
let fileLocks: [Scenario] = [
    file("flock", "an exclusive flock, its holder sleeps", locks()),
    file("flock-holder-running", "its holder computes", states: ["holder": .moving], locks(cause: ["running", "starved"])),
    file(
        "flock-holder-stopped", "its holder is stopped", states: ["holder": .stopped],
        locks(cause: stopped, remedy: "kill -CONT {pid:holder}")),
    file(
        "flock-three-readers", "an exclusive flock behind three shared ones",
        locks(
            [.certain("holder-1"), .certain("holder-2"), .certain("holder-3")], rule: "all", root: ["holder-1", "holder-2", "holder-3"])),
    Scenario(
        "flock-queue", "three waiters behind one holder", needs: [.fileLockTable],
        locks(), locks(of: "waiter-2", nil), locks(of: "waiter-3", nil)),
    file(
        "flock-inherited", "the locker has exited, its child kept the descriptor", states: ["locker": .gone], locks()),
    file(
        "flock-abba", "two processes want each other's file",
        locks(file: "other", root: ["victim", "holder"], cause: deadlocked, verdict: .deadlock)),
    file(
        "flock-self", "a thread against its own other descriptor",
        locks([.certain("victim")], root: ["victim"], cause: ["self-deadlock"], verdict: .deadlock)),
    file("lock-posix", "a byte range; another range belongs to a bystander", locks(kind: "file-lock-posix")),
    file("lock-ofd", "the same with open-file-description locks", locks(kind: "file-lock-ofd")),
    file(
        "lock-ofd-abba", "two processes want each other's range, which the kernel does not see",
        locks(kind: "file-lock-ofd", root: ["victim", "holder"], cause: deadlocked, verdict: .deadlock)),
]
