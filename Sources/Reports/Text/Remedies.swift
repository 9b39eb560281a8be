import Diagnosis
import WaitModel

/// The command that carries a remedy out; a person may run it, this program never does.
func command(for action: Remedy.Action, in index: DiagnosisIndex) -> String {
    switch action {
    case .continueProcess(let process): return "kill -CONT \(process.pid)"
    case .kill(let process): return needsKill(process, index) ? "kill -KILL \(process.pid)" : "kill \(process.pid)"
    case .endTracer(let tracer): return needsKill(tracer, index) ? "kill -KILL \(tracer.pid)" : "kill \(tracer.pid)"
    case .thaw(let process):
        let directory = freezerDirectory(process, index) ?? "/sys/fs/cgroup$(sed -n s/^0:://p /proc/\(process.pid)/cgroup)"
        return "echo 0 > \(directory)/cgroup.freeze"
    }
}

/// What the command does, where the command does not say it itself.
func explanation(of action: Remedy.Action, in index: DiagnosisIndex) -> String? {
    switch action {
    case .continueProcess: return nil
    case .kill(let process): return "ends \(index.name(of: process))"
    case .endTracer(let tracer):
        let tracees = tracedBy(tracer, index)
        return "ends \(index.name(of: tracer)), the tracer" + (tracees.isEmpty ? "" : " of " + listed(tracees.map(index.name), limit: 3))
    case .thaw(let process): return "thaws the cgroup of \(index.name(of: process))"
    }
}

/// SIGTERM would not act: the process is stopped, or blocks, ignores or cannot take it.
private func needsKill(_ process: ProcessID, _ index: DiagnosisIndex) -> Bool {
    guard let report = index.processes[process], let answer = report.signals.first(where: { $0.signal == "SIGTERM" }) else { return false }
    switch answer.outcome {
    case .default, .caught: return false
    case .ignored, .blocked, .pending, .cannotAct: return true
    }
}

/// The processes that a tracer holds.
private func tracedBy(_ tracer: ProcessID, _ index: DiagnosisIndex) -> [ProcessID] {
    Set(index.threads.values.filter { Reports.tracer($0.wait) == tracer }.map(\.id.process)).sorted()
}

/// Where the evidence found the cgroup: a `cgroup.freeze` or `cgroup.events` file that was read, or the path in `/proc/PID/cgroup`.
private func freezerDirectory(_ process: ProcessID, _ index: DiagnosisIndex) -> String? {
    for (id, report) in index.threads where id.process == process {
        for item in report.evidence {
            if item.source.hasSuffix("/cgroup.freeze") || item.source.hasSuffix("/cgroup.events") {
                return shellWord(String(item.source.prefix { $0 != " " }.dropLast("/cgroup.freeze".count)))
            }
            if item.source.hasSuffix("/cgroup"), item.value.hasPrefix("0::/") {
                let path = item.value.dropFirst(3).prefix { $0 != "\n" }
                return shellWord("/sys/fs/cgroup" + path)
            }
        }
    }
    return nil
}

/// A path that may be pasted into a shell.
private func shellWord(_ path: String) -> String {
    let plain = path.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "@"), UInt8(ascii: ":"): true
        default: false
        }
    }
    return plain ? path : "'" + path.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
}
