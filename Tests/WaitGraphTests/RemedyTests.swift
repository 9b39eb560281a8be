import Testing
import WaitModel

@testable import WaitGraph

/// What would free whom.
@Suite struct RemedyTests {
    let a = thread(10)
    let b = thread(20)
    let c = thread(30)

    private func remedies(_ waits: [ThreadID: Wait]) -> [Remedy] { WaitGraph(waits: waits).findings(about: nil).first?.remedies ?? [] }

    @Test func continueBeforeKill() {
        let found = remedies([a: .lock(.any, .on(b)), b: .lock(.any, .on(process(30))), c: .stopped])
        #expect(
            found == [
                Remedy(action: .continueProcess(process(30)), frees: [b, a]), Remedy(action: .kill(process(30)), frees: [b, a]),
            ])
    }

    @Test func whatStaysAfterDeathIsNotFreedByIt() {
        let found = remedies([a: .lock(.any, .on(b), onDeath: .kept), b: .stopped])
        #expect(found == [Remedy(action: .continueProcess(process(20)), frees: [a])])
        #expect(remedies([a: .lock(.any, .on(b), onDeath: .kept), b: .sleeping]).isEmpty)
    }

    @Test func everyHolderOfAnEndMustDie() {
        let twoWriters = remedies([a: .lock(.any, .on(process(20)), .on(process(30))), b: .stopped, c: .stopped])
        #expect(twoWriters == [Remedy(action: .continueProcess(process(20)), frees: [a])])
        let twoMembers = remedies([a: .lock(.any, .on(process(20)), .on(process(30), member: 1)), b: .stopped, c: .stopped])
        #expect(twoMembers.map(\.action) == [.continueProcess(process(20)), .kill(process(20))])
    }

    @Test func allIsReleasedPartyByParty() {
        let oneLeft = remedies([a: .lock(.all, .on(b), .on(c)), b: .stopped, c: .sleeping])
        #expect(oneLeft.map(\.frees) == [[a], [a]])
        // Two stops: neither alone frees the waiter.
        let two = WaitGraph(waits: [a: .lock(.all, .on(b), .on(c)), b: .stopped, c: .stopped]).findings(about: nil)
        #expect(two.filter { $0.victims.contains(a) }.allSatisfy { $0.remedies.isEmpty })
        let kept = remedies([a: .lock(.all, .on(b), onDeath: .kept), b: .stopped])
        #expect(kept.map(\.action) == [.continueProcess(process(20))])
    }

    @Test func deadlockAcrossProcesses() {
        let found = remedies([a: .lock(.any, .on(b)), b: .lock(.any, .on(c)), c: .lock(.any, .on(a))])
        #expect(
            found == [
                Remedy(action: .kill(process(10)), frees: [c, b]), Remedy(action: .kill(process(20)), frees: [a, c]),
                Remedy(action: .kill(process(30)), frees: [b, a]),
            ])
    }

    @Test func deadlockOnOrdinarySharedMutexesOutlivesItsMembers() {
        #expect(remedies([a: .lock(.any, .on(b), onDeath: .kept), b: .lock(.any, .on(a), onDeath: .kept)]).isEmpty)
    }

    @Test func deadlockInsideOneProcessFreesOthersByItsEnd() {
        let (one, two) = (thread(10, 11), thread(10, 12))
        let found = remedies([
            one: .lock(.any, .on(two), resource: "m1"), two: .lock(.any, .on(one), resource: "m2"),
            b: .lock(.any, .on(process(10)), resource: "pipe"),
        ])
        #expect(found == [Remedy(action: .kill(process(10)), frees: [b])])
    }

    @Test func tracerAndThaw() {
        let traced = Wait(
            kind: .ptraceStop, release: Release(.any, [.on(process(30), role: "tracer")]), mobility: .held(.traced))
        #expect(
            remedies([a: .lock(.any, .on(b)), b: traced, c: .sleeping]).map(\.action) == [
                .endTracer(process(30)), .kill(process(20)),
            ])
        #expect(
            remedies([a: .lock(.any, .on(b)), b: Wait(kind: .frozen, mobility: .held(.frozen))]).map(\.action) == [
                .thaw(process(20)), .kill(process(20)),
            ])
    }

    @Test(arguments: [Wait.sleeping, .stopped, .rest(.any, .on(.newWork)), .lock(.any, .on(thread(40)))])
    func bystanderWithLeakedEnd(itsOwnWait: Wait) throws {
        let bystander = Party(.process(process(20)), role: "bystander", certainty: .certain, because: "test", endsChain: .leakedFD)
        let reader = Wait(kind: .pipeRead, release: Release(.any, [bystander]))
        let findings = WaitGraph(waits: [a: reader, b: itsOwnWait, c: .lock(.any, .on(a)), thread(40): .sleeping]).findings(about: nil)
        let finding = try #require(findings.first { $0.cause == .leakedFD })
        #expect(finding.kind == .chain)
        #expect(finding.chainThreads == [c, a, b])
        #expect(finding.root == b)
        #expect(finding.victims == [a, c])
        #expect(finding.remedies == [Remedy(action: .kill(process(20)), frees: [a, c])])
    }

    @Test func ownEndIsNoRemedy() {
        #expect(remedies([a: .lock(deadEnd: .ownerExited)]).isEmpty)
        let (main, holder) = (thread(10), thread(10, 11))
        #expect(remedies([main: .lock(.any, .on(holder)), holder: .sleeping]).isEmpty)
    }

    @Test func neitherInitNorDeviceNorKernelThreadIsKilled() {
        #expect(remedies([a: .lock(.any, .on(thread(1))), thread(1): .sleeping]).isEmpty)
        #expect(remedies([a: .lock(.any, .on(b)), b: Wait(kind: .diskIO, mobility: .free(.diskIO))]).isEmpty)
        #expect(remedies([a: .lock(.any, .on(b)), b: Wait(kind: .kernelWorker, mobility: .free(.sleeping))]).isEmpty)
    }
}
