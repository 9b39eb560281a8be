import ArgumentParser
import StatusDevice

struct OpenAgentX: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agentx-open",
        abstract: "Open one AgentX session, wait for the answer, and close it.",
        discussion: "As a script of snmpd's own `extend` it makes a cycle: snmpd waits for the script, which waits for snmpd.")

    @Option(help: "The AgentX master's Unix socket.")
    var socket = "/var/agentx/master"

    @Option(help: "Seconds to wait for the master; 0 waits for ever.")
    var answerTimeout = 0.0

    @Flag(help: "First let go of standard output and standard error, so that who reads them sees their end.")
    var closeOutput = false

    func run() throws {
        try reporting {
            try AgentXOpening.run(socketPath: socket, answerSeconds: answerTimeout, closesOutput: closeOutput)
        }
        print("opened")
    }
}

struct RunFakeMaster: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fake-master",
        abstract: "Be an AgentX master that can misbehave.",
        discussion: """
            The first SIGUSR1 ends accepting (never-accept, shutdown); the second shuts the listener down (shutdown).
            It serves no SNMP.
            """)

    @Option(help: "The Unix socket to listen on.")
    var socket: String

    @Option(help: "none, never-accept or shutdown.")
    var misbehave = FakeMaster.Misbehaviour.none

    func run() throws {
        let master = try reporting { try FakeMaster(path: socket, misbehaviour: misbehave) }
        master.run()
    }
}
