/// The 20 bytes before every PDU (RFC 2741 section 6.1).
public struct AgentXHeader: Hashable, Sendable {
    public static let byteCount = 20
    /// Longer payloads are refused; the largest real ones are a few kilobytes.
    public static let maximumPayload = 1 << 20

    static let networkByteOrder: UInt8 = 0x10
    static let nonDefaultContext: UInt8 = 0x08

    public var type: UInt8
    public var flags: UInt8
    public var sessionID: UInt32
    public var transactionID: UInt32
    public var packetID: UInt32
    public var payloadLength: Int

    var order: AgentXByteOrder { flags & AgentXHeader.networkByteOrder != 0 ? .network : .little }

    public init(decoding bytes: ArraySlice<UInt8>) throws(AgentXError) {
        guard bytes.count >= AgentXHeader.byteCount else { throw .truncated(field: "header") }
        let start = bytes.startIndex
        guard bytes[start] == 1 else { throw .version(bytes[start]) }
        type = bytes[start + 1]
        flags = bytes[start + 2]
        let order: AgentXByteOrder = flags & AgentXHeader.networkByteOrder != 0 ? .network : .little
        var reader = AgentXReader(bytes[(start + 4)..<(start + AgentXHeader.byteCount)], order: order)
        sessionID = try reader.integer(UInt32.self, "session")
        transactionID = try reader.integer(UInt32.self, "transaction")
        packetID = try reader.integer(UInt32.self, "packet")
        payloadLength = Int(try reader.integer(UInt32.self, "payload length"))
        guard payloadLength <= AgentXHeader.maximumPayload else {
            throw .tooLong(field: "payload", count: payloadLength)
        }
    }
}

/// One AgentX message: who it belongs to, and what it says.
public struct AgentXMessage: Hashable, Sendable {
    public var sessionID: UInt32
    public var transactionID: UInt32
    public var packetID: UInt32
    public var order: AgentXByteOrder
    /// The SNMP context, when it is not the default one.
    public var context: [UInt8]?
    public var pdu: AgentXPDU

    public init(
        sessionID: UInt32, transactionID: UInt32 = 0, packetID: UInt32, order: AgentXByteOrder = .network,
        context: [UInt8]? = nil, pdu: AgentXPDU
    ) {
        self.sessionID = sessionID
        self.transactionID = transactionID
        self.packetID = packetID
        self.order = order
        self.context = pdu.canHaveContext ? context : nil
        self.pdu = pdu
    }

    public var encoded: [UInt8] {
        var payload = AgentXWriter(order: order)
        if let context { payload.octets(context) }
        payload.payload(pdu)

        var message = AgentXWriter(order: order)
        let orderFlag = order == .network ? AgentXHeader.networkByteOrder : 0
        let contextFlag = context == nil ? 0 : AgentXHeader.nonDefaultContext
        message.bytes = [1, pdu.typeCode, orderFlag | contextFlag, 0]
        message.integer(sessionID)
        message.integer(transactionID)
        message.integer(packetID)
        message.integer(UInt32(payload.bytes.count))
        return message.bytes + payload.bytes
    }

    /// Decodes exactly one message.
    ///
    /// - Throws: `AgentXError` when the bytes are too few, too many, or no PDU of RFC 2741.
    public init(decoding bytes: [UInt8]) throws(AgentXError) {
        let header = try AgentXHeader(decoding: bytes[...])
        try self.init(header: header, payload: bytes.dropFirst(AgentXHeader.byteCount))
    }

    /// Decodes the payload that belongs to `header`.
    public init(header: AgentXHeader, payload: ArraySlice<UInt8>) throws(AgentXError) {
        guard payload.count >= header.payloadLength else { throw .truncated(field: "payload") }
        guard payload.count == header.payloadLength else { throw .trailing(count: payload.count - header.payloadLength) }
        var reader = AgentXReader(payload, order: header.order)
        let hasContext = header.flags & AgentXHeader.nonDefaultContext != 0 && AgentXPDU.canHaveContext(type: header.type)
        context = hasContext ? try reader.octets("context") : nil
        pdu = try reader.payload(type: header.type)
        try reader.finish()
        sessionID = header.sessionID
        transactionID = header.transactionID
        packetID = header.packetID
        order = header.order
    }
}
