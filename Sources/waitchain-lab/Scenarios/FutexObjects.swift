private func rwlock(
    _ parties: [PartyTruth] = [.certain("holder")], rule: String? = nil, root: [String]? = ["holder"], cause causes: [String]? = asleep,
    verdict: Verdict = .chain, remedy: String? = nil
) -> Truth {
    Truth(["futex-rwlock"], "futex:*", on: parties, rule: rule, root: root, cause: causes, verdict: verdict, remedy: remedy)
}

/// Whom a wait rests on, nothing records: it ends at the waiter.
private func unrecorded(_ kind: String, rule: String? = nil, by optional: [PartyTruth] = []) -> Truth {
    Truth([kind], "futex:*", on: optional, rule: rule, root: ["victim"], cause: ["no-signaller"], verdict: .chainOrRest)
}

private let timed = Truth(["futex-condvar"], "futex:*", on: [], root: ["victim"], cause: ["timer"], verdict: .chainOrRest)

/// Read-write locks: a writer is on record, readers are counted, a waiting writer is told by where it waits.
let rwlocks: [Scenario] = [
    Scenario("rwlock-write-write", "a write lock behind a writer who sleeps", rwlock()),
    Scenario("rwlock-read-timed", "pthread_rwlock_timedrdlock with a far limit", rwlock()),
    Scenario("rwlock-write-timed", "pthread_rwlock_timedwrlock with a far limit", rwlock()),
    Scenario(
        "rwlock-three-readers", "a write lock behind three readers, whose names nobody records", unrecorded("futex-rwlock", rule: "all")),
    Scenario(
        "rwlock-read-behind-waiting", "a read lock behind a writer that itself waits for a reader",
        rwlock([.inferred("member")], root: ["member"], cause: ["no-signaller"])),
    Scenario(
        "rwlock-write-behind-waiting", "a write lock behind a writer that itself waits for a reader",
        rwlock([.inferred("member")], root: ["member"], cause: ["no-signaller"])),
    Scenario("rwlock-prefers-writers", "a read lock behind a writer, of a lock that prefers writers", rwlock()),
    Scenario("rwlock-upgrade", "a reader that wants to write what it reads", unrecorded("futex-rwlock", rule: "all")),
    Scenario(
        "rwlock-writer-exited", "the writing thread ended without unlocking", states: ["owner": .gone],
        rwlock([], root: ["victim"], cause: ["owner-exited"])),
    Scenario(
        "rwlock-and-mutex", "a writer wants the mutex of one that wants to read",
        rwlock([.certain("member-1")], root: ["victim", "member-1"], cause: deadlocked, verdict: .deadlock)),
    Scenario(
        "rwlock-unseen-knot", "a deadlock that no record shows: the reader wants the writer's mutex",
        unrecorded("futex-rwlock", rule: "all")),
    Scenario("rwlock-shared-writer", "a rwlock in shared memory, held by another process's writer", rwlock()),
    Scenario("rwlock-shared-reader", "the same, held by another process's reader", unrecorded("futex-rwlock", rule: "all")),
    Scenario(
        "rwlock-shared-stopped", "the writing process is stopped", states: ["holder": .stopped],
        rwlock(cause: stopped, remedy: "kill -CONT {pid:holder}")),
    Scenario(
        "rwlock-shared-writer-exited", "the writing process has exited", states: ["holder": .gone],
        rwlock([], root: ["victim"], cause: ["owner-exited"])),
]

