import Diagnosis
import Profiles
import WaitModel

/// `waitchain.list/1`: what `waitchain list --json` prints and `waitchain compare` reads.
public struct ListJSON: Codable, Sendable {
    public static let schemaName = "waitchain.list/1"

    public var schema: String
    public var tool: ToolJSON?
    public var host: HostJSON
    /// What the list was asked for, as it was written; empty for every thread of the host.
    public var targets: [String]?
    public var threads: [ThreadJSON]
    /// How many threads are not in the list because nobody asked for those at rest, or for the kernel's.
    public var hidden: HiddenJSON?
    public var gaps: [GapJSON]

    public init(_ list: ThreadList, targets: [String]) {
        schema = ListJSON.schemaName
        tool = ToolJSON()
        host = HostJSON(list.host)
        self.targets = targets
        threads = list.threads.map(ThreadJSON.init)
        hidden = HiddenJSON(atRest: list.hidden.atRest, kernelThreads: list.hidden.kernelThreads)
        gaps = list.gaps.map(GapJSON.init)
    }
}

/// Threads that were left out of a list.
public struct HiddenJSON: Codable, Sendable {
    public var atRest: Int
    public var kernelThreads: Int
}

extension Picture {
    /// The picture that a saved list shows.
    public init(_ list: ListJSON) {
        self.init(
            hostname: list.host.hostname, kernelRelease: list.host.kernelRelease, observedAt: list.host.observedAt,
            targets: list.targets ?? [],
            threads: list.threads.map(PictureThread.init))
    }
}

extension PictureThread {
    init(_ thread: ThreadJSON) {
        let wait = thread.wait
        var seen = (thread.looks ?? []).map { PictureLook(kind: $0.kind, channel: $0.channel, resource: $0.resource, count: $0.count) }
        if seen.isEmpty { seen = [PictureLook(kind: wait.kind, channel: wait.channel, resource: wait.resource, count: 1)] }
        self.init(
            pid: thread.pid, tid: thread.tid, process: thread.process, thread: thread.thread, executable: thread.executable,
            kind: wait.kind, channel: wait.channel, systemCall: wait.syscall, resource: wait.resource, description: wait.description ?? "",
            isDemand: wait.demand, blockedSeconds: thread.blockedSeconds,
            parties: wait.release.parties.compactMap { party in party.pid.map { PartyNumbers(pid: $0, tid: party.tid) } }, looks: seen,
            moved: thread.moved ?? (seen.count > 1))
    }
}
