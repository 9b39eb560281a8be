import WaitModel

/// The strongly connected components among the threads that stay blocked even if every stop were lifted.
struct Components: Sendable {
    /// The deadlock that each thread is a member of; -1 for none.
    private(set) var deadlockOf: [Int32]
    /// The members of each deadlock, in order.
    private(set) var members: [[Int32]] = []
    /// How sure each deadlock is: no surer than the lists of parties that it rests on.
    private(set) var certainty: [Certainty] = []
    /// Whether a thread is a member of a deadlock or waits, through threads that are not free, for one.
    private(set) var reachesDeadlock: [Bool]

    /// Finds them.
    ///
    /// R. E. Tarjan, "Depth-first search and linear graph algorithms", SIAM J. Computing 1(2), 1972, without recursion. Edges lead
    /// from a blocked thread to the blocked threads among its parties; a process that cannot act stands for its threads other than the
    /// waiter. A dead thread has no edges: nothing that others do moves it.
    ///
    /// - Parameter reduction: of `graph`'s dense graph, with held threads taken as free.
    /// - Complexity: O(threads + parties), also where thousands of threads wait for a process of thousands of threads.
    init(of graph: WaitGraph, reduction: DenseReduction) {
        deadlockOf = [Int32](repeating: -1, count: graph.threads.count)
        reachesDeadlock = [Bool](repeating: false, count: graph.threads.count)
        let edges = BlockedEdges(graph: graph, reduction: reduction)
        var search = ComponentSearch(edges: edges)
        for thread in 0..<Int32(graph.threads.count) where !reduction.isFree(thread) { search.visit(thread) }
        judge(search, graph: graph, edges: edges)
    }

    /// Goes through the components in the order in which the search closed them: what a component leads to comes before it.
    private mutating func judge(_ search: ComponentSearch, graph: WaitGraph, edges: BlockedEdges) {
        var surety: [Certainty] = []
        var leadsToDeadlock: [Bool] = []
        for component in 0..<Int32(search.components.count) {
            let nodes = search.components[Int(component)]
            let blocked = nodes.filter { $0 < graph.threads.count }
            var isDeadlock = blocked.count > 1
            var leads = false
            var sure = Certainty.certain
            for node in nodes {
                var surestNext: Certainty?
                var weakestNext = Certainty.certain
                var staysInside = false
                edges.forEach(from: node) { next in
                    let to = search.componentOf[Int(next)]
                    if to == component {
                        staysInside = true
                        if next == node { isDeadlock = true }
                    } else {
                        leads = leads || leadsToDeadlock[Int(to)]
                        surestNext = max(surestNext ?? surety[Int(to)], surety[Int(to)])
                        weakestNext = min(weakestNext, surety[Int(to)])
                    }
                }
                guard node < graph.threads.count else {
                    sure = min(sure, weakestNext)
                    continue
                }
                let release = graph.waits[Int(node)].release
                guard !graph.isDead(node) else { continue }
                sure = min(sure, release.completeness)
                switch release.rule {
                case .any:
                    // Every party is needed for the proof, so each one's own blockage counts; that it is a party matters
                    // only where it is the only one, since a party that is none takes nothing away.
                    if release.parties.count == 1 { sure = min(sure, release.parties[0].certainty) }
                    sure = min(sure, weakestNext)
                case .all:
                    // One blocked party is proof enough: the surest.
                    sure = min(sure, edges.surestParty(of: node))
                    if !staysInside, let surestNext { sure = min(sure, surestNext) }
                }
            }
            surety.append(sure)
            leadsToDeadlock.append(leads || isDeadlock)
            for thread in blocked { reachesDeadlock[Int(thread)] = leads || isDeadlock }
            if isDeadlock {
                for thread in blocked { deadlockOf[Int(thread)] = Int32(members.count) }
                members.append(blocked.sorted())
                certainty.append(sure)
            }
        }
    }
}

/// Who keeps whom blocked, over threads and helper nodes.
///
/// "Every thread of the process but the waiter" would take one edge for each pair. Two helper nodes a thread make it linear: `after(i)`
/// leads to thread i and to `after(i + 1)`, `before(i)` to thread i and to `before(i - 1)`. A waiter i of its own process leads to
/// `before(i - 1)` and `after(i + 1)`; any other waiter to `after` of the first. Helpers form no cycle without a thread.
private struct BlockedEdges {
    let graph: WaitGraph
    let reduction: DenseReduction
    /// Whether any thread of the process is free.
    let processMoves: [Bool]

    init(graph: WaitGraph, reduction: DenseReduction) {
        self.graph = graph
        self.reduction = reduction
        var moves = [Bool](repeating: false, count: graph.processes.count)
        for thread in 0..<Int32(graph.threads.count) where reduction.isFree(thread) { moves[Int(graph.process(of: thread))] = true }
        processMoves = moves
    }