/// Condition variables, semaphores, barriers, one-time initialisations and C11 threads.
let conditions: [Scenario] = [
    Scenario("condvar-shared", "a condition variable in shared memory", unrecorded("futex-condvar")),
    Scenario("condvar-timed", "pthread_cond_timedwait by the wall clock", timed),
    Scenario("condvar-monotonic", "pthread_cond_timedwait by the monotonic clock", timed),
    Scenario("condvar-second-group", "a condition variable that was signalled once before", unrecorded("futex-condvar")),
    Scenario("condvar-on-stack", "a condition variable on the waiter's stack", unrecorded("futex-condvar")),
    Scenario(
        "condvar-mutex-again", "woken from a condition variable, and the mutex is kept by who woke it",
        Truth(["futex-mutex"], "futex:*", on: [.certain("holder")], root: ["holder"], cause: asleep)),
    Scenario("semaphore-shared", "a semaphore in shared memory", unrecorded("futex-semaphore")),
    Scenario(
        "semaphore-timed", "sem_timedwait with a far limit",
        Truth(["futex-semaphore"], "futex:*", on: [], root: ["victim"], cause: ["timer"], verdict: .chainOrRest)),
    Scenario("semaphore-on-stack", "a semaphore on the waiter's stack", unrecorded("futex-semaphore")),
    Scenario(
        "semaphore-named", "a named semaphore that another process has open",
        unrecorded("futex-semaphore", by: [.atMost(.possible, "opener")])),
    Scenario("barrier-of-three", "a barrier that two of three have come to", unrecorded("futex-barrier")),
    Scenario("barrier-again", "the second round of a barrier", unrecorded("futex-barrier")),
    Scenario("barrier-shared", "a barrier in shared memory", unrecorded("futex-barrier")),
    Scenario("once", "a pthread_once that another thread runs, which sleeps", unrecorded("futex-once")),
    Scenario("once-c11", "a call_once that another thread runs, which sleeps", unrecorded("futex-once")),
    Scenario(
        "mutex-c11", "a C11 mutex, its holder sleeps",
        Truth(["futex-mutex"], "futex:*", on: [.certain("holder")], root: ["holder"], cause: asleep)),
    Scenario(
        "mutex-c11-recursive", "a recursive C11 mutex, its holder sleeps",
        Truth(["futex-mutex"], "futex:*", on: [.certain("holder")], root: ["holder"], cause: asleep)),
    Scenario("condvar-c11", "a C11 condition variable", unrecorded("futex-condvar")),
    Scenario(
        "join-c11", "thrd_join of a thread that sleeps",
        Truth(
            ["futex-join"], "thread:{tid:holder}", on: [.certain("holder")], root: ["holder"], cause: asleep, verdict: .chainOrRest)),
]

private func mutex(
    _ parties: [PartyTruth], root: [String], cause causes: [String], verdict: Verdict = .chain
) -> Truth {
    Truth(["futex-mutex"], "futex:*", on: parties, root: root, cause: causes, verdict: verdict)
}

