import Testing
import WaitModel

@testable import WaitGraph

/// Shapes on which a naive search goes wrong, by name.
@Suite struct TrapTests {
    let a = thread(10)
    let b = thread(20)
    let c = thread(30)
    let d = thread(40)

    @Test func cycleThatIsNoneBecauseAnotherPartyCanAct() throws {
        let graph = WaitGraph(waits: [
            a: .lock(.any, .on(b)), b: .lock(.any, .on(a), .on(c, .inferred)), c: .sleeping,
        ])
        #expect(graph.reduce(heldThreadsMove: true).notFree.isEmpty)
        let findings = graph.findings(about: nil)
        #expect(findings.allSatisfy { !$0.isDeadlock && $0.kind == .chain })
        let finding = try #require(findings.about(a))
        #expect(finding.chainThreads == [a, b, c])
        #expect(finding.cause == .sleeping)
        #expect(finding.certainty == .inferred)
    }

    @Test func knot() throws {
        // Every party of every member is in the set, over two overlapping cycles.
        let graph = WaitGraph(waits: [
            a: .lock(.any, .on(b), .on(c)), b: .lock(.any, .on(a)), c: .lock(.any, .on(a), .on(b)), d: .lock(.any, .on(a)),
        ])
        let findings = graph.findings(about: nil)
        #expect(findings.count == 1)
        let finding = try #require(findings.first)
        #expect(finding.isDeadlock)
        #expect(finding.kind == .deadlock)
        #expect(finding.cause == .deadlock)
        #expect(finding.members == [a, b, c])
        #expect(finding.victims == [a, b, c, d])
        #expect(finding.chainThreads.first == d)
    }

    @Test func timeoutInsideCycle() throws {
        let graph = WaitGraph(waits: [
            a: .lock(.any, .on(b)), b: .lock(.any, .on(a), mobility: .free(.timer)),
        ])
        let findings = graph.findings(about: [a, b])
        #expect(findings.count == 1)
        let finding = try #require(findings.first)
        #expect(!finding.isDeadlock)
        #expect(finding.chainThreads == [a, b])
        #expect(finding.root == b)
        #expect(finding.cause == .timer)
    }

    @Test func stoppedMember() throws {
        let graph = WaitGraph(waits: [
            a: .lock(.any, .on(b)), b: Wait(kind: .futexMutex, release: Release(.any, [.on(a)]), mobility: .held(.stopped)),
        ])
        #expect(graph.reduce(heldThreadsMove: false).notFree == [a, b])
        #expect(graph.reduce(heldThreadsMove: true).notFree.isEmpty)
        let findings = graph.findings(about: nil)
        #expect(findings.count == 1)
        let finding = try #require(findings.first)
        #expect(finding.kind == .chain)
        #expect(finding.cause == .stopped)
        #expect(finding.root == b)
        #expect(finding.victims == [a])
        #expect(finding.remedies.first == Remedy(action: .continueProcess(process(20)), frees: [a]))
    }

    @Test func threadThatWaitsForItself() throws {
        let findings = WaitGraph(waits: [a: .lock(.any, .on(a)), b: .lock(.any, .on(a))]).findings(about: nil)
        #expect(findings.count == 1)
        let finding = try #require(findings.first)
        #expect(finding.cause == .selfDeadlock)
        #expect(finding.isDeadlock)
        #expect(finding.root == a)
        #expect(finding.members == [a])
        #expect(finding.victims == [a, b])
        #expect(finding.chainThreads == [b, a])
    }

    @Test func selfDeadlockThatTheResolverSaw() throws {
        let finding = try #require(WaitGraph(waits: [a: .lock(deadEnd: .selfDeadlock)]).findings(about: nil).first)
        #expect(finding.kind == .deadlock)
        #expect(finding.cause == .selfDeadlock)
        #expect(finding.members == [a])
    }

    @Test func orderInversionInsideOneProcess() throws {
        let (main, first, second) = (thread(10), thread(10, 11), thread(10, 12))
        let findings = WaitGraph(waits: [
            main: .lock(.any, .on(first), resource: "join"), first: .lock(.any, .on(second), resource: "m1"),
            second: .lock(.any, .on(first), resource: "m2"),
        ]).findings(about: nil)
        #expect(findings.count == 1)
        let finding = try #require(findings.first)
        #expect(finding.members == [first, second])
        #expect(finding.chainThreads == [main, first, second])
        #expect(finding.root == second)
        #expect(finding.certainty == .certain)
        #expect(finding.remedies == [Remedy(action: .kill(process(10)), frees: [])])
    }

    @Test func allWithOneFreeIsNotReleasedByIt() throws {
        let graph = WaitGraph(waits: [a: .lock(.all, .on(b), .on(c)), b: .sleeping, c: .stopped])
        #expect(graph.reduce(heldThreadsMove: false).notFree == [a, c])
        let finding = try #require(graph.findings(about: [a]).about(a))
        #expect(finding.root == c)
        #expect(finding.cause == .stopped)
    }

    @Test func emptyReleases() {
        let graph = WaitGraph(waits: [a: .lock(.all), b: .lock(.any)])
        #expect(graph.reduce(heldThreadsMove: false).notFree == [b])
    }

    @Test func processWithFreeThreadIsFree() throws {
        let (stuck, worker) = (thread(20), thread(20, 21))
        let graph = WaitGraph(waits: [
            a: .lock(.any, .on(process(20)), resource: "socket"), stuck: .lock(.any, .on(a), resource: "m"), worker: .sleeping,
        ])
        #expect(graph.reduce(heldThreadsMove: false).notFree.isEmpty)
        #expect(graph.findings(about: nil).allSatisfy { !$0.isDeadlock })
    }

