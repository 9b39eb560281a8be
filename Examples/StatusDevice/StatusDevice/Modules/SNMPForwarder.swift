/// How the forwarder talks to the master.
public enum AgentXUse: String, CaseIterable, Sendable {
    /// As in the story: opens and closes the master's socket for every message.
    case perMessage = "per-message"
    /// The repair: one session for everything, and no wait without a limit.
    case persistent
}

/// Forwards the device's status to the SNMP master (snmpd) as AgentX notifications, and answers the master's questions
/// about it. Runs inside the dispatcher.
///
/// The questions are answered in a session of their own, which registers the subtree and lives as long as the master does;
/// it is served after each message, and never waits for a place in the master's backlog.
/// Notifications go through that same session (`persistent`), or through a new connection each (`perMessage`).
/// A new connection waits for a place in the backlog. Reads from the master have a limit; nobody thought of `connect`.
final class SNMPForwarder: DispatcherModule {
    struct Master: Sendable {
        let socketPath: String
        let use: AgentXUse
        /// How long to wait for an answer of the master; 0 waits for ever.
        let answerSeconds: Double
        let subtree: OID
    }

    private static let retrySeconds = 5.0
    private static let pingSeconds = 15.0

    let subscriptions: Set<DeviceMessage.Kind> = [.reading]
    private let master: Master
    private let table: StatusTable
    private let status: SharedStatus
    private let stop: StopFlag
    private let startSeconds = monotonicSeconds()
    private var session: AgentXSession?
    private var lastAttempt: Double?
    private var lastPing = monotonicSeconds()

    init(master: Master, table: StatusTable, status: SharedStatus, stop: StopFlag) {
        self.master = master
        self.table = table
        self.status = status
        self.stop = stop
    }

    func handle(_ message: DeviceMessage, in state: DeviceState) -> [DeviceEvent] {
        do {
            switch master.use {
            case .perMessage: try forwardOnNewConnection()
            case .persistent: try forwardInSession()
            }
            return [.masterFound]
        } catch {
            return [.masterLost]
        }
    }

    func afterMessage() {
        openSessionIfDue()
        do {
            try session?.answerWaitingRequests()
            if session != nil, monotonicSeconds() - lastPing > SNMPForwarder.pingSeconds {
                lastPing = monotonicSeconds()
                try session?.ping()
            }
        } catch {
            session = nil
        }
    }

    func finish() {
        try? session?.close(reason: .shutdown)
        session = nil
    }

    private func forwardOnNewConnection() throws {
        let single = try AgentXSession(
            stream: try connect(waitsForRoom: true), id: master.subtree, description: "statusd notification")
        try single.notify(notification)
        try single.close(reason: .other)
    }

    private func forwardInSession() throws {
        guard let session else { throw AgentXSession.Failure.closedByMaster }
        do {
            try session.notify(notification)
        } catch {
            self.session = nil
            throw error
        }
    }

    private func openSessionIfDue() {
        let now = monotonicSeconds()
        guard session == nil, lastAttempt.map({ now - $0 > SNMPForwarder.retrySeconds }) ?? true else { return }
        lastAttempt = now
        do {
            let opened = try AgentXSession(
                stream: try connect(waitsForRoom: false), id: master.subtree, description: "statusd status",
                answer: { [unowned self] in objects.answer($0, upTime: upTime) })
            try opened.register(master.subtree)
            session = opened
        } catch {
            // The master is not there, or does not answer: the next attempt comes after a pause.
        }
    }

    private func connect(waitsForRoom: Bool) throws -> UnixStream {
        try UnixStream(path: master.socketPath, waitsForRoom: waitsForRoom, answerSeconds: master.answerSeconds, stop: stop)
    }
}

extension SNMPForwarder {
    /// Hundredths of a second since the device started.
    private var upTime: UInt32 {
        UInt32(truncatingIfNeeded: Int64((monotonicSeconds() - startSeconds) * 100))
    }

    /// The status as SNMP objects; docs/device.md lists them.
    private var objects: ObjectTable {
        let subtree = master.subtree
        var bindings = [
            AgentXBinding(subtree + [1, 0], .integer(Int32(table.state.rawValue))),
            AgentXBinding(subtree + [2, 0], .text("\(table.state)")),
            AgentXBinding(subtree + [3, 0], .counter64(status.messagesHandled)),
            AgentXBinding(subtree + [4, 0], .timeTicks(upTime)),
        ]
        for (sensor, value) in table.readings {
            bindings.append(AgentXBinding(subtree + [5, sensor.rawValue], .gauge32(UInt32(clamping: value))))
        }
        return ObjectTable(subtree: subtree, bindings: bindings)
    }

    /// The notification `status`: first its own name as snmpTrapOID.0 (RFC 2741 section 6.2.10), then the state.
    private var notification: [AgentXBinding] {
        let snmpTrapOID = OID([1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0])
        return [
            AgentXBinding(snmpTrapOID, .name(master.subtree + [0, 1])),
            AgentXBinding(master.subtree + [1, 0], .integer(Int32(table.state.rawValue))),
        ]
    }
}
