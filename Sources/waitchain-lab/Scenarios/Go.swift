/// Go: goroutines are no threads. A thread is parked for want of a goroutine that can run, or, when a goroutine keeps it
/// (LockOSThread), until that one can; what goroutines wait for is not visible from outside, so nobody is named and no deadlock shown.
private func scenarios(_ name: String, _ summary: String, stripped: Bool = false, _ truths: Truth...) -> [Scenario] {
    let suffixes = stripped ? [("", "lab-go", ""), ("-stripped", "lab-go-stripped", ", no symbols")] : [("", "lab-go", "")]
    return suffixes.map { suffix, program, words in
        var scenario = Scenario("go-" + name + suffix, summary + words, program: program)
        scenario.truths = truths
        return scenario
    }
}

/// Whichever of Go's threads it is, the main one rests: in the network poller or without a goroutine.
private let resting = Truth(["runtime-park", "epoll"], root: ["victim"], cause: ["idle", "timer", "external"], verdict: .rest)
private let keptThread = Truth(["runtime-park"], "futex:*", on: [], root: ["victim"], cause: ["no-signaller"], verdict: .chainOrRest)

let go: [Scenario] = [
    scenarios("idle", "the main thread while all goroutines wait", stripped: true, resting),
    scenarios("channel", "a hundred goroutines that receive from a channel without a sender", resting),
    scenarios("accept", "a goroutine accepts", resting),
    scenarios("sleep", "the main goroutine sleeps", resting),
    scenarios("locked-channel", "a goroutine with a thread of its own receives from a channel", stripped: true, keptThread),
    scenarios("locked-mutex", "a goroutine with a thread of its own wants a sync.Mutex", keptThread),
    scenarios(
        "abba", "two goroutines with threads of their own want each other's sync.Mutex", keptThread,
        Truth(of: "member-1", ["runtime-park"], "futex:*", on: [], cause: ["no-signaller"], verdict: .chainOrRest)),
    scenarios("wait-group", "a goroutine with a thread of its own waits for a WaitGroup", keptThread),
    scenarios(
        "pipe", "a read of a pipe that blocks the thread", stripped: true,
        Truth(["pipe-read"], "pipe:*", cause: ["self-held", "idle", "no-counterpart"], verdict: .chainOrRest)),
    scenarios(
        "flock", "a flock that the same process holds by another descriptor",
        Truth(["file-lock-flock"], on: nil, root: ["victim"], cause: nil, verdict: .chainOrDeadlock)),
    scenarios(
        "child", "Cmd.Wait for a child that sleeps",
        Truth(["child-exit"], on: [.certain("child")], root: ["child"], cause: asleep, verdict: .chainOrRest)),
    scenarios(
        "cgo", "a call into C wants a mutex of C, which another goroutine's thread holds",
        Truth(["futex-mutex"], "futex:*", on: [.certain("holder")], root: ["holder"], cause: ["no-signaller"])),
].flatMap { $0 }