    private var threadCount: Int32 { Int32(graph.threads.count) }
    var nodeCount: Int { graph.threads.count * 3 }

    private func before(_ thread: Int32) -> Int32 { threadCount + 2 * thread }
    private func after(_ thread: Int32) -> Int32 { threadCount + 2 * thread + 1 }

    /// How many edges `edge(_:from:)` may be asked for.
    func edgeCount(from node: Int32) -> Int {
        guard node < threadCount else { return 2 }
        return graph.isDead(node) ? 0 : 2 * graph.dense.partySlots(of: node).count
    }

    /// The edge with a number, or -1 where that number has none.
    func edge(_ number: Int, from node: Int32) -> Int32 {
        guard node < threadCount else {
            let thread = (node - threadCount) / 2
            if number == 0 { return thread }
            let own = graph.threadsOfProcess[Int(graph.process(of: thread))]
            let goesUp = (node - threadCount) % 2 == 1
            let next = goesUp ? thread + 1 : thread - 1
            guard own.contains(next) else { return -1 }
            return goesUp ? after(next) : before(next)
        }
        let party = graph.dense.parties[graph.dense.partySlots(of: node).lowerBound + number / 2]
        if let thread = party.thread {
            return number % 2 == 0 && !reduction.isFree(thread) ? thread : -1
        }
        guard let process = party.process, !processMoves[Int(process)] else { return -1 }
        let all = graph.threadsOfProcess[Int(process)]
        if graph.process(of: node) != process { return number % 2 == 0 ? after(all.lowerBound) : -1 }
        let neighbour = number % 2 == 0 ? node - 1 : node + 1
        guard all.contains(neighbour) else { return -1 }
        return number % 2 == 0 ? before(neighbour) : after(neighbour)
    }

    func forEach(from node: Int32, _ body: (Int32) -> Void) {
        for number in 0..<edgeCount(from: node) {
            let next = edge(number, from: node)
            if next >= 0 { body(next) }
        }
    }

    /// The surest claim among the parties that cannot act.
    func surestParty(of thread: Int32) -> Certainty {
        var surest: Certainty?
        for slot in graph.dense.partySlots(of: thread) {
            let party = graph.dense.parties[slot]
            let isBlocked =
                party.thread.map { !reduction.isFree($0) } ?? party.process.map { !processMoves[Int($0)] } ?? false
            guard isBlocked else { continue }
            let claim = graph.party(slot, of: thread).certainty
            surest = max(surest ?? claim, claim)
        }
        return surest ?? .certain
    }
}

/// Tarjan's search with its own stack of visits, as a chain may be longer than the machine's stack.
private struct ComponentSearch {
    let edges: BlockedEdges
    private(set) var componentOf: [Int32]
    private(set) var components: [[Int32]] = []
    private var number: [Int32]
    private var lowest: [Int32]
    private var isOpen: [Bool]
    private var open: [Int32] = []
    private var visits: [(node: Int32, nextEdge: Int)] = []
    private var counter: Int32 = 0

    init(edges: BlockedEdges) {
        self.edges = edges
        componentOf = [Int32](repeating: -1, count: edges.nodeCount)
        number = [Int32](repeating: -1, count: edges.nodeCount)
        lowest = number
        isOpen = [Bool](repeating: false, count: edges.nodeCount)
    }

    mutating func visit(_ root: Int32) {
        guard number[Int(root)] < 0 else { return }
        enter(root)
        while let (node, nextEdge) = visits.last {
            if nextEdge < edges.edgeCount(from: node) {
                visits[visits.count - 1].nextEdge += 1
                let next = edges.edge(nextEdge, from: node)
                guard next >= 0 else { continue }
                if number[Int(next)] < 0 {
                    enter(next)
                } else if isOpen[Int(next)] {
                    lowest[Int(node)] = min(lowest[Int(node)], number[Int(next)])
                }
            } else {
                visits.removeLast()
                if let parent = visits.last?.node { lowest[Int(parent)] = min(lowest[Int(parent)], lowest[Int(node)]) }
                if lowest[Int(node)] == number[Int(node)] { close(node) }
            }
        }
    }

    private mutating func enter(_ node: Int32) {
        number[Int(node)] = counter
        lowest[Int(node)] = counter
        counter += 1
        open.append(node)
        isOpen[Int(node)] = true
        visits.append((node, 0))
    }

    private mutating func close(_ node: Int32) {
        var component: [Int32] = []
        while let last = open.popLast() {
            isOpen[Int(last)] = false
            componentOf[Int(last)] = Int32(components.count)
            component.append(last)
            if last == node { break }
        }
        components.append(component)
    }
}
