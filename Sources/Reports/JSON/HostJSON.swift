import Diagnosis
import WaitModel

/// The version of this tool, in JSON and for `--version`.
public let toolVersion = "0.1.0"

/// Who wrote the document.
public struct ToolJSON: Codable, Sendable {
    public var name = "waitchain"
    public var version = toolVersion

    init() {}
}

/// Which machine, and when.
public struct HostJSON: Codable, Sendable {
    public var hostname: String
    public var kernelRelease: String
    public var machine: String
    public var bootID: String
    public var observedAt: String
    public var source: String

    init(_ host: HostIdentity) {
        hostname = host.hostname
        kernelRelease = host.kernelRelease
        machine = host.machine
        bootID = host.bootID
        observedAt = timestamp(milliseconds: host.observedAtMilliseconds)
        source = host.source
    }
}

/// Something that could not be read.
public struct GapJSON: Codable, Sendable {
    public var what: String
    public var why: String
    public var unlock: String

    init(_ gap: Gap) {
        what = gap.what
        why = gap.why
        unlock = gap.unlock
    }
}

/// A thread, named by its numbers.
public struct ThreadRefJSON: Codable, Sendable, Hashable {
    public var pid: Int32
    public var tid: Int32

    init(_ thread: ThreadID) {
        pid = thread.pid
        tid = thread.tid
    }

    init(pid: Int32, tid: Int32) {
        self.pid = pid
        self.tid = tid
    }
}
