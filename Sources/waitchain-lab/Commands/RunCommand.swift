import ArgumentParser
import Glibc

/// `waitchain-lab run NAME...`
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Make hangs and show what the tool says beside what is true.",
        discussion: "Exit status 1 if the tool is wrong about one of them.")

    @Argument(help: "Scenarios, as waitchain-lab list names them.")
    var names: [String]

    @OptionGroup var options: ProgramOptions

    @Flag(help: "Keep the hang until Enter or the end of input.")
    var hold = false

    @Flag(help: "Print the tool's JSON in place of its report.")
    var json = false

    func run() throws {
        let ready = try options.found()
        var isWrong = false
        for scenario in try scenarios(named: names) {
            if let reason = ready.missing(for: scenario) {
                print("\(scenario.name): skipped, \(reason)")
                continue
            }
            let trial = Trial(scenario: scenario, programs: ready)
            let hangs = try trial.stand()
            if !json { describe(scenario, hangs) }
            try show(trial, hangs)
            if !trial.isRight(about: hangs, printing: !json) { isWrong = true }
            if hold {
                print("the hang stands; Enter ends it")
                fflush(nil)
                _ = readLine()
            }
            try hangs.end()
        }
        if isWrong { throw ExitCode(1) }
    }

    private func describe(_ scenario: Scenario, _ hangs: LabHangs) {
        print("\(scenario.name): \(scenario.summary)\n")
        for (name, role) in hangs.roles.sorted(by: { $0.value.tid < $1.value.tid }).prefix(12) {
            print("  \(padded(name, 12)) process \(role.pid), thread \(role.tid)")
        }
        if hangs.roles.count > 12 { print("  and \(hangs.roles.count - 12) more") }
        print("\nThe truth")
        for truth in scenario.truths { print(truth.described(hangs)) }
        print("\nwaitchain says")
    }

    private func show(_ trial: Trial, _ hangs: LabHangs) throws {
        let arguments = [trial.programs.waitchain, "explain"] + trial.targets(hangs) + (json ? ["--json"] : [])
        let outcome = try ChildProcess(arguments).finish(within: Deadline(seconds: 20))
        print(String(decoding: outcome.output, as: UTF8.self) + outcome.errors)
    }
}

extension Trial {
    /// Asks the tool once more, and says what it got wrong.
    fileprivate func isRight(about hangs: LabHangs, printing: Bool) -> Bool {
        let judged = judge(hangs, nil)
        let result = Result(name: scenario.name, expected: scenario.expectation, got: judged.got, verdict: judged.verdict)
        if printing {
            print("\(result.judgement.word)\n" + result.judgement.reasons.map { "  \($0)\n" }.joined())
        }
        return !result.isWrong
    }
}

extension Truth {
    /// The truth in words, one fact a line.
    func described(_ hangs: LabHangs) -> String {
        var lines = ["  \(role) waits: \(kinds?.joined(separator: " or ") ?? "not for long")"]
        if let resource { lines.append("    on \(hangs.filled(resource))") }
        for party in parties ?? [] {
            let extent = party.optional ? "at most " : ""
            lines.append("    for \(party.role), \(extent)\(party.certainty)")
        }
        if let roots { lines.append("    root: \(roots.joined(separator: " or "))") }
        lines.append("    cause: \(causes?.joined(separator: " or ") ?? "no deadlock")")
        if let remedy { lines.append("    remedy: \(hangs.filled(remedy))") }
        return lines.joined(separator: "\n")
    }
}
