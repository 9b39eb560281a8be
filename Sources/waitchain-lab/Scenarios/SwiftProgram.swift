/// Swift and libdispatch: a serial queue records the thread that runs its work, a Mutex its owner (it is a priority-inheriting futex);
/// a global that is being
/// initialised likewise; semaphores, groups, suspensions and readers of a concurrent queue record nobody.
private func scenario(_ name: String, _ summary: String, _ truths: Truth...) -> Scenario {
    var scenario = Scenario("swift-" + name, summary, program: "lab-swift")
    scenario.truths = truths
    return scenario
}

private let drained = Truth(
    ["runtime-park"], "dispatch-queue:*", on: [.certain("holder")], root: ["holder"], cause: asleep)
private let unrecordedQueue = Truth(
    ["runtime-park"], "dispatch-queue:*", on: [], root: ["victim"], cause: ["runtime-internal", "no-signaller"], verdict: .chainOrRest)

private func unrecorded(_ kinds: String...) -> Truth {
    Truth(kinds, "futex:*", on: [], root: ["victim"], cause: ["no-signaller"], verdict: .chainOrRest)
}

private func ring(_ role: String, _ other: String, _ kind: String, _ resource: String) -> Truth {
    Truth(of: role, [kind], resource, on: [.certain(other)], root: [role, other], cause: deadlocked, verdict: .deadlock)
}

let swift: [Scenario] = [
    scenario("queue-sync", "sync on a serial queue whose block sleeps on a worker thread", drained),
    scenario("queue-sync-by-sync", "the same, the block runs on the thread that asked for it", drained),
    scenario("queue-target", "sync on a queue that targets one whose block sleeps", drained),
    scenario(
        "queue-convoy", "three threads behind one queue",
        Truth(
            ["runtime-park"], "dispatch-queue:*", on: [.certain("holder")], root: ["holder"], cause: asleep, victims: 3)),
    scenario(
        "queue-abba", "two queues whose blocks want to run on each other",
        ring("victim", "member-1", "runtime-park", "dispatch-queue:*"), ring("member-1", "victim", "runtime-park", "dispatch-queue:*")),
    scenario("queue-barrier", "a barrier on a concurrent queue behind a reader, whose name nobody records", unrecordedQueue),
    scenario("queue-suspended", "sync on a suspended queue", unrecordedQueue),
    scenario("semaphore", "a DispatchSemaphore at zero", unrecorded("futex-semaphore")),
    scenario("group", "a DispatchGroup that nobody leaves", unrecorded("runtime-park")),
    scenario(
        "mutex", "a Mutex whose holder sleeps",
        Truth(["futex-mutex"], "futex:*", on: [.certain("holder")], root: ["holder"], cause: asleep)),
    scenario(
        "global", "a global that another thread initialises, which sleeps",
        Truth(["futex-mutex", "futex-once"], "futex:*", on: [.certain("holder")], root: ["holder"], cause: asleep)),
    scenario(
        "worker-idle", "a worker thread of libdispatch without work",
        Truth(["runtime-park"], "futex:*", on: [], root: ["victim"], cause: ["idle"], verdict: .rest)),
    scenario(
        "task-idle", "a thread of the concurrency pool without work; the main function awaits",
        Truth(["runtime-park"], "futex:*", on: [], root: ["victim"], cause: ["idle"], verdict: .rest),
        Truth(of: "main", ["signal-wait"], cause: ["idle"], verdict: .rest)),
    scenario("task-semaphore", "the main thread waits on a semaphore for a task that never ends", unrecorded("futex-semaphore")),
]
