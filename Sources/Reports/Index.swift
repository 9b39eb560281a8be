import Diagnosis
import WaitModel

/// The threads, processes and resources of a diagnosis by their identity. Built once, in time linear in their number.
public struct DiagnosisIndex {
    let threads: [ThreadID: ThreadReport]
    let processes: [ProcessID: ProcessReport]
    let resources: [ResourceID: Resource]
    private let processNames: [ProcessID: String]

    public init(_ diagnosis: Diagnosis) {
        threads = Dictionary(diagnosis.threads.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        processes = Dictionary(diagnosis.processes.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        resources = Dictionary(diagnosis.resources.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        var names = Dictionary(diagnosis.threads.map { ($0.id.process, $0.process) }, uniquingKeysWith: { first, _ in first })
        for process in diagnosis.processes { names[process.id] = process.name }
        processNames = names
    }

    /// `snmpd (288)`, or `process 288` when its name is not known.
    func name(of process: ProcessID) -> String {
        guard let name = processNames[process], !name.isEmpty else { return "process \(process.pid)" }
        return "\(name) (\(process.pid))"
    }

    /// `statusd/logger (306/311)`; a leader is called like its process: `snmpd (288)`.
    func name(of thread: ThreadID) -> String {
        if thread.tid == thread.pid { return name(of: thread.process) }
        let process = processNames[thread.process] ?? ""
        guard !process.isEmpty else { return "thread \(thread.pid)/\(thread.tid)" }
        guard let own = threads[thread]?.thread, !own.isEmpty, own != process else { return "\(process) (\(thread.pid)/\(thread.tid))" }
        return "\(process)/\(own) (\(thread.pid)/\(thread.tid))"
    }

    /// The same with the number that the process knows itself by: `worker (4711, 12 inside its pid namespace)`.
    func numberedName(of thread: ThreadID) -> String {
        let name = name(of: thread)
        guard let report = threads[thread], let pid = report.namespacePIDs.last, name.hasSuffix(")") else { return name }
        let own = report.namespaceTIDs.last.map { $0 == pid ? "\(pid)" : "\(pid)/\($0)" } ?? "\(pid)"
        return String(name.dropLast()) + ", \(own) inside its pid namespace)"
    }

    /// `statusd/logger`: a name for a place where the numbers stand nearby; with them when the thread has no name of its own.
    func shortName(of thread: ThreadID) -> String {
        guard thread.tid != thread.pid, let report = threads[thread], !report.thread.isEmpty, report.thread != report.process else {
            return name(of: thread)
        }
        return "\(report.process)/\(report.thread)"
    }

    /// What people call a resource; a Unix socket goes by its path or abstract name.
    func label(of resource: ResourceID) -> String {
        if let path = DiagnosisIndex.socketName(resource) { return path }
        guard let label = resources[resource]?.label, !label.isEmpty else { return resource.name }
        return label
    }

    /// `/run/agentx.sock` of `unix:/run/agentx.sock`; nil for a socket without a name and for everything else.
    private static func socketName(_ resource: ResourceID) -> String? {
        guard resource.name.hasPrefix("unix:") else { return nil }
        let rest = resource.name.dropFirst(5)
        return rest.hasPrefix("/") || rest.hasPrefix("@") ? String(rest) : nil
    }

    /// The party of `link`'s wait that the chain follows to `next`; nil when none fits, as in a chain cut short.
    func party(from link: ChainLink, to next: ChainLink) -> Party? {
        guard let parties = threads[link.thread]?.wait.release.parties else { return nil }
        let exact = parties.filter { $0.target == .thread(next.thread) }
        let fitting = exact.isEmpty ? parties.filter { $0.target == .process(next.thread.process) } : exact
        return fitting.max { $0.certainty < $1.certainty }
    }
}
