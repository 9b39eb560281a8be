import ArgumentParser
import StatusDevice

struct RunDevice: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run the device until SIGTERM or SIGINT.",
        discussion: "docs/device.md describes the threads, the states, the SNMP objects and every way to fail.")

    @Option(help: "The AgentX master's Unix socket.")
    var socket = "/var/agentx/master"

    @Option(help: "per-message: open and close the socket for every message. persistent: one session.")
    var agentx = AgentXUse.perMessage

    @Option(help: "Seconds to wait for an answer of the master; 0 waits for ever.")
    var answerTimeout = 0.5

    @Option(help: "The subtree to register.")
    var oid = DeviceConfiguration.defaultSubtree

    @Option(help: "Where the log goes: a file, or pipe:COMMAND.")
    var logTo = LogDestination.file("statusd.log")

    @Option(help: "The file that stands for the display (default: standard output).")
    var display: String?

    @Option(help: "A file for the process id, removed at the end.")
    var pidFile: String?

    @Option(help: "The key of the message queue (default: a private queue).")
    var queueKey: Int32?

    @Option(help: "Rounds of sensor readings in a second, 3 readings each.")
    var rate = 20.0

    @Option(help: "Seconds without progress after which the display shows oops.")
    var oopsAfter = 2.0

    @Option(help: "Fail: deadlock (a mutex held while sending) or spin (a module that never returns).")
    var fail: Failure?

    @Flag(help: "Let the failure loose at SIGUSR1, not at the start.")
    var failOnSignal = false

    @Flag(help: "Block SIGQUIT in every thread.")
    var blockSigquit = false

    func validate() throws {
        guard rate > 0, rate.isFinite else { throw ValidationError("--rate must be more than 0.") }
        guard (0..<1e6).contains(answerTimeout) else { throw ValidationError("--answer-timeout must be 0 or more.") }
        guard (0..<1e6).contains(oopsAfter) else { throw ValidationError("--oops-after must be 0 or more.") }
        if failOnSignal, fail == nil { throw ValidationError("--fail-on-signal needs --fail.") }
    }

    func run() throws {
        var configuration = DeviceConfiguration(masterSocketPath: socket, log: logTo)
        configuration.agentXUse = agentx
        configuration.answerSeconds = answerTimeout
        configuration.subtree = oid
        configuration.displayPath = display
        configuration.pidFilePath = pidFile
        configuration.queueKey = queueKey
        configuration.roundsPerSecond = rate
        configuration.patienceSeconds = oopsAfter
        configuration.failure = fail
        configuration.failsOnSignal = failOnSignal
        configuration.blocksQuitSignal = blockSigquit

        let unfinished = try reporting { try Device.run(configuration) }
        if !unfinished.isEmpty {
            complain("these threads did not end: \(unfinished.joined(separator: ", "))")
            throw ExitCode.failure
        }
    }
}
