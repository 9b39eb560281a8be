import ArgumentParser
import Diagnosis
import Reports

extension Presentation.ColourChoice: ExpressibleByArgument {}

/// Options of everything that prints.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON, as documented in docs/json.md.")
    var json = false

    @Option(help: "Colour: auto (on a terminal, unless NO_COLOR is set), always or never.")
    var color = Presentation.ColourChoice.auto

    /// How text is to look on standard output.
    var presentation: Presentation { Presentation(descriptor: 1, colour: color) }
}

/// Options of what shows call stacks.
struct SymbolOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Keep sorted symbol tables by build-id in this directory of your own, and use those that are there.", valueName: "dir"))
    var symbolCache: String?
}

/// Options of everything that looks at a host.
struct HostOptions: ParsableArguments {
    @Option(name: .customLong("proc"), help: ArgumentHelp("Read this procfs mount instead of /proc.", valueName: "dir"))
    var procRoot = "/proc"

    @Option(help: ArgumentHelp("Answer with what there is after this many seconds.", valueName: "seconds"))
    var deadline = 10.0

    func validate() throws {
        guard deadline.isFinite, deadline > 0 else { throw ValidationError("--deadline takes a number of seconds above 0.") }
        guard !procRoot.isEmpty else { throw ValidationError("--proc takes a directory.") }
    }

    /// The look at the host.
    func investigation(kernelStacks: Bool = false, userStacks: Bool = false, symbols: SymbolOptions? = nil) -> Investigation {
        var options = Investigation.Options()
        options.procRoot = procRoot
        options.deadlineSeconds = deadline
        options.kernelStacks = kernelStacks
        options.userStacks = userStacks
        options.symbolCache = symbols?.symbolCache
        return Investigation(options: options)
    }
}
