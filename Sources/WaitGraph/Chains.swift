import WaitModel

/// Where the chain from each thread leads. Chains that meet share the rest of their way, so that a convoy costs no more than its length.
struct Chains {
    /// What a chain that starts here comes to.
    struct Outcome {
        /// The last thread; for a deadlock the member through which the chain enters it.
        let root: Int32
        let cause: Cause
        let outside: Outside?
        /// The deadlock that it leads into; -1 for none.
        let deadlock: Int32
        /// Links before the root.
        let depth: Int32
        let certainty: Certainty
        /// Whether somebody on the way, the root not counted, wants the wait to end.
        let isDemanded: Bool
        /// Whether the root is a party that only stands there (`Party.endsChain`): the chain ends at it whatever it does itself.
        let endsAtBystander: Bool
        /// Whether every thread on the way stays blocked even if every stop were lifted.
        let isStuck: Bool
    }

    let graph: WaitGraph
    let verdicts: Verdicts
    private var steps: Steps
    private var stepOf: [Step?]
    private var outcomeOf: [Outcome?]
    /// Position on the way that is being walked; -1 elsewhere.
    private var position: [Int32]

    init(graph: WaitGraph) {
        self.graph = graph
        verdicts = Verdicts(of: graph)
        steps = Steps(graph: graph, verdicts: verdicts)
        stepOf = [Step?](repeating: nil, count: graph.threads.count)
        outcomeOf = [Outcome?](repeating: nil, count: graph.threads.count)
        position = [Int32](repeating: -1, count: graph.threads.count)
    }

    /// Follows the chain from a thread. Complexity: O(links and their parties) that no earlier call has walked.
    mutating func outcome(from start: Int32) -> Outcome {
        if let known = outcomeOf[Int(start)] { return known }
        var way: [Int32] = []
        var thread = start
        while outcomeOf[Int(thread)] == nil {
            if position[Int(thread)] >= 0 {
                thread = leaveRing(from: Int(position[Int(thread)]), on: &way)
                continue
            }
            let step = takeStep(from: thread)
            if let end = ending(at: thread, step) {
                outcomeOf[Int(thread)] = end
            } else if case .to(let next, _) = step.way {
                position[Int(thread)] = Int32(way.count)
                way.append(thread)
                thread = next
            }
        }
        while let behind = way.popLast() {
            position[Int(behind)] = -1
            outcomeOf[Int(behind)] = extended(from: behind)
        }
        return extendedOrEnd(start)
    }

    /// The party slot that the chain follows from a thread, and the thread that it leads to; nil at an end.
    mutating func link(from thread: Int32) -> (next: Int32, slot: Int)? {
        if case .to(let next, let slot) = takeStep(from: thread).way { return (next, slot) }
        return nil
    }

    /// The threads of the chain from a thread, in order; for a deadlock the way in and then once around.
    mutating func walk(from start: Int32) -> [Int32] {
        let end = outcome(from: start)
        var result = [start]
        if end.deadlock < 0 {
            while let last = result.last, last != end.root, let (next, _) = link(from: last) { result.append(next) }
            return result
        }
        var around: Set<Int32> = []
        while let last = result.last, let (next, _) = link(from: last) {
            if verdicts.components.deadlockOf[Int(last)] == end.deadlock { around.insert(last) }
            if around.contains(next) { break }
            result.append(next)
        }
        return result
    }

    private mutating func takeStep(from thread: Int32) -> Step {
        if let known = stepOf[Int(thread)] { return known }
        let step = steps.step(from: thread)
        stepOf[Int(thread)] = step
        return step
    }

    /// The outcome where the chain ends at this thread or this thread is a member of a deadlock; nil where it goes on.
    private func ending(at thread: Int32, _ step: Step) -> Outcome? {
        let deadlock = verdicts.components.deadlockOf[Int(thread)]
        if deadlock >= 0 {
            let isAlone = verdicts.components.members[Int(deadlock)].count == 1
            return Outcome(
                root: thread, cause: isAlone ? .selfDeadlock : .deadlock, outside: nil, deadlock: deadlock, depth: 0,
                certainty: verdicts.components.certainty[Int(deadlock)], isDemanded: false,
                endsAtBystander: false, isStuck: true)
        }
        guard case .end(let cause, let outside) = step.way else { return nil }
        return Outcome(
            root: thread, cause: cause, outside: outside, deadlock: -1, depth: 0, certainty: step.certainty, isDemanded: false,
            endsAtBystander: false, isStuck: verdicts.isStuck(thread))
    }

    private func extended(from thread: Int32) -> Outcome? {
        guard let step = stepOf[Int(thread)], case .to(let next, let slot) = step.way, let rest = outcomeOf[Int(next)] else { return nil }
        if let cause = graph.party(slot, of: thread).endsChain ?? causeAtRest(graph.party(slot, of: thread), next, rest) {
            return Outcome(
                // That the party has what is wanted may be certain; that it will not act is a judgement.
                root: next, cause: cause, outside: nil, deadlock: -1, depth: 1, certainty: min(step.certainty, .inferred),
                isDemanded: graph.waits[Int(thread)].isDemand, endsAtBystander: true, isStuck: verdicts.isStuck(thread))
        }
        return Outcome(
            root: rest.root, cause: rest.cause, outside: rest.outside, deadlock: rest.deadlock, depth: rest.depth + 1,
            certainty: min(step.certainty, rest.certainty), isDemanded: rest.isDemanded || graph.waits[Int(thread)].isDemand,
            endsAtBystander: rest.endsAtBystander, isStuck: rest.isStuck && verdicts.isStuck(thread))
    }

    /// The party owes an answer, and its own chain ends at once, in something that would not hold it up.
    private func causeAtRest(_ party: Party, _ next: Int32, _ rest: Outcome) -> Cause? {
        guard let cause = party.causeAtRest, rest.depth == 0, rest.root == next else { return nil }
        switch rest.cause {
        case .idle, .sleeping, .timer, .running, .noSignaller, .selfHeld, .unknown: return cause
        default: return nil
        }
    }

    private func extendedOrEnd(_ thread: Int32) -> Outcome {
        outcomeOf[Int(thread)]
            ?? Outcome(
                root: thread, cause: .unknown, outside: nil, deadlock: -1, depth: 0, certainty: .possible, isDemanded: false,
                endsAtBystander: false, isStuck: false)
    }

    /// Breaks a ring that is no deadlock at the member that the reduction freed first, and says where to go on.
    ///
    /// Every ring among stuck threads is a deadlock, unless it goes through a dead thread: then the chain ends there. Any other ring
    /// can be moved from outside, through the party that freed its first member. Each member is turned off at most once, and a
    /// step out of a ring always leads to a thread freed earlier, so this ends.
    private mutating func leaveRing(from first: Int, on way: inout [Int32]) -> Int32 {
        let ring = way[first...]
        func rank(_ thread: Int32) -> (Int32, Int32) {
            if graph.isDead(thread) { return (-2, thread) }
            let reduction = verdicts.isHeldUp(thread) ? verdicts.lifted : verdicts.now
            return (reduction.rank[Int(thread)], thread)
        }
        let exit = ring.min { rank($0) < rank($1) } ?? way[first]
        stepOf[Int(exit)] = steps.stepOutOfRing(from: exit)
        while let last = way.popLast() {
            position[Int(last)] = -1
            if last == exit { break }
        }
        return exit
    }
}
