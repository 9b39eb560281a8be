import WaitModel

/// Which threads can move, now or after others have: the result of reducing a wait graph.
public struct Reduction: Sendable {
    let threads: [ThreadID]
    let indexOf: [ThreadID: Int32]
    let order: DenseReduction

    /// Whether a thread can move. A thread that the graph does not know counts as free: no verdict rests on what is not known.
    public func isFree(_ thread: ThreadID) -> Bool {
        guard let index = indexOf[thread] else { return true }
        return order.isFree(index)
    }

    /// The threads that nothing inside the graph can move. Complexity: O(threads).
    public var notFree: Set<ThreadID> {
        var result: Set<ThreadID> = []
        for (index, thread) in threads.enumerated() where !order.isFree(Int32(index)) { result.insert(thread) }
        return result
    }
}

/// The order in which the reduction freed the threads of a dense graph.
struct DenseReduction: Sendable {
    /// Position in the order of freeing; -1 for a thread that stays blocked. A thread that waits is freed by parties of lower rank.
    fileprivate(set) var rank: [Int32]
    /// Steps from a thread that moves by itself; -1 for a thread that stays blocked.
    fileprivate(set) var level: [Int32]

    func isFree(_ thread: Int32) -> Bool { rank[Int(thread)] >= 0 }
}

extension DenseGraph {
    /// Frees what can move, then whatever that releases, until nothing changes.
    ///
    /// Reduction of a general resource graph (R. C. Holt, "Some deadlock properties of computer systems", Computing Surveys 4(3),
    /// 1972) in the AND-OR model (E. Knapp, "Deadlock detection in distributed databases", Computing Surveys 19(4), 1987).
    /// The set of freed threads does not depend on the order, as freeing one thread never blocks another.
    ///
    /// - Parameter heldThreadsMove: take stopped, traced and frozen threads as free.
    /// - Complexity: O(threads + processes + parties).
    func reduce(heldThreadsMove: Bool) -> DenseReduction {
        let waiters = Waiters(of: self)
        var result = DenseReduction(
            rank: [Int32](repeating: -1, count: count), level: [Int32](repeating: -1, count: count))
        var missing = [Int32](repeating: 0, count: count)
        var processHasMoved = [Bool](repeating: false, count: processCount)
        var queue: [Int32] = []
        queue.reserveCapacity(count)

        func free(_ thread: Int32, level: Int32) {
            result.rank[Int(thread)] = Int32(queue.count)
            result.level[Int(thread)] = level
            queue.append(thread)
        }

        for thread in 0..<Int32(count) {
            switch start[Int(thread)] {
            case .free: free(thread, level: 0)
            case .held: if heldThreadsMove { free(thread, level: 0) }
            case .dead: break
            case .waitsForAny, .waitsForAll:
                let slots = partySlots(of: thread)
                var needed = start[Int(thread)] == .waitsForAny ? 1 : Int32(slots.count)
                for slot in slots where parties[slot] == .always { needed -= 1 }
                missing[Int(thread)] = needed
                if needed <= 0 { free(thread, level: 0) }
            }
        }

        func partyMoves(of waiter: Int32, level: Int32) {
            guard result.rank[Int(waiter)] < 0, start[Int(waiter)] == .waitsForAny || start[Int(waiter)] == .waitsForAll else { return }
            missing[Int(waiter)] -= 1
            if missing[Int(waiter)] <= 0 { free(waiter, level: level) }
        }

        var next = 0
        while next < queue.count {
            let thread = queue[next]
            next += 1
            let level = result.level[Int(thread)] + 1
            for waiter in waiters.ofThread(thread) { partyMoves(of: waiter, level: level) }
            let process = processOf[Int(thread)]
            if !processHasMoved[Int(process)] {
                processHasMoved[Int(process)] = true
                // A waiter is no party to its own wait, but here it cannot be the thread that moves: that one is free already.
                for waiter in waiters.ofProcess(process) { partyMoves(of: waiter, level: level) }
            }
        }
        return result
    }
}

/// The parties turned round: for each thread and each process, who waits for it; once for each time that it is named.
private struct Waiters {
    private var first: [Int32]
    private var waiters: [Int32]
    private let threadCount: Int

    init(of graph: DenseGraph) {
        threadCount = graph.count
        first = [Int32](repeating: 0, count: graph.count + graph.processCount + 1)
        waiters = []
        func key(_ party: DenseParty) -> Int? {
            if let thread = party.thread { return Int(thread) }
            if let process = party.process { return graph.count + Int(process) }
            return nil
        }
        for party in graph.parties {
            if let key = key(party) { first[key + 1] += 1 }
        }
        for key in 1..<first.count { first[key] += first[key - 1] }
        waiters = [Int32](repeating: 0, count: Int(first[first.count - 1]))
        var filled = first
        for thread in 0..<Int32(graph.count) {
            for slot in graph.partySlots(of: thread) {
                guard let key = key(graph.parties[slot]) else { continue }
                waiters[Int(filled[key])] = thread
                filled[key] += 1
            }
        }
    }

    func ofThread(_ thread: Int32) -> ArraySlice<Int32> { waiters[Int(first[Int(thread)])..<Int(first[Int(thread) + 1])] }

    func ofProcess(_ process: Int32) -> ArraySlice<Int32> {
        let key = threadCount + Int(process)
        return waiters[Int(first[key])..<Int(first[key + 1])]
    }
}
