/// Names what a wait is on, so that two processes that touch the same thing agree on it: `sysv-msg:151273`, `pipe:[4711]`,
/// `futex:file:8:1:42+64` (shared) or `futex:312:0x7f…` (private to an address space).
public struct ResourceID: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let name: String
    public init(_ name: String) { self.name = name }
    public var description: String { name }
    public static func < (a: ResourceID, b: ResourceID) -> Bool { a.name < b.name }
}

/// One fact about a resource: a count, a size in the unit that its key names, or a text.
public enum FactValue: Sendable, Hashable {
    case number(Int64)
    case text(String)
    case flag(Bool)
}

/// What a wait is on, with what is known of it.
public struct Resource: Sendable, Hashable {
    public let id: ResourceID
    /// The sort of thing: `sysv-msg-queue`, `pipe`, `mutex`, `unix-listener`, …
    public let kind: String
    /// What people call it: `SysV message queue 151273 (key 0x24ee9)`.
    public let label: String
    /// Facts in the order in which people read them; keys carry their unit (`bytesLimit`).
    public let facts: [(key: String, value: FactValue)]

    public init(id: ResourceID, kind: String, label: String, facts: [(key: String, value: FactValue)] = []) {
        self.id = id
        self.kind = kind
        self.label = label
        self.facts = facts
    }

    public static func == (a: Resource, b: Resource) -> Bool {
        a.id == b.id && a.kind == b.kind && a.label == b.label && a.facts.elementsEqual(b.facts) { $0 == $1 }
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(id) }
}
