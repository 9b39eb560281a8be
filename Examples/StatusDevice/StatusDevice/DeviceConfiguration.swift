/// Everything that can be chosen about a device.
public struct DeviceConfiguration: Sendable {
    /// `netSnmpPlaypen` (1.3.6.1.4.1.8072.9999.9999), which net-snmp sets aside for trying things out, and a branch of it.
    public static let defaultSubtree = OID([1, 3, 6, 1, 4, 1, 8072, 9999, 9999, 7])

    /// The AgentX master's socket.
    public var masterSocketPath: String
    public var agentXUse = AgentXUse.perMessage
    /// How long to wait for an answer of the master; 0 waits for ever.
    public var answerSeconds = 0.5
    public var subtree = DeviceConfiguration.defaultSubtree
    public var log: LogDestination
    /// The file that stands for the display; `nil` is standard output.
    public var displayPath: String?
    public var pidFilePath: String?
    /// The queue's key; `nil` is IPC_PRIVATE.
    public var queueKey: Int32?
    /// Rounds of sensor readings in a second; a round is three readings and three log lines.
    public var roundsPerSecond = 20.0
    /// How long the dispatcher may stand still before the display shows "oops".
    public var patienceSeconds = 2.0
    public var failure: Failure?
    /// True when the failure waits for SIGUSR1; false when it is there from the start.
    public var failsOnSignal = false
    public var blocksQuitSignal = false

    public init(masterSocketPath: String, log: LogDestination) {
        self.masterSocketPath = masterSocketPath
        self.log = log
    }
}
