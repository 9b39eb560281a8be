import WaitModel

/// Where one thread's chain ends, for a table that has a line a thread.
public struct Standing: Sendable, Hashable {
    /// The thread at the end of the chain; the thread itself when it waits for nobody that can be followed.
    public let root: ThreadID
    public let cause: Cause
    /// The chain leads to nobody who is busy and nothing is wrong: an event loop without work, a worker pool, a sleeper whom nobody wants.
    public let isAtRest: Bool

    public init(root: ThreadID, cause: Cause, isAtRest: Bool) {
        self.root = root
        self.cause = cause
        self.isAtRest = isAtRest
    }
}

extension WaitGraph {
    /// Where the chain of each thread ends.
    /// - Complexity: O(threads + parties) for all.
    public func standings(of wanted: Set<ThreadID>) -> [ThreadID: Standing] {
        var chains = Chains(graph: self)
        var standings: [ThreadID: Standing] = [:]
        standings.reserveCapacity(wanted.count)
        for thread in 0..<Int32(threads.count) where wanted.contains(threads[Int(thread)]) {
            let outcome = chains.outcome(from: thread)
            let isWorth = Self.isWorthReporting(
                cause: outcome.cause, isRoot: outcome.depth == 0, isHeldUp: chains.verdicts.isHeldUp(thread),
                isDemanded: outcome.isDemanded)
            standings[threads[Int(thread)]] = Standing(
                root: threads[Int(outcome.root)], cause: outcome.cause,
                isAtRest: !isWorth && !(outcome.depth > 0 && Self.isBusy(outcome.cause)))
        }
        return standings
    }

    /// Whether somebody at whom a chain ends is busy, although nothing is wrong with that: a reader whose writer sleeps, a parent whose
    /// child runs. It answers "why does it not move" as rest would not.
    static func isBusy(_ cause: Cause) -> Bool {
        switch cause {
        case .sleeping, .running, .starved, .throttled, .external, .unknown: true
        default: false
        }
    }
}
