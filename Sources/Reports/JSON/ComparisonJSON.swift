import Profiles

/// `waitchain.comparison/1`: what `waitchain compare --json` prints.
public struct ComparisonJSON: Codable, Sendable {
    public static let schemaName = "waitchain.comparison/1"

    public var schema: String
    public var tool: ToolJSON
    public var healthy: PictureJSON
    public var sick: PictureJSON
    /// How many threads have a counterpart of the same role.
    public var matchedThreads: Int
    /// Most telling first.
    public var differences: [DifferenceJSON]
    public var new: [RoleCountJSON]
    public var missing: [RoleCountJSON]

    public init(_ comparison: Comparison) {
        schema = ComparisonJSON.schemaName
        tool = ToolJSON()
        healthy = PictureJSON(comparison.healthy, comparison.healthyThreads)
        sick = PictureJSON(comparison.sick, comparison.sickThreads)
        matchedThreads = comparison.matchedThreads
        differences = comparison.differences.map(DifferenceJSON.init)
        new = comparison.new.map(RoleCountJSON.init)
        missing = comparison.missing.map(RoleCountJSON.init)
    }
}

/// Which picture was compared, and how many of its threads took part.
public struct PictureJSON: Codable, Sendable {
    public var hostname: String
    public var kernelRelease: String
    public var observedAt: String
    public var threads: Int

    init(_ identity: PictureIdentity, _ count: Int) {
        hostname = identity.hostname
        kernelRelease = identity.kernelRelease
        observedAt = identity.observedAt
        threads = count
    }
}

/// What a thread is across restarts and devices.
public struct RoleJSON: Codable, Sendable {
    /// Path of the executable, or the process's name where the path may not be read.
    public var program: String
    public var process: String
    public var thread: String
    /// Place among the threads of the same program and name, oldest first, from 0.
    public var ordinal: Int

    init(_ role: Role) {
        program = role.program
        process = role.process
        thread = role.thread
        ordinal = role.ordinal
    }
}

/// One thread that waits differently.
public struct DifferenceJSON: Codable, Sendable {
    public var role: RoleJSON
    /// `now-blocked`, `now-stopped`, `waits-elsewhere` or `stands-still`.
    public var category: String
    public var pid: Int32
    public var tid: Int32
    /// How many other threads that wait differently need this one to go on.
    public var awaitedBy: Int
    public var healthy: SideJSON
    public var sick: SideJSON
    public var sentence: String

    init(_ difference: Difference) {
        role = RoleJSON(difference.role)
        category = difference.category.rawValue
        pid = difference.sick.pid
        tid = difference.sick.tid
        awaitedBy = difference.awaitedBy
        healthy = SideJSON(difference.healthy)
        sick = SideJSON(difference.sick)
        sentence = visible(Reports.sentence(for: difference))
    }
}

/// How a thread waits in one picture.
public struct SideJSON: Codable, Sendable {
    public var kind: String
    @Nullable public var channel: String?
    @Nullable public var syscall: String?
    @Nullable public var resource: String?
    @Nullable public var blockedSeconds: Double?
    public var moved: Bool
    public var kinds: [String]

    init(_ thread: PictureThread) {
        kind = thread.kind
        _channel = Nullable(wrappedValue: thread.channel)
        _syscall = Nullable(wrappedValue: thread.systemCall)
        _resource = Nullable(wrappedValue: thread.resource)
        _blockedSeconds = Nullable(wrappedValue: thread.blockedSeconds)
        moved = thread.moved
        kinds = thread.looks.map(\.kind)
    }
}

/// Threads of one program and name that only one picture has.
public struct RoleCountJSON: Codable, Sendable {
    public var program: String
    public var process: String
    public var thread: String
    public var count: Int
    /// The other picture has threads of this program and name too, only fewer.
    public var otherPictureHasSome: Bool

    init(_ surplus: Surplus) {
        program = surplus.program
        process = surplus.process
        thread = surplus.thread
        count = surplus.count
        otherPictureHasSome = surplus.otherHasSome
    }
}
