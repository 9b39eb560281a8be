private func quit(_ name: String, _ summary: String, _ outcomes: String...) -> Scenario {
    Scenario(
        name, summary, signal: SignalTruth(signal: "SIGQUIT", outcomes: outcomes),
        Truth(["pipe-read"], "pipe:[{pipe}]", on: [.certain("holder")], root: ["holder"], cause: asleep, verdict: .chainOrRest))
}

/// Why a process does not react to SIGQUIT.
let signals: [Scenario] = [
    quit("signal-blocked", "SIGQUIT blocked in all threads", "blocked"),
    quit("signal-blocked-in-one", "SIGQUIT blocked in one thread of two", "default"),
    quit("signal-ignored", "SIGQUIT ignored", "ignored"),
    quit("signal-caught", "SIGQUIT caught by a handler that does nothing", "caught"),
    quit("signal-default", "SIGQUIT would end the process", "default"),
    quit("signal-pending", "SIGQUIT sent already, and blocked", "pending", "blocked"),
    Scenario(
        "signal-stopped", "SIGQUIT caught, but the process is stopped", states: ["victim": .stopped],
        signal: SignalTruth(signal: "SIGQUIT", outcomes: ["cannot-act"]),
        Truth(["job-control-stop"], root: ["victim"], cause: stopped, verdict: .chain)),
]

private let healthyCauses = ["progress", "running", "starved", "sleeping", "timer", "idle", "no-signaller"]

/// Nothing is wrong here.
let controls: [Scenario] = [
    Scenario("control-event-loop", "an event loop without clients", Truth(["epoll"], cause: ["idle"], verdict: .rest)),
    Scenario("control-prefork", "a pool of processes in accept", Truth(["unix-accept"], "unix:*", cause: ["idle"], verdict: .rest)),
    Scenario(
        "control-thread-pool", "workers on a condition variable",
        Truth(["futex-condvar", "futex-other"], "futex:*", on: [], othersAllowed: true, cause: atRest, verdict: .chainOrRest)),
    Scenario(
        "control-contended", "four threads take turns on one mutex",
        states: ["victim": .moving, "member-1": .moving, "member-2": .moving, "member-3": .moving],
        Truth(nil, cause: healthyCauses, verdict: .moves)),
    Scenario(
        "control-timer-loop", "a thread that sleeps for moments", states: ["victim": .moving],
        Truth(nil, cause: healthyCauses, verdict: .moves)),
    Scenario(
        "control-spin", "a thread that computes", states: ["victim": .moving], Truth(["runnable"], cause: healthyCauses, verdict: .moves)),
]
