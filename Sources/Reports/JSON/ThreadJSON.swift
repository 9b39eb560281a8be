import Diagnosis
import WaitModel

/// One thread with its wait, as in a diagnosis and in a list.
public struct ThreadJSON: Codable, Sendable {
    public var pid: Int32
    public var tid: Int32
    public var process: String
    public var thread: String
    @Nullable public var executable: String?
    public var state: String
    @Nullable public var container: String?
    @Nullable public var blockedSeconds: Double?
    /// True beside a `blockedSeconds` that comes from one look; left out where there is none.
    public var blockedApproximate: Bool?
    public var wait: WaitJSON
    /// Left out when it was not asked for, or may not be read.
    public var kernelStack: [String]?
    /// Left out when no stack was read. Innermost first.
    public var userStack: [FrameJSON]?
    public var userStackComplete: Bool?
    /// Why the frames of an interpreter are missing or end early; left out where nothing is missing.
    public var interpreterProblem: String?
    /// In a diagnosis only.
    public var evidence: [EvidenceJSON]?
    /// In a list only: what each look saw.
    public var looks: [LookJSON]?
    /// In a list only: it ran between two looks.
    public var moved: Bool?
    /// In a list only: nothing is wrong with its standing still, and nobody stands behind it.
    public var atRest: Bool?
    /// In a list only: where its chain ends; left out for a thread at rest.
    public var root: ListedRootJSON?

    init(_ report: ThreadReport, withEvidence: Bool) {
        pid = report.id.pid
        tid = report.id.tid
        process = report.process
        thread = report.thread
        _executable = Nullable(wrappedValue: report.executable)
        state = stateText(report.state)
        _container = Nullable(wrappedValue: report.container)
        _blockedSeconds = Nullable(wrappedValue: report.blockedSeconds.map(rounded))
        blockedApproximate = report.blockedSeconds == nil ? nil : true
        wait = WaitJSON(report.wait)
        kernelStack = report.kernelStack.isEmpty ? nil : report.kernelStack
        userStack = report.userStack?.frames.map(FrameJSON.init)
        userStackComplete = report.userStack?.isComplete
        interpreterProblem = report.userStack?.interpreterProblem?.description
        evidence = withEvidence ? report.evidence.map { EvidenceJSON(source: $0.source, value: $0.value) } : nil
    }

    init(_ listed: ListedThread) {
        self.init(listed.report, withEvidence: false)
        looks = listed.looks.map(LookJSON.init)
        moved = listed.moved
        atRest = listed.isAtRest
        root = listed.isAtRest ? nil : listed.standing.map { ListedRootJSON(pid: $0.root.pid, tid: $0.root.tid, cause: $0.cause.rawValue) }
    }
}

/// Where a listed thread's chain ends.
public struct ListedRootJSON: Codable, Sendable {
    public var pid: Int32
    public var tid: Int32
    public var cause: String
}

/// What a thread waits for, and who could end it.
public struct WaitJSON: Codable, Sendable {
    public var kind: String
    @Nullable public var channel: String?
    @Nullable public var syscall: String?
    @Nullable public var timeoutSeconds: Double?
    @Nullable public var resource: String?
    public var release: ReleaseJSON
    /// In words, beginning with a verb.
    public var description: String?
    /// Somebody wants this to end now; false for a wait for new work.
    public var demand: Bool?

    init(_ wait: Wait) {
        kind = wait.kind.rawValue
        _channel = Nullable(wrappedValue: wait.channel)
        _syscall = Nullable(wrappedValue: wait.systemCall)
        _timeoutSeconds = Nullable(wrappedValue: wait.timeoutSeconds.flatMap { $0.isFinite ? $0 : nil })
        _resource = Nullable(wrappedValue: wait.resource?.name)
        release = ReleaseJSON(
            rule: wait.release.rule.rawValue, completeness: wait.release.completeness.rawValue,
            parties: wait.release.parties.map(PartyJSON.init))
        description = wait.description
        demand = wait.isDemand
    }
}

/// What must happen for a wait to end.
public struct ReleaseJSON: Codable, Sendable {
    public var rule: String
    /// How sure it is that the list of parties is whole.
    public var completeness: String?
    public var parties: [PartyJSON]
}

/// Who could release a wait: a thread, a process (`tid` null), or something outside (`pid` null too).
public struct PartyJSON: Codable, Sendable {
    @Nullable public var pid: Int32?
    @Nullable public var tid: Int32?
    @Nullable public var outside: String?
    public var role: String
    public var certainty: String
    public var because: String
    /// Number of the member of a poll set that it belongs to.
    public var member: Int?

    init(_ party: Party) {
        switch party.target {
        case .thread(let thread):
            _pid = Nullable(wrappedValue: thread.pid)
            _tid = Nullable(wrappedValue: thread.tid)
            _outside = Nullable(wrappedValue: nil)
        case .process(let process):
            _pid = Nullable(wrappedValue: process.pid)
            _tid = Nullable(wrappedValue: nil)
            _outside = Nullable(wrappedValue: nil)
        case .outside(let outside):
            _pid = Nullable(wrappedValue: nil)
            _tid = Nullable(wrappedValue: nil)
            _outside = Nullable(wrappedValue: outside.rawValue)
        }
        role = party.role
        certainty = party.certainty.rawValue
        because = party.because
        member = party.member
    }
}

/// One fact as it was read.
public struct EvidenceJSON: Codable, Sendable {
    public var source: String
    public var value: String
}

/// What one or several looks at a thread saw.
public struct LookJSON: Codable, Sendable {
    public var kind: String
    @Nullable public var channel: String?
    @Nullable public var resource: String?
    public var state: String
    public var count: Int

    init(_ look: Look) {
        kind = look.kind.rawValue
        _channel = Nullable(wrappedValue: look.channel)
        _resource = Nullable(wrappedValue: look.resource?.name)
        state = stateText(look.state)
        count = look.count
    }
}

/// The state letter of procfs; `?` for what is no letter.
func stateText(_ state: UInt8) -> String {
    state > 0x20 && state < 0x7f ? String(UnicodeScalar(state)) : "?"
}

/// To a tenth: a figure from one look is no surer than that. JSON knows neither infinity nor NaN.
func rounded(_ seconds: Double) -> Double {
    seconds.isFinite ? (seconds * 10).rounded() / 10 : 0
}
