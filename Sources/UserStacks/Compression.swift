/// Compressed sections (`SHF_COMPRESSED`).
enum Compression {
    /// The bytes that a compressed section stands for; nil for a method that is not read, or damage.
    static func section(_ bytes: [UInt8], is64: Bool, limit: Int) -> [UInt8]? { nil }
}
