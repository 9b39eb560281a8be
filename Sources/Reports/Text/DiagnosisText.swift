import Diagnosis
import WaitModel

/// What the text report shows beyond the cause, the chain and the remedies.
public struct TextOptions: Sendable {
    /// Every fact beside its claim.
    public var evidence: Bool
    /// Call stacks, where there are any.
    public var stacks: Bool

    public init(evidence: Bool = false, stacks: Bool = false) {
        self.evidence = evidence
        self.stacks = stacks
    }
}

/// The report for people: the first line is the cause.
public func text(_ diagnosis: Diagnosis, _ presentation: Presentation, _ options: TextOptions = TextOptions()) -> String {
    var report = DiagnosisText(diagnosis, presentation, options)
    report.write()
    return report.page.text
}

/// One report in the making.
struct DiagnosisText {
    let diagnosis: Diagnosis
    let index: DiagnosisIndex
    let options: TextOptions
    let glyphs: Glyphs
    var page: TextPage
    /// Threads whose evidence is shown at the end, in the order of their appearance.
    private var shown: [ThreadID] = []
    private var shownSet = Set<ThreadID>()
    private var answeredProcesses = Set<ProcessID>()
    private var writtenHangs = Set<KnownHangNote>()

    init(_ diagnosis: Diagnosis, _ presentation: Presentation, _ options: TextOptions) {
        self.diagnosis = diagnosis
        self.options = options
        index = DiagnosisIndex(diagnosis)
        glyphs = Glyphs(presentation)
        page = TextPage(presentation)
    }

    mutating func write() {
        let active = diagnosis.findings.filter { $0.kind != .rest }
        let rest = diagnosis.findings.filter { $0.kind == .rest }
        if diagnosis.findings.isEmpty { writeNothing() }
        for (place, finding) in active.enumerated() {
            if place > 0 { page.blank() }
            write(finding)
        }
        if !rest.isEmpty {
            if !active.isEmpty { page.blank() }
            writeRest(rest)
        }
        if options.stacks { writeStacks() }
        if options.evidence { writeEvidence() }
        if !diagnosis.gaps.isEmpty { writeGaps(diagnosis.gaps, to: &page) }
    }

    /// Remembers that a thread was shown, for the parts that follow the findings.
    mutating func noteShown(_ thread: ThreadID) {
        if shownSet.insert(thread).inserted { shown.append(thread) }
    }

    private mutating func writeNothing() {
        page.paragraph([
            Span("Nothing is held up on \(diagnosis.host.hostname)", .cause),
            Span(diagnosis.gaps.isEmpty ? "" : ", as far as could be read", .doubt),
        ])
    }

    private mutating func write(_ finding: Finding) {
        page.paragraph([Span(summary(of: finding, in: index), finding.isDeadlock ? .deadlock : .cause)])
        page.blank()
        writeChain(finding)
        writeKnownHangs(finding.knownHangs)
        writeOtherVictims(finding)
        writeRemedies(finding)
        writeSignals(finding)
    }

    /// What is known of hangs like this one, each with where it is written; each once in a report.
    mutating func writeKnownHangs(_ notes: [KnownHangNote]) {
        let notes = notes.filter { writtenHangs.insert($0).inserted }
        guard !notes.isEmpty else { return }
        page.blank()
        for note in notes {
            page.paragraph([Span("Known: "), Span(note.text), Span(" (\(note.source))", .faint)], first: "  ", next: "    ")
        }
    }

    private mutating func writeRemedies(_ finding: Finding) {
        guard !finding.remedies.isEmpty else { return }
        page.blank()
        page.paragraph([Span("What would free it (nothing is carried out):")], first: "  ")
        for remedy in finding.remedies {
            var spans = [Span(unbroken(command(for: remedy.action, in: index)), .action)]
            if let words = explanation(of: remedy.action, in: index) { spans.append(Span(" \u{a0}(\(words))", .faint)) }
            spans.append(Span(" \u{a0}\u{a0}frees " + freed(remedy.frees)))
            page.paragraph(spans, first: "    ", next: "        ")
        }
    }

    private func freed(_ threads: [ThreadID]) -> String {
        if threads.isEmpty { return "nobody else" }
        return threads.count <= 4 ? listed(threads.map(index.shortName)) : threadsOf(threads, index)
    }

