/// Why the thread at the end of a chain does not move. The raw value is the public name in JSON.
public enum Cause: String, Sendable, Hashable, CaseIterable, Codable {
    case sleeping, timer, idle, running, starved, throttled, stopped, traced, frozen, deadlock
    case selfDeadlock = "self-deadlock"
    case selfHeld = "self-held"
    case ownerExited = "owner-exited"
    case ownerNotInProcess = "owner-not-in-process"
    case noCounterpart = "no-counterpart"
    case noSignaller = "no-signaller"
    case leakedFD = "leaked-fd"
    case inFlightFD = "in-flight-fd"
    case unanswered
    case missedEvent = "missed-event"
    case flowStopped = "flow-stopped"
    case memoryLimit = "memory-limit"
    case filesystemFrozen = "fs-frozen"
    case diskIO = "disk-io"
    case external
    case runtimeInternal = "runtime-internal"
    case progress
    case unknown
}

/// How sure a claim is. Ordered from the weakest to the surest, so that `min` of a chain's links is the chain's own certainty.
public enum Certainty: String, Sendable, Hashable, CaseIterable, Codable, Comparable {
    /// Several parties fit the evidence; all are listed.
    case possible
    /// One party fits the evidence, but nothing names it.
    case inferred
    /// The kernel or the lock itself names the party.
    case certain

    private var rank: Int {
        switch self {
        case .possible: 0
        case .inferred: 1
        case .certain: 2
        }
    }

    public static func < (a: Certainty, b: Certainty) -> Bool { a.rank < b.rank }
}