    @Test func blockedThreadOfFreeProcessIsFollowedAndHedged() throws {
        let (leader, worker) = (thread(20), thread(20, 21))
        let graph = WaitGraph(waits: [
            a: .lock(.any, .on(process(20)), resource: "socket"), leader: .lock(.any, .on(c), resource: "m"), worker: .sleeping,
            c: .stopped,
        ])
        let finding = try #require(graph.findings(about: [a]).about(a))
        #expect(finding.chainThreads == [a, leader, c])
        #expect(finding.certainty == .inferred)
        #expect(finding.kind == .chain)
    }

    @Test func threadOfItsOwnProcessNeverTheWaiterItself() throws {
        let (reader, other) = (thread(10), thread(10, 11))
        let alone = try #require(WaitGraph(waits: [a: .rest(.any, .on(process(10)), deadEnd: .selfHeld)]).findings(about: nil).first)
        #expect(alone.cause == .selfHeld)
        #expect(alone.root == a)
        let withOther = WaitGraph(waits: [reader: .rest(.any, .on(process(10)), deadEnd: .selfHeld), other: .sleeping])
        #expect(withOther.findings(about: nil).isEmpty)
        #expect(withOther.findings(about: [reader]).about(reader)?.kind == .rest)
        #expect(withOther.findings(about: [reader]).about(reader)?.cause == .selfHeld)
    }

    @Test func deadEndIsNoDeadlock() throws {
        let findings = WaitGraph(waits: [
            a: .lock(.any, .on(b)), b: .lock(.any, .on(c)), c: .lock(completeness: .inferred, deadEnd: .ownerExited),
        ]).findings(about: nil)
        #expect(findings.count == 1)
        let finding = try #require(findings.first)
        #expect(!finding.isDeadlock)
        #expect(finding.cause == .ownerExited)
        #expect(finding.root == c)
        #expect(finding.victims == [a, b, c])
        #expect(finding.certainty == .inferred)
    }

    @Test func deadlockBehindIsFollowedRatherThanDeadEnd() throws {
        let findings = WaitGraph(waits: [
            a: .lock(.any, .on(d, .certain), .on(b, .possible)), b: .lock(.any, .on(c)), c: .lock(.any, .on(b)),
            d: .lock(deadEnd: .noCounterpart),
        ]).findings(about: nil)
        let finding = try #require(findings.first)
        #expect(finding.isDeadlock)
        #expect(finding.victims == [a, b, c])
        #expect(finding.members == [b, c])
        #expect(finding.certainty == .certain)
    }

    @Test func deadlockIsNoSurerThanTheListsItRestsOn() throws {
        func certainty(_ release: Release, elsewhere: Certainty = .certain) -> Certainty? {
            let waits: [ThreadID: Wait] = [
                a: Wait(kind: .futexMutex, release: release), b: .lock(.any, .on(a)),
                c: .lock(completeness: elsewhere, deadEnd: .noCounterpart),
            ]
            return WaitGraph(waits: waits).findings(about: nil).first { $0.isDeadlock }?.certainty
        }
        #expect(certainty(Release(.any, [.on(b)])) == .certain)
        #expect(certainty(Release(.any, [.on(b, .inferred)])) == .inferred)
        #expect(certainty(Release(.any, [.on(b)], completeness: .possible)) == .possible)
        // Also of the dead end that keeps the other party from acting.
        #expect(certainty(Release(.any, [.on(b), .on(c)]), elsewhere: .inferred) == .inferred)
        #expect(certainty(Release(.all, [.on(b), .on(c)]), elsewhere: .inferred) == .certain)
    }

    @Test func bystanderOfDeadlockWithAnotherWayIsNotProven() throws {
        let findings = WaitGraph(waits: [
            a: .lock(.any, .on(b), .on(c)), b: .lock(.any, .on(b, role: "owner")), c: .sleeping,
        ]).findings(about: nil)
        #expect(findings.count == 2)
        #expect(findings.first?.isDeadlock == true)
        #expect(findings.first?.victims == [b])
        let possible = try #require(findings.last)
        #expect(!possible.isDeadlock)
        #expect(possible.kind == .chain)
        #expect(possible.certainty == .possible)
        #expect(possible.victims == [a])
    }

    @Test func unknownPartyCountsAsFree() throws {
        let findings = WaitGraph(waits: [a: .lock(.any, .on(thread(99)))]).findings(about: [a])
        #expect(findings.first?.cause == .unknown)
        #expect(findings.first?.isDeadlock == false)
        #expect(findings.first?.certainty == .possible)
    }

    @Test func zombieFollowsItsParent() throws {
        let findings = WaitGraph(waits: [
            a: Wait(kind: .zombie, release: Release(.any, [.on(process(20), role: "parent")]), mobility: .dead), b: .stopped,
        ]).findings(about: [a])
        #expect(findings.first?.chainThreads == [a, b])
        #expect(findings.first?.cause == .stopped)
    }

    @Test func zombieInRingEndsTheChain() throws {
        // The parent waits for something that only its dead child could have given.
        let findings = WaitGraph(waits: [
            a: .lock(.any, .on(b)),
            b: Wait(kind: .zombie, release: Release(.any, [.on(process(10), role: "parent")]), mobility: .dead, deadEnd: .ownerExited),
        ]).findings(about: nil)
        let finding = try #require(findings.about(a))
        #expect(!finding.isDeadlock)
        #expect(finding.root == b)
        #expect(finding.cause == .ownerExited)
    }
}
