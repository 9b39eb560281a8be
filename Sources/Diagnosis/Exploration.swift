import Evidence
import ProcFS
import WaitGraph
import WaitModel
import WaitResolution

/// The threads that the answer rests on, found by following parties outwards from the targets.
struct Exploration {
    let host: Host
    private(set) var resolved: [ThreadID: (reading: ThreadReading, wait: Wait, evidence: [EvidenceItem])] = [:]

    init(host: Host) { self.host = host }

    /// Resolves the threads and all threads of every process that could release one of them, until nothing new turns up.
    mutating func explore(from threads: [ThreadReading]) {
        var frontier = threads
        while !frontier.isEmpty {
            var next: Set<ProcessID> = []
            WaitFamilies.prefetchMemory(of: frontier, on: host)
            for reading in frontier where resolved[reading.id] == nil {
                let (wait, evidence) = WaitFamilies.resolve(reading, on: host)
                resolved[reading.id] = (reading, wait, evidence)
                for party in wait.release.parties {
                    switch party.target {
                    case .process(let id): next.insert(id)
                    case .thread(let id) where resolved[id] == nil: next.insert(id.process)
                    case .thread, .outside: break
                    }
                }
            }
            host.observe(next.map(\.pid))
            frontier = next.sorted().flatMap { host.process($0)?.threads ?? [] }.filter { resolved[$0.id] == nil }
        }
    }

    /// The waits as the first look found them.
    private var waits: [ThreadID: Wait] { resolved.mapValues(\.wait) }

    /// Looks at the run counts again. Whoever has run since was not standing still, so nothing that was read of it ties it to
    /// others: it moves.
    ///
    /// - Parameter all: look at every thread again; else only at those on which something rests that is worth reporting. A thread at rest
    ///   may as well have moved.
    func settled(all: Bool) -> [ThreadID: Wait] {
        var waits = waits
        let standing: [ThreadReading]
        if all {
            standing = resolved.values.map(\.reading)
        } else {
            let standings = WaitGraph(waits: waits).standings(of: Set(waits.keys))
            standing = reachable(from: standings.filter { !$0.value.isAtRest }.map(\.key))
        }
        for id in host.moved(among: standing) {
            guard let wait = waits[id], case .waiting = wait.mobility else { continue }
            // A runtime's lock that is tried in slices of time makes its waiter run without getting on.
            if wait.kind == .runtimePark, wait.deadEnd == .runtimeInternal { continue }
            waits[id]?.mobility = .free(.progress)
        }
        return waits
    }

    /// The threads and all those whom their chains can lead to.
    private func reachable(from threads: [ThreadID]) -> [ThreadReading] {
        var seen = Set(threads)
        var stack = threads
        var processes: Set<ProcessID> = []
        func visit(_ id: ThreadID) {
            if resolved[id] != nil, seen.insert(id).inserted { stack.append(id) }
        }
        while let id = stack.popLast() {
            for party in resolved[id]?.wait.release.parties ?? [] {
                switch party.target {
                case .thread(let other): visit(other)
                case .process(let process):
                    guard processes.insert(process).inserted else { continue }
                    for thread in host.process(process)?.threads ?? [] { visit(thread.id) }
                case .outside: break
                }
            }
        }
        return seen.compactMap { resolved[$0]?.reading }
    }
}
