import Diagnosis
import WaitModel

/// Who is held up, by whom, and why.
public struct FindingJSON: Codable, Sendable {
    public var kind: String
    public var deadlock: Bool
    public var certainty: String
    public var victims: [ThreadRefJSON]
    public var chain: [ChainLinkJSON]
    /// The threads that hold each other; empty when it is no deadlock.
    public var members: [ThreadRefJSON]
    public var root: RootJSON
    /// The cause in one sentence, as the text report prints it.
    public var summary: String
    public var remedies: [RemedyJSON]
    /// Known hangs whose marks it bears; empty when there are none.
    public var knownHangs: [KnownHangJSON]

    init(_ finding: Finding, _ index: DiagnosisIndex) {
        kind = finding.kind.rawValue
        deadlock = finding.isDeadlock
        certainty = finding.certainty.rawValue
        victims = finding.victims.map(ThreadRefJSON.init)
        chain = finding.chain.map(ChainLinkJSON.init)
        members = finding.members.map(ThreadRefJSON.init)
        root = RootJSON(finding)
        summary = visible(Reports.summary(of: finding, in: index))
        remedies = finding.remedies.map { RemedyJSON($0, index) }
        knownHangs = finding.knownHangs.map(KnownHangJSON.init)
    }
}

/// A known hang that a finding resembles.
public struct KnownHangJSON: Codable, Sendable {
    public var id: String
    /// A sentence, as the text report prints it.
    public var text: String
    public var source: String

    init(_ note: KnownHangNote) {
        id = note.id
        text = visible(note.text)
        source = note.source
    }
}

/// One link of a chain.
public struct ChainLinkJSON: Codable, Sendable {
    public var pid: Int32
    public var tid: Int32
    public var kind: String
    @Nullable public var resource: String?

    init(_ link: ChainLink) {
        pid = link.thread.pid
        tid = link.thread.tid
        kind = link.kind.rawValue
        _resource = Nullable(wrappedValue: link.resource?.name)
    }
}

/// What a chain ends at.
public struct RootJSON: Codable, Sendable {
    public var pid: Int32
    public var tid: Int32
    public var cause: String
    @Nullable public var outside: String?

    init(_ finding: Finding) {
        pid = finding.root.pid
        tid = finding.root.tid
        cause = finding.cause.rawValue
        _outside = Nullable(wrappedValue: finding.outside?.rawValue)
    }
}

/// What somebody could do, and whom it would free.
public struct RemedyJSON: Codable, Sendable {
    /// A command line.
    public var action: String
    /// `continue`, `kill`, `end-tracer` or `thaw`.
    public var kind: String
    public var frees: [ThreadRefJSON]

    init(_ remedy: Remedy, _ index: DiagnosisIndex) {
        action = command(for: remedy.action, in: index)
        kind =
            switch remedy.action {
            case .continueProcess: "continue"
            case .kill: "kill"
            case .endTracer: "end-tracer"
            case .thaw: "thaw"
            }
        frees = remedy.frees.map(ThreadRefJSON.init)
    }
}
