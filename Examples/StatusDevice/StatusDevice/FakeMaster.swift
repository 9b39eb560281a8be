import CLinux
import Glibc
import Synchronization

/// An AgentX master that answers every request with success, until it is told to misbehave. It serves no SNMP.
///
/// Each SIGUSR1 is one step of misbehaviour: after the first it accepts no connections any more; after the second, for
/// `shutdown`, it shuts its listener down. Connections that it has accepted are served all the time.
public final class FakeMaster {
    public enum Misbehaviour: String, CaseIterable, Sendable {
        case none
        case neverAccept = "never-accept"
        /// As `neverAccept`, and then shutdown(2) of the listener: whoever sleeps in connect is not woken.
        case shutdown
    }

    /// The same as snmpd's.
    private static let backlog: CInt = 5

    private let misbehaviour: Misbehaviour
    private let path: String
    private let listener: CInt
    private var isListening = true
    private var isShutDown = false
    private var clients: [CInt: UnixStream] = [:]
    private var lastSessionID: UInt32 = 0

    /// Listens at `path`, which must not exist.
    public init(path: String, misbehaviour: Misbehaviour) throws {
        self.path = path
        self.misbehaviour = misbehaviour
        listener = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard listener >= 0 else { throw SystemCallError("socket", path) }
        guard let (address, length) = unixAddress(path) else { throw SystemCallError("bind", path, code: ENAMETOOLONG) }
        let code = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, length) }
        }
        guard code == 0 else { throw SystemCallError("bind", path) }
        guard listen(listener, FakeMaster.backlog) == 0 else { throw SystemCallError("listen", path) }
    }

    deinit {
        close(listener)
    }

    /// Serves until SIGTERM or SIGINT.
    public func run() {
        _ = cl_set_thread_name("fake-master")
        FakeMasterSignals.install()
        defer { unlink(path) }
        while !FakeMasterSignals.isEnding {
            misbehaveAsTold()
            serveNext()
        }
    }

    private func misbehaveAsTold() {
        let steps = FakeMasterSignals.misbehaviourSteps
        if steps >= 1, misbehaviour != .none, isListening {
            isListening = false
            announce("accepts no more")
        }
        if steps >= 2, misbehaviour == .shutdown, !isShutDown {
            Glibc.shutdown(listener, CInt(SHUT_RDWR))
            isShutDown = true
            announce("listener shut down")
        }
    }

    private func announce(_ event: String) {
        let line = Array("fake-master: \(event)\n".utf8)
        _ = write(STDOUT_FILENO, line, line.count)
    }

    private func serveNext() {
        var entries = clients.keys.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        if isListening { entries.append(pollfd(fd: listener, events: Int16(POLLIN), revents: 0)) }
        guard poll(&entries, nfds_t(entries.count), -1) > 0 else { return }
        for entry in entries where entry.revents != 0 {
            if entry.fd == listener { accept() } else { serve(entry.fd) }
        }
    }

    private func accept() {
        let descriptor = Glibc.accept(listener, nil, nil)
        guard descriptor >= 0 else { return }
        clients[descriptor] = UnixStream(descriptor: descriptor, stop: StopFlag())
    }

    private func serve(_ descriptor: CInt) {
        guard let client = clients[descriptor] else { return }
        do {
            let request = try client.readMessage()
            if case .response = request.pdu { return }
            var sessionID = request.sessionID
            if case .open = request.pdu {
                lastSessionID += 1
                sessionID = lastSessionID
            }
            let response = AgentXPDU.response(upTime: 0, error: AgentXPDU.ErrorCode.none, index: 0, [])
            try client.write(
                AgentXMessage(
                    sessionID: sessionID, transactionID: request.transactionID, packetID: request.packetID,
                    order: request.order, pdu: response
                ).encoded)
        } catch {
            clients[descriptor] = nil
        }
    }
}

/// What signal handlers leave for the master's loop, whose poll they interrupt.
private enum FakeMasterSignals {
    private static let steps = Atomic(0)
    private static let ending = Atomic(false)

    static var misbehaviourSteps: Int { steps.load(ordering: .relaxed) }
    static var isEnding: Bool { ending.load(ordering: .relaxed) }

    static func install() {
        // Touched once here, since a handler must not be the first to initialise them.
        _ = (misbehaviourSteps, isEnding)
        signal(SIGPIPE, SIG_IGN)
        handle(SIGUSR1) { _ in FakeMasterSignals.steps.add(1, ordering: .relaxed) }
        for number in [SIGTERM, SIGINT] {
            handle(number) { _ in FakeMasterSignals.ending.store(true, ordering: .relaxed) }
        }
    }

    private static func handle(_ number: CInt, _ handler: @escaping @convention(c) (CInt) -> Void) {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = handler
        sigaction(number, &action, nil)
    }
}
