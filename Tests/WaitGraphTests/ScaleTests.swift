import Testing
import WaitModel

@testable import WaitGraph

/// Long chains, convoys and crowds.
@Suite struct ScaleTests {
    /// Smaller without optimisation: what is not linear shows there too, and the figures are those of a release build.
    #if DEBUG
        static let crowd: Int32 = 20_000
    #else
        static let crowd: Int32 = 100_000
    #endif

    @Test func convoyIsOneFinding() throws {
        let holder = thread(1, 1)
        var waits: [ThreadID: Wait] = [holder: .sleeping]
        for number in Int32(2)...2_001 { waits[thread(1, number)] = .lock(.any, .on(holder), resource: "mutex") }
        let findings = WaitGraph(waits: waits).findings(about: nil)
        #expect(findings.count == 1)
        let finding = try #require(findings.first)
        #expect(finding.victims.count == 2_000)
        #expect(finding.chain.count == 2)
        #expect(finding.root == holder)
    }

    @Test func chainOfTenThousand() throws {
        var waits: [ThreadID: Wait] = [:]
        for number in Int32(10)..<10_010 { waits[thread(number)] = .lock(.any, .on(thread(number + 1))) }
        waits[thread(10_010)] = .stopped
        let findings = WaitGraph(waits: waits).findings(about: nil)
        #expect(findings.count == 1)
        #expect(findings.first?.chain.count == 10_001)
        #expect(findings.first?.victims.count == 10_000)
        #expect(findings.first?.remedies.first?.frees.count == 10_000)
        #expect(findings.first?.remedies.first?.frees.first == thread(10_009))
    }

    @Test func cycleOfTenThousand() throws {
        var waits: [ThreadID: Wait] = [:]
        for number in Int32(10)..<10_010 { waits[thread(number)] = .lock(.any, .on(thread(number == 10_009 ? 10 : number + 1))) }
        let findings = WaitGraph(waits: waits).findings(about: nil)
        #expect(findings.count == 1)
        #expect(findings.first?.members.count == 10_000)
        #expect(findings.first?.chain.count == 10_000)
    }

    /// Each waits for any other thread of its process: the square of the crowd in pairs, if one were to draw them.
    @Test func crowdThatWaitsForItsOwnProcess() {
        var waits: [ThreadID: Wait] = [:]
        for number in Int32(1)...Self.crowd {
            waits[thread(1, number)] = .lock(.any, .on(process(1)), resource: "pipe \(number % 100)")
        }
        let graph = WaitGraph(waits: waits)
        let findings = graph.findings(about: nil)
        #expect(findings.count == 1)
        #expect(findings.first?.members.count == Int(Self.crowd))
    }

    @Test func hundredThousandThreadsAreReducedInMilliseconds() {
        var waits: [ThreadID: Wait] = [:]
        var random = SplitMix(seed: 1)
        for number in Int32(1)...Self.crowd {
            let id = thread(number - number % 50, number)
            let others = (0..<3).map { _ in Party.on(process(Int32.random(in: 0...2_000, using: &random) * 50), .possible) }
            waits[id] = Wait(kind: .poll, release: Release(.any, others), isDemand: number % 2 == 0)
        }
        waits[thread(0, 0)] = .stopped
        let clock = ContinuousClock()
        var graph = WaitGraph(waits: [:])
        let built = clock.measure { graph = WaitGraph(waits: waits) }
        var blocked = 0
        let reduced = clock.measure { blocked = graph.reduce(heldThreadsMove: true).notFree.count }
        let found = clock.measure { blocked += graph.findings(about: nil).count }
        print("\(Self.crowd) threads: built in \(built), reduced in \(reduced), found in \(found); \(blocked)")
        #if !DEBUG
            #expect(reduced < .milliseconds(100))
        #endif
    }
}
