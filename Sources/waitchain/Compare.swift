import ArgumentParser
import Diagnosis
import Glibc
import Profiles
import Reports

/// `waitchain compare`
struct Compare: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Which threads wait differently from those of a healthy system, most telling first.",
        discussion: """
            HEALTHY is a file that `waitchain list --json` wrote; SICK is such a file, or a process id or name to look at now. Threads are \
            matched by program and thread name, so other process ids, restarts and another number of threads do not matter. Take the \
            healthy list with several --samples: threads that move are then known to move.
            """)

    @Argument(help: ArgumentHelp("A list of a healthy system.", valueName: "healthy"))
    var healthy: String

    @Argument(help: ArgumentHelp("A list of the sick system, or a process id or name.", valueName: "sick"))
    var sick: String

    @OptionGroup var output: OutputOptions
    @OptionGroup var host: HostOptions

    @Option(help: ArgumentHelp("Look this many times at a live target.", valueName: "n"))
    var samples = 5

    @Flag(name: .customLong("exit-code"), help: "Exit with 1 when a thread waits differently.")
    var exitCode = false

    func validate() throws {
        guard (1...10_000).contains(samples) else { throw ValidationError("--samples takes a number from 1 to 10000.") }
    }

    func run() throws {
        guard let healthyPicture = try picture(file: healthy) else {
            warn("\(healthy): no such file (`waitchain list --json > \(healthy)` on a healthy system writes one)")
            throw ExitCode(2)
        }
        let comparison = Comparison(healthy: healthyPicture, sick: try picture(file: sick) ?? livePicture())
        if output.json {
            try waitchain.output(try jsonBytes(ComparisonJSON(comparison)))
        } else {
            try waitchain.output(text(comparison, output.presentation))
        }
        if exitCode && !comparison.differences.isEmpty { throw ExitCode(1) }
    }

    private func livePicture() throws -> Picture {
        let (list, _) = try answer([sick]) { targets throws(TargetError) in
            try host.investigation().list(targets, samples: samples)
        }
        return Picture(ListJSON(list, targets: [sick]))
    }

    /// The picture in a file; nil when there is no such file.
    private func picture(file path: String) throws -> Picture? {
        switch readFile(path) {
        case .success(let bytes):
            do {
                let list = try readList(bytes)
                if let hidden = list.hidden, hidden.atRest + hidden.kernelThreads > 0, list.targets?.isEmpty != false {
                    warn("\(path) leaves out \(hidden.atRest) threads at rest: take it with `waitchain list --all --json`")
                }
                return Picture(list)
            } catch {
                warn("\(path): \(error.message)")
                throw ExitCode(2)
            }
        case .failure(let error) where error.number == ENOENT && !path.contains("/"): return nil
        case .failure(let error):
            warn("\(path): \(String(cString: strerror(error.number)))")
            throw ExitCode(2)
        }
    }
}
