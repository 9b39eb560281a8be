import WaitModel

/// One step of a chain: on to the next thread, or the end.
struct Step {
    enum Way {
        /// On to a thread through the party in a slot of the dense graph.
        case to(Int32, slot: Int)
        case end(Cause, Outside?)
    }
    let way: Way
    let certainty: Certainty

    static func end(_ cause: Cause, outside: Outside? = nil, certainty: Certainty = .certain) -> Step {
        Step(way: .end(cause, outside), certainty: cause == .unknown ? .possible : certainty)
    }
}

/// Decides at each wait whom the chain follows: the surest party that cannot act, failing that the surest party.
///
/// A stuck thread follows stuck ones, to a deadlock if there is one on the way; a thread that a stop holds up follows those that would
/// move were the stop lifted. So a chain never claims more than the reduction proved of the thread that it starts from.
struct Steps {
    let graph: WaitGraph
    let verdicts: Verdicts
    private var choices: ProcessThreads

    init(graph: WaitGraph, verdicts: Verdicts) {
        self.graph = graph
        self.verdicts = verdicts
        choices = ProcessThreads(graph: graph, verdicts: verdicts)
    }

    /// The step from a thread's wait. Complexity: O(its parties), amortised.
    mutating func step(from waiter: Int32) -> Step {
        let wait = graph.waits[Int(waiter)]
        switch wait.mobility {
        case .held(let cause): return .end(cause)
        case .free(let cause):
            // A lock with a time limit has an owner like any other.
            guard cause == .timer, wait.isDemand, graph.namesSomebodyElse(waiter) else { return .end(cause) }
        case .waiting, .dead: break
        }
        if verdicts.isStuck(waiter) {
            if let step = stuckStep(from: waiter) { return step }
            guard graph.isDead(waiter) else { return deadEnd(wait) }
        } else if verdicts.isHeldUp(waiter), let step = best(from: waiter, .behindStop) {
            return step
        }
        if let step = best(from: waiter, .heldUp) { return hedged(step, at: waiter) }
        let outside = surestOutside(wait)
        if let outside, !wait.isDemand { return .end(wait.deadEnd, outside: outside.what) }
        // An event loop of which somebody could wake a member is at rest; whom of them it waits for, nothing tells.
        if !wait.isDemand, graph.hasSeveralMembers(wait) { return .end(wait.deadEnd == .unknown ? .idle : wait.deadEnd) }
        if wait.isDemand, let step = blockedThreadOfFreeProcess(from: waiter) { return step }
        // Its own process alone has the other end, and somebody else there may act: which thread, nothing tells.
        if wait.deadEnd == .selfHeld { return deadEnd(wait) }
        return freeStep(from: waiter, outside: outside)
    }

    /// The step to a party that was freed before the waiter was, so that a chain of such steps cannot meet itself.
    ///
    /// Used where the surest steps lead round in a ring that is no deadlock: the member of the ring that the reduction freed first was
    /// freed by somebody outside it.
    mutating func stepOutOfRing(from waiter: Int32) -> Step {
        let wait = graph.waits[Int(waiter)]
        if case .free(let cause) = wait.mobility { return .end(cause) }
        if graph.isDead(waiter) { return deadEnd(wait) }
        let heldUp = verdicts.isHeldUp(waiter)
        let reduction = heldUp ? verdicts.lifted : verdicts.now
        let first = heldUp ? verdicts.firstLifted : verdicts.firstNow
        var found: Candidate?
        for slot in graph.dense.partySlots(of: waiter) {
            let party = graph.dense.parties[slot]
            guard let next = party.thread ?? party.process.map({ first[Int($0)] }), next >= 0, next != waiter,
                reduction.isFree(next), reduction.rank[Int(next)] < reduction.rank[Int(waiter)],
                !heldUp || (verdicts.isHeldUp(next) && !(party.process.map { canAct($0, for: waiter) } ?? false))
            else { continue }
            offer(&found, next, slot: slot, of: waiter)
        }
        if let found { return follow(found, from: waiter) }
        if let outside = surestOutside(wait) { return .end(wait.deadEnd, outside: outside.what) }
        return graph.surestUnknown(waiter) == nil ? deadEnd(wait) : .end(.unknown)
    }

