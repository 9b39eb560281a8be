import WaitModel

extension WaitGraph {
    /// Says who is held up, by whom and why: one finding for each root, whoever many stand behind it.
    ///
    /// - Parameter targets: the threads that were asked for; each that the graph knows is the root or a victim of some finding, those at
    ///   rest too. With nil, everything on the host that is held up, and nothing that is at rest (see ``isWorthReporting(cause:isRoot:isHeldUp:isDemanded:)``).
    /// - Returns: deadlocks first, rest last; among equals those with the most victims first.
    /// - Complexity: O(threads · log threads + parties) and for each finding a few reductions of its own part of the graph.
    public func findings(about targets: Set<ThreadID>?) -> [Finding] {
        var gathering = Gathering(graph: self)
        for thread in 0..<Int32(threads.count) where targets?.contains(threads[Int(thread)]) ?? true {
            gathering.add(thread, evenAtRest: targets != nil)
        }
        return gathering.findings()
    }
}

/// Chains gathered by the root that they end at.
private struct Gathering {
    /// What makes two chains one finding.
    private enum Key: Hashable {
        /// Proven to be stuck in a deadlock or behind one.
        case deadlock(Int32)
        /// Leads into a deadlock, but somebody else could release it.
        case towards(Int32)
        /// A stop holds a whole process.
        case stop(process: Int32, Cause)
        case end(root: Int32, Cause)
    }

    private struct Group {
        let key: Key
        /// The thread whose chain is shown: the longest, then the first.
        var shown: Int32
        var outcome: Chains.Outcome
        var certainty: Certainty
        var isWorthReporting = false
        /// The threads that chains start at or pass, roots too.
        var threads: Set<Int32> = []
    }

    private let graph: WaitGraph
    private var chains: Chains
    private var numberOf: [Key: Int] = [:]
    private var groups: [Group] = []

    init(graph: WaitGraph) {
        self.graph = graph
        chains = Chains(graph: graph)
    }

    mutating func add(_ start: Int32, evenAtRest: Bool) {
        let outcome = chains.outcome(from: start)
        let isWorth = WaitGraph.isWorthReporting(
            cause: outcome.cause, isRoot: outcome.depth == 0, isHeldUp: chains.verdicts.isHeldUp(start), isDemanded: outcome.isDemanded)
        guard isWorth || evenAtRest else { return }
        let key = key(outcome)
        let number = numberOf[key] ?? groups.count
        if number == groups.count {
            numberOf[key] = number
            groups.append(Group(key: key, shown: start, outcome: outcome, certainty: outcome.certainty))
        }
        if outcome.depth > groups[number].outcome.depth
            || (outcome.depth == 0 && groups[number].outcome.depth == 0 && isLeaderOfStop(start, key))
        {
            groups[number].shown = start
            groups[number].outcome = outcome
        }
        groups[number].certainty = min(groups[number].certainty, outcome.certainty)
        groups[number].isWorthReporting = groups[number].isWorthReporting || isWorth
        var thread = start
        while groups[number].threads.insert(thread).inserted, thread != outcome.root,
            chains.verdicts.components.deadlockOf[Int(thread)] < 0,
            let (next, _) = chains.link(from: thread)
        {
            thread = next
        }
    }

    private func key(_ outcome: Chains.Outcome) -> Key {
        if outcome.deadlock >= 0 { return outcome.isStuck ? .deadlock(outcome.deadlock) : .towards(outcome.deadlock) }
        if graph.waits[Int(outcome.root)].mobility == .held(outcome.cause) {
            return .stop(process: graph.process(of: outcome.root), outcome.cause)
        }
        return .end(root: outcome.root, outcome.cause)
    }

    private func isLeaderOfStop(_ thread: Int32, _ key: Key) -> Bool {
        if case .stop = key { graph.isLeader(thread) } else { false }
    }

    mutating func findings() -> [Finding] {
        var advisor = RemedyFinder(graph: graph, verdicts: chains.verdicts)
        var result: [Finding] = []
        result.reserveCapacity(groups.count)
        for group in groups { result.append(finding(group, &advisor)) }
        return result.sorted { Self.order($0) < Self.order($1) }
    }

    private static func order(_ finding: Finding) -> (Int, Int, ThreadID, String) {
        let kind =
            switch finding.kind {
            case .deadlock: 0
            case .chain: 1
            case .rest: 2
            }
        return (kind, -finding.victims.count, finding.root, finding.cause.rawValue)
    }

    private mutating func finding(_ group: Group, _ advisor: inout RemedyFinder) -> Finding {
        let shown = chains.walk(from: group.shown)
        let root = shown.last ?? group.shown
        let (members, isProven) = members(of: group, root: root)
        let victims = victims(of: group, members: members, isProven: isProven, root: root)
        let kind: Finding.Kind = isProven ? .deadlock : group.isWorthReporting || leadsSomewhere(group) ? .chain : .rest
        let certainty =
            switch group.key {
            case .deadlock(let deadlock): chains.verdicts.components.certainty[Int(deadlock)]
            case .towards: min(group.certainty, .inferred)
            case .stop, .end: group.certainty
            }
        var remedies: [Remedy] = []
        if group.isWorthReporting {
            var links: [Int32: (next: Int32, slot: Int)] = [:]
            for thread in group.threads.union(shown).union(members) { links[thread] = chains.link(from: thread) }
            remedies = advisor.remedies(
                for: RemedyFinder.Case(root: root, cause: group.outcome.cause, members: members, victims: victims, links: links))
        }
        return Finding(
            kind: kind, isDeadlock: isProven, certainty: certainty, victims: victims.map { graph.threads[Int($0)] },
            chain: shown.map { thread in
                let wait = graph.waits[Int(thread)]
                return ChainLink(thread: graph.threads[Int(thread)], kind: wait.kind, resource: wait.resource)
            },
            members: members.map { graph.threads[Int($0)] }, root: graph.threads[Int(root)], cause: group.outcome.cause,
            outside: group.outcome.outside, remedies: remedies)
    }

    private func leadsSomewhere(_ group: Group) -> Bool { group.outcome.depth > 0 && WaitGraph.isBusy(group.outcome.cause) }

    private func members(of group: Group, root: Int32) -> (members: [Int32], isProven: Bool) {
        switch group.key {
        case .deadlock(let deadlock): (chains.verdicts.components.members[Int(deadlock)], true)
        case .towards(let deadlock): (chains.verdicts.components.members[Int(deadlock)], false)
        case .end(_, .selfDeadlock) where chains.verdicts.isStuck(root): ([root], true)
        case .end, .stop: ([], false)
        }
    }

    /// Sorted. A root is a victim only if it waits itself, or if nobody else stands behind it.
    private func victims(of group: Group, members: [Int32], isProven: Bool, root: Int32) -> [Int32] {
        switch group.key {
        case .deadlock: return group.threads.union(members).sorted()
        case .towards: return group.threads.subtracting(members).sorted()
        case .stop(let process, let cause):
            let isAlone = group.threads.allSatisfy {
                graph.process(of: $0) == process && graph.waits[Int($0)].mobility == .held(cause)
            }
            return (isAlone ? group.threads : group.threads.subtracting([root])).sorted()
        case .end:
            let waitsItself = graph.waits[Int(root)].mobility == .waiting && !group.outcome.endsAtBystander
            if waitsItself || group.threads.count == 1 { return group.threads.sorted() }
            return group.threads.subtracting([root]).sorted()
        }
    }
}
