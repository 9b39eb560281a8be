/// One thing that the tool said otherwise than it is.
struct Mistake: Sendable {
    let role: String
    /// Surer than the truth allows: the worst that the tool can do.
    let isFalseCertainty: Bool
    let text: String
}

/// Holds what the tool said about one role against what is true.
struct Check {
    let truth: Truth
    let hangs: LabHangs
    let document: DiagnosisDocument
    private(set) var mistakes: [Mistake] = []

    init(_ truth: Truth, _ hangs: LabHangs, _ document: DiagnosisDocument) {
        self.truth = truth
        self.hangs = hangs
        self.document = document
        run()
    }

    private var subject: LabHangs.Role { hangs.roles[truth.role] ?? LabHangs.Role(pid: 0, tid: 0) }

    /// The finding that the role belongs to.
    private var finding: DiagnosisDocument.Finding? {
        document.findings.first { $0.victims.contains { $0.pid == subject.pid && ($0.tid ?? subject.tid) == subject.tid } }
    }

    private var thread: DiagnosisDocument.Thread? {
        document.threads.first { $0.pid == subject.pid && $0.tid == subject.tid }
    }

    /// In short, what the tool said: kind, root and cause.
    var got: String {
        let kind = thread?.wait?.kind ?? "nothing"
        guard let finding else { return "\(kind), no finding" }
        let root = finding.root.map { root in
            let name = root.pid.map { hangs.name(pid: $0, tid: root.tid) } ?? "outside"
            return "\(name) \(root.cause)"
        }
        return "\(kind) ← \(root ?? "no root")\(finding.deadlock ? " (deadlock)" : "")"
    }

    private mutating func run() {
        guard let thread else {
            if truth.verdict != .moves { fail("the thread is missing") }
            return
        }
        checkWait(thread)
        checkFinding()
    }

    private mutating func fail(_ text: String) {
        mistakes.append(Mistake(role: truth.role, isFalseCertainty: false, text: text))
    }

    private mutating func failCertain(_ text: String) {
        mistakes.append(Mistake(role: truth.role, isFalseCertainty: true, text: text))
    }

    // MARK: - The wait

    private mutating func checkWait(_ thread: DiagnosisDocument.Thread) {
        guard let wait = thread.wait else {
            if let kinds = truth.kinds { fail("no wait, not \(kinds.joined(separator: " or "))") }
            return
        }
        if let kinds = truth.kinds, !kinds.contains(wait.kind) { fail("kind \(wait.kind), not \(kinds.joined(separator: " or "))") }
        if let pattern = truth.resource.map(hangs.filled), !matches(wait.resource ?? "", pattern) {
            fail("resource \(wait.resource ?? "none"), not \(pattern)")
        }
        if let rule = truth.rule, let got = wait.release?.rule, got != rule { fail("rule \(got), not \(rule)") }
        if let expected = truth.parties { checkParties(wait.release?.parties ?? [], expected) }
    }

    private mutating func checkParties(_ named: [DiagnosisDocument.Party], _ expected: [PartyTruth]) {
        var unexplained = named
        for truth in expected {
            guard let role = hangs.roles[truth.role] else { continue }
            let index = unexplained.firstIndex { $0.pid == role.pid && ($0.tid ?? role.tid) == role.tid }
            guard let index else {
                if !truth.optional { fail("does not name \(truth.role)") }
                continue
            }
            let got = unexplained.remove(at: index).certainty
            if got > truth.certainty {
                failCertain("\(truth.role) called \(got), only \(truth.certainty) is true")
            } else if got < truth.certainty && !truth.orWeaker {
                fail("\(truth.role) called \(got), not \(truth.certainty)")
            }
        }
        for party in unexplained where party.pid != nil {
            let name = hangs.name(pid: party.pid ?? 0, tid: party.tid)
            if party.certainty == .certain {
                failCertain("\(name) called certain, and has nothing to do with it")
            } else if !truth.othersAllowed {
                fail("names \(name) as \(party.certainty)")
            }
        }
    }

    // MARK: - The finding

    private mutating func checkFinding() {
        guard let finding else {
            if truth.verdict != .moves { fail("in no finding") }
            return
        }
        checkVerdict(finding)
        checkRoot(finding)
        checkCertainty(finding)
        if let chain = truth.chain, finding.chain.map(\.kind) != chain {
            fail("chain \(finding.chain.map(\.kind).joined(separator: " → ")), not \(chain.joined(separator: " → "))")
        }
        if let action = truth.remedy.map(hangs.filled) { checkRemedy(finding, action) }
        if finding.victims.count < truth.victims { fail("\(finding.victims.count) victims, not \(truth.victims)") }
    }

    private mutating func checkVerdict(_ finding: DiagnosisDocument.Finding) {
        switch truth.verdict {
        case .deadlock:
            if !finding.deadlock || finding.kind != "deadlock" { fail("finding \(finding.kind), not a deadlock") }
        case .chainOrDeadlock: break
        case .chain, .rest, .chainOrRest, .moves:
            if finding.deadlock || finding.kind == "deadlock" { failCertain("called a deadlock, and is none") }
            if truth.verdict == .chain && finding.kind == "rest" { fail("finding rest, not chain") }
            if truth.verdict == .rest && finding.kind == "chain" { fail("finding chain, not rest") }
        }
    }

    private mutating func checkRoot(_ finding: DiagnosisDocument.Finding) {
        guard let root = finding.root else {
            if truth.roots != nil || truth.causes != nil { fail("no root") }
            return
        }
        if let causes = truth.causes, !causes.contains(root.cause) { fail("cause \(root.cause), not \(causes.joined(separator: " or "))") }
        if let roles = truth.roots {
            let isRight = roles.compactMap { hangs.roles[$0] }.contains { $0.pid == root.pid && ($0.tid == (root.tid ?? $0.tid)) }
            if !isRight {
                let name = root.pid.map { hangs.name(pid: $0, tid: root.tid) } ?? "outside"
                fail("root \(name), not \(roles.joined(separator: " or "))")
            }
        }
    }

    /// A finding that leads away from the victim is at most as sure as the surest first step may be.
    private mutating func checkCertainty(_ finding: DiagnosisDocument.Finding) {
        guard let surest = truth.parties?.map(\.certainty).max(), finding.kind != "rest" else { return }
        if let root = finding.root, root.pid == subject.pid, root.tid == subject.tid, !finding.deadlock { return }
        if surest < finding.certainty { failCertain("finding called \(finding.certainty), only \(surest) is true") }
    }

    private mutating func checkRemedy(_ finding: DiagnosisDocument.Finding, _ action: String) {
        guard let remedy = finding.remedies.first(where: { $0.action == action }) else {
            fail("no remedy “\(action)”")
            return
        }
        let frees = remedy.frees.contains { $0.pid == subject.pid && ($0.tid ?? subject.tid) == subject.tid }
        if !frees { fail("remedy “\(action)” does not free \(truth.role)") }
    }

    private func matches(_ text: String, _ pattern: String) -> Bool {
        let alternatives = pattern.split(separator: "|").map(String.init)
        guard alternatives.count <= 1 else { return alternatives.contains { matches(text, $0) } }
        let parts = pattern.split(separator: "*", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return text == pattern }
        return text.count >= parts[0].count + parts[1].count && text.hasPrefix(parts[0]) && text.hasSuffix(parts[1])
    }
}
