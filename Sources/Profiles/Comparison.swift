/// One thread that waits differently from its counterpart in the healthy picture.
public struct Difference: Sendable {
    /// In what way, the most telling last.
    public enum Category: String, Sendable, Comparable, CaseIterable {
        /// The same wait, but it used to move and now stands.
        case standsStill = "stands-still"
        /// Another wait, none that somebody urgently wants to end.
        case waitsElsewhere = "waits-elsewhere"
        /// Stopped, traced, frozen or dead.
        case nowStopped = "now-stopped"
        /// In a wait that somebody wants to end now, such as a lock, a full queue or an unanswered connect; before it was not.
        case nowBlocked = "now-blocked"

        public static func < (a: Category, b: Category) -> Bool {
            (allCases.firstIndex(of: a) ?? 0) < (allCases.firstIndex(of: b) ?? 0)
        }
    }

    public let role: Role
    public let category: Category
    public let healthy: PictureThread
    public let sick: PictureThread
    /// How many other threads that wait differently need this one to go on.
    public internal(set) var awaitedBy: Int
}

/// Threads of one program and name that only one picture has.
public struct Surplus: Sendable, Hashable {
    public let program: String
    public let process: String
    public let thread: String
    public let count: Int
    /// The other picture has threads of this program and name too, only fewer: an ordinary change of a pool's size.
    public let otherHasSome: Bool
}

/// Two pictures side by side.
public struct Comparison: Sendable {
    public let healthy: PictureIdentity
    public let sick: PictureIdentity
    /// How many threads of each took part.
    public let healthyThreads: Int
    public let sickThreads: Int
    public let matchedThreads: Int
    /// Most telling first.
    public let differences: [Difference]
    public let new: [Surplus]
    public let missing: [Surplus]

    /// Compares two pictures, thread by thread of the same role. Time n log n in the number of threads.
    ///
    /// Where the pictures were taken of different targets, only programs that the narrower one has are compared.
    public init(healthy: Picture, sick: Picture) {
        let (healthyThreads, sickThreads) = Comparison.commonScope(healthy, sick)
        let matching = Matching(healthy: healthyThreads, sick: sickThreads)
        self.healthy = healthy.identity
        self.sick = sick.identity
        self.healthyThreads = healthyThreads.count
        self.sickThreads = sickThreads.count
        matchedThreads = matching.pairs.count
        new = matching.new
        missing = matching.missing
        differences = ranked(matching.pairs.compactMap(difference))
    }

    private static func commonScope(_ healthy: Picture, _ sick: Picture) -> ([PictureThread], [PictureThread]) {
        if healthy.targets == sick.targets { return (healthy.threads, sick.threads) }
        var (left, right) = (healthy.threads, sick.threads)
        if !sick.targets.isEmpty {
            let programs = Set(right.map(\.program))
            left.removeAll { !programs.contains($0.program) }
        }
        if !healthy.targets.isEmpty {
            let programs = Set(healthy.threads.map(\.program))
            right.removeAll { !programs.contains($0.program) }
        }
        return (left, right)
    }
}

/// How a pair differs; nil when it does not.
func difference(_ pair: MatchedPair) -> Difference? {
    let (healthy, sick) = (pair.healthy, pair.sick)
    func differs(_ category: Difference.Category) -> Difference {
        Difference(role: pair.role, category: category, healthy: healthy, sick: sick, awaitedBy: 0)
    }
    if waitsAlike(healthy: healthy, sick: sick) {
        return healthy.moved && sick.stands && !isStopKind(sick.kind) ? differs(.standsStill) : nil
    }
    if isStopKind(sick.kind) { return differs(.nowStopped) }
    // What runs at one look may do anything at the next; what runs at every look and never did before spins.
    if isRunning(sick.kind) { return spins(sick) && !healthy.looks.contains { isRunning($0.kind) } ? differs(.waitsElsewhere) : nil }
    if sick.moved { return healthy.moved || !sick.isDemand ? nil : differs(.waitsElsewhere) }
    if sick.isDemand { return differs(.nowBlocked) }
    return isRunning(healthy.kind) && !spins(healthy) ? nil : differs(.waitsElsewhere)
}

/// Whether the sick wait is among what the healthy looks saw. A moving thread is alike when one of its looks is.
func waitsAlike(healthy: PictureThread, sick: PictureThread) -> Bool {
    let seen = Set(healthy.looks.map(WaitSignature.init))
    if sick.moved { return sick.looks.contains { seen.contains(WaitSignature($0)) } }
    return seen.contains(WaitSignature(kind: sick.kind, channel: sick.channel, resource: sick.resource))
}

/// Seen running at each of several looks.
private func spins(_ thread: PictureThread) -> Bool {
    thread.looks.reduce(0) { $0 + $1.count } >= 3 && thread.looks.allSatisfy { isRunning($0.kind) }
}

private func isRunning(_ kind: String) -> Bool { kind == "runnable" || kind == "cpu-throttled" }

/// What two waits must share to be taken for the same. The channel counts only where the kind says nothing: kernels rename functions.
struct WaitSignature: Hashable {
    let kind: String
    let place: String

    init(kind: String, channel: String?, resource: String?) {
        self.kind = kind
        place = kind == "unknown" || kind.hasSuffix("-other") ? channel ?? "" : resource.map(normalisedResource) ?? ""
    }

    init(_ look: PictureLook) {
        self.init(kind: look.kind, channel: look.channel, resource: look.resource)
    }
}
