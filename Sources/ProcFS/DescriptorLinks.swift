/// The links of one process's descriptors, as the reader process packs them: {i32 number, i32 length or -1, bytes, up to a multiple of 4}.
struct DescriptorLinks {
    /// Calls `body` with each descriptor and its link's text. Returns whether some link may not be read.
    static func forEach(in bytes: UnsafeRawBufferPointer, _ body: (Int32, UnsafeRawBufferPointer) -> Void) -> Bool {
        var at = 0
        var isRefused = false
        while at + 8 <= bytes.count {
            let number = bytes.loadUnaligned(fromByteOffset: at, as: Int32.self)
            let length = Int(bytes.loadUnaligned(fromByteOffset: at + 4, as: Int32.self))
            at += 8
            guard length >= 0 else {
                isRefused = true
                continue
            }
            guard at + length <= bytes.count else { break }
            body(number, UnsafeRawBufferPointer(rebasing: bytes[at..<at + length]))
            at += (length + 3) / 4 * 4
        }
        return isRefused
    }
}
