import Diagnosis
import WaitModel

/// The command that carries a remedy out; a person may run it, this program never does.
func command(for action: Remedy.Action, in index: DiagnosisIndex) -> String {
    switch action {
    case .continueProcess(let process): return "kill -CONT \(process.pid)"
    case .kill(let process): return needsKill(process, index) ? "kill -KILL \(process.pid)" : "kill \(process.pid)"
    case .endTracer(let tracer): return needsKill(tracer, index) ? "kill -KILL \(tracer.pid)" : "kill \(tracer.pid)"
    case .thaw(let process):
        let commands = thawCommands(process, index)
        if !commands.isEmpty { return commands.joined(separator: "; ") }
        return "echo 0 > /sys/fs/cgroup$(sed -n s/^0:://p /proc/\(process.pid)/cgroup)/cgroup.freeze"
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
    case .thaw(let process):
        return "thaws the cgroup of \(index.name(of: process))"
            + (engineThaw(process, index).map { "; for a paused container: \($0)" } ?? "")
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

/// For each cgroup whose own setting holds the process, as the evidence has it, what lifts that; outermost first.
private func thawCommands(_ process: ProcessID, _ index: DiagnosisIndex) -> [String] {
    var commands: [String] = []
    for report in index.threads.values where report.id.process == process {
        var own: [String] = []
        for item in report.evidence where item.value == "1" {
            if item.source.hasSuffix("/cgroup.freeze") {
                own.append("echo 0 > \(shellWord(item.source))")
            } else if item.source.hasSuffix("/freezer.self_freezing") {
                own.append("echo THAWED > \(shellWord(item.source.dropLast("self_freezing".count) + "state"))")
            }
        }
        if own.count > commands.count || own.count == commands.count && own.lexicographicallyPrecedes(commands) { commands = own }
    }
    return commands
}

/// The engine that froze a container should thaw it, or it goes on taking it for paused.
private func engineThaw(_ process: ProcessID, _ index: DiagnosisIndex) -> String? {
    guard let container = index.threads.values.first(where: { $0.id.process == process })?.container,
        let word = container.split(separator: " ").first, let colon = word.firstIndex(of: ":")
    else { return nil }
    let id = shellWord(String(word[word.index(after: colon)...]))
    switch word[..<colon] {
    case "docker": return "docker unpause \(id)"
    case "podman": return "podman unpause \(id)"
    default: return nil
    }
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
