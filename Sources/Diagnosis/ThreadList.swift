import WaitGraph
import WaitModel

/// Every thread of some processes with its wait.
public struct ThreadList: Sendable {
    public var host: HostIdentity
    /// Sorted by process and thread.
    public var threads: [ListedThread]
    /// Threads that a filter left out.
    public var hidden: Hidden
    public var gaps: [Gap]

    /// How many threads are not shown unless asked for, by why.
    public struct Hidden: Sendable, Hashable {
        /// At rest: event loops without work, worker pools, sleepers whom nobody wants.
        public var atRest = 0
        public var kernelThreads = 0

        public init(atRest: Int = 0, kernelThreads: Int = 0) {
            self.atRest = atRest
            self.kernelThreads = kernelThreads
        }
    }

    public init(host: HostIdentity, threads: [ListedThread], hidden: Hidden = Hidden(), gaps: [Gap]) {
        self.host = host
        self.threads = threads
        self.hidden = hidden
        self.gaps = gaps
    }
}

/// One thread as several looks found it.
public struct ListedThread: Sendable {
    /// As the last look found it.
    public var report: ThreadReport
    /// The different waits that were seen, in the order in which they first were.
    public var looks: [Look]
    /// It has run between two looks.
    public var moved: Bool
    /// Where its chain ends, by the last look.
    public var standing: Standing?

    public init(report: ThreadReport, looks: [Look], moved: Bool, standing: Standing? = nil) {
        self.report = report
        self.looks = looks
        self.moved = moved
        self.standing = standing
    }

    /// Nothing is wrong with its standing still, and nobody stands behind it.
    public var isAtRest: Bool { standing?.isAtRest == true && report.state != UInt8(ascii: "R") }
}

/// One wait that a thread was seen in, and how often.
public struct Look: Sendable, Hashable {
    public var kind: WaitKind
    public var channel: String?
    public var resource: ResourceID?
    /// State letter of procfs.
    public var state: UInt8
    public var count: Int

    public init(kind: WaitKind, channel: String?, resource: ResourceID?, state: UInt8, count: Int = 1) {
        self.kind = kind
        self.channel = channel
        self.resource = resource
        self.state = state
        self.count = count
    }

    func isSame(as other: Look) -> Bool {
        kind == other.kind && channel == other.channel && resource == other.resource && state == other.state
    }
}
