private func held(
    by parties: [PartyTruth] = [.certain("holder")], root: String = "holder", cause causes: [String] = asleep,
    verdict: Verdict = .chain, remedy: String? = nil
) -> Truth {
    Truth(["futex-mutex"], "futex:*", on: parties, root: [root], cause: causes, verdict: verdict, remedy: remedy)
}

/// One mutex, of every kind that glibc has.
let mutexes: [Scenario] = [
    Scenario("mutex-normal", "a normal mutex, its holder sleeps", held()),
    Scenario("mutex-recursive", "a recursive mutex, its holder sleeps", held()),
    Scenario("mutex-errorcheck", "an error-checking mutex, its holder sleeps", held()),
    Scenario("mutex-adaptive", "an adaptive mutex, its holder sleeps", held()),
    Scenario("mutex-robust", "a robust mutex, its holder sleeps", held()),
    Scenario("mutex-pi", "a priority-inheriting mutex, its holder sleeps", held()),
    Scenario("mutex-pi-robust", "a robust priority-inheriting mutex, its holder sleeps", held()),
    Scenario("mutex-timed", "pthread_mutex_timedlock with a far limit", held()),
    Scenario("mutex-holder-running", "the holder spins on the CPU", states: ["holder": .moving], held(cause: ["running", "starved"])),
    Scenario("mutex-holder-paused", "the holder waits for a signal", held(cause: atRest, verdict: .chainOrRest)),
    Scenario(
        "mutex-owner-exited", "the owner thread ended without unlocking", states: ["owner": .gone],
        held(by: [], root: "victim", cause: ["owner-exited"])),
    Scenario(
        "mutex-robust-heir", "a robust mutex's first owner died; its heir sleeps on it", states: ["owner": .gone], held()),
    Scenario("mutex-shared", "a mutex in shared memory, held by another process", held()),
    Scenario("mutex-shared-file", "a mutex in a mapped file, at another address in each process", held()),
    Scenario("mutex-shared-robust", "a robust mutex in shared memory", held()),
    Scenario("mutex-shared-pi", "a priority-inheriting mutex in shared memory", held()),
    Scenario(
        "mutex-holder-stopped", "the holding process is stopped", states: ["holder": .stopped],
        held(cause: stopped, remedy: "kill -CONT {pid:holder}")),
    Scenario(
        "mutex-shared-owner-exited", "the process that held a shared mutex has exited", states: ["holder": .gone],
        held(by: [], root: "victim", cause: ["owner-exited"])),
    Scenario(
        "mutex-copied-by-fork", "a private mutex copied by fork while its owner held it",
        held(by: [], root: "victim", cause: ["owner-not-in-process"])),
]

private func chained(_ parties: [PartyTruth], root: [String]?, cause causes: [String]?, verdict: Verdict, chain: [String]? = nil) -> Truth {
    Truth(["futex-mutex"], "futex:*", on: parties, root: root, cause: causes, verdict: verdict, chain: chain)
}

private func joins(_ party: String, root: [String], cause causes: [String], verdict: Verdict = .chain) -> Truth {
    Truth(["futex-join"], "thread:{tid:\(party)}|futex:*", on: [.certain(party)], root: root, cause: causes, verdict: verdict)
}

/// Chains, rings and convoys of mutexes and joins.
let severalMutexes: [Scenario] = [
    Scenario(
        "mutex-abba", "two threads want each other's mutex",
        chained([.certain("member-1")], root: ["victim", "member-1"], cause: deadlocked, verdict: .deadlock)),
    Scenario(
        "mutex-abba-timed", "the same, but one of them will give up one day",
        chained([.certain("member-1")], root: nil, cause: nil, verdict: .chainOrRest)),
    Scenario(
        "mutex-abba-stopped", "the same between processes, one of them stopped", states: ["member-1": .stopped],
        chained([.certain("member-1")], root: ["member-1"], cause: stopped, verdict: .chain)),
    Scenario(
        "mutex-ring-3", "a ring of three threads",
        chained([.certain("member-1")], root: ["victim", "member-1", "member-2"], cause: deadlocked, verdict: .deadlock)),
    Scenario(
        "mutex-ring-3-processes", "a ring of three processes, over shared memory",
        chained([.certain("member-1")], root: ["victim", "member-1", "member-2"], cause: deadlocked, verdict: .deadlock)),
    Scenario(
        "mutex-chain-3", "three mutexes in a row, the last holder sleeps",
        chained(
            [.certain("member-1")], root: ["member-3"], cause: asleep, verdict: .chain,
            chain: Array(repeating: "futex-mutex", count: 3) + ["sleep"])),
    Scenario(
        "mutex-chain-5", "five mutexes in a row, the last holder sleeps",
        chained(
            [.certain("member-1")], root: ["member-5"], cause: asleep, verdict: .chain,
            chain: Array(repeating: "futex-mutex", count: 5) + ["sleep"])),
    Scenario(
        "mutex-self-deadlock", "a thread locks its own normal mutex again",
        chained([.certain("victim")], root: ["victim"], cause: ["self-deadlock"], verdict: .deadlock)),
    Scenario(
        "convoy", "200 threads behind one mutex",
        Truth(["futex-mutex"], "futex:*", on: [.certain("holder")], root: ["holder"], cause: asleep, victims: 200)),
    Scenario("join", "pthread_join of a thread that sleeps", joins("holder", root: ["holder"], cause: asleep, verdict: .chainOrRest)),
    Scenario("join-chain", "three joins in a row", joins("member-1", root: ["member-3"], cause: asleep, verdict: .chainOrRest)),
    Scenario(
        "join-ring-3", "three threads join each other, which glibc does not see",
        joins("member-1", root: ["victim", "member-1", "member-2"], cause: deadlocked, verdict: .deadlock)),
]

private func unrecorded(_ kind: String, rule: String? = nil) -> Truth {
    Truth([kind], "futex:*", on: [], rule: rule, root: ["victim"], cause: atRest, verdict: .chainOrRest)
}

/// Futexes whose holder is not recorded, and those that only look like a mutex.
let otherFutexes: [Scenario] = [
    Scenario(
        "rwlock-writer", "a read lock behind a writer who sleeps",
        Truth(["futex-rwlock"], "futex:*", on: [.certain("holder")], root: ["holder"], cause: asleep)),
    Scenario("rwlock-reader", "a write lock behind a reader, whose name nobody records", unrecorded("futex-rwlock", rule: "all")),
    Scenario("condvar", "a condition variable that nobody will signal", unrecorded("futex-condvar")),
    Scenario("semaphore", "a POSIX semaphore at zero", unrecorded("futex-semaphore")),
    Scenario("barrier", "a barrier that waits for one thread more", unrecorded("futex-barrier")),
    Scenario(
        "stdio-lock", "a FILE's lock, which resembles a mutex and is none",
        Truth(["futex-mutex"], "futex:*", on: [.certain("holder")], root: ["holder"], cause: asleep)),
    Scenario("handmade-futex", "a word of the program's own, with the value of a contended mutex", unrecorded("futex-other")),
]
