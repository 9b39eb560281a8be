import ArgumentParser
import Diagnosis
import Reports

/// `waitchain explain`
struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Why these do not move; with no target: everything on the host that is held up.",
        discussion: "A name stands for every process of that name, or else every thread of that name. The first line is the cause.")

    @Argument(help: ArgumentHelp("Process ids, thread ids or names.", valueName: "pid|tid|name"))
    var targets: [String] = []

    @OptionGroup var output: OutputOptions
    @OptionGroup var host: HostOptions
    @OptionGroup var symbols: SymbolOptions

    @Flag(help: "Show each fact, and where it was read.")
    var evidence = false

    @Flag(help: "Show call stacks: the user's, and where they may be read (root) the kernel's.")
    var stacks = false

    @Flag(name: .customLong("exit-code"), help: "Exit with 1 when something is held up.")
    var exitCode = false

    func run() throws {
        let (diagnosis, isPartial) = try answer(targets) { targets throws(TargetError) in
            try host.investigation(kernelStacks: stacks, userStacks: stacks, symbols: symbols).explain(targets)
        }
        if output.json {
            try waitchain.output(try jsonBytes(DiagnosisJSON(diagnosis)))
        } else {
            try waitchain.output(text(diagnosis, output.presentation, TextOptions(evidence: evidence, stacks: stacks)))
        }
        if isPartial { throw ExitCode(2) }
        if exitCode && diagnosis.findings.contains(where: { $0.kind != .rest }) { throw ExitCode(1) }
    }
}
