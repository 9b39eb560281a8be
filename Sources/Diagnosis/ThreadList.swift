import WaitModel

/// Every thread of some processes with its wait.
public struct ThreadList: Sendable {
    public var host: HostIdentity
    /// Sorted by process and thread.
    public var threads: [ListedThread]
    public var gaps: [Gap]

    public init(host: HostIdentity, threads: [ListedThread], gaps: [Gap]) {
        self.host = host
        self.threads = threads
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

    public init(report: ThreadReport, looks: [Look], moved: Bool) {
        self.report = report
        self.looks = looks
        self.moved = moved
    }
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
