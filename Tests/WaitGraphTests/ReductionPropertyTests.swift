import Testing
import WaitModel

@testable import WaitGraph

/// The reduction, the deadlocks and the findings against a brute-force oracle on small random graphs.
@Suite struct ReductionPropertyTests {
    static let graphsPerBatch: UInt64 = 1_500

    @Test(arguments: UInt64(0)..<8)
    func agreesWithTheOracle(batch: UInt64) {
        for seed in (batch * Self.graphsPerBatch)..<((batch + 1) * Self.graphsPerBatch) {
            let waits = randomWaits(seed: seed)
            let oracle = Oracle(waits)
            let graph = WaitGraph(waits: waits)
            for heldThreadsMove in [false, true] {
                let reduction = graph.reduce(heldThreadsMove: heldThreadsMove)
                let expected = oracle.blocked(heldThreadsMove: heldThreadsMove)
                #expect(reduction.notFree == expected, "seed \(seed), heldThreadsMove \(heldThreadsMove)")
                for id in waits.keys where reduction.isFree(id) == expected.contains(id) {
                    Issue.record("isFree of \(id.tid) contradicts notFree, seed \(seed)")
                }
            }
            let components = Components(of: graph, reduction: graph.dense.reduce(heldThreadsMove: true))
            let members = Set(components.members.joined().map { graph.threads[Int($0)] })
            #expect(members == oracle.deadlocked(), "seed \(seed)")
        }
    }

    @Test(arguments: UInt64(0)..<8)
    func findingsKeepTheirPromises(batch: UInt64) {
        for seed in (batch * Self.graphsPerBatch)..<((batch + 1) * Self.graphsPerBatch) {
            let waits = randomWaits(seed: seed)
            let oracle = Oracle(waits)
            let graph = WaitGraph(waits: waits)
            let findings = graph.findings(about: Set(waits.keys))
            let stuck = oracle.blocked(heldThreadsMove: true)
            let deadlocked = oracle.deadlocked()

            for id in waits.keys where findings.about(id) == nil { Issue.record("thread \(id.tid) is in no finding, seed \(seed)") }
            let proven = findings.filter(\.isDeadlock)
            #expect(deadlocked.isSubset(of: proven.flatMap(\.members)), "a deadlock is missing, seed \(seed)")
            for finding in proven {
                #expect(stuck.isSuperset(of: finding.victims), "a victim of a deadlock can move, seed \(seed)")
                #expect(deadlocked.isSuperset(of: finding.members), "a member of a deadlock is none, seed \(seed)")
                #expect(Set(finding.victims).isSuperset(of: finding.members), "seed \(seed)")
            }
            for finding in findings {
                #expect(finding.chain.last?.thread == finding.root, "the chain does not end at the root, seed \(seed)")
                #expect(Set(finding.chainThreads).count == finding.chain.count, "a thread twice in a chain, seed \(seed)")
                #expect(finding.victims == finding.victims.sorted() && !finding.victims.isEmpty, "seed \(seed)")
                #expect(finding.remedies.count <= 4, "seed \(seed)")
                for remedy in finding.remedies {
                    #expect(Set(finding.victims).isSuperset(of: remedy.frees), "a remedy frees no victim, seed \(seed)")
                }
            }
            for finding in findings where [.stopped, .traced, .frozen].contains(finding.cause) && finding.kind != .rest {
                #expect(!finding.isDeadlock, "seed \(seed)")
            }
            // Who is held up by a stop alone is never put behind a deadlock or a dead end.
            let now = oracle.blocked(heldThreadsMove: false)
            for id in now.subtracting(stuck) {
                let causes = Set(graph.findings(about: [id]).filter { $0.victims.contains(id) }.map(\.cause))
                #expect(causes.isSubset(of: [.stopped, .traced, .frozen, .leakedFD]), "thread \(id.tid): \(causes), seed \(seed)")
            }
        }
    }

    /// Whoever a remedy frees by the simulation, which sees only a finding's part of the graph, is free in the whole graph too.
    @Test func remediesHold() {
        var freed = 0
        for seed in UInt64(0)..<4_000 {
            let waits = randomWaits(seed: seed)
            let now = Oracle(waits).blocked(heldThreadsMove: false)
            for finding in WaitGraph(waits: waits).findings(about: nil) {
                for remedy in finding.remedies {
                    let after = Oracle(applied(remedy.action, to: waits, root: finding.root)).blocked(heldThreadsMove: false)
                    let broken = after.intersection(remedy.frees).intersection(now)
                    freed += now.intersection(remedy.frees).count
                    #expect(broken.isEmpty, "\(remedy.action) does not free \(broken.map(\.tid)), seed \(seed)")
                }
            }
        }
        #expect(freed > 500)
    }

    @Test func sameAnswerWhateverTheOrderOfThreads() {
        for seed in UInt64(0)..<500 {
            let waits = randomWaits(seed: seed)
            let first = WaitGraph(waits: waits).findings(about: nil)
            var shuffled: [ThreadID: Wait] = [:]
            shuffled.reserveCapacity(64)
            var random = SplitMix(seed: seed &+ 1)
            for id in waits.keys.shuffled(using: &random) { shuffled[id] = waits[id] }
            #expect(WaitGraph(waits: shuffled).findings(about: nil) == first, "seed \(seed)")
        }
    }

    @Test func unaskedOnlyWhatIsHeldUp() {
        for seed in UInt64(0)..<2_000 {
            let waits = randomWaits(seed: seed)
            for finding in WaitGraph(waits: waits).findings(about: nil) {
                #expect(finding.kind != .rest, "seed \(seed)")
                #expect(finding.cause != .progress, "seed \(seed)")
            }
        }
    }
}
