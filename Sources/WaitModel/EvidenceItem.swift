/// One fact as it was read: `/proc/306/task/311/wchan` = `do_msgsnd`.
public struct EvidenceItem: Sendable, Hashable {
    public var source: String
    public var value: String

    public init(source: String, value: String) {
        self.source = source
        self.value = value
    }
}

/// Something that could not be read, and what would unlock it.
public struct Gap: Sendable, Hashable {
    public var what: String
    public var why: String
    public var unlock: String

    public init(what: String, why: String, unlock: String) {
        self.what = what
        self.why = why
        self.unlock = unlock
    }
}
