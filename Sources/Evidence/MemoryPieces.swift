/// Some pieces of one thread's memory.
struct MemoryPieces {
    private var pieces: [(address: UInt64, bytes: [UInt8])] = []

    mutating func add(_ address: UInt64, _ bytes: [UInt8]) { pieces.append((address, bytes)) }

    /// `count` bytes at `address`; nil when no piece has them all. O(pieces): a call has a few.
    func bytes(at address: UInt64, count: Int) -> [UInt8]? {
        for piece in pieces where address >= piece.address {
            let offset = address - piece.address
            guard offset <= UInt64(piece.bytes.count), count <= piece.bytes.count - Int(offset) else { continue }
            return Array(piece.bytes[Int(offset)..<Int(offset) + count])
        }
        return nil
    }
}