    // MARK: - Blocked parties

    private mutating func stuckStep(from waiter: Int32) -> Step? {
        if verdicts.components.deadlockOf[Int(waiter)] >= 0 { return best(from: waiter, .sameDeadlock) }
        if verdicts.components.reachesDeadlock[Int(waiter)] { return best(from: waiter, .towardsDeadlock) }
        return best(from: waiter, .stuck)
    }

    /// The surest party that cannot act, in the sense of the choice.
    private mutating func best(from waiter: Int32, _ choice: ProcessThreads.Choice) -> Step? {
        var found: Candidate?
        for slot in graph.dense.partySlots(of: waiter) {
            let party = graph.dense.parties[slot]
            if let thread = party.thread {
                if isEligible(thread, choice, for: waiter) { offer(&found, thread, slot: slot, of: waiter) }
            } else if let process = party.process, isBlocked(process, choice, for: waiter),
                let (thread, _) = choices.choose(from: process, for: waiter, choice)
            {
                offer(&found, thread, slot: slot, of: waiter)
            }
        }
        return found.map { follow($0, from: waiter) }
    }

    private func isEligible(_ thread: Int32, _ choice: ProcessThreads.Choice, for waiter: Int32) -> Bool {
        let components = verdicts.components
        switch choice {
        case .sameDeadlock:
            let deadlock = components.deadlockOf[Int(waiter)]
            return components.deadlockOf[Int(thread)] == deadlock
                && (thread != waiter || components.members[Int(deadlock)].count == 1)
        case .towardsDeadlock: return thread != waiter && components.reachesDeadlock[Int(thread)]
        case .stuck: return thread != waiter && verdicts.isStuck(thread)
        case .behindStop: return thread != waiter && verdicts.isHeldUp(thread) && !verdicts.isStuck(thread)
        case .heldUp: return thread != waiter && verdicts.isHeldUp(thread)
        case .likeliest: return thread != waiter
        }
    }

    private func isBlocked(_ process: Int32, _ choice: ProcessThreads.Choice, for waiter: Int32) -> Bool {
        switch choice {
        case .sameDeadlock, .towardsDeadlock, .stuck: verdicts.freeLifted[Int(process)] == 0
        case .behindStop, .heldUp: !canAct(process, for: waiter)
        case .likeliest: true
        }
    }

    /// Whether a thread of the process other than the waiter is free now.
    private func canAct(_ process: Int32, for waiter: Int32) -> Bool {
        let own = graph.process(of: waiter) == process && !verdicts.isHeldUp(waiter)
        return verdicts.freeNow[Int(process)] > (own ? 1 : 0)
    }

    /// Where any party suffices and one that is as surely a party is free, that the blocked one matters is only possible.
    private func hedged(_ step: Step, at waiter: Int32) -> Step {
        guard graph.waits[Int(waiter)].release.rule == .any, case .to(_, let followed) = step.way else { return step }
        let claim = graph.party(followed, of: waiter).certainty
        for slot in graph.dense.partySlots(of: waiter) where graph.party(slot, of: waiter).certainty >= claim {
            let party = graph.dense.parties[slot]
            let isFree =
                party.thread.map { $0 != waiter && !verdicts.isHeldUp($0) } ?? party.process.map { canAct($0, for: waiter) } ?? true
            if isFree { return Step(way: step.way, certainty: .possible) }
        }
        return step
    }

    // MARK: - Free parties

    /// A process that can act as a whole may still have the one thread that would answer blocked.
    private mutating func blockedThreadOfFreeProcess(from waiter: Int32) -> Step? {
        var found: Candidate?
        for slot in graph.dense.partySlots(of: waiter) {
            guard let process = graph.dense.parties[slot].process,
                let (thread, isOneOfSeveral) = choices.choose(from: process, for: waiter, .heldUp, fellowsToo: false),
                thread != waiter
            else { continue }
            offer(&found, thread, slot: slot, of: waiter, atMost: isOneOfSeveral ? .possible : .inferred)
        }
        return found.map { follow($0, from: waiter) }
    }

