import WaitModel

@testable import WaitGraph

/// A process of the tests, by pid.
func process(_ pid: Int32) -> ProcessID { ProcessID(pid: pid, startTicks: 1) }

/// A thread of the tests: `pid` with one number, the leader; with two, any thread.
func thread(_ pid: Int32, _ tid: Int32? = nil) -> ThreadID { ThreadID(process: process(pid), tid: tid ?? pid, startTicks: 1) }

extension Party {
    static func on(_ thread: ThreadID, _ certainty: Certainty = .certain, role: String = "owner", member: Int = 0) -> Party {
        Party(.thread(thread), role: role, certainty: certainty, because: "test", member: member)
    }
    static func on(_ process: ProcessID, _ certainty: Certainty = .certain, role: String = "holder", member: Int = 0) -> Party {
        Party(.process(process), role: role, certainty: certainty, because: "test", member: member)
    }
    static func on(_ outside: Outside, _ certainty: Certainty = .certain, member: Int = 0) -> Party {
        Party(.outside(outside), role: "outside", certainty: certainty, because: "test", member: member)
    }
}

extension Wait {
    /// A wait that somebody wants to end.
    static func lock(
        _ rule: Release.Rule = .any, _ parties: Party..., resource: String? = nil, onDeath: Release.OnDeath = .released,
        completeness: Certainty = .certain, deadEnd: Cause = .unknown, mobility: Mobility = .waiting
    ) -> Wait {
        Wait(
            kind: .futexMutex, resource: resource.map { ResourceID($0) },
            release: Release(rule, parties, onDeath: onDeath, completeness: completeness), mobility: mobility, deadEnd: deadEnd,
            isDemand: true)
    }

    /// A wait for something to do.
    static func rest(
        _ rule: Release.Rule = .any, _ parties: Party..., resource: String? = nil, deadEnd: Cause = .idle, mobility: Mobility = .waiting
    ) -> Wait {
        Wait(
            kind: .pipeRead, resource: resource.map { ResourceID($0) }, release: Release(rule, parties), mobility: mobility,
            deadEnd: deadEnd)
    }

    static let sleeping = Wait(kind: .sleep, mobility: .free(.sleeping))
    static let running = Wait(kind: .runnable, mobility: .free(.running))
    static let stopped = Wait(kind: .jobControlStop, mobility: .held(.stopped))
}

extension [Finding] {
    func about(_ thread: ThreadID) -> Finding? { first { $0.victims.contains(thread) || $0.root == thread } }
}

extension Finding {
    var chainThreads: [ThreadID] { chain.map(\.thread) }
}

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): the same numbers from the same seed on every machine.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
