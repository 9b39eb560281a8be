/// Java: every thread parks on a condition variable of its own. Who is in a monitor or has a lock stands in the heap alone: nobody is named,
/// and no deadlock shown; jstack knows.
private func scenario(_ name: String, _ summary: String, _ truths: Truth...) -> Scenario {
    var scenario = Scenario("java-" + name, summary, program: "lab-java")
    scenario.truths = truths
    return scenario
}

private func entering(_ role: String) -> Truth {
    Truth(of: role, ["runtime-park"], "futex:*", on: [], root: [role], cause: ["runtime-internal"], verdict: .chainOrRest)
}

private func parked(of role: String = "victim", cause: [String] = ["no-signaller"]) -> Truth {
    Truth(of: role, ["runtime-park"], "futex:*", on: [], root: [role], cause: cause, verdict: .chainOrRest)
}

private func service(_ role: String) -> Truth {
    Truth(of: role, ["runtime-park"], "futex:*", on: [], root: [role], cause: ["idle"], verdict: .rest)
}

let java: [Scenario] = [
    scenario("monitor", "a synchronized block whose holder sleeps", entering("victim")),
    scenario("monitor-abba", "two threads want each other's monitor", entering("victim"), entering("member-1")),
    scenario("lock", "a ReentrantLock whose holder sleeps", parked()),
    scenario("lock-abba", "two threads want each other's ReentrantLock", parked(), parked(of: "member-1")),
    scenario("object-wait", "Object.wait that nobody notifies", parked()),
    scenario("object-wait-timed", "the same with a time limit", parked(cause: ["timer"])),
    scenario("park", "LockSupport.park", parked()),
    scenario("queue", "BlockingQueue.take of an empty queue", parked()),
    scenario("join", "Thread.join of a thread that sleeps", parked()),
    scenario("latch", "a CountDownLatch that nobody counts down", parked()),
    scenario("semaphore", "a java.util.concurrent.Semaphore at zero", parked()),
    scenario("executor-idle", "a worker of an ExecutorService without work", parked()),
    scenario("child", "Process.waitFor of a child that sleeps", parked()),
    scenario("sleep", "Thread.sleep", Truth(["sleep"], cause: asleep, verdict: .rest)),
    scenario(
        "socket", "a read from a TCP connection whose other end its own process has",
        Truth(["tcp-receive", "poll"], cause: nil, verdict: .chainOrRest)),
    scenario(
        "accept", "ServerSocket.accept without a client", Truth(["tcp-accept", "poll"], cause: ["idle", "external"], verdict: .rest)),
    scenario(
        "service-threads", "the virtual machine's own threads at rest", service("victim"), service("reference"), service("finalizer"),
        service("compiler"), service("signals"),
        Truth(of: "main", ["futex-join"], cause: nil, verdict: .chainOrRest)),
]
