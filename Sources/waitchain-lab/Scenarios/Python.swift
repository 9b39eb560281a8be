// CPython's locks are semaphores (before 3.13): nobody records who holds one, so no verdict of deadlock is to be had from them.
private func scenario(_ name: String, _ summary: String, states: [String: RoleState] = [:], _ truths: Truth...) -> Scenario {
    var scenario = Scenario("python-" + name, summary, program: "lab-python", states: states)
    scenario.truths = truths
    return scenario
}

/// A lock or something made of one: which thread would release it, nothing says.
private let parked = Truth(["runtime-park"], "futex:*", on: [], root: ["victim"], cause: ["no-signaller"], verdict: .chainOrRest)

let python: [Scenario] = [
    scenario(
        "lock-abba", "two threads want each other's threading.Lock", parked,
        Truth(of: "member-1", ["runtime-park"], "futex:*", on: [], cause: ["no-signaller"], verdict: .chainOrRest)),
    scenario("rlock-abba", "two threads want each other's threading.RLock", parked),
    scenario("lock", "a threading.Lock whose holder sleeps", parked),
    scenario(
        "lock-timed", "the same with a time limit",
        Truth(["runtime-park"], "futex:*", on: [], root: ["victim"], cause: ["timer", "no-signaller"], verdict: .chainOrRest)),
    scenario("lock-reentered", "a threading.Lock taken twice by one thread, which does not show", parked),
    scenario("condition", "a Condition that nobody notifies", parked),
    scenario("event", "an Event that nobody sets", parked),
    scenario("queue", "Queue.get of an empty queue", parked),
    scenario("join", "Thread.join of a thread that sleeps", parked),
    scenario("semaphore", "a threading.Semaphore at zero", parked),
    scenario("barrier", "a threading.Barrier that waits for two more", parked),
    scenario("executor-idle", "a worker of a ThreadPoolExecutor without work", parked),
    scenario("sleep", "time.sleep", Truth(["sleep", "select"], cause: asleep + ["timer"], verdict: .rest)),
    scenario(
        "gil-busy", "two threads that compute take turns", states: ["victim": .moving, "other": .moving],
        Truth(nil, cause: nil, verdict: .moves)),
    scenario(
        "gil-held", "C code keeps the interpreter lock while it waits", states: ["victim": .moving],
        Truth(["runtime-park", "runnable"], on: [.atMost(.inferred, "holder")], root: nil, cause: nil, verdict: .moves)),
    scenario(
        "full-pipe", "a parent waits for a child that writes to a pipe nobody reads",
        Truth(["child-exit"], on: [.certain("writer")], root: ["victim", "writer"], cause: nil, verdict: .chainOrDeadlock),
        Truth(of: "writer", ["pipe-write"], "pipe:*", on: [.certain("victim")], cause: nil, verdict: .chainOrDeadlock)),
    scenario(
        "subprocess", "Popen.wait for a child that sleeps",
        Truth(["child-exit"], on: [.certain("child")], root: ["child"], cause: asleep, verdict: .chainOrRest)),
    scenario(
        "pool-idle", "a worker of multiprocessing.Pool without work",
        Truth(["pipe-read", "futex-semaphore", "runtime-park"], cause: nil, verdict: .chainOrRest)),
    scenario(
        "process-queue", "multiprocessing.Queue.get in a child",
        Truth(["pipe-read"], "pipe:*", cause: nil, verdict: .chainOrRest)),
    scenario(
        "process-lock", "a multiprocessing.Lock that the parent holds, a POSIX semaphore",
        Truth(
            ["futex-semaphore"], "futex:*", on: [.atMost(.possible, "holder")], root: ["victim"], cause: ["no-signaller"],
            verdict: .chainOrRest)),
    scenario(
        "socket", "recv from a socket pair whose other end a child has",
        Truth(["unix-receive"], "unix:*", on: [.certain("peer")], root: ["peer"], cause: asleep, verdict: .chainOrRest)),
    scenario("accept", "accept without a client", Truth(["tcp-accept"], root: nil, cause: ["idle", "external"], verdict: .rest)),
    scenario(
        "flock", "a flock that another process holds, which sleeps",
        Truth(["file-lock-flock"], on: [.certain("holder")], root: ["holder"], cause: asleep)),
    scenario(
        "asyncio-idle", "an event loop of asyncio without work",
        Truth(["epoll"], root: ["victim"], cause: ["idle", "timer", "self-held"], verdict: .rest)),
    scenario(
        "select", "select of a pipe that only its own process has",
        Truth(["select", "pipe-read", "poll"], cause: nil, verdict: .chainOrRest)),
]
