import ArgumentParser
import Glibc
import Reports

/// The program. Its `main` is synchronous: an asynchronous one costs milliseconds at every start.
@main
struct Waitchain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "waitchain",
        abstract:
            "Explains why threads are blocked: what each waits for, who could end that wait, and what stands at the end of the chain.",
        discussion: """
            It only reads: nothing is stopped, signalled, traced or changed. Run as root it sees every process, otherwise your own.

            Exit status: 0 the question was answered; 1 it was, --exit-code was given, and something is held up (explain) or differs \
            (compare); 2 it could not be answered in whole or in part; 64 wrong usage.
            """,
        version: "waitchain \(toolVersion)",
        subcommands: [Explain.self, List.self, Stack.self, Compare.self, Doctor.self])

    static func main() {
        // A closed pipe is seen by write(2) as EPIPE, see StandardOutput.
        signal(SIGPIPE, SIG_IGN)
        main(nil)
    }
}