/// Locks of which memory says too much or too little.
let lockTraps: [Scenario] = [
    Scenario(
        "mutex-pi-self", "a thread locks its own priority-inheriting mutex again, and is parked for good; nothing says of which mutex",
        mutex([.atMost(.inferred, "victim")], root: ["victim"], cause: ["no-counterpart", "self-deadlock"], verdict: .chainOrDeadlock)),
    Scenario(
        "mutex-pi-self-pointed", "the same, and the stack still points to the mutex",
        mutex([.inferred("victim")], root: ["victim"], cause: ["self-deadlock"], verdict: .deadlock)),
    Scenario(
        "mutex-pi-owner-exited", "the owner of a priority-inheriting mutex has ended; the waiter is parked for good",
        states: ["owner": .gone], mutex([], root: ["victim"], cause: ["owner-exited"])),
    Scenario(
        "mutex-robust-self", "a thread locks its own robust mutex again",
        mutex([.certain("victim")], root: ["victim"], cause: ["self-deadlock"], verdict: .deadlock)),
    Scenario(
        "mutex-number-reused", "the owner has ended, and a new thread was given its number", needs: [.root, .chosenThreadNumbers],
        mutex([], root: ["victim"], cause: ["owner-exited"])),
    Scenario(
        "mutex-copied-into-namespace", "a private mutex copied by fork into another pid namespace", needs: [.root],
        mutex([], root: ["victim"], cause: ["owner-not-in-process"])),
    Scenario(
        "mutex-copied-from-thread", "a private mutex copied by fork while another thread of the parent held it",
        mutex([], root: ["victim"], cause: ["owner-not-in-process"])),
    Scenario(
        "mutex-zombie-owner", "the first thread of the process has ended holding the mutex", states: ["owner": .zombie],
        mutex([], root: ["victim"], cause: ["owner-exited"])),
    Scenario(
        "mutex-vfork", "the child of a vfork wants a mutex that its waiting parent holds",
        mutex([.inferred("holder")], root: ["victim", "holder"], cause: deadlocked, verdict: .deadlock)),
    Scenario(
        "handmade-twin", "a word of the program's own that looks like a held mutex to the last field", unrecorded("futex-other")),
    Scenario("handmade-dead-twin", "the same, with nobody's number in it", unrecorded("futex-other")),
    Scenario("futex-lost-wakeup", "a word that changed without a wake-up", unrecorded("futex-other")),
    Scenario("mutex-overwritten", "a mutex that somebody has written over, and so frees nobody", unrecorded("futex-mutex")),
    Scenario("condvar-new", "a condition variable of glibc 2.42", unrecorded("futex-condvar")),
    Scenario(
        "mutex-protecting", "a priority-protecting mutex, its holder sleeps", needs: [.root],
        mutex([.certain("holder")], root: ["holder"], cause: asleep)),
    Scenario(
        "futex-lock-pi2", "FUTEX_LOCK_PI2 on a word of the program's own: the owner is the kernel's own rule", needs: [.kernel(5, 14)],
        mutex([.certain("holder")], root: ["holder"], cause: asleep)),
    Scenario("futex-vector", "futex_waitv on two words", needs: [.kernel(5, 16)], unrecordedVector),
    Scenario(
        "futex-vector-mutex", "futex_waitv on a word and on a mutex that is held", needs: [.kernel(5, 16)],
        Truth(
            ["futex-other"], "futexes:*", on: [.atMost(.inferred, "holder")], rule: "any", root: nil, cause: nil, verdict: .chainOrRest)),
    Scenario("futex-second-call", "futex_wait(2), the second form of the call", needs: [.kernel(6, 7)], unrecorded("futex-other")),
    Scenario(
        "futex-requeued-pi", "FUTEX_WAIT_REQUEUE_PI, moved on to a mutex that is held",
        mutex([.inferred("holder")], root: ["holder"], cause: asleep)),
    Scenario("futex-requeue-pi", "FUTEX_WAIT_REQUEUE_PI that nobody has signalled", unrecorded("futex-condvar")),
    Scenario(
        "condvar-requeued", "a waiter that an old glibc's broadcast moved on to the mutex",
        mutex([.inferred("holder")], root: ["holder"], cause: asleep)),
    Scenario("condvar-old", "a condition variable of an old glibc", unrecorded("futex-condvar")),
    Scenario("libc-lock", "a lock inside the C library, which records no owner", unrecorded("futex-mutex")),
    Scenario(
        "stdio-list", "fopen behind fflush(NULL) behind flockfile",
        mutex([.certain("member")], root: ["holder"], cause: asleep)),
]

private let unrecordedVector = Truth(
    ["futex-other"], "futexes:*", on: [], rule: "any", root: ["victim"], cause: ["no-signaller"], verdict: .chainOrRest)

extension Need {
    static let chosenThreadNumbers = Need {
        exists("/proc/sys/kernel/ns_last_pid") ? nil : "needs /proc/sys/kernel/ns_last_pid (CONFIG_CHECKPOINT_RESTORE)"
    }

    static func kernel(_ major: Int, _ minor: Int) -> Need {
        Need {
            let numbers = (readText("/proc/sys/kernel/osrelease") ?? "").split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
            guard numbers.count == 2 else { return nil }
            return (numbers[0], numbers[1]) < (major, minor) ? "needs Linux \(major).\(minor)" : nil
        }
    }
}
