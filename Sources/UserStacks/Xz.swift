/// `.gnu_debugdata`: a small ELF file with the symbols that stripping took away, compressed with xz.
enum MiniDebugInfo {
    private static let limit = 32 << 20

    static func file(in file: ElfFile) -> ElfFile? {
        guard let packed = file.contents(".gnu_debugdata"), let bytes = packed.withUnsafeBytes({ Xz.unpacked($0, limit: limit) }) else {
            return nil
        }
        return ElfFile { offset, count in
            guard offset < UInt64(bytes.count) else { return nil }
            return Array(bytes[Int(offset)..<min(bytes.count, Int(offset) + count)])
        }
    }
}

/// The .xz container with LZMA2 and no other filter. Checksums are not verified: what comes out is as untrusted as what went in.
/// Source: The .xz File Format 1.2.0.
enum Xz {
    /// nil at damage, for other filters, and when there would be more than `limit` bytes.
    static func unpacked(_ raw: UnsafeRawBufferPointer, limit: Int) -> [UInt8]? {
        guard raw.count > 24, raw.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00, 0x00]) else { return nil }
        // Bytes of the check that follows each block, by its kind.
        let checkSize = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64][Int(raw[7] & 0xF)]
        var decoder = Lzma2Decoder(limit: limit)
        var position = 12
        while position < raw.count, raw[position] != 0 {
            let headerEnd = position + (Int(raw[position]) + 1) * 4
            guard headerEnd <= raw.count else { return nil }
            var cursor = BinaryCursor(UnsafeRawBufferPointer(rebasing: raw[..<headerEnd]), at: position + 1)
            let flags = cursor.u8()
            guard flags & 3 == 0 else { return nil }
            if flags & 0x40 != 0 { _ = cursor.uleb() }
            if flags & 0x80 != 0 { _ = cursor.uleb() }
            guard cursor.uleb() == 0x21, cursor.uleb() == 1, !cursor.hasFailed else { return nil }
            guard let end = decoder.run(raw, from: headerEnd) else { return nil }
            position = headerEnd + (end - headerEnd + 3) / 4 * 4 + checkSize
        }
        return decoder.output
    }
}

/// LZMA2 chunks. Sources: the .xz format's LZMA2 as xz-embedded's `xz_dec_lzma2.c` describes it; the LZMA specification (Igor Pavlov).
struct Lzma2Decoder {
    private(set) var output: [UInt8] = []
    private let limit: Int
    private var dictionaryStart = 0
    private var lzma: LzmaState?

    init(limit: Int) { self.limit = limit }

    /// Decodes chunks from a position to the end mark. Where it ended; nil at damage.
    mutating func run(_ raw: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var cursor = BinaryCursor(raw, at: start)
        while !cursor.hasFailed {
            let control = cursor.u8()
            if control == 0 { return cursor.hasFailed ? nil : cursor.position }
            if control == 1 || control >= 0xE0 { dictionaryStart = output.count }
            func bigEndian16() -> Int {
                let high = Int(cursor.u8())
                return high << 8 | Int(cursor.u8())
            }
            if control < 0x80 {
                guard control <= 2 else { return nil }
                let size = bigEndian16() + 1
                let plain = cursor.slice(UInt64(size))
                guard !cursor.hasFailed, output.count + size <= limit else { return nil }
                output.append(contentsOf: plain)
                continue
            }
            let size = (Int(control & 0x1F) << 16 | bigEndian16()) + 1
            let packedSize = bigEndian16() + 1
            if control >= 0xC0 {
                guard let fresh = LzmaState(properties: cursor.u8()) else { return nil }
                lzma = fresh
            } else if control >= 0xA0 {
                lzma?.reset()
            }
            let packed = cursor.slice(UInt64(packedSize))
            guard !cursor.hasFailed, output.count + size <= limit, lzma != nil else { return nil }
            guard lzma?.decode(packed, size: size, into: &output, dictionaryStart: dictionaryStart) == true else { return nil }
        }
        return nil
    }
}

/// The state of one LZMA stream: probabilities, last distances and the range decoder.
struct LzmaState {
    private let literalContext: Int
    private let literalPosition: Int
    private let positionMask: Int
    private var probabilities: [UInt16] = []
    private var state = 0
    private var distances = (0, 0, 0, 0)
    private var range: UInt32 = 0
    private var code: UInt32 = 0
    private var position = 0
    private var hasFailed = false

    // Where each model's probabilities begin.
    private static let isMatch = 0
    private static let isRepeat = isMatch + 12 * 16
    private static let isRepeat0 = isRepeat + 12
    private static let isRepeat1 = isRepeat0 + 12
    private static let isRepeat2 = isRepeat1 + 12
    private static let isRepeat0Long = isRepeat2 + 12
    private static let slots = isRepeat0Long + 12 * 16
    private static let special = slots + 4 * 64
    private static let align = special + 115
    private static let matchLength = align + 16
    private static let repeatLength = matchLength + 2 + 16 * 8 * 2 + 256
    private static let literals = repeatLength + 2 + 16 * 8 * 2 + 256

    init?(properties: UInt8) {
        guard properties < 225 else { return nil }
        literalContext = Int(properties % 9)
        literalPosition = Int(properties / 9 % 5)
        positionMask = 1 << Int(properties / 45) - 1
        guard literalContext + literalPosition <= 4 else { return nil }
        reset()
    }

