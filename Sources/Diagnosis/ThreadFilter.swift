import Glibc
import WaitModel

/// Which threads of a list are shown. Patterns are those of a shell (glob(7)).
public struct ThreadFilter: Sendable {
    /// Kinds by name or pattern (`futex-*`).
    public var kinds: [String] = []
    /// State letters of procfs.
    public var states: Set<UInt8> = []
    public var pids: Set<Int32> = []
    /// Patterns for the process's name, the thread's, or the last part of the executable's path.
    public var names: [String] = []
    public var containers: [String] = []
    /// Only threads that have stood longer; a thread of which that is not known is left out.
    public var blockedOverSeconds: Double?
    /// Threads at rest and kernel threads too.
    public var showsAll = false

    public init() {}

    /// The list without the threads that the filter leaves out, and how many of them are only hidden. O(threads · patterns).
    public func applied(to list: ThreadList) -> ThreadList {
        var list = list
        var shown: [ListedThread] = []
        // Who names a kind or a state asks for threads at rest too.
        let asksForRest = showsAll || !kinds.isEmpty || !states.isEmpty
        for thread in list.threads where matches(thread) {
            if asksForRest {
                shown.append(thread)
            } else if thread.report.wait.kind == .kernelWorker {
                list.hidden.kernelThreads += 1
            } else if thread.isAtRest {
                list.hidden.atRest += 1
            } else {
                shown.append(thread)
            }
        }
        list.threads = shown
        return list
    }

    private func matches(_ thread: ListedThread) -> Bool {
        let report = thread.report
        if !kinds.isEmpty, !kinds.contains(where: { Self.fits($0, report.wait.kind.rawValue) }) { return false }
        if !states.isEmpty, !states.contains(report.state) { return false }
        if !pids.isEmpty, !pids.contains(report.id.pid) { return false }
        if !names.isEmpty {
            let file = report.executable?.split(separator: "/").last.map(String.init)
            let candidates = [report.process, report.thread] + (file.map { [$0] } ?? [])
            guard names.contains(where: { name in candidates.contains { Self.fits(name, $0) } }) else { return false }
        }
        if !containers.isEmpty {
            guard let container = report.container, containers.contains(where: { Self.fits($0, container) }) else { return false }
        }
        if let limit = blockedOverSeconds, !(report.blockedSeconds.map { $0 > limit } ?? false) { return false }
        return true
    }

    /// Whether a text has the form of a pattern: fnmatch(3).
    public static func fits(_ pattern: String, _ text: String) -> Bool { fnmatch(pattern, text, 0) == 0 }
}
