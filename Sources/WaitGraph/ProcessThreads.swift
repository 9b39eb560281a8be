import WaitModel

/// Chooses the thread of a process that a chain goes on with, where evidence names only the process.
///
/// Threads that wait on the same resource as the waiter are fellow sufferers, not the ones to act, and come last. Then come threads
/// that are merely at rest. Orders are kept for each process and choices for each resource, so that a convoy costs one choice.
struct ProcessThreads {
    /// Which threads come into question, and which of them first.
    enum Choice: UInt8, Hashable {
        /// Members of the waiter's own deadlock.
        case sameDeadlock
        /// Stuck threads that lead to a deadlock.
        case towardsDeadlock
        /// Threads that stay blocked even if every stop were lifted.
        case stuck
        /// Threads that are held up by a stop.
        case behindStop
        /// Threads that cannot move.
        case heldUp
        /// Every thread, a running one first, then the leader.
        case likeliest
    }

    private struct Order: Hashable {
        let process: Int32
        let choice: Choice
        /// Tells deadlocks apart; -1 where that does not matter.
        let deadlock: Int32
    }

    private struct Question: Hashable {
        let order: Order
        let resource: Int32
    }

    private struct Answer {
        var first: Int32?
        var isOneOfSeveral = false
    }

    private let graph: WaitGraph
    private let verdicts: Verdicts
    private var orders: [Order: [Int32]] = [:]
    private var answers: [Question: Answer] = [:]

    init(graph: WaitGraph, verdicts: Verdicts) {
        self.graph = graph
        self.verdicts = verdicts
    }

    /// The thread of a process that stands behind a waiter's wait.
    ///
    /// - Parameter fellowsToo: fall back on threads that wait on the waiter's own resource.
    /// - Returns: the thread and whether it is one of several that fit; nil if there is none.
    /// - Complexity: O(threads of the process · log) for the first question about it, then O(1) amortised over all resources.
    mutating func choose(
        from process: Int32, for waiter: Int32, _ choice: Choice, fellowsToo: Bool = true
    ) -> (thread: Int32, isOneOfSeveral: Bool)? {
        let deadlock = choice == .sameDeadlock ? verdicts.components.deadlockOf[Int(waiter)] : -1
        let order = Order(process: process, choice: choice, deadlock: deadlock)
        if orders[order] == nil { orders[order] = sorted(order) }
        let resource = graph.resourceOf[Int(waiter)]
        if resource >= 0 {
            let question = Question(order: order, resource: resource)
            let answer = answers[question] ?? firstStranger(to: resource, in: order)
            answers[question] = answer
            if let first = answer.first { return (first, answer.isOneOfSeveral) }
            guard fellowsToo else { return nil }
        }
        var others = (orders[order] ?? []).lazy.filter { $0 != waiter }.makeIterator()
        guard let first = others.next() else { return nil }
        return (first, others.next() != nil)
    }

    private func firstStranger(to resource: Int32, in order: Order) -> Answer {
        var answer = Answer()
        for thread in orders[order] ?? [] where graph.resourceOf[Int(thread)] != resource {
            if answer.first != nil {
                answer.isOneOfSeveral = true
                break
            }
            answer.first = thread
        }
        return answer
    }

    private func sorted(_ order: Order) -> [Int32] {
        var result: [(score: Int, thread: Int32)] = []
        for thread in graph.threadsOfProcess[Int(order.process)] where isEligible(thread, order) {
            var score = graph.isDead(thread) ? 4 : 0
            if !(order.choice == .likeliest ? graph.isRunning(thread) : graph.isPressing(thread)) { score += 2 }
            if !graph.isLeader(thread) { score += 1 }
            result.append((score, thread))
        }
        return result.sorted { $0 < $1 }.map(\.thread)
    }

    private func isEligible(_ thread: Int32, _ order: Order) -> Bool {
        switch order.choice {
        case .sameDeadlock: verdicts.components.deadlockOf[Int(thread)] == order.deadlock
        case .towardsDeadlock: verdicts.components.reachesDeadlock[Int(thread)]
        case .stuck: verdicts.isStuck(thread)
        case .behindStop: verdicts.isHeldUp(thread) && !verdicts.isStuck(thread)
        case .heldUp: verdicts.isHeldUp(thread)
        case .likeliest: true
        }
    }
}

extension WaitGraph {
    /// Whether it is on a processor or would like to be.
    func isRunning(_ thread: Int32) -> Bool {
        switch waits[Int(thread)].mobility {
        case .free(.running), .free(.progress), .free(.starved), .free(.throttled): true
        default: false
        }
    }

    /// Whether it is more than at rest: somebody wants its wait to end, or a stop holds it.
    func isPressing(_ thread: Int32) -> Bool { waits[Int(thread)].isDemand || isHeld(thread) }
}
