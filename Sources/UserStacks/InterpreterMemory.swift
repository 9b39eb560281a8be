/// Memory of one process as a reader of an interpreter's objects needs it: by pages, each read once, bounded.
final class InterpreterMemory {
    private var pages: [UInt64: [UInt8]] = [:]
    private let read: StackMemory.Reader
    private let pageLimit: Int
    private static let pageSize: UInt64 = 4096
    /// Anything was read.
    var wasUsed: Bool { !pages.isEmpty }
    /// More pages were wanted than may be read.
    private(set) var isExhausted = false

    /// - Parameter limitBytes: what is read at most, in whole pages.
    init(limitBytes: Int, read: @escaping StackMemory.Reader) {
        pageLimit = limitBytes / Int(Self.pageSize)
        self.read = read
    }

    /// Exactly `count` bytes; nil when a page of them is not present, not readable, or one too many.
    func bytes(at address: UInt64, count: Int) -> [UInt8]? {
        guard count > 0, address >= Self.pageSize, address < 1 << 56 else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(count)
        var at = address
        let end = address + UInt64(count)
        while at < end {
            let start = at & ~(Self.pageSize - 1)
            guard let page = page(start) else { return nil }
            let from = Int(at - start)
            let to = min(Int(Self.pageSize), from + Int(end - at))
            guard to <= page.count else { return nil }
            result.append(contentsOf: page[from..<to])
            at = start + UInt64(to)
        }
        return result
    }

    /// An aligned pointer or number of 8 bytes.
    func word(at address: UInt64) -> UInt64? {
        guard address % 8 == 0 else { return nil }
        return bytes(at: address, count: 8)?.number(at: 0, size: 8)
    }

    private func page(_ start: UInt64) -> [UInt8]? {
        if let page = pages[start] { return page }
        guard pages.count < pageLimit else {
            isExhausted = true
            return nil
        }
        let page = read(start, Int(Self.pageSize)) ?? []
        pages[start] = page
        return page
    }
}

extension [UInt8] {
    /// A little-endian number of 1 to 8 bytes; 0 beyond the end.
    func number(at offset: Int, size: Int) -> UInt64 {
        guard offset >= 0, size >= 0, size <= 8, offset <= count - size else { return 0 }
        var value: UInt64 = 0
        for index in 0..<size { value |= UInt64(self[offset + index]) << UInt64(8 * index) }
        return value
    }
}
