/// Fields and lines of an embedded table: tab-separated, `#` begins a comment line.
enum Table {
    /// Calls `body` with the byte ranges of each line's fields. Lines with fewer fields than `fieldCount` are left out.
    static func forEachLine(of bytes: UnsafeBufferPointer<UInt8>, fieldCount: Int, _ body: ([Range<Int>]) -> Void) {
        var fields: [Range<Int>] = []
        fields.reserveCapacity(fieldCount)
        var start = 0
        var position = 0
        while position <= bytes.count {
            let c: UInt8 = position < bytes.count ? bytes[position] : 0x0A
            if c == 0x09 || c == 0x0A {
                fields.append(start..<position)
                start = position + 1
            }
            if c == 0x0A {
                if fields.count >= fieldCount, let first = fields.first, !first.isEmpty, bytes[first.lowerBound] != 0x23 { body(fields) }
                fields.removeAll(keepingCapacity: true)
            }
            position += 1
        }
    }

    static func text(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> String {
        String(decoding: bytes[range], as: UTF8.self)
    }
}
