import WaitModel

/// Small graphs of every shape: any and all, outside, time limits, stops, zombies, self-loops, parties that nobody knows.
func randomWaits(seed: UInt64) -> [ThreadID: Wait] {
    var random = SplitMix(seed: seed)
    let processCount = Int32.random(in: 1...3, using: &random)
    var threads: [ThreadID] = []
    for number in 0..<Int32.random(in: 1...7, using: &random) {
        let pid = 100 * Int32.random(in: 1...processCount, using: &random)
        threads.append(thread(pid, pid + number))
    }
    var waits: [ThreadID: Wait] = [:]
    for id in threads {
        var parties: [Party] = []
        for number in 0..<Int.random(in: 0...3, using: &random) {
            let target: PartyTarget =
                switch Int.random(in: 0..<20, using: &random) {
                case 0..<11: .thread(threads.randomElement(using: &random) ?? id)
                case 11..<16: .process(process(100 * Int32.random(in: 1...processCount, using: &random)))
                case 16: .process(process(900))
                case 17: .thread(thread(900))
                default: .outside(Outside.allCases.randomElement(using: &random) ?? .unnamed)
                }
            parties.append(
                Party(
                    target, role: "owner",
                    certainty: Certainty.allCases.randomElement(using: &random) ?? .certain, because: "random",
                    endsChain: Int.random(in: 0..<8, using: &random) == 0 ? .leakedFD : nil,
                    member: Bool.random(using: &random) ? 0 : number))
        }
        let mobility: Mobility =
            switch Int.random(in: 0..<24, using: &random) {
            case 0: .free(.running)
            case 1: .free(.timer)
            case 2: .held([.stopped, .traced, .frozen].randomElement(using: &random) ?? .stopped)
            case 3: .dead
            default: .waiting
            }
        waits[id] = Wait(
            kind: .futexOther, resource: Bool.random(using: &random) ? nil : ResourceID("r\(Int.random(in: 0..<3, using: &random))"),
            release: Release(
                Int.random(in: 0..<3, using: &random) == 0 ? .all : .any, parties,
                onDeath: Bool.random(using: &random) ? .released : .kept,
                completeness: Certainty.allCases.randomElement(using: &random) ?? .certain),
            mobility: mobility,
            deadEnd: [.noCounterpart, .ownerExited, .selfHeld, .idle, .noSignaller, .inFlightFD].randomElement(using: &random) ?? .unknown,
            isDemand: Bool.random(using: &random))
    }
    return waits
}

/// The definition of the model, by trying every set of threads: slow, and nothing like the worklist.
struct Oracle {
    let threads: [ThreadID]
    let waits: [ThreadID: Wait]

    init(_ waits: [ThreadID: Wait]) {
        threads = Array(waits.keys)
        self.waits = waits
    }

    /// The greatest set of threads none of which moves by itself or is released by what lies outside the set. The union of two such
    /// sets is one too, so the greatest is the union of all.
    func blocked(heldThreadsMove: Bool) -> Set<ThreadID> {
        var result: Set<ThreadID> = []
        for mask in 0..<(1 << threads.count) {
            let set = Set(threads.indices.filter { mask & (1 << $0) != 0 }.map { threads[$0] })
            if set.allSatisfy({ staysBlocked($0, in: set, heldThreadsMove: heldThreadsMove) }) { result.formUnion(set) }
        }
        return result
    }

    private func staysBlocked(_ id: ThreadID, in set: Set<ThreadID>, heldThreadsMove: Bool) -> Bool {
        guard let wait = waits[id] else { return false }
        switch wait.mobility {
        case .free: return false
        case .held: return !heldThreadsMove
        case .dead: return true
        case .waiting:
            switch wait.release.rule {
            case .any: return !wait.release.parties.contains { canAct($0, for: id, blocked: set) }
            case .all: return wait.release.parties.contains { !canAct($0, for: id, blocked: set) }
            }
        }
    }

    private func canAct(_ party: Party, for waiter: ThreadID, blocked: Set<ThreadID>) -> Bool {
        switch party.target {
        case .outside: return true
        case .thread(let id): return !blocked.contains(id)
        case .process(let id):
            let own = threads.filter { $0.process == id }
            return own.isEmpty || own.contains { $0 != waiter && !blocked.contains($0) }
        }
    }

    /// Threads that come back to themselves over parties that cannot act, stops lifted; by transitive closure.
    func deadlocked() -> Set<ThreadID> {
        let stuck = blocked(heldThreadsMove: true)
        var leads: [ThreadID: Set<ThreadID>] = [:]
        for id in stuck {
            guard let wait = waits[id], wait.mobility != .dead else { continue }
            for party in wait.release.parties where !canAct(party, for: id, blocked: stuck) {
                switch party.target {
                case .thread(let next): leads[id, default: []].insert(next)
                case .process(let process):
                    leads[id, default: []].formUnion(threads.filter { $0.process == process && $0 != id })
                case .outside: break
                }
            }
        }
        for _ in threads {
            for (id, next) in leads { leads[id] = next.union(next.flatMap { leads[$0] ?? [] }) }
        }
        return stuck.filter { leads[$0]?.contains($0) ?? false }
    }
}

/// What a remedy does to the whole graph, written from the definition of `Release.OnDeath` and not from the simulation.
func applied(_ action: Remedy.Action, to waits: [ThreadID: Wait], root: ThreadID) -> [ThreadID: Wait] {
    var result = waits
    switch action {
    case .continueProcess(let id), .thaw(let id):
        for (thread, wait) in waits where thread.process == id {
            if case .held = wait.mobility { result[thread]?.mobility = .free(.running) }
        }
    case .endTracer:
        for (thread, wait) in waits where thread.process == root.process && wait.mobility == .held(.traced) {
            result[thread]?.mobility = .free(.running)
        }
    case .kill(let id):
        func isGone(_ party: Party) -> Bool {
            switch party.target {
            case .thread(let thread): thread.process == id
            case .process(let process): process == id
            case .outside: false
            }
        }
        for (thread, wait) in waits {
            guard thread.process != id else {
                result[thread] = nil
                continue
            }
            let gone = wait.release.parties.filter(isGone)
            guard !gone.isEmpty, wait.mobility == .waiting else { continue }
            let left = wait.release.parties.filter { !isGone($0) }
            result[thread]?.release.parties = left
            switch (wait.release.rule, wait.release.onDeath) {
            case (.any, .released):
                if gone.contains(where: { dead in !left.contains { $0.member == dead.member } }) {
                    result[thread]?.mobility = .free(.running)
                }
            case (.any, .kept), (.all, .released): break
            case (.all, .kept): result[thread]?.mobility = .dead
            }
        }
    }
    return result
}
