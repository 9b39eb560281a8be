import Evidence
import ProcFS
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

    /// Looks at the run counts again. Whoever has run since was not standing still, so nothing that was read of it ties it to
    /// others: it moves.
    func settled() -> (waits: [ThreadID: Wait], moved: Set<ThreadID>) {
        let standing = resolved.values.map(\.reading)
        let moved = host.moved(among: standing)
        var waits: [ThreadID: Wait] = [:]
        waits.reserveCapacity(resolved.count)
        for (id, entry) in resolved {
            var wait = entry.wait
            if moved.contains(id), !wait.triesAgain, case .waiting = wait.mobility { wait.mobility = .free(.progress) }
            waits[id] = wait
        }
        return (waits, moved)
    }
}
