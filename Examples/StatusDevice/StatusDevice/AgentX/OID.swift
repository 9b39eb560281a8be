/// The name of an SNMP object: a path of numbers from the root of the tree, compared number by number.
public struct OID: Hashable, Comparable, Sendable {
    /// RFC 2741 section 5.1: no name has more sub-identifiers than this.
    public static let maximumCount = 128

    public var subidentifiers: [UInt32]

    public init(_ subidentifiers: [UInt32]) {
        self.subidentifiers = subidentifiers
    }

    /// Reads dotted decimal notation, with or without a leading dot. `nil` when a part is no 32-bit number.
    public init?(dotted text: some StringProtocol) {
        let parts = text.drop { $0 == "." }.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { UInt32($0) }
        guard !parts.isEmpty, numbers.count == parts.count, numbers.count <= OID.maximumCount else { return nil }
        self.init(numbers)
    }

    /// The name without any number, which AgentX uses for "no limit".
    public static let null = OID([])

    public static func + (parent: OID, children: [UInt32]) -> OID {
        OID(parent.subidentifiers + children)
    }

    public static func < (left: OID, right: OID) -> Bool {
        left.subidentifiers.lexicographicallyPrecedes(right.subidentifiers)
    }

    public func starts(with parent: OID) -> Bool {
        subidentifiers.starts(with: parent.subidentifiers)
    }
}

extension OID: CustomStringConvertible {
    public var description: String {
        subidentifiers.map(String.init).joined(separator: ".")
    }
}