    /// What SIGQUIT, SIGTERM and SIGKILL would do to the processes of the chain; each process once in a report.
    private mutating func writeSignals(_ finding: Finding) {
        var isFirst = true
        for process in finding.chain.map(\.thread.process) where answeredProcesses.insert(process).inserted {
            guard let report = index.processes[process], !report.signals.isEmpty else { continue }
            if isFirst { page.blank() }
            isFirst = false
            page.paragraph([Span(signalSentence(report.signals, to: index.name(of: process)))], first: "  ", next: "    ")
        }
    }

    private mutating func writeStacks() {
        let threads = shown.compactMap { index.threads[$0] }.filter { !$0.kernelStack.isEmpty || $0.userStack?.frames.isEmpty == false }
        guard !threads.isEmpty else { return }
        page.blank()
        page.paragraph([Span("Stacks, innermost first:")])
        for thread in threads {
            page.paragraph([Span(index.name(of: thread.id), .name)], first: "  ")
            for function in thread.kernelStack {
                page.paragraph([Span(function), Span(" (kernel)", .faint)], first: "    ", next: "      ")
            }
            guard let stack = thread.userStack else { continue }
            for frame in stack.frames { page.paragraph([Span(frameText(frame))], first: "    ", next: "      ") }
            if let problem = interpreterProblem(stack) { page.paragraph([Span(problem, .doubt)], first: "    ", next: "      ") }
            if !stack.isComplete, stack.problem != nil || stack.interpreterProblem == nil {
                page.paragraph([Span("the stack goes on" + (stack.problem.map { ": \($0)" } ?? ""), .doubt)], first: "    ")
            }
        }
    }

    private mutating func writeEvidence() {
        let threads = shown.compactMap { index.threads[$0] }.filter { !$0.evidence.isEmpty || !$0.wait.release.parties.isEmpty }
        guard !threads.isEmpty else { return }
        page.blank()
        page.paragraph([Span("Evidence:")])
        for thread in threads {
            page.paragraph([Span(index.name(of: thread.id), .name)], first: "  ")
            for item in thread.evidence {
                page.paragraph([Span(item.source, .faint), Span(" = "), Span(item.value)], first: "    ", next: "      ")
            }
            for party in thread.wait.release.parties.prefix(8) where !party.because.isEmpty {
                page.paragraph(
                    [Span("\(party.role) \(name(of: party.target)), \(party.certainty.rawValue): "), Span(party.because, .faint)],
                    first: "    ", next: "      ")
            }
        }
    }

    func name(of target: PartyTarget) -> String {
        switch target {
        case .thread(let thread): index.name(of: thread)
        case .process(let process): index.name(of: process)
        case .outside(.newWork): "new work"
        case .outside(.timer): "a timer"
        case .outside(.network): "the network"
        case .outside(.device): "a device"
        case .outside(.person): "somebody at a terminal"
        case .outside(.unnamed): "somebody whom nothing names"
        case .outside(.invisible): "processes that may not be looked at"
        }
    }
}

/// `SIGQUIT to statusd (306): blocked in all 9 threads; SIGTERM: caught; SIGKILL: would end it`; signals with the same answer together.
func signalSentence(_ answers: [SignalAnswer], to process: String) -> String {
    var parts: [(signals: [String], words: String)] = []
    for answer in answers {
        let words = signalWords(answer)
        if parts.last?.words == words {
            parts[parts.count - 1].signals.append(answer.signal)
        } else {
            parts.append(([answer.signal], words))
        }
    }
    return parts.enumerated().map { place, part in
        listed(part.signals) + (place == 0 ? " to \(process)" : "") + ": " + part.words
    }.joined(separator: "; ")
}

/// `blocked in all 9 threads (SigBlk)`, `caught`, `would end it`.
func signalWords(_ answer: SignalAnswer) -> String {
    let because = answer.because
    switch answer.outcome {
    case .default:
        guard answer.signal == "SIGQUIT" || answer.signal == "SIGTERM" || answer.signal == "SIGKILL" else { return "default action" }
        return answer.signal == "SIGQUIT" ? "would end it with a core dump" : "would end it"
    case .caught: return "caught"
    case .ignored: return "ignored"
    case .blocked: return because.hasPrefix("blocked") ? because : because.isEmpty ? "blocked" : "blocked, \(because)"
    case .pending: return because.hasPrefix("pending") ? because : because.isEmpty ? "pending" : "pending, \(because)"
    case .cannotAct: return because.isEmpty ? "cannot act" : "cannot act: \(because)"
    }
}
