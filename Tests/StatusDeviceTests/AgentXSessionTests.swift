import Glibc
import Testing

@testable import StatusDevice

/// One end is the subagent's; the other is played by the test, which writes its part beforehand where it can.
private func connectedStreams(answerSeconds: Double = 0) throws -> (subagent: UnixStream, master: UnixStream) {
    var ends: [CInt] = [-1, -1]
    try #require(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0)
    if answerSeconds > 0 {
        var limit = timeval(seconds: answerSeconds)
        setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
    let stop = StopFlag()
    return (UnixStream(descriptor: ends[0], stop: stop), UnixStream(descriptor: ends[1], stop: stop))
}

private let success = AgentXPDU.response(upTime: 0, error: 0, index: 0, [])
private let subtree = OID([1, 3, 6, 1, 4, 1, 9])

@Suite("a subagent's session")
struct AgentXSessionTests {
    @Test("asks in its session, and answers what comes in between")
    func conversation() throws {
        let (subagent, master) = try connectedStreams()
        try master.write(AgentXMessage(sessionID: 77, packetID: 1, pdu: success).encoded)
        let answer = AgentXPDU.response(upTime: 5, error: 0, index: 0, [.init(subtree, .integer(1))])
        let session = try AgentXSession(stream: subagent, id: subtree, description: "test") { request in
            request == .get([.init(start: subtree)]) ? answer : nil
        }
        let question = AgentXPDU.get([.init(start: subtree)])
        try master.write(AgentXMessage(sessionID: 77, transactionID: 3, packetID: 4, order: .little, pdu: question).encoded)
        try master.write(AgentXMessage(sessionID: 77, packetID: 99, pdu: success).encoded)
        try master.write(AgentXMessage(sessionID: 77, packetID: 2, pdu: success).encoded)
        try session.register(subtree)

        guard case .open = try master.readMessage().pdu else {
            Issue.record("the first PDU is no Open")
            return
        }
        let register = try master.readMessage()
        #expect(register.sessionID == 77)
        #expect(register.pdu == .register(timeoutSeconds: 0, priority: 127, subtree: subtree))
        let response = try master.readMessage()
        #expect(response == AgentXMessage(sessionID: 77, transactionID: 3, packetID: 4, order: .little, pdu: answer))

        try master.write(AgentXMessage(sessionID: 77, transactionID: 4, packetID: 5, pdu: question).encoded)
        try session.answerWaitingRequests()
        #expect(try master.readMessage().transactionID == 4)
    }

    @Test("a refusal is an error with its code")
    func refusal() throws {
        let (subagent, master) = try connectedStreams()
        let refusal = AgentXPDU.response(upTime: 0, error: 256, index: 0, [])
        try master.write(AgentXMessage(sessionID: 0, packetID: 1, pdu: refusal).encoded)
        let error = #expect(throws: AgentXSession.Failure.self) {
            try AgentXSession(stream: subagent, id: subtree, description: "test")
        }
        guard case .refused(256)? = error else {
            Issue.record("\(String(describing: error)) is no refusal")
            return
        }
    }

    @Test("a silent master is a timeout, one that goes away a closed connection")
    func silence() throws {
        let (subagent, master) = try connectedStreams(answerSeconds: 0.02)
        #expect(throws: UnixStream.Failure.timeout) { try subagent.read(1) }
        shutdown(master.descriptor, CInt(SHUT_RDWR))
        #expect(throws: UnixStream.Failure.closed) { try subagent.read(1) }
        #expect(throws: UnixStream.Failure.closed) { try subagent.write([1]) }
    }

    @Test("bytes that are no AgentX are an error")
    func noise() throws {
        let (subagent, master) = try connectedStreams()
        try master.write([UInt8](repeating: 0xFF, count: 64))
        #expect(throws: AgentXSession.Failure.self) {
            try AgentXSession(stream: subagent, id: subtree, description: "test")
        }
    }
}

@Suite("connecting to a master")
struct UnixStreamTests {
    @Test("a full backlog is told, not waited for, when asked so")
    func fullBacklog() throws {
        let path = "/tmp/statusd-test-\(getpid()).sock"
        unlink(path)
        defer { unlink(path) }
        let master = try FakeMaster(path: path, misbehaviour: .neverAccept)
        var streams: [UnixStream] = []
        #expect(throws: UnixStream.Failure.noRoom) {
            for _ in 0..<100 {
                streams.append(try UnixStream(path: path, waitsForRoom: false, answerSeconds: 1, stop: StopFlag()))
            }
        }
        #expect(streams.count == 6, "a backlog of 5 takes 6 connections")
        withExtendedLifetime(master) {}
    }

    @Test func impossiblePathsAreErrors() {
        for path in ["/nonexistent/socket", String(repeating: "x", count: 200)] {
            #expect(throws: UnixStream.Failure.self) {
                try UnixStream(path: path, waitsForRoom: true, answerSeconds: 1, stop: StopFlag())
            }
        }
    }
}
