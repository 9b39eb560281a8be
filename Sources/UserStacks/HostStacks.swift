import Evidence

extension Host {
    /// The reader of user stacks that belongs to this look; it keeps the modules that it has read.
    public var stackReader: StackReader { attached { StackReader(host: self) } }
}
