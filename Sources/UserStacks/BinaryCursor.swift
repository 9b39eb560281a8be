/// Reads little-endian fields off untrusted bytes. A read past the end gives 0 and sets `hasFailed`, so that a run of fields
/// needs one check at its end.
///
/// The cursor borrows its buffer; it must not outlive the closure that lent it.
struct BinaryCursor {
    let bytes: UnsafeRawBufferPointer
    var position: Int
    private(set) var hasFailed = false

    init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0) {
        self.bytes = bytes
        self.position = max(0, position)
        if position < 0 || position > bytes.count { fail() }
    }

    var isAtEnd: Bool { position >= bytes.count }
    var remaining: Int { max(0, bytes.count - position) }

    mutating func fail() {
        hasFailed = true
        position = bytes.count
    }

    @inline(__always)
    private mutating func load<T: FixedWidthInteger>(_ type: T.Type) -> T {
        let size = MemoryLayout<T>.size
        guard position <= bytes.count - size else {
            fail()
            return 0
        }
        defer { position += size }
        return T(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: T.self))
    }

    mutating func u8() -> UInt8 { load(UInt8.self) }
    mutating func u16() -> UInt16 { load(UInt16.self) }
    mutating func u32() -> UInt32 { load(UInt32.self) }
    mutating func u64() -> UInt64 { load(UInt64.self) }

    /// An unsigned number of 1, 2, 4 or 8 bytes.
    mutating func unsigned(size: Int) -> UInt64 {
        switch size {
        case 1: return UInt64(u8())
        case 2: return UInt64(u16())
        case 4: return UInt64(u32())
        case 8: return u64()
        default:
            fail()
            return 0
        }
    }

    /// Unsigned LEB128; bits past 64 are dropped.
    mutating func uleb() -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            guard position < bytes.count else {
                fail()
                return 0
            }
            let byte = bytes[position]
            position += 1
            if shift < 64 { value |= UInt64(byte & 0x7f) << shift }
            shift += 7
            if byte & 0x80 == 0 { return value }
        }
    }

    /// Signed LEB128.
    mutating func sleb() -> Int64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            guard position < bytes.count else {
                fail()
                return 0
            }
            let byte = bytes[position]
            position += 1
            if shift < 64 { value |= UInt64(byte & 0x7f) << shift }
            shift += 7
            if byte & 0x80 == 0 {
                if shift < 64, byte & 0x40 != 0 { value |= ~UInt64(0) << shift }
                return Int64(bitPattern: value)
            }
        }
    }

    mutating func skip(_ count: UInt64) {
        guard count <= UInt64(remaining) else { return fail() }
        position += Int(count)
    }

    /// Text up to a zero byte, which is stepped over.
    mutating func string() -> String {
        let start = position
        while position < bytes.count, bytes[position] != 0 { position += 1 }
        guard position < bytes.count else {
            fail()
            return ""
        }
        defer { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    /// The next `count` bytes as a buffer of their own.
    mutating func slice(_ count: UInt64) -> UnsafeRawBufferPointer {
        guard count <= UInt64(remaining) else {
            fail()
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        defer { position += Int(count) }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + Int(count)])
    }
}
