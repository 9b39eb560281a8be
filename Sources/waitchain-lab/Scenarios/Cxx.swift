/// C++: what it takes from the C library is known as there; its own waits (atomics, latches, futures, statics) record nobody.
private func scenarios(
    _ name: String, _ summary: String, states: [String: RoleState] = [:], stripped: Bool = false, _ truths: Truth...
) -> [Scenario] {
    [("", "lab-c++")].map { suffix, program in
        var scenario = Scenario("c++-" + name + suffix, summary, program: program, states: states)
        scenario.truths = truths
        return scenario
    }
        + (stripped ? [("-stripped", "lab-c++-stripped")] : []).map { suffix, program in
            var scenario = Scenario("c++-" + name + suffix, summary + ", no symbols", program: program, states: states)
            scenario.truths = truths
            return scenario
        }
}

private func held(_ kinds: [String] = ["futex-mutex"]) -> Truth {
    Truth(kinds, "futex:*", on: [.certain("holder")], root: ["holder"], cause: asleep)
}

private func unrecorded(_ kinds: String...) -> Truth {
    Truth(
        kinds + ["futex-other"], "futex:*", on: [], root: ["victim"], cause: ["no-signaller", "idle", "unknown"], verdict: .chainOrRest)
}

private let joined = Truth(
    ["futex-join"], "thread:{tid:worker}|futex:*", on: [.certain("worker")], root: ["worker"], cause: asleep, verdict: .chainOrRest)

let cPlusPlus: [Scenario] = [
    scenarios("mutex", "a std::mutex whose holder sleeps", stripped: true, held()),
    scenarios("recursive-mutex", "a std::recursive_mutex whose holder sleeps", held()),
    scenarios("timed-mutex", "try_lock_for of a std::timed_mutex whose holder sleeps", held()),
    scenarios(
        "abba", "two threads want each other's std::mutex", stripped: true,
        Truth(
            ["futex-mutex"], "futex:*", on: [.certain("member-1")], root: ["victim", "member-1"], cause: deadlocked, verdict: .deadlock)),
    scenarios(
        "self-deadlock", "a std::mutex taken twice by one thread",
        Truth(["futex-mutex"], "futex:*", on: [.certain("victim")], root: ["victim"], cause: ["self-deadlock"], verdict: .deadlock)),
    scenarios(
        "shared-reader", "a std::shared_mutex that a writer holds, who sleeps",
        Truth(
            ["futex-rwlock", "futex-other"], "futex:*", on: [.atMost(.certain, "holder")], othersAllowed: true, cause: nil,
            verdict: .chainOrRest)),
    scenarios(
        "shared-writer", "a std::shared_mutex that a reader holds, whose name nobody records",
        Truth(
            ["futex-rwlock", "futex-other"], "futex:*", on: [.atMost(.inferred, "holder")], othersAllowed: true, cause: nil,
            verdict: .chainOrRest)),
    scenarios("condition", "a std::condition_variable that nobody notifies", stripped: true, unrecorded("futex-condvar")),
    scenarios(
        "condition-timed", "wait_for of a std::condition_variable",
        Truth(["futex-condvar"], "futex:*", on: [], root: ["victim"], cause: ["timer", "no-signaller"], verdict: .chainOrRest)),
    scenarios("condition-any", "a std::condition_variable_any with a shared lock", unrecorded("futex-condvar")),
    scenarios("promise", "a std::future whose promise nobody keeps", unrecorded("futex-condvar")),
    scenarios("async", "a std::future of std::async whose thread sleeps", joined),
    scenarios("latch", "a std::latch that counts one more", unrecorded("futex-barrier")),
    scenarios("barrier", "a std::barrier that waits for one more", unrecorded("futex-barrier")),
    scenarios("semaphore", "a std::counting_semaphore at zero", stripped: true, unrecorded("futex-semaphore")),
    scenarios("atomic", "std::atomic::wait for a change that does not come", unrecorded()),
    scenarios("call-once", "a std::call_once that another thread runs, which sleeps", unrecorded("futex-once")),
    scenarios("static", "a function's static that another thread initialises, which sleeps", unrecorded("futex-once")),
    scenarios("join", "std::thread::join of a thread that sleeps", stripped: true, joined),
    scenarios("jthread", "the destructor of a std::jthread that does not stop", joined),
    scenarios("pool-idle", "a thread pool without work", unrecorded("futex-condvar")),
].flatMap { $0 }