    mutating func reset() {
        probabilities = [UInt16](repeating: 1024, count: Self.literals + 0x300 << (literalContext + literalPosition))
        state = 0
        distances = (0, 0, 0, 0)
    }

    private mutating func bit(_ index: Int, _ input: UnsafeRawBufferPointer) -> Int {
        if range < 1 << 24 { normalise(input) }
        let probability = UInt32(probabilities[index])
        let bound = (range >> 11) * probability
        if code < bound {
            range = bound
            probabilities[index] = UInt16(probability + (2048 - probability) >> 5)
            return 0
        }
        range -= bound
        code -= bound
        probabilities[index] = UInt16(probability - probability >> 5)
        return 1
    }

    private mutating func normalise(_ input: UnsafeRawBufferPointer) {
        range <<= 8
        guard position < input.count else {
            hasFailed = true
            return
        }
        code = code << 8 | UInt32(input[position])
        position += 1
    }

    private mutating func tree(_ base: Int, bits: Int, _ input: UnsafeRawBufferPointer) -> Int {
        var symbol = 1
        for _ in 0..<bits { symbol = symbol << 1 | bit(base + symbol, input) }
        return symbol - 1 << bits
    }

    private mutating func reverseTree(_ base: Int, bits: Int, _ input: UnsafeRawBufferPointer) -> Int {
        var (symbol, result) = (1, 0)
        for index in 0..<bits {
            let value = bit(base + symbol, input)
            symbol = symbol << 1 | value
            result |= value << index
        }
        return result
    }

    private mutating func length(_ base: Int, _ positionState: Int, _ input: UnsafeRawBufferPointer) -> Int {
        if bit(base, input) == 0 { return 2 + tree(base + 2 + positionState * 8, bits: 3, input) }
        if bit(base + 1, input) == 0 { return 10 + tree(base + 2 + 128 + positionState * 8, bits: 3, input) }
        return 18 + tree(base + 2 + 256, bits: 8, input)
    }

    private mutating func distance(_ length: Int, _ input: UnsafeRawBufferPointer) -> Int {
        let slot = tree(Self.slots + min(length - 2, 3) * 64, bits: 6, input)
        if slot < 4 { return slot }
        let bits = slot >> 1 - 1
        let base = (2 | slot & 1) << bits
        if slot < 14 { return base + reverseTree(Self.special + base - slot, bits: bits, input) }
        var direct = 0
        for _ in 0..<(bits - 4) {
            if range < 1 << 24 { normalise(input) }
            range >>= 1
            if code >= range {
                code -= range
                direct = direct << 1 | 1
            } else {
                direct <<= 1
            }
        }
        return base + direct << 4 + reverseTree(Self.align, bits: 4, input)
    }

    /// Decodes one chunk of `size` bytes; false at damage.
    mutating func decode(_ input: UnsafeRawBufferPointer, size: Int, into output: inout [UInt8], dictionaryStart: Int) -> Bool {
        guard input.count >= 5 else { return false }
        range = .max
        code = (1..<5).reduce(0) { $0 << 8 | UInt32(input[$1]) }
        position = 5
        hasFailed = false
        let end = output.count + size
        while output.count < end, !hasFailed {
            let offset = output.count - dictionaryStart
            let positionState = offset & positionMask
            if bit(Self.isMatch + state * 16 + positionState, input) == 0 {
                output.append(literal(output, offset, input))
                state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6
                continue
            }
            var count: Int
            if bit(Self.isRepeat + state, input) == 0 {
                count = length(Self.matchLength, positionState, input)
                let far = distance(count, input)
                distances = (far, distances.0, distances.1, distances.2)
                state = state < 7 ? 7 : 10
            } else {
                if bit(Self.isRepeat0 + state, input) == 0 {
                    if bit(Self.isRepeat0Long + state * 16 + positionState, input) == 0 {
                        state = state < 7 ? 9 : 11
                        guard distances.0 < offset else { return false }
                        output.append(output[output.count - 1 - distances.0])
                        continue
                    }
                } else if bit(Self.isRepeat1 + state, input) == 0 {
                    distances = (distances.1, distances.0, distances.2, distances.3)
                } else if bit(Self.isRepeat2 + state, input) == 0 {
                    distances = (distances.2, distances.0, distances.1, distances.3)
                } else {
                    distances = (distances.3, distances.0, distances.1, distances.2)
                }
                count = length(Self.repeatLength, positionState, input)
                state = state < 7 ? 8 : 11
            }
            count = min(count, end - output.count)
            guard distances.0 < offset else { return false }
            for _ in 0..<count { output.append(output[output.count - 1 - distances.0]) }
        }
        return !hasFailed
    }

    private mutating func literal(_ output: [UInt8], _ offset: Int, _ input: UnsafeRawBufferPointer) -> UInt8 {
        let previous = offset > 0 ? Int(output[output.count - 1]) : 0
        let context = (offset & (1 << literalPosition - 1)) << literalContext + previous >> (8 - literalContext)
        let base = Self.literals + 0x300 * context
        var symbol = 1
        if state >= 7, distances.0 < offset {
            var match = Int(output[output.count - 1 - distances.0])
            while symbol < 0x100 {
                let matchBit = match >> 7 & 1
                match <<= 1
                let value = bit(base + (1 + matchBit) << 8 + symbol, input)
                symbol = symbol << 1 | value
                if matchBit != value { break }
            }
        }
        while symbol < 0x100 { symbol = symbol << 1 | bit(base + symbol, input) }
        return UInt8(truncatingIfNeeded: symbol)
    }
}
