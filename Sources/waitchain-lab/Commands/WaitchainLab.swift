import ArgumentParser

/// Reproduces hangs whose cause is known, and checks `waitchain` on this very kernel.
@main
struct WaitchainLab: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "waitchain-lab",
        abstract: "Reproduce hangs whose cause is known; check waitchain on this very kernel.",
        subcommands: [ListCommand.self, RunCommand.self, AllCommand.self])
}

/// Options that say where the programs are.
struct ProgramOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The program that makes the hangs. Default: lab-hangs beside this program.", valueName: "path"))
    var hangs: String?

    @Option(help: ArgumentHelp("The tool to check. Default: waitchain beside this program.", valueName: "path"))
    var waitchain: String?

    @Option(
        help: ArgumentHelp(
            "Where the programs in other languages are. Default: .build-lab beside this program or above it.", valueName: "directory"))
    var programs: String?

    func found() throws -> Programs {
        do throws(LabError) {
            return try Programs(hangs: hangs, waitchain: waitchain, directory: programs)
        } catch {
            throw ValidationError(error.description)
        }
    }
}

/// `waitchain-lab list`
struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the scenarios by family.")

    @Flag(help: "Print the scenarios and what is true about each as JSON.")
    var json = false

    func run() throws {
        if json {
            print(try encoded(families))
            return
        }
        let width = families.flatMap(\.scenarios).map(\.name.count).max() ?? 0
        for family in families {
            print("\n\(family.name)")
            for scenario in family.scenarios { print("  \(padded(scenario.name, width))  \(scenario.summary)") }
        }
        print("\n\(families.map(\.scenarios.count).reduce(0, +)) scenarios")
    }
}

/// Finds scenarios by name.
func scenarios(named names: [String]) throws -> [Scenario] {
    let all = families.flatMap(\.scenarios)
    return try names.map { name in
        guard let found = all.first(where: { $0.name == name }) else {
            throw ValidationError("no scenario “\(name)”; see waitchain-lab list")
        }
        return found
    }
}

/// `text`, filled up with spaces to `width` characters.
func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
}
