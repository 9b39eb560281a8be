/// The framing of netlink answers. Source: netlink(7). Sizes grow with kernels, so all lengths are minima.
enum NetlinkMessages {
    /// Calls `body` with each message's payload. Returns whether the dump is at its end, or broke off with an error.
    static func forEach(in bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
        var offset = 0
        while offset + 16 <= bytes.count {
            let length = Int(bytes.load32(at: offset))
            guard length >= 16, offset + length <= bytes.count else { return true }
            let type = UInt16(bytes[offset + 4]) | UInt16(bytes[offset + 5]) << 8
            if type == 2 || type == 3 { return true }  // NLMSG_ERROR, NLMSG_DONE
            body(UnsafeRawBufferPointer(rebasing: bytes[offset + 16..<offset + length]))
            offset += (length + 3) & ~3
        }
        return false
    }

    /// Calls `body` with the type and value of each attribute.
    static func forEachAttribute(in bytes: UnsafeRawBufferPointer, _ body: (UInt16, UnsafeRawBufferPointer) -> Void) {
        var offset = 0
        while offset + 4 <= bytes.count {
            let length = Int(UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8)
            guard length >= 4, offset + length <= bytes.count else { return }
            let type = (UInt16(bytes[offset + 2]) | UInt16(bytes[offset + 3]) << 8) & 0x3FFF
            body(type, UnsafeRawBufferPointer(rebasing: bytes[offset + 4..<offset + length]))
            offset += (length + 3) & ~3
        }
    }
}

extension UnsafeRawBufferPointer {
    /// A 32-bit number in the machine's order (netlink's). The caller has checked the bounds.
    public func load32(at offset: Int) -> UInt32 { loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
    public func load64(at offset: Int) -> UInt64 { loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
}
