import WaitModel

/// Threads and who could release each of them.
///
/// A value without I/O: it answers who is held up, by whom, whether that is a deadlock, and what would end it. Threads are numbered
/// in the order of their ids, so that every answer is the same whatever the order in which they were found.
public struct WaitGraph: Sendable {
    /// Sorted, so that the threads of a process lie side by side.
    let threads: [ThreadID]
    let waits: [Wait]
    let indexOf: [ThreadID: Int32]
    /// Sorted; `dense.processOf` indexes it.
    let processes: [ProcessID]
    let threadsOfProcess: [Range<Int32>]
    /// Each thread's resource as a number; -1 for none.
    let resourceOf: [Int32]
    /// The party at `dense.parties[slot]` is `waits[thread].release.parties[slot - firstParty[thread]]`.
    let dense: DenseGraph

    /// Connects waits through the threads and processes that they name.
    ///
    /// - Parameter waits: every thread that is known, runnable ones too. A party that is not among them counts as free to act.
    /// - Complexity: O(threads · log threads + parties).
    public init(waits: [ThreadID: Wait]) {
        threads = waits.keys.sorted()
        var ordered: [Wait] = []
        ordered.reserveCapacity(threads.count)
        var indexOf = [ThreadID: Int32](minimumCapacity: threads.count)
        var processes: [ProcessID] = []
        var processIndex: [ProcessID: Int32] = [:]
        var ranges: [Range<Int32>] = []
        var dense = DenseGraph()
        dense.start.reserveCapacity(threads.count)
        dense.processOf.reserveCapacity(threads.count)
        for (position, thread) in threads.enumerated() {
            let index = Int32(position)
            let wait = waits[thread] ?? Wait(kind: .unknown, mobility: .free(.unknown))
            ordered.append(wait)
            indexOf[thread] = index
            if processes.last == thread.process {
                ranges[ranges.count - 1] = ranges[ranges.count - 1].lowerBound..<(index + 1)
            } else {
                processIndex[thread.process] = Int32(processes.count)
                processes.append(thread.process)
                ranges.append(index..<(index + 1))
            }
            dense.processOf.append(Int32(processes.count - 1))
            dense.start.append(DenseGraph.Start(wait))
        }
        dense.processCount = processes.count
        dense.firstParty.reserveCapacity(threads.count + 1)

        var resourceIndex: [ResourceID: Int32] = [:]
        var resourceOf: [Int32] = []
        resourceOf.reserveCapacity(threads.count)
        for wait in ordered {
            for party in wait.release.parties {
                let target: DenseParty =
                    switch party.target {
                    case .thread(let id): indexOf[id].map(DenseParty.thread) ?? .always
                    case .process(let id): processIndex[id].map(DenseParty.process) ?? .always
                    case .outside: .always
                    }
                dense.parties.append(target)
            }
            dense.firstParty.append(Int32(dense.parties.count))
            if let resource = wait.resource {
                let next = Int32(resourceIndex.count)
                let index = resourceIndex[resource] ?? next
                if index == next { resourceIndex[resource] = next }
                resourceOf.append(index)
            } else {
                resourceOf.append(-1)
            }
        }
        self.waits = ordered
        self.indexOf = indexOf
        self.processes = processes
        self.threadsOfProcess = ranges
        self.resourceOf = resourceOf
        self.dense = dense
    }

    /// Tells which threads can move, by themselves or because others can release them.
    ///
    /// What is not free with `heldThreadsMove` false is held up. What is not free with it true stays blocked even if every stop were
    /// lifted: it is in a deadlock, behind one, or at a dead end.
    ///
    /// - Parameter heldThreadsMove: take stopped, traced and frozen threads as free, since somebody may continue them.
    /// - Complexity: O(threads + parties).
    public func reduce(heldThreadsMove: Bool) -> Reduction {
        Reduction(threads: threads, indexOf: indexOf, order: dense.reduce(heldThreadsMove: heldThreadsMove))
    }

    func party(_ slot: Int, of thread: Int32) -> Party {
        waits[Int(thread)].release.parties[slot - Int(dense.firstParty[Int(thread)])]
    }

    func process(of thread: Int32) -> Int32 { dense.processOf[Int(thread)] }

    /// Whether it is the thread that bears its process's id.
    func isLeader(_ thread: Int32) -> Bool { threads[Int(thread)].tid == threads[Int(thread)].pid }

    func isHeld(_ thread: Int32) -> Bool { dense.start[Int(thread)] == .held }

    func isDead(_ thread: Int32) -> Bool { dense.start[Int(thread)] == .dead }
}

extension DenseGraph.Start {
    init(_ wait: Wait) {
        self =
            switch (wait.mobility, wait.release.rule) {
            case (.free, _): .free
            case (.held, _): .held
            case (.dead, _): .dead
            case (.waiting, .any): .waitsForAny
            case (.waiting, .all): .waitsForAll
            }
    }
}
