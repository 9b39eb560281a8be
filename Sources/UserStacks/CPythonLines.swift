/// The location table of a code object (`co_linetable`), from instruction to line. Source: Objects/locations.md of CPython 3.11.
enum CPythonLines {
    /// The line of the code unit at `index`; nil where the table has none for it, ends before it, or is damaged.
    static func line(ofUnit index: Int, in table: [UInt8], firstLine: Int) -> Int? {
        var line = firstLine
        var unit = 0
        var at = 0
        while at < table.count {
            let head = table[at]
            // Only the first byte of an entry has its highest bit set.
            guard head & 0x80 != 0 else { return nil }
            at += 1
            let length = Int(head & 7) + 1
            var hasLine = true
            switch head >> 3 & 15 {
            case 0...9: at += 1  // short form: one byte of columns
            case let code where code <= 12:  // one line: two bytes of columns
                line += Int(code) - 10
                at += 2
            case 13:  // no columns
                guard let delta = signed(table, &at) else { return nil }
                line += delta
            case 14:  // long form: end line and two columns follow
                guard let delta = signed(table, &at), skip(table, &at), skip(table, &at), skip(table, &at) else { return nil }
                line += delta
            default: hasLine = false
            }
            guard at <= table.count, (-1 << 40...1 << 40).contains(line) else { return nil }
            if index < unit + length { return hasLine && line > 0 && index >= 0 ? line : nil }
            unit += length
        }
        return nil
    }

    /// Groups of six bits, lowest first, bit 6 set when more follow; of the number the lowest bit is the sign.
    private static func signed(_ table: [UInt8], _ at: inout Int) -> Int? {
        var value = 0
        for shift in stride(from: 0, through: 36, by: 6) {
            guard at < table.count, table[at] & 0x80 == 0 else { return nil }
            let byte = table[at]
            at += 1
            value |= Int(byte & 0x3F) << shift
            if byte & 0x40 == 0 { return value & 1 == 1 ? -(value >> 1) : value >> 1 }
        }
        return nil
    }

    private static func skip(_ table: [UInt8], _ at: inout Int) -> Bool { signed(table, &at) != nil }
}
