/// A variable binding: an object's name and its value (RFC 2741 section 5.4).
public struct AgentXBinding: Hashable, Sendable {
    public var name: OID
    public var value: AgentXValue

    public init(_ name: OID, _ value: AgentXValue) {
        self.name = name
        self.value = value
    }
}

/// The value of an object, or the reason why there is none.
public enum AgentXValue: Hashable, Sendable {
    case integer(Int32)
    case octets([UInt8])
    case null
    case name(OID)
    case address([UInt8])
    case counter32(UInt32)
    case gauge32(UInt32)
    /// Hundredths of a second.
    case timeTicks(UInt32)
    case opaque([UInt8])
    case counter64(UInt64)
    case noSuchObject
    case noSuchInstance
    case endOfView

    public static func text(_ text: some StringProtocol) -> AgentXValue {
        .octets(Array(text.utf8))
    }
}

extension AgentXValue {
    fileprivate var typeCode: UInt16 {
        switch self {
        case .integer: 2
        case .octets: 4
        case .null: 5
        case .name: 6
        case .address: 64
        case .counter32: 65
        case .gauge32: 66
        case .timeTicks: 67
        case .opaque: 68
        case .counter64: 70
        case .noSuchObject: 128
        case .noSuchInstance: 129
        case .endOfView: 130
        }
    }
}

extension AgentXWriter {
    mutating func binding(_ binding: AgentXBinding) {
        integer(binding.value.typeCode)
        integer(UInt16(0))
        oid(binding.name)
        switch binding.value {
        case .integer(let value): integer(UInt32(bitPattern: value))
        case .counter32(let value), .gauge32(let value), .timeTicks(let value): integer(value)
        case .counter64(let value): integer(value)
        case .octets(let value), .address(let value), .opaque(let value): octets(value)
        case .name(let value): oid(value)
        case .null, .noSuchObject, .noSuchInstance, .endOfView: break
        }
    }
}

extension AgentXReader {
    mutating func binding() throws(AgentXError) -> AgentXBinding {
        let type = try integer(UInt16.self, "type of a binding")
        _ = try integer(UInt16.self, "reserved")
        let name = try oid("name of a binding").name
        return AgentXBinding(name, try value(type))
    }

    /// Bindings up to the end of the payload.
    mutating func bindings() throws(AgentXError) -> [AgentXBinding] {
        var bindings: [AgentXBinding] = []
        while remaining > 0 { bindings.append(try binding()) }
        return bindings
    }

    private mutating func value(_ type: UInt16) throws(AgentXError) -> AgentXValue {
        let field = "value of a binding"
        return switch type {
        case 2: .integer(Int32(bitPattern: try integer(UInt32.self, field)))
        case 4: .octets(try octets(field))
        case 5: .null
        case 6: .name(try oid(field).name)
        case 64: .address(try octets(field))
        case 65: .counter32(try integer(UInt32.self, field))
        case 66: .gauge32(try integer(UInt32.self, field))
        case 67: .timeTicks(try integer(UInt32.self, field))
        case 68: .opaque(try octets(field))
        case 70: .counter64(try integer(UInt64.self, field))
        case 128: .noSuchObject
        case 129: .noSuchInstance
        case 130: .endOfView
        default: throw .valueType(type)
        }
    }
}
