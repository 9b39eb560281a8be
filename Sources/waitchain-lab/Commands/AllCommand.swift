import ArgumentParser
import Glibc

/// `waitchain-lab all`
struct AllCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "all", abstract: "Run the tool on every scenario and print what it got right and wrong.",
        discussion: "Exit status 1 if anything is wrong.")

    @OptionGroup var options: ProgramOptions

    @Option(help: "How many scenarios stand at the same time.")
    var parallel = 2

    @Option(help: ArgumentHelp("Keep the tool's JSON about each scenario in this directory.", valueName: "directory"))
    var keep: String?

    @Option(help: ArgumentHelp("Only this family, as waitchain-lab list names it.", valueName: "family"))
    var family: String?

    @Flag(help: "Print the results as JSON.")
    var json = false

    func run() throws {
        let chosen = families.filter { family == nil || $0.name == family }
        guard !chosen.isEmpty else { throw ValidationError("no family “\(family ?? "")”; see waitchain-lab list") }
        let ready = try options.found()
        if let keep, mkdir(keep, 0o755) != 0, errno != EEXIST { throw LabError.cannot("make \(keep)", errno) }
        let kept = keep
        let results = inParallel(chosen.flatMap(\.scenarios), atOnce: parallel) { scenario in
            Trial(scenario: scenario, programs: ready).run(keepingOutputIn: kept)
        }
        print(json ? try ResultTable.json(results) : ResultTable.text(results))
        if results.contains(where: \.isWrong) { throw ExitCode(1) }
    }
}
