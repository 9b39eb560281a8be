// CPython's locks are semaphores (before 3.13): nobody records who holds one, so no verdict of deadlock is to be had from them.
private func scenario(_ name: String, _ summary: String, states: [String: RoleState] = [:], _ truth: Truth) -> Scenario {
    Scenario("python-" + name, summary, program: "lab-python", states: states, truth)
}

/// A lock or something made of one: which thread would release it, nothing says.
private func park(verdict: Verdict = .chainOrRest) -> Truth {
    Truth(["runtime-park"], "futex:*", on: [], root: ["victim"], cause: ["no-signaller", "runtime-internal"], verdict: verdict)
}

let python: [Scenario] = [
    scenario("lock-abba", "two threads want each other's threading.Lock", park()),
    scenario("lock", "a threading.Lock whose holder sleeps", park()),
]
