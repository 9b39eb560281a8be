import ArgumentParser
import Diagnosis
import Reports

/// `waitchain stack`
struct Stack: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Call stacks of threads that nobody stopped.",
        discussion: """
            Read from a blocked thread's memory and its program's unwind tables. A frame that rests on a search is marked with a question \
            mark; a stack that could not be followed to the thread's first function says so.
            """)

    @Argument(help: ArgumentHelp("Process ids, thread ids or names.", valueName: "pid|tid|name"))
    var targets: [String]

    @OptionGroup var output: OutputOptions
    @OptionGroup var host: HostOptions
    @OptionGroup var symbols: SymbolOptions

    @Flag(help: "Show the kernel's part of the stack too (root).")
    var kernel = false

    func run() throws {
        let (listing, isPartial) = try answer(targets) { targets throws(TargetError) in
            try host.investigation(kernelStacks: kernel, symbols: symbols).stacks(targets)
        }
        if output.json {
            try waitchain.output(try jsonBytes(StacksJSON(listing)))
        } else {
            try waitchain.output(text(listing, output.presentation))
        }
        if isPartial { throw ExitCode(2) }
    }
}
