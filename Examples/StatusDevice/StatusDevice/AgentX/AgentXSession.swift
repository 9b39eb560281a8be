/// A subagent's session with an AgentX master, over one connection.
///
/// While it waits for the answer to its own request, it answers the master's requests that come in between.
final class AgentXSession {
    enum Failure: Error {
        case connection(UnixStream.Failure)
        case malformed(AgentXError)
        /// The master answered with this error code (RFC 2741 section 6.2.16).
        case refused(UInt16)
        /// The master closed the session.
        case closedByMaster
    }

    private let stream: UnixStream
    private let answer: (AgentXPDU) -> AgentXPDU?
    private var sessionID: UInt32 = 0
    private var lastPacketID: UInt32 = 0

    /// Opens a session (PDU Open, and the master's Response).
    ///
    /// - Parameter answer: what to respond to a request of the master; `nil` for no response.
    init(
        stream: UnixStream, id: OID, description: String, answer: @escaping (AgentXPDU) -> AgentXPDU? = { _ in nil }
    ) throws(Failure) {
        self.stream = stream
        self.answer = answer
        let opened = try exchange(.open(timeoutSeconds: 0, id: id, description: Array(description.utf8)))
        sessionID = opened.sessionID
    }

    func register(_ subtree: OID) throws(Failure) {
        _ = try exchange(.register(timeoutSeconds: 0, priority: 127, subtree: subtree))
    }

    func notify(_ bindings: [AgentXBinding]) throws(Failure) {
        _ = try exchange(.notify(bindings))
    }

    func ping() throws(Failure) {
        _ = try exchange(.ping)
    }

    /// Ends the session. The master answers but leaves the connection open: whoever waits for its end waits for ever.
    func close(reason: AgentXPDU.CloseReason) throws(Failure) {
        _ = try exchange(.close(reason: reason))
    }

    /// Answers the requests that have arrived, without waiting for any.
    func answerWaitingRequests() throws(Failure) {
        while stream.hasInput { try answerRequest(try receive()) }
    }

    private func exchange(_ pdu: AgentXPDU) throws(Failure) -> AgentXMessage {
        lastPacketID &+= 1
        try send(AgentXMessage(sessionID: sessionID, packetID: lastPacketID, pdu: pdu))
        while true {
            let message = try receive()
            guard case .response(_, let error, _, _) = message.pdu else {
                try answerRequest(message)
                continue
            }
            guard message.packetID == lastPacketID else { continue }
            guard error == AgentXPDU.ErrorCode.none else { throw .refused(error) }
            return message
        }
    }

    private func answerRequest(_ request: AgentXMessage) throws(Failure) {
        if case .close = request.pdu { throw .closedByMaster }
        guard let pdu = answer(request.pdu) else { return }
        try send(
            AgentXMessage(
                sessionID: request.sessionID, transactionID: request.transactionID, packetID: request.packetID,
                order: request.order, pdu: pdu))
    }

    private func send(_ message: AgentXMessage) throws(Failure) {
        do { try stream.write(message.encoded) } catch { throw .connection(error) }
    }

    private func receive() throws(Failure) -> AgentXMessage {
        do {
            return try stream.readMessage()
        } catch let failure as UnixStream.Failure {
            throw .connection(failure)
        } catch let error as AgentXError {
            throw .malformed(error)
        } catch {
            throw .closedByMaster
        }
    }
}

extension UnixStream {
    /// Reads one whole message. Throws `UnixStream.Failure` or `AgentXError`.
    func readMessage() throws -> AgentXMessage {
        let header = try AgentXHeader(decoding: try read(AgentXHeader.byteCount)[...])
        return try AgentXMessage(header: header, payload: try read(header.payloadLength)[...])
    }
}
