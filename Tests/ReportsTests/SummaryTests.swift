import Diagnosis
import Testing
import WaitModel

@testable import Reports

@Suite struct SummaryTests {
    /// What each cause reads like for a victim `app (1)` that writes to pipe 5 and waits for `peer (2)`, or for itself.
    static let sentences: [(Cause, chained: String, alone: String)] = [
        (.sleeping, "peer (2) sleeps and does not read from pipe 5; that holds up app (1)", "app (1) sleeps"),
        (
            .timer, "peer (2) does something, with a time limit, and does not read from pipe 5; that holds up app (1)",
            "app (1) writes to pipe 5, with a time limit"
        ),
        (.idle, "peer (2) waits for something else and does not read from pipe 5; that holds up app (1)", "app (1) is idle"),
        (.running, "peer (2) is running and does not read from pipe 5; that holds up app (1)", "app (1) is running"),
        (
            .starved, "peer (2) is ready to run but is given no CPU and does not read from pipe 5; that holds up app (1)",
            "app (1) is ready to run but is given no CPU"
        ),
        (
            .throttled, "peer (2) has used up its CPU quota and does not read from pipe 5; that holds up app (1)",
            "app (1) has used up its CPU quota"
        ),
        (
            .stopped, "peer (2) is stopped by a signal and does not read from pipe 5; that holds up app (1)",
            "app (1) is stopped by a signal"
        ),
        (.traced, "peer (2) is held by its tracer and does not read from pipe 5; that holds up app (1)", "app (1) is held by its tracer"),
        (
            .frozen, "peer (2) is frozen by its cgroup and does not read from pipe 5; that holds up app (1)",
            "app (1) is frozen by its cgroup"
        ),
        (
            .unanswered, "peer (2) does not read from pipe 5, though nothing seen holds it up; that holds up app (1)",
            "app (1) writes to pipe 5; nobody answers"
        ),
        (.progress, "peer (2) makes progress; nothing is wrong; that holds up app (1)", "app (1) makes progress; nothing is wrong"),
    ]

    /// Causes at which the last thread itself cannot go on: the sentence is about its wait.
    static let own: [(Cause, String)] = [
        (.selfHeld, "app (1) writes to pipe 5; only app (1) itself has the other end; another thread of it must act"),
        (.ownerExited, "app (1) writes to pipe 5; its owner is gone and will never release it"),
        (
            .ownerNotInProcess,
            "app (1) writes to pipe 5; it is a private lock that was copied by fork; nobody in this process will release it"
        ),
        (.noCounterpart, "app (1) writes to pipe 5; nobody has the other end"),
        (.noSignaller, "app (1) writes to pipe 5; nothing names who would wake it"),
        (.leakedFD, "app (1) writes to pipe 5; only a bystander keeps the other end open"),
        (.inFlightFD, "app (1) writes to pipe 5; the other end sits in a message that nobody has received"),
        (.missedEvent, "app (1) writes to pipe 5; the event is there, but nobody was woken"),
        (.flowStopped, "app (1) writes to pipe 5; its output was stopped with Ctrl-S (XOFF), Ctrl-Q continues it"),
        (.memoryLimit, "app (1) writes to pipe 5; its cgroup is at its memory limit"),
        (.filesystemFrozen, "app (1) writes to pipe 5; the file system is frozen"),
        (.diskIO, "app (1) writes to pipe 5; the kernel waits for a device"),
        (.external, "app (1) writes to pipe 5; that is up to the network or another host"),
        (.runtimeInternal, "app (1) writes to pipe 5; only its language runtime can tell who holds that"),
        (.unknown, "app (1) writes to pipe 5; the evidence ends here"),
        (.deadlock, "Some threads wait for each other, unless somebody else releases it"),
        (.selfDeadlock, "Deadlock: app (1) waits for pipe 5, which it holds itself"),
    ]

    private static func world(_ cause: Cause, alone: Bool) -> (Finding, DiagnosisIndex) {
        var world = World()
        let (app, peer) = (World.thread(1), World.thread(2))
        world.add(app, "app", kind: .pipeWrite, resource: "pipe:[5]", "writes to pipe 5")
        world.add(peer, "peer", kind: .unknown, "does something")
        world.resources = [Resource(id: ResourceID("pipe:[5]"), kind: "pipe", label: "pipe 5")]
        world.find(cause, victims: [app], chain: alone ? [app] : [app, peer], outside: cause == .external ? .network : nil)
        return (world.findings[0], DiagnosisIndex(world.diagnosis))
    }

    @Test(arguments: sentences) func sentence(_ row: (cause: Cause, chained: String, alone: String)) {
        let (chained, index) = Self.world(row.cause, alone: false)
        #expect(summary(of: chained, in: index) == row.chained)
        let (alone, _) = Self.world(row.cause, alone: true)
        #expect(summary(of: alone, in: index) == row.alone)
    }

    @Test(arguments: own) func ownWait(_ row: (cause: Cause, sentence: String)) {
        let (finding, index) = Self.world(row.cause, alone: true)
        #expect(summary(of: finding, in: index) == row.sentence)
    }

    @Test func whoLeaksIsNamed() {
        let (finding, index) = Self.world(.leakedFD, alone: false)
        #expect(summary(of: finding, in: index) == "peer (2), a bystander, alone keeps the other end of pipe 5 open; that holds up app (1)")
    }

    @Test func everyCauseIsInTheTable() {
        #expect(Set(Self.sentences.map(\.0) + Self.own.map(\.0)) == Set(Cause.allCases))
    }

    @Test(arguments: Cause.allCases, WaitKind.allCases) func everySentenceIsWhole(_ cause: Cause, _ kind: WaitKind) {
        var world = World()
        let (app, peer) = (World.thread(1), World.thread(2))
        world.add(app, "app", kind: kind, resource: "thing:1", "waits for a thing")
        world.add(peer, "peer", kind: .sleep, "sleeps")
        for isDeadlock in [false, true] {
            world.findings = []
            world.find(cause, victims: [app], chain: [app, peer], members: isDeadlock ? [app, peer] : [], isDeadlock: isDeadlock)
            let text = summary(of: world.findings[0], in: DiagnosisIndex(world.diagnosis))
            #expect(!text.isEmpty && !text.contains("  ") && !text.hasSuffix(" ") && !text.contains("\n"))
        }
    }
}
