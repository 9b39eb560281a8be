/// Node: one thread runs JavaScript, pools do the rest; a healthy program is a number of threads at rest.
private func scenario(_ name: String, _ summary: String, _ truths: Truth...) -> Scenario {
    var scenario = Scenario("node-" + name, summary, program: "lab-node")
    scenario.truths = truths
    return scenario
}

private func loop(_ role: String) -> Truth {
    Truth(of: role, ["epoll"], root: [role], cause: ["idle", "timer", "self-held"], verdict: .rest)
}

private func pool(_ role: String) -> Truth {
    Truth(of: role, ["runtime-park", "epoll"], on: nil, root: [role], cause: ["idle"], verdict: .rest)
}

let node: [Scenario] = [
    scenario("idle", "a server without clients, with all its pools", [loop("victim")] + (0..<10).map { pool("other-\($0)") }),
    scenario("timer", "a timer that is far away", Truth(["epoll"], root: ["victim"], cause: ["timer", "idle"], verdict: .rest)),
    scenario(
        "atomics", "a worker in Atomics.wait for a word that nobody changes",
        Truth(["runtime-park"], "futex:*", on: [], root: ["victim"], cause: ["no-signaller"], verdict: .chainOrRest), loop("main")),
    scenario("worker-idle", "a worker thread without messages", loop("victim"), loop("main")),
    scenario(
        "exec-sync", "execSync of a command that sleeps: the main thread does nothing else",
        Truth(["epoll"], on: [.inferred("child")], root: ["child"], cause: asleep, verdict: .chainOrRest)),
]

private func scenario(_ name: String, _ summary: String, _ truths: [Truth]) -> Scenario {
    var scenario = Scenario("node-" + name, summary, program: "lab-node")
    scenario.truths = truths
    return scenario
}
