import ArgumentParser
import Glibc
import StatusDevice

@main
struct StatusDaemon: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "statusd",
        abstract: "A device program that reports to snmpd, and can fail as such programs do.",
        subcommands: [RunDevice.self, OpenAgentX.self, RunFakeMaster.self],
        defaultSubcommand: RunDevice.self)
}

/// Sends the failure to standard error and gives the exit status 1.
func reporting<Result>(_ body: () throws -> Result) throws -> Result {
    do {
        return try body()
    } catch {
        complain("\(error)")
        throw ExitCode.failure
    }
}

func complain(_ text: String) {
    let line = Array("statusd: \(text)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
}

extension AgentXUse: ExpressibleByArgument {}
extension Failure: ExpressibleByArgument {}
extension FakeMaster.Misbehaviour: ExpressibleByArgument {}

extension OID: ExpressibleByArgument {
    public init?(argument: String) {
        self.init(dotted: argument)
    }
}

extension LogDestination: ExpressibleByArgument {
    public init?(argument: String) {
        self.init(argument)
    }
}
