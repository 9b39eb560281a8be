/// Hangs that look like another hang: each invites a wrong name, or a deadlock that is none.
let traps: [Scenario] = [
    Scenario(
        "trap-free-second-thread", "two processes read from each other, but one has a thread that could write",
        Truth(["pipe-read"], "pipe:[{pipe}]", othersAllowed: true, cause: nil, verdict: .chainOrRest)),
    Scenario(
        "trap-stopped-in-cycle", "two processes read from each other, one of them stopped", states: ["holder": .stopped],
        Truth(["pipe-read"], "pipe:[{pipe}]", on: [.certain("holder")], root: ["holder"], cause: stopped)),
    Scenario(
        "trap-socket-timeout", "two processes wait for each other's answer, one with SO_RCVTIMEO",
        Truth(["unix-receive"], "unix:*", on: [.certain("holder")], cause: nil, verdict: .chainOrRest)),
    Scenario(
        "trap-other-reader", "a bystander has the read end open too",
        Truth(["pipe-read"], "pipe:[{pipe}]", on: [.certain("holder")], root: ["holder"], cause: asleep, verdict: .chainOrRest)),
    Scenario(
        "trap-odd-name", "a thread whose name looks like a line of procfs",
        Truth(["pipe-read"], "pipe:[{pipe}]", on: [.certain("holder")], root: ["holder"], cause: asleep, verdict: .chainOrRest)),
    Scenario(
        "trap-flock-shared", "two processes share the locked descriptor", needs: [.fileLockTable],
        Truth(
            ["file-lock-flock"], "file-lock:*:{file}", on: [.named("holder-1"), .named("holder-2")],
            root: ["holder-1", "holder-2"], cause: asleep)),
    Scenario(
        "trap-listener-shared", "two processes could accept",
        Truth(
            ["unix-connect"], "unix:{path}", on: [.possible("holder-1"), .possible("holder-2")], rule: "any",
            root: ["holder-1", "holder-2"], cause: asleep)),
    Scenario(
        "trap-child-group", "waits for a process group to which only one of its children belongs", needs: [.childrenFile],
        Truth(["child-exit"], on: [.certain("holder")], root: ["holder"], cause: asleep, verdict: .chainOrRest)),
    Scenario(
        "trap-abba-busy-process", "a deadlock in a process that computes otherwise", states: ["bystander": .moving],
        Truth(
            ["futex-mutex"], "futex:*", on: [.certain("holder")], root: ["victim", "holder"], cause: deadlocked,
            verdict: .deadlock)),
    Scenario(
        "trap-nested-monitor", "stuck for good, but nothing records who would signal",
        Truth(["futex-mutex"], "futex:*", on: [.certain("holder")], root: ["holder"], cause: atRest, verdict: .chainOrRest)),
    Scenario(
        "trap-pid-namespace", "the owner's number is one of another pid namespace", needs: [.pidNamespaces],
        Truth(["futex-mutex"], "futex:*", on: [.certain("holder")], root: ["holder"], cause: asleep)),
    Scenario(
        "trap-pid-namespace-shared", "the same, between two processes", needs: [.pidNamespaces],
        Truth(["futex-mutex"], "futex:*", on: [.certain("holder")], root: ["holder"], cause: asleep)),
    Scenario(
        "trap-eventfd", "an eventfd that another process could write",
        Truth(
            ["eventfd-read", "unknown"], on: [.atMost(.certain, "holder")], othersAllowed: true, cause: nil,
            verdict: .chainOrRest)),
    Scenario(
        "trap-timerfd", "a timer that fires in ten hours",
        Truth(["timerfd-read", "unknown"], on: [], cause: ["timer", "unknown", "no-signaller"], verdict: .chainOrRest)),
    Scenario(
        "trap-tcp", "a TCP answer from a process that sleeps",
        Truth(
            ["tcp-receive", "socket-other"], on: [.atMost(.certain, "holder")], othersAllowed: true, cause: nil,
            verdict: .chainOrRest)),
]
