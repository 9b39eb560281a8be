import ArgumentParser
import Diagnosis
import Reports

/// `waitchain doctor`
struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "What evidence this host gives to you, what is missing, and how to unlock it.",
        discussion: "Everything is found by trying. With --self-test it makes a few hangs of its own and checks what it says about them.")

    @OptionGroup var output: OutputOptions
    @OptionGroup var host: HostOptions

    @Flag(name: .customLong("self-test"), help: "Make a few hangs of own processes and check the answers; exit with 2 when one is wrong.")
    var selfTest = false

    func run() throws {
        let (examination, _) = try answer([]) { _ throws(TargetError) in try host.investigation().examine(selfTest: selfTest) }
        if output.json {
            try waitchain.output(try jsonBytes(DoctorJSON(examination)))
        } else {
            try waitchain.output(text(examination, output.presentation))
        }
        if examination.selfTest?.contains(where: { $0.skipped == nil && !$0.isRight }) == true { throw ExitCode(2) }
    }
}
