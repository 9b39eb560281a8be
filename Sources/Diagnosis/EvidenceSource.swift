/// One sort of evidence: whether this host gives it to this user, and what is lost without it.
public struct EvidenceSource: Sendable {
    public enum State: String, Sendable { case available, partly, missing }

    /// `wchan`, `sock_diag AF_UNIX`: the file or interface.
    public var name: String
    /// What it tells.
    public var tells: String
    public var state: State
    /// Why it is not wholly available; empty when it is.
    public var why: String
    /// What would unlock it: a capability, a sysctl, a mount option, a kernel option; empty when nothing is missing.
    public var unlock: String
    /// What answers lose without it, beginning with the kinds of waits.
    public var loses: String

    init(_ name: String, _ tells: String, loses: String, _ state: State = .available, why: String = "", unlock: String = "") {
        self.name = name
        self.tells = tells
        self.state = state
        self.why = why
        self.unlock = unlock
        self.loses = loses
    }
}

/// Which evidence a host gives to the user who asks.
public struct Examination: Sendable {
    public var host: HostIdentity
    /// Effective user id of the reader.
    public var user: UInt32
    /// Capabilities of the reader that matter here, by name.
    public var capabilities: [String]
    public var sources: [EvidenceSource]
    /// nil when it was not asked for.
    public var selfTest: [SelfTest.Result]?
}
