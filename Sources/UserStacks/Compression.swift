/// Compressed sections (`SHF_COMPRESSED`), zlib only. Sources: gABI chapter 4, RFC 1950, RFC 1951.
enum Compression {
    /// The bytes that a compressed section stands for; nil for a method that is not read, damage, or more than `limit` bytes.
    static func section(_ bytes: [UInt8], is64: Bool, limit: Int) -> [UInt8]? {
        bytes.withUnsafeBytes { raw -> [UInt8]? in
            var cursor = BinaryCursor(raw)
            let method = cursor.u32()
            if is64 { cursor.skip(4) }
            let size = cursor.unsigned(size: is64 ? 8 : 4)
            cursor.skip(is64 ? 8 : 4)
            // ELFCOMPRESS_ZLIB, and the two bytes of a zlib header.
            guard !cursor.hasFailed, method == 1, size <= UInt64(limit), cursor.remaining > 2 else { return nil }
            cursor.skip(2)
            let result = Inflater(UnsafeRawBufferPointer(rebasing: raw[cursor.position...])).run(size: Int(size))
            return result?.count == Int(size) ? result : nil
        }
    }
}

/// DEFLATE. Every length is checked against the output's stated size.
struct Inflater {
    private let input: UnsafeRawBufferPointer
    private var position = 0
    private var bits: UInt64 = 0
    private var bitCount = 0
    private var hasFailed = false

    init(_ input: UnsafeRawBufferPointer) { self.input = input }

    /// A canonical Huffman code: a table for codes up to 10 bits, counting for the longer ones.
    private struct Code {
        static let fastBits = 10
        var fast = [UInt16](repeating: 0, count: 1 << Code.fastBits)  // length << 12 is too narrow: symbol << 4 | length
        var counts = [Int](repeating: 0, count: 16)
        var symbols: [UInt16] = []

        init(_ lengths: ArraySlice<UInt8>) {
            for length in lengths { counts[Int(length & 15)] += 1 }
            counts[0] = 0
            var offsets = [Int](repeating: 0, count: 16)
            for length in 1..<15 { offsets[length + 1] = offsets[length] + counts[length] }
            symbols = [UInt16](repeating: 0, count: lengths.count)
            var next = [Int](repeating: 0, count: 16)
            var code = 0
            for length in 1..<16 {
                code = (code + (length > 1 ? counts[length - 1] : 0)) << 1
                next[length] = code
            }
            for (symbol, length) in lengths.enumerated() where length > 0 {
                let length = Int(length & 15)
                symbols[offsets[length]] = UInt16(symbol)
                offsets[length] += 1
                let value = next[length]
                next[length] += 1
                guard length <= Self.fastBits, value < 1 << length else { continue }
                var reversed = 0
                for bit in 0..<length where value >> bit & 1 == 1 { reversed |= 1 << (length - 1 - bit) }
                for index in stride(from: reversed, to: 1 << Self.fastBits, by: 1 << length) {
                    fast[index] = UInt16(symbol) << 4 | UInt16(length)
                }
            }
        }
    }

    private mutating func fill() {
        while bitCount <= 48, position < input.count {
            bits |= UInt64(input[position]) << UInt64(bitCount)
            position += 1
            bitCount += 8
        }
    }

    private mutating func take(_ count: Int) -> Int {
        if bitCount < count { fill() }
        guard bitCount >= count else {
            hasFailed = true
            return 0
        }
        let value = Int(bits & ((1 << UInt64(count)) - 1))
        bits >>= UInt64(count)
        bitCount -= count
        return value
    }

    private mutating func symbol(_ code: borrowing Code) -> Int {
        if bitCount < 15 { fill() }
        let entry = code.fast[Int(bits & UInt64(1 << Code.fastBits - 1))]
        if entry != 0 {
            let length = Int(entry & 15)
            guard length <= bitCount else {
                hasFailed = true
                return 0
            }
            bits >>= UInt64(length)
            bitCount -= length
            return Int(entry >> 4)
        }
        var (value, first, index) = (0, 0, 0)
        for length in 1..<16 {
            value |= take(1)
            if hasFailed { return 0 }
            let count = code.counts[length]
            if value - count < first, index + value - first < code.symbols.count, value >= first {
                return Int(code.symbols[index + value - first])
            }
            index += count
            first = (first + count) << 1
            value <<= 1
        }
        hasFailed = true
        return 0
    }

    private static let lengthBase = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
    ]
    private static let lengthBits = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0]
    private static let distanceBase = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289,
        16385, 24577,
    ]
    private static let codeOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

    /// nil at damage, or when there would be more than `size` bytes.
    consuming func run(size: Int) -> [UInt8]? {
        var output: [UInt8] = []
        output.reserveCapacity(size)
        while !hasFailed {
            let isLast = take(1) == 1
            switch take(2) {
            case 0:
                let drop = bitCount % 8
                _ = take(drop)
                let length = take(16)
                guard take(16) == length ^ 0xFFFF, !hasFailed, output.count + length <= size else { return nil }
                for _ in 0..<length { output.append(UInt8(truncatingIfNeeded: take(8))) }
            case 1:
                let lengths: [UInt8] = (0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 }
                guard block(Code(lengths[...]), Code([UInt8](repeating: 5, count: 30)[...]), &output, size) else { return nil }
            case 2:
                guard let (literals, distances) = codes(), block(literals, distances, &output, size) else { return nil }
            default: return nil
            }
            if isLast { return hasFailed ? nil : output }
        }
        return nil
    }

    private mutating func codes() -> (Code, Code)? {
        let literalCount = take(5) + 257
        let distanceCount = take(5) + 1
        let lengthCount = take(4) + 4
        var lengths = [UInt8](repeating: 0, count: 19)
        for index in 0..<lengthCount { lengths[Self.codeOrder[index]] = UInt8(take(3)) }
        let lengthCode = Code(lengths[...])
        var all: [UInt8] = []
        while all.count < literalCount + distanceCount, !hasFailed {
            let symbol = symbol(lengthCode)
            switch symbol {
            case 0..<16: all.append(UInt8(symbol))
            case 16:
                guard let last = all.last else { return nil }
                all.append(contentsOf: repeatElement(last, count: 3 + take(2)))
            case 17: all.append(contentsOf: repeatElement(0, count: 3 + take(3)))
            default: all.append(contentsOf: repeatElement(0, count: 11 + take(7)))
            }
        }
        guard !hasFailed, all.count == literalCount + distanceCount else { return nil }
        return (Code(all[..<literalCount]), Code(all[literalCount...]))
    }

    private mutating func block(_ literals: borrowing Code, _ distances: borrowing Code, _ output: inout [UInt8], _ size: Int) -> Bool {
        while !hasFailed {
            let symbol = symbol(literals)
            if symbol < 256 {
                guard output.count < size, !hasFailed else { return false }
                output.append(UInt8(symbol))
                continue
            }
            if symbol == 256 { return !hasFailed }
            guard symbol < 286 else { return false }
            let length = Self.lengthBase[symbol - 257] + take(Self.lengthBits[symbol - 257])
            let code = self.symbol(distances)
            guard code < 30 else { return false }
            let distance = Self.distanceBase[code] + take(max(0, code / 2 - 1))
            guard !hasFailed, distance <= output.count, output.count + length <= size else { return false }
            var from = output.count - distance
            for _ in 0..<length {
                output.append(output[from])
                from += 1
            }
        }
        return false
    }
}
