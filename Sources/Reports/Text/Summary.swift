import Diagnosis
import WaitModel

/// The cause of a finding in one sentence without a full stop: who, why, and whom that holds up.
func summary(of finding: Finding, in index: DiagnosisIndex) -> String {
    if finding.kind == .rest { return restClause(finding.root, cause: finding.cause, in: index) }
    if finding.isDeadlock { return deadlockSentence(finding, index) }
    if finding.cause == .deadlock { return towardsDeadlockSentence(finding, index) }
    return causeClause(finding, index) + heldUpClause(finding, index)
}

/// `nginx (12) is idle: waits in epoll for new work`
func restClause(_ thread: ThreadID, cause: Cause, in index: DiagnosisIndex) -> String {
    let description = index.threads[thread]?.wait.description ?? ""
    let name = index.name(of: thread)
    if saysItself(description, cause) { return name + " " + description }
    guard let word = restWord(cause) else { return name + " " + (description.isEmpty ? "waits" : description) + restDoubt(cause) }
    return name + " is " + word + (description.isEmpty ? "" : ": " + description)
}

/// Whether the description tells the cause already: `sleeps until a set time`, `runs`.
func saysItself(_ description: String, _ cause: Cause) -> Bool {
    switch cause {
    case .sleeping: description.hasPrefix("sleeps")
    case .running: description == "runs"
    default: false
    }
}

/// What the evidence leaves open of a thread whose cause is no state of rest.
func restDoubt(_ cause: Cause) -> String {
    switch cause {
    case .unknown: "; the evidence ends here"
    case .noSignaller: "; nothing names who would wake it"
    case .runtimeInternal: "; only its language runtime can tell who holds that"
    default: ""
    }
}

/// What a thread at rest is, after "is" or "are"; nil where that it rests is not known, or not all.
func restWord(_ cause: Cause) -> String? {
    switch cause {
    case .idle: "idle"
    case .sleeping: "asleep"
    case .timer: "waiting for a timer"
    case .running: "running"
    case .progress: "making progress"
    case .starved: "ready to run and given no CPU"
    default: nil
    }
}

/// The description of a wait after `before`; empty when there is none.
private func described(_ wait: Wait?, before: String) -> String {
    guard let text = wait?.description, !text.isEmpty else { return "" }
    return before + text
}

private func deadlockSentence(_ finding: Finding, _ index: DiagnosisIndex) -> String {
    var members = finding.members
    if members.isEmpty { members = uniqued(finding.chain.map(\.thread)) }
    if members.count <= 1 || finding.cause == .selfDeadlock {
        let thread = members.first ?? finding.root
        return "Deadlock: \(index.name(of: thread)) waits for \(waitedFor(thread, index)), which it holds itself"
            + heldUpClause(finding, index)
    }
    let doubt = finding.certainty == .certain ? "" : finding.certainty == .inferred ? " probably" : " possibly"
    let names = listed(members.map(index.name), limit: 4, more: "more threads")
    return "Deadlock: \(names)\(doubt) wait for each other" + heldUpClause(finding, index)
}

/// The chain leads into a deadlock, but the victims are not proven to be stuck: somebody else could release them.
private func towardsDeadlockSentence(_ finding: Finding, _ index: DiagnosisIndex) -> String {
    let names = listed(finding.members.map(index.name), limit: 4, more: "more threads")
    return (finding.members.isEmpty ? "Some threads wait for each other" : "\(names) wait for each other") + heldUpClause(finding, index)
        + ", unless somebody else releases it"
}

private func uniqued(_ threads: [ThreadID]) -> [ThreadID] {
    var seen = Set<ThreadID>()
    return threads.filter { seen.insert($0).inserted }
}

private func waitedFor(_ thread: ThreadID, _ index: DiagnosisIndex) -> String {
    index.threads[thread]?.wait.resource.map { withArticle(index.label(of: $0)) } ?? "something"
}

