/// File and line of addresses, from `.debug_line`.
final class LineTable {
    init(file: ElfFile) {}
    func line(at address: UInt64) -> (file: String, line: Int)? { nil }
}
