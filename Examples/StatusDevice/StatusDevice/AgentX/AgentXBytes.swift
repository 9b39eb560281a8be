/// Why bytes are no AgentX PDU.
public enum AgentXError: Error, Equatable {
    /// The bytes end inside `field`.
    case truncated(field: String)
    /// The header's version is not 1.
    case version(UInt8)
    /// The type of PDU is one that RFC 2741 does not define.
    case type(UInt8)
    /// A value of a variable binding has a type that RFC 2741 does not define.
    case valueType(UInt16)
    /// A length or a count is larger than the protocol, or this program, allows.
    case tooLong(field: String, count: Int)
    /// Bytes are left after the last field of a PDU.
    case trailing(count: Int)
}

/// The order in which a PDU writes its integers; the sender chooses (RFC 2741 section 6.1, NETWORK_BYTE_ORDER).
public enum AgentXByteOrder: Sendable {
    case network
    case little
}

/// Appends AgentX fields to an array of bytes.
struct AgentXWriter {
    let order: AgentXByteOrder
    var bytes: [UInt8] = []

    init(order: AgentXByteOrder) {
        self.order = order
    }

    mutating func byte(_ value: UInt8) {
        bytes.append(value)
    }

    mutating func integer(_ value: some FixedWidthInteger & UnsignedInteger) {
        let ordered = order == .network ? value.bigEndian : value.littleEndian
        withUnsafeBytes(of: ordered) { bytes.append(contentsOf: $0) }
    }

    /// RFC 2741 section 5.1: {count, prefix, include, 0} and the numbers; a prefix stands for `1.3.6.1.prefix`.
    mutating func oid(_ name: OID, include: Bool = false) {
        var rest = name.subidentifiers[...]
        var prefix: UInt8 = 0
        if rest.count >= 5, rest.starts(with: [1, 3, 6, 1]), let fifth = UInt8(exactly: rest[4]), fifth != 0 {
            prefix = fifth
            rest = rest.dropFirst(5)
        }
        bytes += [UInt8(truncatingIfNeeded: rest.count), prefix, include ? 1 : 0, 0]
        for number in rest { integer(number) }
    }

    /// RFC 2741 section 5.3: a 32-bit length, the bytes, and zeros up to a multiple of four.
    mutating func octets(_ value: [UInt8]) {
        integer(UInt32(value.count))
        bytes += value
        bytes += [UInt8](repeating: 0, count: value.count.paddingToFour)
    }
}

/// Takes AgentX fields from bytes, in order; every read is checked against the end.
struct AgentXReader {
    let order: AgentXByteOrder
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    init(_ bytes: ArraySlice<UInt8>, order: AgentXByteOrder) {
        self.bytes = bytes
        self.order = order
        position = bytes.startIndex
    }

    var remaining: Int { bytes.endIndex - position }

    mutating func take(_ count: Int, _ field: String) throws(AgentXError) -> ArraySlice<UInt8> {
        guard count <= remaining else { throw .truncated(field: field) }
        defer { position += count }
        return bytes[position..<position + count]
    }

    mutating func byte(_ field: String) throws(AgentXError) -> UInt8 {
        let taken = try take(1, field)
        return taken[taken.startIndex]
    }

    mutating func integer<Value: FixedWidthInteger & UnsignedInteger>(
        _ type: Value.Type, _ field: String
    ) throws(AgentXError) -> Value {
        let taken = try take(Value.bitWidth / 8, field)
        let mostSignificantFirst = order == .network ? Array(taken) : taken.reversed()
        return mostSignificantFirst.reduce(0) { $0 << 8 | Value($1) }
    }

    mutating func oid(_ field: String) throws(AgentXError) -> (name: OID, include: Bool) {
        let count = Int(try byte(field))
        let prefix = try byte(field)
        let include = try byte(field) != 0
        _ = try byte(field)
        guard count <= OID.maximumCount else { throw .tooLong(field: field, count: count) }
        var numbers: [UInt32] = prefix == 0 ? [] : [1, 3, 6, 1, UInt32(prefix)]
        for _ in 0..<count { numbers.append(try integer(UInt32.self, field)) }
        return (OID(numbers), include)
    }

    mutating func octets(_ field: String) throws(AgentXError) -> [UInt8] {
        let count = Int(try integer(UInt32.self, field))
        let value = Array(try take(count, field))
        _ = try take(count.paddingToFour, field)
        return value
    }

    func finish() throws(AgentXError) {
        guard remaining == 0 else { throw .trailing(count: remaining) }
    }
}

extension Int {
    /// How many bytes are missing to the next multiple of four.
    fileprivate var paddingToFour: Int { (4 - self % 4) % 4 }
}