/// Who stands at the end of the chain, and what is the matter there.
private func causeClause(_ finding: Finding, _ index: DiagnosisIndex) -> String {
    let root = finding.root
    let thread = index.name(of: root)
    let process = index.name(of: root.process)
    let wait = index.threads[root]?.wait
    let label = wait?.resource.map(index.label)
    let refusal = refusalClause(finding, index)
    // The root's own wait, where its thread is the one that stands: "statusd (306) reads from pipe 5".
    let own = thread + (described(wait, before: " ").isEmpty ? label.map { " waits for " + $0 } ?? " waits" : described(wait, before: " "))
    switch finding.cause {
    case .stopped: return "\(process) is stopped by a signal" + refusal
    case .traced: return "\(heldName(root, index)) is held by its tracer\(tracerName(wait, index))" + refusal
    case .frozen: return "\(heldName(root, index)) is frozen by its cgroup" + refusal
    case .sleeping: return "\(thread) sleeps" + refusal
    case .timer:
        if wait == nil || wait?.kind == .sleep || wait?.kind == .timerfdRead { return "\(thread) waits for a timer" + refusal }
        return "\(own), with a time limit" + (refusal.isEmpty ? "" : "," + refusal)
    case .idle: return refusal.isEmpty ? "\(thread) is idle" : "\(thread) waits for something else" + refusal
    case .running: return "\(thread) is running" + refusal
    case .starved: return "\(thread) is ready to run but is given no CPU" + refusal
    case .throttled: return "\(thread) has used up its CPU quota" + refusal
    case .selfDeadlock: return "Deadlock: \(thread) waits for \(label.map(withArticle) ?? "something"), which it holds itself"
    case .deadlock: return "Deadlock: \(thread) can be freed only from outside"
    case .selfHeld:
        return own + (own.contains("own process") ? "" : "; only \(process) itself has the other end") + "; another thread of it must act"
    case .ownerExited: return own + (own.contains("exited") ? "; nobody will release it" : "; its owner is gone and will never release it")
    case .ownerNotInProcess:
        return own + (own.contains("fork") ? "" : "; it is a private lock that was copied by fork")
            + "; nobody in this process will release it"
    case .noCounterpart: return own + (own.contains("nobody holds") ? "; nothing here can end that" : "; nobody has the other end")
    case .noSignaller: return own + (own.contains("record") ? "" : "; nothing names who would wake it")
    case .leakedFD:
        guard finding.chain.count > 1 else { return "\(own); only a bystander keeps the other end open" }
        let other = finding.chain[finding.chain.count - 2].resource.map { " of " + withArticle(index.label(of: $0)) } ?? ""
        return "\(process), a bystander, alone keeps the other end\(other) open"
    case .inFlightFD: return "\(own); the other end sits in a message that nobody has received"
    case .unanswered:
        return finding.chain.count > 1
            ? "\(thread) does not answer\(refusal.hasPrefix(sameRefusal) ? String(refusal.dropFirst(sameRefusal.count)) : refusal), though nothing seen holds it up"
            : "\(own); nobody answers"
    case .missedEvent: return "\(own); the event is there, but nobody was woken"
    case .flowStopped: return "\(own); its output was stopped with Ctrl-S (XOFF), Ctrl-Q continues it"
    case .memoryLimit: return own + (own.contains("memory") ? "" : "; its cgroup is at its memory limit")
    case .filesystemFrozen: return "\(own); the file system is frozen"
    case .diskIO: return "\(own); the kernel waits for a device"
    case .external: return "\(own); that is up to \(outsideWords(finding.outside))"
    case .runtimeInternal: return "\(own); only its language runtime can tell who holds that"
    case .progress: return "\(thread) makes progress; nothing is wrong"
    case .unknown: return "\(own); the evidence ends here"
    }
}

private let sameRefusal = " and does not answer"

/// Whether no thread of the root's process was seen that is not held as the root is. A tracer, and a cgroup of v1, may hold single threads.
private func isHeldAsAWhole(_ root: ThreadID, _ index: DiagnosisIndex) -> Bool {
    guard let kind = index.threads[root]?.wait.kind else { return true }
    return index.threads.values.allSatisfy { $0.id.process != root.process || $0.wait.kind == kind || $0.wait.kind == .zombie }
}

private func heldName(_ root: ThreadID, _ index: DiagnosisIndex) -> String {
    isHeldAsAWhole(root, index) ? index.name(of: root.process) : index.name(of: root)
}

