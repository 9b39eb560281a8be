/// Two threads of the same role.
struct MatchedPair {
    let role: Role
    let healthy: PictureThread
    let sick: PictureThread
}

/// Who is who in two pictures.
///
/// Among equals (same program, same thread name) the place in order of age counts first, since programs start their threads in a fixed
/// order. Those that then wait differently are tried against each other, so that a pool whose members change places is no difference.
/// Complexity: linear in threads, but for pools of equals that wait differently: those cost the square of a small number of distinct waits.
struct Matching {
    private(set) var pairs: [MatchedPair] = []
    private(set) var new: [Surplus] = []
    private(set) var missing: [Surplus] = []

    init(healthy: [PictureThread], sick: [PictureThread]) {
        let left = Matching.grouped(healthy)
        let right = Matching.grouped(sick)
        for name in Set(left.keys).union(right.keys).sorted() {
            match(name, left[name] ?? [], right[name] ?? [])
        }
    }

    private static func grouped(_ threads: [PictureThread]) -> [RoleName: [PictureThread]] {
        // Thread ids grow with age as long as they do not wrap; the start time is not in a list.
        Dictionary(grouping: threads.sorted { ($0.pid, $0.tid) < ($1.pid, $1.tid) }, by: RoleName.init)
    }

    private mutating func match(_ name: RoleName, _ healthy: [PictureThread], _ sick: [PictureThread]) {
        var openHealthy: [PictureThread] = []
        var openSick: [(ordinal: Int, thread: PictureThread)] = []
        func role(_ thread: PictureThread, _ ordinal: Int) -> Role {
            Role(program: name.program, process: thread.process, thread: name.thread, ordinal: ordinal)
        }
        for (ordinal, thread) in sick.enumerated() {
            if ordinal < healthy.count, waitsAlike(healthy: healthy[ordinal], sick: thread) {
                pairs.append(MatchedPair(role: role(thread, ordinal), healthy: healthy[ordinal], sick: thread))
            } else {
                openSick.append((ordinal, thread))
                if ordinal < healthy.count { openHealthy.append(healthy[ordinal]) }
            }
        }
        openHealthy += healthy.dropFirst(sick.count)

        var bySignature: [WaitSignature: [Int]] = [:]
        for (place, thread) in openHealthy.enumerated() {
            for look in Set(thread.looks.map(WaitSignature.init)) { bySignature[look, default: []].append(place) }
        }
        var taken = Set<Int>()
        var rest: [(ordinal: Int, thread: PictureThread)] = []
        for entry in openSick {
            let signatures = entry.thread.moved ? entry.thread.looks.map(WaitSignature.init) : [WaitSignature(entry.thread)]
            if let place = Matching.take(signatures, &bySignature, &taken) {
                pairs.append(MatchedPair(role: role(entry.thread, entry.ordinal), healthy: openHealthy[place], sick: entry.thread))
            } else {
                rest.append(entry)
            }
        }
        let remaining = openHealthy.indices.filter { !taken.contains($0) }
        for (place, entry) in zip(remaining, rest) {
            pairs.append(MatchedPair(role: role(entry.thread, entry.ordinal), healthy: openHealthy[place], sick: entry.thread))
        }
        if rest.count > remaining.count, let example = sick.first {
            new.append(surplus(name, example, rest.count - remaining.count, otherHasSome: !healthy.isEmpty))
        }
        if remaining.count > rest.count, let example = healthy.first {
            missing.append(surplus(name, example, remaining.count - rest.count, otherHasSome: !sick.isEmpty))
        }
    }

    /// The first place with one of the signatures that nobody took yet.
    private static func take(_ signatures: [WaitSignature], _ places: inout [WaitSignature: [Int]], _ taken: inout Set<Int>) -> Int? {
        for signature in signatures {
            while let place = places[signature]?.popLast() {
                if taken.insert(place).inserted { return place }
            }
        }
        return nil
    }

    private func surplus(_ name: RoleName, _ example: PictureThread, _ count: Int, otherHasSome: Bool) -> Surplus {
        Surplus(program: name.program, process: example.process, thread: name.thread, count: count, otherHasSome: otherHasSome)
    }
}

extension WaitSignature {
    init(_ thread: PictureThread) {
        self.init(kind: thread.kind, channel: thread.channel, resource: thread.resource)
    }
}
