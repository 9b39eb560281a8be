import Testing

@testable import StatusDevice

@Suite("AgentX PDUs in bytes")
struct AgentXCodingTests {
    @Test("every PDU survives the way to bytes and back", arguments: Samples.pdus, [AgentXByteOrder.network, .little])
    func roundTrip(pdu: AgentXPDU, order: AgentXByteOrder) throws {
        for context in [nil, Array("ctx".utf8)] {
            let message = AgentXMessage(sessionID: 7, transactionID: 8, packetID: 9, order: order, context: context, pdu: pdu)
            let bytes = message.encoded
            #expect(bytes.count % 4 == 0)
            #expect(try AgentXMessage(decoding: bytes) == message)
        }
    }

    @Test("a PDU that ends early is refused at every byte", arguments: Samples.pdus, [AgentXByteOrder.network, .little])
    func truncation(pdu: AgentXPDU, order: AgentXByteOrder) {
        let bytes = AgentXMessage(sessionID: 1, packetID: 2, order: order, pdu: pdu).encoded
        for count in 0..<bytes.count {
            #expect(throws: AgentXError.self) { try AgentXMessage(decoding: Array(bytes.prefix(count))) }
        }
        #expect(throws: AgentXError.trailing(count: 1)) { try AgentXMessage(decoding: bytes + [0]) }
    }

    /// The header's length agrees with the bytes, so the fields themselves have to notice.
    @Test("a payload that ends early is refused, or is a shorter list", arguments: Samples.pdus)
    func shortPayload(pdu: AgentXPDU) throws {
        let bytes = AgentXMessage(sessionID: 1, packetID: 2, pdu: pdu).encoded
        for count in AgentXHeader.byteCount..<bytes.count {
            var short = Array(bytes.prefix(count))
            let length = UInt16(count - AgentXHeader.byteCount)
            (short[18], short[19]) = (UInt8(length >> 8), UInt8(length & 0xFF))
            guard let decoded = try? AgentXMessage(decoding: short) else { continue }
            #expect(decoded.encoded == short)
        }
    }

    @Test("any bytes are decoded or refused, never more than that")
    func anyBytes() {
        var generator = SystemRandomNumberGenerator()
        let seeds = Samples.pdus.map { AgentXMessage(sessionID: 1, packetID: 2, pdu: $0).encoded }
        for round in 0..<20_000 {
            var bytes = seeds[round % seeds.count]
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: .min ... .max, using: &generator)
            }
            if let message = try? AgentXMessage(decoding: bytes) {
                #expect((try? AgentXMessage(decoding: message.encoded)) == message)
            }
        }
    }

    @Test("the bytes of an Open are those of RFC 2741")
    func openBytes() {
        let open = AgentXPDU.open(timeoutSeconds: 5, id: OID([1, 3, 6, 1, 4, 1, 8072]), description: Array("statd".utf8))
        let message = AgentXMessage(sessionID: 0, packetID: 1, pdu: open)
        let header: [UInt8] = [1, 1, 0x10, 0] + [0, 0, 0, 0] + [0, 0, 0, 0] + [0, 0, 0, 1] + [0, 0, 0, 28]
        let id: [UInt8] = [2, 4, 0, 0] + [0, 0, 0, 1] + [0, 0, 0x1F, 0x88]
        let description: [UInt8] = [0, 0, 0, 5] + Array("statd".utf8) + [0, 0, 0]
        #expect(message.encoded == header + [5, 0, 0, 0] + id + description)
    }

    @Test("a response of another byte order is understood")
    func littleEndianResponse() throws {
        let bytes: [UInt8] =
            [1, 18, 0, 0] + [7, 0, 0, 0] + [0, 0, 0, 0] + [2, 0, 0, 0] + [8, 0, 0, 0] + [0x2A, 0, 0, 0] + [5, 1, 0, 0]
        let message = try AgentXMessage(decoding: bytes)
        #expect(message.sessionID == 7)
        #expect(message.packetID == 2)
        #expect(message.pdu == .response(upTime: 42, error: 261, index: 0, []))
    }

    @Test(
        "names use the prefix exactly where it stands for 1.3.6.1.x",
        arguments: [
            (OID.null, [0, 0, 0, 0]),
            (OID([1, 3, 6, 1, 4]), [0, 4, 0, 0]),
            (OID([1, 3, 6, 1]), [4, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 6, 0, 0, 0, 1]),
            (OID([1, 3, 6, 1, 0]), [5, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0]),
            (OID([1, 3, 6, 1, 256]), [5, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 6, 0, 0, 0, 1, 0, 0, 1, 0]),
        ] as [(OID, [UInt8])])
    func prefixes(name: OID, expected: [UInt8]) throws {
        var writer = AgentXWriter(order: .network)
        writer.oid(name)
        #expect(writer.bytes == expected)
        var reader = AgentXReader(expected[...], order: .network)
        #expect(try reader.oid("name").name == name)
    }

    @Test("headers with a wrong version, type or length are refused")
    func badHeaders() {
        var bytes = AgentXMessage(sessionID: 1, packetID: 2, pdu: .ping).encoded
        bytes[0] = 2
        #expect(throws: AgentXError.version(2)) { try AgentXMessage(decoding: bytes) }
        bytes[0] = 1
        bytes[1] = 99
        #expect(throws: AgentXError.type(99)) { try AgentXMessage(decoding: bytes) }
        bytes[16] = 0x7F
        #expect(throws: AgentXError.self) { try AgentXHeader(decoding: bytes[...]) }
    }
}

enum Samples {
    static let name = OID([1, 3, 6, 1, 4, 1, 8072, 9999, 9999, 7, 1, 0])

    static let values: [AgentXValue] = [
        .integer(-5), .text("abc"), .text(""), .null, .name(name), .address([127, 0, 0, 1]), .counter32(.max), .gauge32(7),
        .timeTicks(100), .opaque([1, 2, 3, 4, 5]), .counter64(.max), .noSuchObject, .noSuchInstance, .endOfView,
    ]

    static let bindings = values.map { AgentXBinding(name, $0) }

    static let ranges: [AgentXPDU.SearchRange] = [
        .init(start: name, includesStart: true, end: OID([1, 3, 6, 2])), .init(start: OID([1, 3])), .init(start: .null),
    ]

    static let pdus: [AgentXPDU] = [
        .open(timeoutSeconds: 3, id: name, description: Array("device".utf8)), .close(reason: .shutdown),
        .register(timeoutSeconds: 1, priority: 127, subtree: name), .unregister(priority: 127, subtree: name),
        .get(ranges), .getNext(ranges), .getBulk(nonRepeaters: 1, maxRepetitions: 10, ranges), .testSet(bindings),
        .commitSet, .undoSet, .cleanupSet, .notify(bindings), .ping,
        .response(upTime: 42, error: 0, index: 3, bindings),
    ]
}
