import ArgumentParser
import Diagnosis
import Reports

/// `waitchain list`
struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Every thread with its wait; with no target: every thread of the host.",
        discussion: "Saved with --json, the list of a healthy system is what `waitchain compare` compares a sick one with.")

    @Argument(help: ArgumentHelp("Process ids, thread ids or names.", valueName: "pid|tid|name"))
    var targets: [String] = []

    @OptionGroup var output: OutputOptions
    @OptionGroup var host: HostOptions

    @Option(
        help: ArgumentHelp("Look this many times, about 100 ms apart, to tell threads that move from those that stand.", valueName: "n"))
    var samples = 1

    func validate() throws {
        guard (1...10_000).contains(samples) else { throw ValidationError("--samples takes a number from 1 to 10000.") }
    }

    func run() throws {
        let (list, isPartial) = try answer(targets) { targets throws(TargetError) in
            try host.investigation().list(targets, samples: samples)
        }
        if output.json {
            try waitchain.output(try jsonBytes(ListJSON(list, targets: targets)))
        } else {
            try waitchain.output(table(list, output.presentation))
        }
        if isPartial { throw ExitCode(2) }
    }
}
