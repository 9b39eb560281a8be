/// Reads fields off raw bytes without allocating. Every reader takes any bytes: a malformed field is nil, never a trap.
///
/// The cursor borrows its buffer; it must not outlive the closure that lent it.
public struct ByteCursor {
    public let bytes: UnsafeRawBufferPointer
    public private(set) var position: Int

    public init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0) {
        self.bytes = bytes
        self.position = min(max(position, 0), bytes.count)
    }

    public var isAtEnd: Bool { position >= bytes.count }
    public var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// Skips blanks and tabs, not newlines.
    public mutating func skipBlanks() {
        while let c = peek, c == 0x20 || c == 0x09 { position += 1 }
    }

    /// Steps over `byte` if it is next.
    public mutating func skip(_ byte: UInt8) -> Bool {
        guard peek == byte else { return false }
        position += 1
        return true
    }

    /// Unsigned digits in `base` (up to 16) after blanks. nil when there is no digit or the value passes 64 bits.
    public mutating func unsigned(base: UInt64 = 10) -> UInt64? {
        skipBlanks()
        if base == 16, position + 1 < bytes.count, bytes[position] == 0x30, bytes[position + 1] | 0x20 == 0x78 { position += 2 }
        var value: UInt64 = 0
        let start = position
        while let c = peek, let digit = Self.digit(c), digit < base {
            let (product, overflow) = value.multipliedReportingOverflow(by: base)
            let (sum, carry) = product.addingReportingOverflow(digit)
            if overflow || carry { return nil }
            value = sum
            position += 1
        }
        return position > start ? value : nil
    }

    /// A decimal number with an optional minus sign, after blanks.
    public mutating func signed() -> Int64? {
        skipBlanks()
        let negative = skip(0x2D)
        guard let magnitude = unsigned() else { return nil }
        if negative { return magnitude <= UInt64(Int64.max) ? -Int64(magnitude) : nil }
        return Int64(exactly: magnitude)
    }

    /// A decimal number that must fit 32 bits.
    public mutating func int32() -> Int32? { signed().flatMap { Int32(exactly: $0) } }

    /// Bytes up to the next blank or newline, after blanks. Empty at the end.
    public mutating func word() -> UnsafeRawBufferPointer {
        skipBlanks()
        let start = position
        while let c = peek, c != 0x20, c != 0x09, c != 0x0A { position += 1 }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<position])
    }

    /// Bytes up to `byte`, which is stepped over; nil, and nothing consumed, when it does not come.
    public mutating func until(_ byte: UInt8) -> UnsafeRawBufferPointer? {
        var end = position
        while end < bytes.count, bytes[end] != byte { end += 1 }
        guard end < bytes.count else { return nil }
        defer { position = end + 1 }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<end])
    }

    /// The next line without its newline; nil at the end.
    public mutating func line() -> UnsafeRawBufferPointer? {
        if isAtEnd { return nil }
        if let line = until(0x0A) { return line }
        defer { position = bytes.count }
        return UnsafeRawBufferPointer(rebasing: bytes[position...])
    }

    private static func digit(_ c: UInt8) -> UInt64? {
        switch c {
        case 0x30...0x39: UInt64(c - 0x30)
        case 0x61...0x66: UInt64(c - 0x61 + 10)
        case 0x41...0x46: UInt64(c - 0x41 + 10)
        default: nil
        }
    }
}

extension UnsafeRawBufferPointer {
    /// Whether the bytes begin with the ASCII text.
    func begins(with text: StaticString) -> Bool {
        count >= text.utf8CodeUnitCount && memoryEqual(self, text.utf8Start, text.utf8CodeUnitCount)
    }

    /// The bytes as text; invalid UTF-8 becomes U+FFFD.
    public var text: String { String(decoding: self, as: UTF8.self) }
}

private func memoryEqual(_ a: UnsafeRawBufferPointer, _ b: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    for i in 0..<count where a[i] != b[i] { return false }
    return true
}
