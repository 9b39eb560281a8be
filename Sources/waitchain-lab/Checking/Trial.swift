import Glibc

/// One scenario carried out: started, stood still, explained, checked, and cleared away.
struct Trial: Sendable {
    let scenario: Scenario
    let programs: Programs

    /// How a trial ended.
    enum Verdict: Sendable {
        case right
        case wrong([Mistake])
        case failed(String)
        case skipped(String)
    }

    /// What a trial showed.
    struct Result: Sendable {
        let name: String
        let expected: String
        var got = ""
        var verdict: Verdict
        var seconds = 0.0
    }

    /// Plays the scenario and asks the tool about it; keeps the tool's JSON in `directory` if one is given.
    func run(keepingOutputIn directory: String? = nil) -> Result {
        var result = Result(name: scenario.name, expected: scenario.expectation, verdict: .right)
        if let reason = programs.missing(for: scenario) {
            result.verdict = .skipped(reason)
            return result
        }
        let start = Deadline.now()
        do throws(LabError) {
            let hangs = try stand()
            let judged = judge(hangs, directory)
            try hangs.end()
            result.verdict = judged.verdict
            result.got = judged.got
        } catch {
            result.verdict = .failed(error.description)
        }
        result.seconds = Double(Deadline.now() - start) / 1e9
        return result
    }

    /// Starts the hang and waits until it stands.
    func stand() throws(LabError) -> LabHangs {
        let hangs = try LabHangs(scenario.name, program: programs.maker(of: scenario) ?? programs.hangs)
        do throws(LabError) {
            // A language's runtime parks its threads on the way, too: only one that stays put has come to its place.
            let steady: UInt32 = scenario.program == nil ? 500 : 100_000
            try awaitStandstill(hangs, states: scenario.states, steadyMicroseconds: steady, within: Deadline(seconds: 20))
        } catch {
            try? hangs.end()
            throw error
        }
        return hangs
    }

    /// The processes to ask about.
    func targets(_ hangs: LabHangs) -> [String] {
        Set(scenario.truths.compactMap { hangs.roles[$0.role]?.pid }).sorted().map { String($0) }
    }

    func judge(_ hangs: LabHangs, _ directory: String?) -> (verdict: Verdict, got: String) {
        do {
            let explain = try ChildProcess([programs.waitchain, "explain"] + targets(hangs) + ["--json"])
            let outcome = try explain.finish(within: Deadline(seconds: 20))
            if let directory { try writeFile("\(directory)/\(scenario.name).json", outcome.output) }
            guard outcome.status == 0 else { return (.failed("explain ended with \(outcome.status): \(firstLine(outcome.errors))"), "") }
            return check(try DiagnosisDocument(json: outcome.output), hangs)
        } catch let error as LabError {
            return (.failed(error.description), "")
        } catch {
            return (.failed("not the promised JSON: \(error)"), "")
        }
    }

    private func check(_ document: DiagnosisDocument, _ hangs: LabHangs) -> (verdict: Verdict, got: String) {
        let checks = scenario.truths.map { Check($0, hangs, document) }
        var mistakes = checks.flatMap(\.mistakes)
        if document.schema != DiagnosisDocument.currentSchema {
            mistakes.append(Mistake(role: "-", isFalseCertainty: false, text: "schema \(document.schema)"))
        }
        if let truth = scenario.signal, let pid = hangs.roles["victim"]?.pid {
            let signals = document.processes.first { $0.pid == pid }?.signals ?? []
            let outcome = signals.first { $0.signal == truth.signal }?.outcome ?? "not mentioned"
            if !truth.outcomes.contains(outcome) {
                let text = "\(truth.signal) \(outcome), not \(truth.outcomes.joined(separator: " or "))"
                mistakes.append(Mistake(role: "victim", isFalseCertainty: false, text: text))
            }
        }
        let got = checks.first?.got ?? ""
        if mistakes.isEmpty { return (.right, got) }
        if scenario.restsOnDescriptors, geteuid() != 0, !mistakes.contains(where: \.isFalseCertainty) {
            return (.skipped("needs sight of everybody's descriptors (root); without it, to be less sure is right"), got)
        }
        return (.wrong(mistakes), got)
    }
}

extension Scenario {
    /// Whether who holds the other end of a descriptor decides it: then another user's process, which we may not look
    /// into, could be the one.
    var restsOnDescriptors: Bool {
        let families = ["pipe-", "fifo-", "unix-", "tcp-", "eventfd-", "poll", "select", "epoll"]
        let kinds = truths.flatMap { ($0.kinds ?? []) + ($0.chain ?? []) }
        return kinds.contains { kind in families.contains { kind.hasPrefix($0) } }
    }

    /// In short, what is true about its first role.
    var expectation: String {
        guard let truth = truths.first else { return "" }
        let kind = truth.kinds?.joined(separator: "|") ?? "moves"
        let cause = truth.causes?.first ?? "no deadlock"
        return "\(kind) ← \(truth.roots?.first.map { $0 + " " } ?? "")\(cause)"
    }
}
