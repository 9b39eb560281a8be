/// Differences with the most telling first: by category; then by how many others need the thread to go on, since who is needed by
/// others is nearer to the cause than who needs; then the longest blocked, since the first to stand made the others stand.
func ranked(_ differences: [Difference]) -> [Difference] {
    var differences = differences
    countAwaiters(&differences)
    return differences.sorted { a, b in
        if a.category != b.category { return a.category > b.category }
        if a.awaitedBy != b.awaitedBy { return a.awaitedBy > b.awaitedBy }
        let (longA, longB) = (a.sick.blockedSeconds ?? 0, b.sick.blockedSeconds ?? 0)
        if longA != longB { return longA > longB }
        return a.role < b.role
    }
}

/// Counts for each differing thread the other differing threads that need it: those that name it as the thread that could release them,
/// and those that now wait to give what it used to take (a sender on the queue that it received from).
private func countAwaiters(_ differences: inout [Difference]) {
    var byThread: [Int32: [Int]] = [:]
    var consumers: [WaitSignature: [Int]] = [:]
    for (place, difference) in differences.enumerated() {
        byThread[difference.sick.tid, default: []].append(place)
        let now = WaitSignature(kind: difference.sick.kind, channel: nil, resource: difference.sick.resource)
        for look in Set(difference.healthy.looks) {
            for kind in consumedKinds(look.kind) {
                let given = WaitSignature(kind: kind, channel: nil, resource: look.resource)
                // Who now waits to give the same is no consumer of it.
                if given != now { consumers[given, default: []].append(place) }
            }
        }
    }
    var counts = [Int](repeating: 0, count: differences.count)
    for (place, difference) in differences.enumerated() {
        var needed = Set<Int>()
        for party in difference.sick.parties {
            guard let tid = party.tid else { continue }
            for other in byThread[tid] ?? [] where differences[other].sick.pid == party.pid { needed.insert(other) }
        }
        let own = WaitSignature(kind: difference.sick.kind, channel: nil, resource: difference.sick.resource)
        for other in consumers[own] ?? [] where differences[other].sick.pid == difference.sick.pid { needed.insert(other) }
        needed.remove(place)
        for other in needed { counts[other] += 1 }
    }
    for place in differences.indices { differences[place].awaitedBy = counts[place] }
}
