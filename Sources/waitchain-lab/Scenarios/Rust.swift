/// Rust's standard library records no owner of anything but a thread that is joined: naming nobody is right, and no deadlock can be proved.
private func scenarios(_ name: String, _ summary: String, kinds: [String], stripped: [String]? = nil, _ truth: ([String]) -> Truth)
    -> [Scenario]
{
    var all = [Scenario("rust-" + name, summary, program: "lab-rust", truth(kinds))]
    if let stripped {
        all.append(Scenario("rust-" + name + "-stripped", summary + ", no symbols", program: "lab-rust-stripped", truth(stripped)))
    }
    return all
}

private func unrecorded(_ kinds: [String]) -> Truth {
    Truth(kinds, "futex:*", on: [], root: ["victim"], cause: ["no-signaller"], verdict: .chainOrRest)
}

private func joined(_ kinds: [String]) -> Truth {
    Truth(kinds, "thread:{tid:worker}|futex:*", on: [.certain("worker")], root: ["worker"], cause: asleep, verdict: .chainOrRest)
}

let rust: [Scenario] = [
    scenarios("mutex", "a Mutex whose holder sleeps", kinds: ["futex-mutex"], stripped: ["futex-other"], unrecorded),
    scenarios("abba", "two threads want each other's Mutex", kinds: ["futex-mutex"], stripped: ["futex-other"], unrecorded),
    scenarios("reentered", "a Mutex taken twice by one thread", kinds: ["futex-mutex"], unrecorded),
    scenarios("rwlock-read", "a RwLock that a writer holds", kinds: ["futex-rwlock"], stripped: ["futex-other"], unrecorded),
    scenarios("rwlock-write", "a RwLock that a reader holds", kinds: ["futex-rwlock"], unrecorded),
    scenarios("condvar", "a Condvar that nobody notifies", kinds: ["futex-condvar"], stripped: ["futex-other"], unrecorded),
    scenarios("channel", "Receiver::recv of an empty channel", kinds: ["runtime-park"], stripped: ["futex-other"], unrecorded),
    scenarios("full-channel", "SyncSender::send to a full channel", kinds: ["runtime-park"], unrecorded),
    scenarios("join", "JoinHandle::join of a thread that sleeps", kinds: ["futex-join"], stripped: ["futex-join"], joined),
    scenarios("scope", "the end of a thread::scope whose thread sleeps", kinds: ["runtime-park"], unrecorded),
    scenarios("park", "thread::park", kinds: ["runtime-park"], stripped: ["futex-other"], unrecorded),
    scenarios("barrier", "a Barrier that waits for one more", kinds: ["futex-barrier"], unrecorded),
    scenarios("once", "a Once that another thread runs, which sleeps", kinds: ["futex-once"], unrecorded),
    scenarios("pool-idle", "a worker that waits for a job on a Condvar", kinds: ["futex-condvar"], unrecorded),
].flatMap { $0 }
