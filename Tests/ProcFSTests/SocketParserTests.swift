import Testing

@testable import ProcFS

/// Netlink messages as the kernel lays them out, in this machine's byte order.
enum Netlink {
    static func word(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }
    static func half(_ value: UInt16) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }
    static func padded(_ bytes: [UInt8]) -> [UInt8] { bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4) }

    static func message(type: UInt16 = 20, _ body: [UInt8]) -> [UInt8] {
        padded(word(UInt32(16 + body.count)) + half(type) + half(2) + word(1) + word(0) + body)
    }
    static func attribute(_ type: UInt16, _ value: [UInt8]) -> [UInt8] { padded(half(UInt16(4 + value.count)) + half(type) + value) }

    static func unix(type: UInt8, state: UInt8, inode: UInt32, _ attributes: [UInt8]) -> [UInt8] {
        message([1, type, state, 0] + word(inode) + word(7) + word(8) + attributes)
    }

    static func inet(
        family: UInt8, state: UInt8, local: ([UInt8], UInt16), remote: ([UInt8], UInt16), queues: (UInt32, UInt32), inode: UInt32
    )
        -> [UInt8]
    {
        func address(_ bytes: [UInt8]) -> [UInt8] { bytes + [UInt8](repeating: 0, count: 16 - bytes.count) }
        func port(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 255)] }
        let id = port(local.1) + port(remote.1) + address(local.0) + address(remote.0) + word(0) + word(1) + word(2)
        return message([family, state, 0, 0] + id + word(0) + word(queues.0) + word(queues.1) + word(1000) + word(inode))
    }
}

@Suite struct UnixSocketTests {
    static let answer: [UInt8] =
        Netlink.unix(
            type: 1, state: 10, inode: 500,
            Netlink.attribute(0, Array("/var/agentx/master".utf8) + [0]) + Netlink.attribute(3, Netlink.word(61) + Netlink.word(62))
                + Netlink.attribute(4, Netlink.word(6) + Netlink.word(5)))
        + Netlink.unix(
            type: 2, state: 7, inode: 501,
            Netlink.attribute(0, [0] + Array("ab".utf8) + [0] + Array("c".utf8)) + Netlink.attribute(2, Netlink.word(0)))
        + Netlink.unix(type: 5, state: 1, inode: 502, Netlink.attribute(2, Netlink.word(503)) + Netlink.attribute(99, [1, 2, 3]))

    @Test func diagnostics() throws {
        var sockets: [UnixSocket] = []
        #expect(!Self.answer.withUnsafeBytes { UnixSocket.parseDiagnostics($0, into: &sockets) })
        try #require(sockets.count == 3)
        #expect(sockets[0].isListening && sockets[0].inode == 500 && sockets[0].name == "/var/agentx/master")
        #expect(sockets[0].waitingClients == [61, 62] && sockets[0].receiveQueue == 6 && sockets[0].sendQueue == 5)
        #expect(sockets[1].name == "@ab@c" && sockets[1].peer == nil)
        #expect(sockets[2].peer == 503 && sockets[2].name == nil && sockets[2].type == 5)
    }

    @Test(arguments: [UInt16(2), 3]) func endOfTheDump(_ type: UInt16) {
        var sockets: [UnixSocket] = []
        let bytes = Self.answer + Netlink.message(type: type, Netlink.word(0)) + Self.answer
        #expect(bytes.withUnsafeBytes { UnixSocket.parseDiagnostics($0, into: &sockets) })
        #expect(sockets.count == 3)
    }

    @Test func cutAtEveryByte() {
        for end in 0..<Self.answer.count {
            var sockets: [UnixSocket] = []
            _ = Self.answer[..<end].withUnsafeBytes { UnixSocket.parseDiagnostics($0, into: &sockets) }
            #expect(sockets.count < 3, "\(end)")
        }
    }

    @Test func table() throws {
        let text = """
            Num       RefCount Protocol Flags    Type St Inode Path
            0000000061ef06c4: 00000003 00000000 00000000 0001 03 52358
            00000000269e131b: 00000002 00000000 00010000 0001 01 52354 /run/with blank
            ffff88003c5a1100: 00000002 00000000 00000000 0002 01 52359 @abstract
            0000000000000000: 00000003 00000000 00000000 0001 02     0 /run/x
            short: 1

            """
        let sockets = parse(text) { UnixSocket.parseTable($0) }
        try #require(sockets.count == 4)
        #expect(sockets[0].state == 1 && sockets[0].inode == 52358 && sockets[0].name == nil)
        #expect(sockets[1].isListening && sockets[1].name == "/run/with blank")
        #expect(sockets[2].type == 2 && sockets[2].state == 7 && sockets[2].name == "@abstract")
        #expect(sockets[3].inode == 0)
    }

    @Test(
        arguments: [([], nil), ([0], "@"), ([0x2F, 0x61, 0, 0x62], "/a"), ([0, 0x61, 0, 0x62], "@a@b"), ([0xFF], "\u{FFFD}")]
            as [([UInt8], String?)])
    func names(_ bytes: [UInt8], _ expected: String?) { #expect(bytes.withUnsafeBytes { UnixSocket.name($0) } == expected) }
}

@Suite struct InternetSocketTests {
    static let answer: [UInt8] =
        Netlink.inet(family: 2, state: 10, local: ([127, 0, 0, 1], 8080), remote: ([0, 0, 0, 0], 0), queues: (3, 128), inode: 900)
        + Netlink.inet(
            family: 10, state: 1, local: ([0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1], 443),
            remote: ([UInt8](repeating: 0, count: 15) + [1], 50000), queues: (0, 42), inode: 0)

    @Test func diagnostics() throws {
        var sockets: [InternetSocket] = []
        #expect(!Self.answer.withUnsafeBytes { InternetSocket.parseDiagnostics($0, transport: 6, into: &sockets) })
        try #require(sockets.count == 2)
        #expect(sockets[0].isListening && sockets[0].receiveQueue == 3 && sockets[0].sendQueue == 128 && sockets[0].inode == 900)
        #expect("\(sockets[0].local)" == "127.0.0.1:8080" && sockets[0].remote.isUnspecified)
        #expect("\(sockets[1].local)" == "[2001:db8:0:0:0:0:0:1]:443")
        #expect(sockets[1].remote.port == 50000 && sockets[1].sendQueue == 42 && sockets[1].inode == 0)
    }

    @Test func cutAtEveryByte() {
        for end in 0..<Self.answer.count {
            var sockets: [InternetSocket] = []
            _ = Self.answer[..<end].withUnsafeBytes { InternetSocket.parseDiagnostics($0, transport: 6, into: &sockets) }
            #expect(sockets.count < 2, "\(end)")
        }
    }
}
