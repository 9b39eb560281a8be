import Testing
import WaitModel

@testable import WaitGraph

/// Held up, or idle.
@Suite struct RestTests {
    let a = thread(10)
    let b = thread(20)
    let c = thread(30)

    @Test func idleLoopIsReportedOnlyWhenAskedFor() throws {
        let graph = WaitGraph(waits: [a: .rest(.any, .on(.newWork)), b: .running, c: .sleeping])
        #expect(graph.findings(about: nil).isEmpty)
        let findings = graph.findings(about: [a, b, c])
        #expect(findings.count == 3)
        #expect(findings.allSatisfy { $0.kind == .rest && $0.remedies.isEmpty })
        let idle = try #require(findings.about(a))
        #expect(idle.cause == .idle)
        #expect(idle.outside == .newWork)
        #expect(idle.victims == [a])
        #expect(findings.about(b)?.cause == .running)
    }

    @Test func readerWhosePeerIsAtRestIsAtRest() {
        let graph = WaitGraph(waits: [a: .rest(.any, .on(process(20))), b: .rest(.any, .on(.newWork), deadEnd: .idle)])
        #expect(graph.findings(about: nil).isEmpty)
        #expect(graph.findings(about: [a]).map(\.kind) == [.rest])
        #expect(graph.findings(about: [a]).first?.cause == .idle)
    }

    /// Nothing is wrong, so nobody is told unasked; but whoever asks why the reader does not move is shown who is busy.
    @Test func readerWhosePeerSleepsIsShownTheSleeper() {
        let graph = WaitGraph(waits: [a: .rest(.any, .on(process(20))), b: .sleeping])
        #expect(graph.findings(about: nil).isEmpty)
        #expect(graph.findings(about: [a]).map(\.kind) == [.chain])
        #expect(graph.findings(about: [a]).first?.chainThreads == [a, b])
        #expect(graph.findings(about: [a]).first?.remedies == [])
    }

    @Test func loopWithOneStoppedPeerIsNotHeldUp() throws {
        let graph = WaitGraph(waits: [a: .rest(.any, .on(process(20)), .on(.newWork)), b: .stopped])
        // The stop itself is told, the server is not its victim.
        #expect(graph.findings(about: nil).map(\.victims) == [[b]])
        let asked = try #require(graph.findings(about: [a]).about(a))
        #expect(asked.kind == .rest)
        #expect(asked.cause == .stopped)
    }

    @Test func holderThatSleepsWithWhatOthersWant() throws {
        let findings = WaitGraph(waits: [a: .lock(.any, .on(b)), b: .sleeping]).findings(about: nil)
        #expect(findings.count == 1)
        #expect(findings.first?.kind == .chain)
        #expect(findings.first?.victims == [a])
        #expect(findings.first?.root == b)
        #expect(findings.first?.cause == .sleeping)
    }

    @Test func contendedButMovingLockIsLeftAlone() {
        let graph = WaitGraph(waits: [a: .lock(.any, .on(b)), b: Wait(kind: .futexMutex, mobility: .free(.progress))])
        #expect(graph.findings(about: nil).isEmpty)
        #expect(graph.findings(about: [a]).map(\.kind) == [.rest])
    }

    @Test func timedLockHasAnOwnerLikeAnyOther() throws {
        let finding = try #require(
            WaitGraph(waits: [a: .lock(.any, .on(b), mobility: .free(.timer)), b: .stopped]).findings(about: [a]).about(a))
        #expect(finding.chainThreads == [a, b])
        #expect(finding.cause == .stopped)
        #expect(finding.kind == .chain)
    }

    @Test func surestPartyBeforeOneThatMayNotBeOne() throws {
        // A named consumer that spins tells more than the possibility of somebody unnamed; of equals the outside ends the chain.
        let spinning = WaitGraph(waits: [a: .lock(.any, .on(b, .inferred), .on(.unnamed, .possible), deadEnd: .noSignaller), b: .running])
        #expect(spinning.findings(about: [a]).about(a)?.chainThreads == [a, b])
        let equal = WaitGraph(waits: [a: .lock(.any, .on(b, .possible), .on(.unnamed, .possible), deadEnd: .noSignaller), b: .running])
        #expect(equal.findings(about: [a]).about(a)?.cause == .noSignaller)
    }

    @Test func fellowWaitersAreNotTheOnesToAct() throws {
        // Two loggers of one process wait for its queue's reader, which is busy elsewhere.
        let (logger, second, reader) = (thread(10), thread(10, 11), thread(10, 12))
        let graph = WaitGraph(waits: [
            logger: .lock(.any, .on(process(10), .inferred), resource: "queue"),
            second: .lock(.any, .on(process(10), .inferred), resource: "queue"), reader: .lock(.any, .on(b), resource: "socket"),
            b: .stopped,
        ])
        let findings = graph.findings(about: nil)
        #expect(findings.count == 1)
        let finding = try #require(findings.first)
        #expect(finding.chainThreads == [logger, reader, b])
        #expect(finding.victims == [logger, second, reader])
        #expect(finding.certainty == .inferred)
        #expect(finding.remedies.first == Remedy(action: .continueProcess(process(20)), frees: [reader, logger, second]))
    }

    @Test func stoppedProcessWithoutVictimsIsOneFinding() throws {
        let findings = WaitGraph(waits: [a: .stopped, thread(10, 11): .stopped, thread(10, 12): .stopped]).findings(about: nil)
        #expect(findings.count == 1)
        #expect(findings.first?.root == a)
        #expect(findings.first?.victims.count == 3)
        #expect(findings.first?.remedies.first?.action == .continueProcess(process(10)))
    }

    @Test func deadlocksFirstThenMostVictims() {
        let findings = WaitGraph(waits: [
            thread(1000): .lock(.any, .on(thread(1001))), thread(1001): .sleeping, thread(1002): .lock(.any, .on(thread(1001))),
            a: .lock(.any, .on(a)), b: .lock(.any, .on(c)), c: .sleeping,
        ]).findings(about: nil)
        #expect(findings.map(\.root) == [a, thread(1001), c])
    }
}
