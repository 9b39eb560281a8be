/// The memory of one thread as far as a walk needs it: copied in large pieces, kept, bounded.
final class StackMemory {
    /// Bytes at an address, fewer when a page is missing; nil when none can be read.
    typealias Reader = (_ address: UInt64, _ count: Int) -> [UInt8]?

    private var pieces: [(start: UInt64, bytes: [UInt8])] = []
    private var current = 0
    private var missing: Set<UInt64> = []
    private var used = 0
    private var next = StackMemory.firstRead
    private let read: Reader
    /// More than the first piece was needed: the thread must be looked at again.
    private(set) var hasReadMore = false

    static let firstRead = 8 << 10
    private static let largestRead = 1 << 20
    /// Bytes of one thread that are copied at most.
    static let limit = 8 << 20

    init(start: UInt64 = 0, bytes: [UInt8] = [], read: @escaping Reader = { _, _ in nil }) {
        if !bytes.isEmpty { pieces.append((start, bytes)) }
        used = bytes.count
        self.read = read
    }

    /// An unsigned number of 1 to 8 bytes.
    func value(at address: UInt64, size: Int) -> UInt64? {
        guard size > 0, size <= 8 else { return nil }
        for _ in 0..<2 {
            if let value = known(address, size) { return value }
            guard fetch(address, size) else { return nil }
        }
        return nil
    }

    /// What is there already or can be had in one read.
    func bytes(at address: UInt64, count: Int) -> [UInt8] {
        var result: [UInt8] = []
        for offset in 0..<UInt64(max(0, min(count, 4096))) {
            guard let byte = value(at: address &+ offset, size: 1) else { break }
            result.append(UInt8(truncatingIfNeeded: byte))
        }
        return result
    }

    private func known(_ address: UInt64, _ size: Int) -> UInt64? {
        if current < pieces.count, let value = load(current, address, size) { return value }
        for index in pieces.indices.reversed() {
            if let value = load(index, address, size) {
                current = index
                return value
            }
        }
        return nil
    }

    @inline(__always)
    private func load(_ index: Int, _ address: UInt64, _ size: Int) -> UInt64? {
        let start = pieces[index].start
        guard address >= start else { return nil }
        return pieces[index].bytes.withUnsafeBytes { raw -> UInt64? in
            let offset = address - start
            guard offset <= UInt64(raw.count), UInt64(raw.count) - offset >= UInt64(size) else { return nil }
            let at = Int(offset)
            switch size {
            case 8: return UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            case 4: return UInt64(UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
            default:
                var value: UInt64 = 0
                for index in 0..<size { value |= UInt64(raw[at + index]) << UInt64(8 * index) }
                return value
            }
        }
    }

    private func fetch(_ address: UInt64, _ size: Int) -> Bool {
        // A value that straddles two pieces comes with the second read, which begins before it.
        guard used + Self.firstRead <= Self.limit, missing.count < 64, address < UInt64.max - UInt64(Self.largestRead) else { return false }
        let start = address & ~0xF
        let page = (address &+ UInt64(size) &- 1) & ~0xFFF
        guard !missing.contains(page) else { return false }
        hasReadMore = true
        guard let bytes = read(start, min(next, Self.limit - used)), UInt64(bytes.count) >= address - start + UInt64(size) else {
            missing.insert(page)
            return false
        }
        pieces.append((start, bytes))
        current = pieces.count - 1
        used += bytes.count
        if next < Self.largestRead { next *= 2 }
        return true
    }
}
