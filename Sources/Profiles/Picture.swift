import Diagnosis
import WaitModel

/// How the threads of a host, or of some of its processes, waited at one time.
public struct Picture: Sendable {
    public var identity: PictureIdentity
    /// What was asked for; empty for every thread of the host.
    public var targets: [String]
    public var threads: [PictureThread]

    public init(hostname: String, kernelRelease: String, observedAt: String, targets: [String], threads: [PictureThread]) {
        identity = PictureIdentity(hostname: hostname, kernelRelease: kernelRelease, observedAt: observedAt)
        self.targets = targets
        self.threads = threads
    }
}

/// Whose picture it is, and when it was taken.
public struct PictureIdentity: Sendable, Hashable {
    public var hostname: String
    public var kernelRelease: String
    /// ISO 8601, UTC.
    public var observedAt: String
}

/// What one or several looks at a thread saw. Kinds are texts, since a file may come from a newer version that knows more of them.
public struct PictureLook: Sendable, Hashable {
    public var kind: String
    public var channel: String?
    public var resource: String?
    public var count: Int

    public init(kind: String, channel: String?, resource: String?, count: Int) {
        self.kind = kind
        self.channel = channel
        self.resource = resource
        self.count = count
    }
}

/// A party of a wait by its numbers; `tid` nil stands for any thread of the process.
public struct PartyNumbers: Sendable, Hashable {
    public var pid: Int32
    public var tid: Int32?

    public init(pid: Int32, tid: Int32?) {
        self.pid = pid
        self.tid = tid
    }
}

/// One thread of a picture.
public struct PictureThread: Sendable, Hashable {
    public var pid: Int32
    public var tid: Int32
    public var process: String
    public var thread: String
    public var executable: String?
    /// The wait of the last look.
    public var kind: String
    public var channel: String?
    public var systemCall: String?
    public var resource: String?
    /// In words, beginning with a verb; empty when there are none.
    public var description: String
    public var isDemand: Bool
    public var blockedSeconds: Double?
    /// Who could end the wait.
    public var parties: [PartyNumbers]
    /// Never empty.
    public var looks: [PictureLook]
    /// It ran between two looks.
    public var moved: Bool

    /// - Parameter isDemand: nil takes what waits of this kind usually are.
    public init(
        pid: Int32, tid: Int32, process: String, thread: String, executable: String?, kind: String, channel: String? = nil,
        systemCall: String? = nil, resource: String? = nil, description: String = "", isDemand: Bool? = nil, blockedSeconds: Double? = nil,
        parties: [PartyNumbers] = [], looks: [PictureLook] = [], moved: Bool = false
    ) {
        self.pid = pid
        self.tid = tid
        self.process = process
        self.thread = thread
        self.executable = executable
        self.kind = kind
        self.channel = channel
        self.systemCall = systemCall
        self.resource = resource
        self.description = description
        self.isDemand = isDemand ?? isDemandKind(kind)
        self.blockedSeconds = blockedSeconds
        self.parties = parties
        self.looks = looks.isEmpty ? [PictureLook(kind: kind, channel: channel, resource: resource, count: 1)] : looks
        self.moved = moved
    }

    /// Path of the executable without the mark of a replaced file, or the process's name.
    var program: String {
        guard let executable, !executable.isEmpty else { return process }
        let mark = " (deleted)"
        return executable.hasSuffix(mark) ? String(executable.dropLast(mark.count)) : executable
    }

    /// Seen more than once, or long enough, in one and the same place without running.
    var stands: Bool {
        !moved && (looks.reduce(0) { $0 + $1.count } > 1 || (blockedSeconds ?? 0) >= 1)
    }
}