    /// The surest party of all; somebody outside before a thread that is no surer.
    private mutating func freeStep(from waiter: Int32, outside: (what: Outside, certainty: Certainty)?) -> Step {
        let wait = graph.waits[Int(waiter)]
        var found: Candidate?
        for slot in graph.dense.partySlots(of: waiter) {
            let party = graph.dense.parties[slot]
            if let thread = party.thread {
                if thread != waiter { offer(&found, thread, slot: slot, of: waiter) }
            } else if let process = party.process, let (thread, _) = choices.choose(from: process, for: waiter, .likeliest) {
                offer(&found, thread, slot: slot, of: waiter, atMost: verdicts.isHeldUp(thread) ? .possible : .certain)
            }
        }
        let unknown = graph.surestUnknown(waiter)
        if let outside, outside.certainty >= (found?.certainty ?? .possible) { return .end(wait.deadEnd, outside: outside.what) }
        if let found, found.certainty >= (unknown ?? .possible) { return follow(found, from: waiter) }
        if unknown != nil { return .end(.unknown) }
        if case .free(let cause) = wait.mobility { return .end(cause) }
        return deadEnd(wait)
    }

    private func surestOutside(_ wait: Wait) -> (what: Outside, certainty: Certainty)? {
        var best: (what: Outside, certainty: Certainty)?
        for party in wait.release.parties {
            guard case .outside(let what) = party.target, what != .invisible else { continue }
            if let current = best, (party.certainty, current.what.rawValue) <= (current.certainty, what.rawValue) { continue }
            best = (what, party.certainty)
        }
        return best
    }

    private func deadEnd(_ wait: Wait) -> Step { .end(wait.deadEnd, certainty: wait.release.completeness) }

    // MARK: - Candidates

    private struct Candidate {
        let thread: Int32
        let slot: Int
        let certainty: Certainty
        let isPressing: Bool
    }

    /// Keeps the surer of two candidates; of equals the one that is not merely at rest, then the one with the lower id.
    private func offer(
        _ best: inout Candidate?, _ thread: Int32, slot: Int, of waiter: Int32, atMost limit: Certainty = .certain
    ) {
        let new = Candidate(
            thread: thread, slot: slot, certainty: min(graph.party(slot, of: waiter).certainty, limit),
            isPressing: graph.isPressing(thread))
        guard let old = best else {
            best = new
            return
        }
        if new.certainty != old.certainty {
            if new.certainty > old.certainty { best = new }
        } else if new.isPressing != old.isPressing {
            if new.isPressing { best = new }
        } else if (new.thread, new.slot) < (old.thread, old.slot) {
            best = new
        }
    }

    /// That a process is the party may be certain; which of its threads is, is not, unless one stop holds them all.
    private func follow(_ candidate: Candidate, from waiter: Int32) -> Step {
        var certainty = candidate.certainty
        if let process = graph.dense.parties[candidate.slot].process {
            let own = graph.process(of: waiter) == process && !graph.isDead(waiter)
            let others = verdicts.living[Int(process)] - (own ? 1 : 0)
            if others > 1, verdicts.held[Int(process)] < verdicts.living[Int(process)] { certainty = min(certainty, .inferred) }
        }
        return Step(way: .to(candidate.thread, slot: candidate.slot), certainty: certainty)
    }
}

extension WaitGraph {
    fileprivate func namesSomebodyElse(_ waiter: Int32) -> Bool {
        waits[Int(waiter)].release.parties.contains {
            switch $0.target {
            case .thread(let id): id != threads[Int(waiter)]
            case .process: true
            case .outside: false
            }
        }
    }

    /// Whether it waits for any of several things.
    fileprivate func hasSeveralMembers(_ wait: Wait) -> Bool {
        guard wait.release.rule == .any, let first = wait.release.parties.first else { return false }
        return wait.release.parties.contains { $0.member != first.member }
    }

    /// How surely a thread or process that the graph does not know is a party; nil where all are known.
    fileprivate func surestUnknown(_ waiter: Int32) -> Certainty? {
        var surest: Certainty?
        for slot in dense.partySlots(of: waiter) where dense.parties[slot] == .always {
            let party = party(slot, of: waiter)
            if case .outside = party.target { continue }
            surest = max(surest ?? party.certainty, party.certainty)
        }
        return surest
    }
}
