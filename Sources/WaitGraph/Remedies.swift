import WaitModel

/// Looks for what would free the victims of a finding, by simulated reduction of its part of the graph. Nothing is carried out.
struct RemedyFinder {
    /// What a finding is about, in dense indices.
    struct Case {
        let root: Int32
        let cause: Cause
        /// The members of a deadlock, otherwise empty.
        let members: [Int32]
        /// Sorted.
        let victims: [Int32]
        /// The party that the chain follows from each thread, and where to.
        let links: [Int32: (next: Int32, slot: Int)]
    }

    /// More than this is no longer advice.
    private static let mostRemedies = 4
    /// Of a deadlock across many processes, so many are tried.
    private static let mostTrials = 8

    private let graph: WaitGraph
    private let verdicts: Verdicts

    init(graph: WaitGraph, verdicts: Verdicts) {
        self.graph = graph
        self.verdicts = verdicts
    }

    /// The remedies that free somebody, cheapest first.
    ///
    /// For a deadlock inside one process its end is named too, though it may free nobody else: there is no other way.
    ///
    /// - Complexity: O(trials · (victims + their parties)), with a dozen trials at the most.
    mutating func remedies(for finding: Case) -> [Remedy] {
        let trials = trials(for: finding)
        guard !trials.isEmpty else { return [] }
        let simulation = Simulation(graph: graph, verdicts: verdicts, finding: finding)
        let processes = Set(finding.members.map { graph.process(of: $0) })
        var found: [(cost: Int, frees: [Int32], remedy: Remedy)] = []
        for trial in trials {
            let frees = simulation.freed(by: trial)
            let isLastResort = processes.count == 1
            guard !frees.isEmpty || isLastResort else { continue }
            let remedy = Remedy(action: trial.action(in: graph), frees: frees.map { graph.threads[Int($0)] })
            found.append((trial.cost, frees, remedy))
        }
        // Cheapest first, then what frees most; the order of trials decides the rest.
        let ranked = found.enumerated().sorted {
            ($0.element.cost, -$0.element.frees.count, $0.offset) < ($1.element.cost, -$1.element.frees.count, $1.offset)
        }
        var kept: [(cost: Int, frees: Set<Int32>, remedy: Remedy)] = []
        for (_, candidate) in ranked {
            let frees = Set(candidate.frees)
            let isDominated = kept.contains { $0.cost == candidate.cost && $0.frees.isStrictSuperset(of: frees) }
            if !isDominated { kept.append((candidate.cost, frees, candidate.remedy)) }
        }
        return kept.prefix(Self.mostRemedies).map(\.remedy)
    }

    private func trials(for finding: Case) -> [Trial] {
        let rootProcess = graph.process(of: finding.root)
        var trials: [Trial] = []
        switch finding.cause {
        case .stopped: trials.append(.lift(.stopped, process: rootProcess))
        case .traced:
            if let tracer = tracer(of: finding.root) { trials.append(.endTracer(tracer, tracee: rootProcess)) }
        case .frozen: trials.append(.lift(.frozen, process: rootProcess))
        case .diskIO, .filesystemFrozen:
            // In an uninterruptible sleep a signal waits too.
            return []
        default: break
        }
        if finding.members.isEmpty {
            trials.append(.kill(rootProcess))
        } else {
            let processes = Set(finding.members.map { graph.process(of: $0) }).sorted()
            for process in processes.prefix(Self.mostTrials) { trials.append(.kill(process)) }
        }
        return trials.filter { trial in
            if case .kill(let process) = trial { canBeKilled(process) } else { true }
        }
    }

    /// Neither init, whose end is the host's or the container's, nor kernel threads and the dead, which no signal ends.
    private func canBeKilled(_ process: Int32) -> Bool {
        graph.processes[Int(process)].pid > 1
            && graph.threadsOfProcess[Int(process)].contains {
                graph.waits[Int($0)].kind != .kernelWorker && graph.waits[Int($0)].isKillable && !graph.isDead($0)
            }
    }

    private func tracer(of thread: Int32) -> Int32? {
        for slot in graph.dense.partySlots(of: thread) where graph.party(slot, of: thread).role == "tracer" {
            let party = graph.dense.parties[slot]
            if let process = party.process ?? party.thread.map({ graph.process(of: $0) }) { return process }
        }
        return nil
    }
}

/// Something to try in the simulation, with processes by index.
enum Trial {
    /// Continue or thaw: every thread of the process that this cause holds goes on.
    case lift(Cause, process: Int32)
    case endTracer(Int32, tracee: Int32)
    case kill(Int32)

    /// What it takes away: nothing, a wish, a tool, a program.
    fileprivate var cost: Int {
        switch self {
        case .lift(.stopped, _): 0
        case .lift: 1
        case .endTracer: 2
        case .kill: 3
        }
    }

    fileprivate func action(in graph: WaitGraph) -> Remedy.Action {
        switch self {
        case .lift(.stopped, let process): .continueProcess(graph.processes[Int(process)])
        case .lift(_, let process): .thaw(graph.processes[Int(process)])
        case .endTracer(let tracer, _): .endTracer(graph.processes[Int(tracer)])
        case .kill(let process): .kill(graph.processes[Int(process)])
        }
    }
}
