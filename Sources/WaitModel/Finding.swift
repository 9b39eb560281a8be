/// One link of a chain: a thread and its wait.
public struct ChainLink: Sendable, Hashable {
    public let thread: ThreadID
    public let kind: WaitKind
    public let resource: ResourceID?

    public init(thread: ThreadID, kind: WaitKind, resource: ResourceID?) {
        self.thread = thread
        self.kind = kind
        self.resource = resource
    }
}

/// Something that a person could do, with whom simulated reduction says it frees. Never carried out.
public struct Remedy: Sendable, Hashable {
    public enum Action: Sendable, Hashable {
        /// Continue a stopped process (SIGCONT).
        case continueProcess(ProcessID)
        /// End a process; the kernel gives back what it held.
        case kill(ProcessID)
        /// End the tracer of a process.
        case endTracer(ProcessID)
        /// Thaw the cgroup of a process.
        case thaw(ProcessID)
    }
    public let action: Action
    public let frees: [ThreadID]

    public init(action: Action, frees: [ThreadID]) {
        self.action = action
        self.frees = frees
    }
}

/// A known hang whose marks a finding bears. It explains, and decides nothing.
public struct KnownHangNote: Sendable, Hashable {
    public let id: String
    /// A sentence without capital and full stop.
    public let text: String
    public let source: String

    public init(id: String, text: String, source: String) {
        self.id = id
        self.text = text
        self.source = source
    }
}

/// Who is held up, by whom, and why.
public struct Finding: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable { case chain, deadlock, rest }

    public let kind: Kind
    /// Proven that only outside help can move the victims.
    public let isDeadlock: Bool
    public let certainty: Certainty
    /// Every thread that this root holds up, sorted; for a deadlock its members and those behind them.
    public let victims: [ThreadID]
    /// The longest chain, from a victim to the root; for a deadlock the way into and once around the cycle.
    public let chain: [ChainLink]
    /// For a deadlock: the threads that hold each other, sorted; otherwise empty.
    public let members: [ThreadID]
    public let root: ThreadID
    public let cause: Cause
    /// What outside the host's threads the chain ends at, when it does.
    public let outside: Outside?
    public let remedies: [Remedy]
    /// Known hangs that it resembles.
    public var knownHangs: [KnownHangNote] = []

    public init(
        kind: Kind, isDeadlock: Bool, certainty: Certainty, victims: [ThreadID], chain: [ChainLink], members: [ThreadID] = [],
        root: ThreadID, cause: Cause, outside: Outside? = nil, remedies: [Remedy] = []
    ) {
        self.kind = kind
        self.isDeadlock = isDeadlock
        self.certainty = certainty
        self.victims = victims
        self.chain = chain
        self.members = members
        self.root = root
        self.cause = cause
        self.outside = outside
        self.remedies = remedies
    }
}
