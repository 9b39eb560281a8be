import WaitModel

/// The part of the graph that a finding rests on, to be reduced again after something was done to it.
///
/// Its baseline is what was seen: nobody in it moves. A process party that the chain followed to a thread is narrowed to that thread.
/// Under `any`, parties outside this part do not act, as they do not act now; under `all`, those that are free count as done.
struct Simulation {
    private let graph: WaitGraph
    private let victims: [Int32]
    /// The threads of this part, sorted; position is the local index.
    private var nodes: [Int32] = []
    private var baseline = DenseGraph()
    private let freeAnyway: Set<Int32>

    init(graph: WaitGraph, verdicts: Verdicts, finding: RemedyFinder.Case) {
        self.graph = graph
        victims = finding.victims
        var inside = Set(finding.victims)
        inside.insert(finding.root)
        inside.formUnion(finding.members)
        inside.formUnion(finding.links.keys)
        nodes = Self.closed(inside, graph: graph, verdicts: verdicts).sorted()
        var localOf = [Int32: Int32](minimumCapacity: nodes.count)
        for (local, thread) in nodes.enumerated() { localOf[thread] = Int32(local) }
        var localProcess: [Int32: Int32] = [:]
        for thread in nodes {
            let process = graph.process(of: thread)
            let local = localProcess[process] ?? Int32(localProcess.count)
            localProcess[process] = local
            baseline.processOf.append(local)
        }
        baseline.processCount = localProcess.count
        for thread in nodes {
            let wait = graph.waits[Int(thread)]
            let isWaitingRoot = thread != finding.root || wait.mobility == .waiting
            baseline.start.append(
                DenseGraph.Start(wait) == .held ? .held : !isWaitingRoot || graph.isDead(thread) ? .dead : Self.waits(wait))
            let link = finding.links[thread]
            for slot in graph.dense.partySlots(of: thread) {
                baseline.parties.append(
                    Self.localParty(
                        slot, of: thread, link: link, graph: graph, verdicts: verdicts, localOf: localOf, localProcess: localProcess))
            }
            baseline.firstParty.append(Int32(baseline.parties.count))
        }
        let unchanged = baseline.reduce(heldThreadsMove: false)
        freeAnyway = Set(nodes.indices.lazy.map(Int32.init).filter { unchanged.isFree($0) })
    }

    /// The victims that a trial frees, nearest to the root first. Complexity: O(threads + parties of this part).
    func freed(by trial: Trial) -> [Int32] {
        var changed = baseline
        var gone: Int32 = -1
        switch trial {
        case .lift(let cause, let process): lift(cause, process, in: &changed)
        case .endTracer(_, let tracee): lift(.traced, tracee, in: &changed)
        case .kill(let process):
            gone = process
            kill(process, in: &changed)
        }
        let result = changed.reduce(heldThreadsMove: false)
        var freed: [(level: Int32, thread: Int32)] = []
        var position = 0
        for victim in victims {
            // Both are sorted.
            while position < nodes.count, nodes[position] < victim { position += 1 }
            guard position < nodes.count, nodes[position] == victim, graph.process(of: victim) != gone else { continue }
            let local = Int32(position)
            if result.isFree(local), !freeAnyway.contains(local) { freed.append((result.level[Int(local)], victim)) }
        }
        return freed.sorted { $0 < $1 }.map(\.thread)
    }

    private func lift(_ cause: Cause, _ process: Int32, in changed: inout DenseGraph) {
        for (local, thread) in nodes.enumerated()
        where graph.process(of: thread) == process && graph.waits[Int(thread)].mobility == .held(cause) {
            changed.start[local] = .free
        }
    }

    /// The process's threads vanish, and the kernel and the C library do with what they held what `Release.OnDeath` says.
    private func kill(_ process: Int32, in changed: inout DenseGraph) {
        for (local, thread) in nodes.enumerated() {
            if graph.process(of: thread) == process {
                changed.start[local] = .dead
                continue
            }
            let slots = graph.dense.partySlots(of: thread)
            let first = Int(changed.firstParty[local])
            var membersGone: Set<Int> = []
            var membersLeft: Set<Int> = []
            let release = graph.waits[Int(thread)].release
            for (offset, slot) in slots.enumerated() {
                let party = graph.dense.parties[slot]
                let itsProcess = party.process ?? party.thread.map { graph.process(of: $0) }
                guard itsProcess == process else {
                    membersLeft.insert(release.parties[offset].member)
                    continue
                }
                membersGone.insert(release.parties[offset].member)
                // Of an `all`, what is given up is done; of an `any`, one party fewer can act.
                changed.parties[first + offset] = release.rule == .all && release.onDeath == .released ? .always : .never
            }
            let isPassedOn = release.rule == .any && release.onDeath == .released && !membersGone.isSubset(of: membersLeft)
            if isPassedOn, changed.start[local] == .waitsForAny { changed.start[local] = .free }
        }
    }

    private static func waits(_ wait: Wait) -> DenseGraph.Start { wait.release.rule == .any ? .waitsForAny : .waitsForAll }

    /// Adds, for waits on all of several, the other parties that are held up: what frees one of them alone frees nobody.
    private static func closed(_ start: Set<Int32>, graph: WaitGraph, verdicts: Verdicts) -> Set<Int32> {
        var result = start
        var open = Array(start)
        func add(_ thread: Int32) {
            if verdicts.isHeldUp(thread), result.insert(thread).inserted { open.append(thread) }
        }
        while let thread = open.popLast() {
            let isAll = graph.waits[Int(thread)].release.rule == .all
            guard isAll || !start.contains(thread) else { continue }
            for slot in graph.dense.partySlots(of: thread) {
                let party = graph.dense.parties[slot]
                if let thread = party.thread { add(thread) }
                if let process = party.process, verdicts.freeNow[Int(process)] == 0 {
                    for thread in graph.threadsOfProcess[Int(process)] { add(thread) }
                }
            }
        }
        return result
    }

    private static func localParty(
        _ slot: Int, of waiter: Int32, link: (next: Int32, slot: Int)?, graph: WaitGraph, verdicts: Verdicts,
        localOf: [Int32: Int32], localProcess: [Int32: Int32]
    ) -> DenseParty {
        let party = graph.dense.parties[slot]
        let isAny = graph.waits[Int(waiter)].release.rule == .any
        if let link, link.slot == slot, let next = localOf[link.next] { return .thread(next) }
        if let thread = party.thread {
            if let local = localOf[thread] { return .thread(local) }
            return !isAny && !verdicts.isHeldUp(thread) ? .always : .never
        }
        if let process = party.process {
            let own = graph.process(of: waiter) == process && !verdicts.isHeldUp(waiter)
            let canAct = verdicts.freeNow[Int(process)] > (own ? 1 : 0)
            if !isAny && canAct { return .always }
            return localProcess[process].map(DenseParty.process) ?? .never
        }
        return isAny ? .never : .always
    }
}