private func outsideWords(_ outside: Outside?) -> String {
    switch outside {
    case .newWork: "whoever brings new work"
    case .timer: "a timer"
    case .network: "the network or another host"
    case .device: "a device"
    case .person: "somebody at the terminal"
    case .unnamed: "somebody whom nothing names"
    case .invisible: "processes that may not be looked at"
    case nil: "something outside this host's threads"
    }
}

/// ` gdb (55)`; empty when the evidence names no tracer.
func tracerName(_ wait: Wait?, _ index: DiagnosisIndex) -> String {
    tracer(wait).map { " " + index.name(of: $0) } ?? ""
}

/// The process that traces a thread.
func tracer(_ wait: Wait?) -> ProcessID? {
    for party in wait?.release.parties ?? [] where party.role == "tracer" {
        switch party.target {
        case .thread(let thread): return thread.process
        case .process(let process): return process
        case .outside: continue
        }
    }
    return nil
}

/// What the root does not do for the one that waits for it: ` and accepts no connections on /run/agentx.sock`.
private func refusalClause(_ finding: Finding, _ index: DiagnosisIndex) -> String {
    guard finding.chain.count > 1, let last = finding.chain.last, last.thread == finding.root else { return "" }
    let waiting = finding.chain[finding.chain.count - 2]
    guard let resource = waiting.resource else { return "" }
    let label = withArticle(index.label(of: resource))
    switch waiting.kind {
    case .unixConnect, .tcpConnect: return " and accepts no connections on \(label)"
    case .sysvMessageSend, .posixQueueSend: return " and takes no messages from \(label)"
    case .unixSend, .tcpSend, .pipeWrite: return " and does not read from \(label)"
    case .sysvMessageReceive, .posixQueueReceive, .unixReceive, .tcpReceive, .pipeRead: return " and writes nothing to \(label)"
    case .fifoOpenRead, .fifoOpenWrite: return " and does not open the other end of \(label)"
    case .futexMutex, .futexRwlock, .fileLockFlock, .fileLockPOSIX, .fileLockOFD, .fileLease, .inodeLock: return " while it holds \(label)"
    case .futexJoin, .childExit, .vfork: return " and does not end"
    case .fuse, .seccompNotify: return " and does not answer for \(label)"
    default: return ""
    }
}

/// `the mutex`, `the flock lock on /a`: an article for a label that is no name, which has a number, a path or an `@` in its place.
private func withArticle(_ label: String) -> String {
    let hasNumber = label.utf8.contains { $0 >= 0x30 && $0 <= 0x39 }
    let isPath = label.hasPrefix("/") || label.hasPrefix("@")
    let isPlaced = label.contains(" on ") || label.contains(" at ")
    return !isPath && (isPlaced || !hasNumber) ? "the " + label : label
}

/// `; that holds up 4 threads of statusd (306)`. The members of a deadlock are named already and left out.
private func heldUpClause(_ finding: Finding, _ index: DiagnosisIndex) -> String {
    let named = Set(finding.members + [finding.root])
    var others = finding.victims.filter { !named.contains($0) }
    switch finding.cause {
    // Whose process is held is said already.
    case .stopped, .traced, .frozen:
        if isHeldAsAWhole(finding.root, index) { others.removeAll { $0.process == finding.root.process } }
    default: break
    }
    guard !others.isEmpty else { return "" }
    let verb =
        if finding.isDeadlock {
            "holds up"
        } else {
            switch finding.certainty {
            case .certain: "holds up"
            case .inferred: "probably holds up"
            case .possible: "possibly holds up"
            }
        }
    return "; that \(verb) " + threadsOf(others, index)
}

/// `statusd/logger (306/311)`, `4 threads of statusd (306)`, `12 threads of 5 processes`.
func threadsOf(_ threads: [ThreadID], _ index: DiagnosisIndex) -> String {
    if threads.count == 1, let only = threads.first { return index.name(of: only) }
    return counted(threads.count, "thread") + " of " + processesOf(threads, index)
}

/// `statusd (306)`, `a (1) and b (2)`, `5 processes`.
func processesOf(_ threads: [ThreadID], _ index: DiagnosisIndex) -> String {
    let processes = Set(threads.map(\.process)).sorted()
    return processes.count <= 2 ? listed(processes.map { index.name(of: $0) }) : counted(processes.count, "process", plural: "processes")
}
