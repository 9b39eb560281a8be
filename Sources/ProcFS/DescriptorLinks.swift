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

extension HostSource {
    /// Calls `body` with every descriptor of many processes, and `end` after each with what went wrong.
    ///
    /// A descriptor that is closed meanwhile is left out; one whose link may not be read makes the end `denied`. Through the reader
    /// process (see `link`), in batches.
    /// - Parameter directories: `PID/fd` or `PID/task/TID/fd`, with what stands for each.
    public func forEachDescriptor<Item>(
        in directories: [(item: Item, path: String)], _ body: (Item, Int32, UnsafeRawBufferPointer) -> Void, end: (Item, ReadError?) -> Void
    ) {
        var large: [(item: Item, path: String)] = []
        func list(_ part: [(item: Item, path: String)], limit: Int, _ tooLarge: (((item: Item, path: String)) -> Void)?) {
            readMany(
                part, fill: { [.descriptors(path: root + "/" + $0.path, limit: limit)] },
                take: { entry, answers in
                    switch answers.first {
                    case .success(let bytes):
                        let isRefused = DescriptorLinks.forEach(in: bytes) { body(entry.item, $0, $1) }
                        end(entry.item, isRefused ? .denied(13) : nil)
                    case .failure(.failed(105)) where tooLarge != nil: tooLarge?(entry)  // ENOBUFS
                    case .failure(let error): end(entry.item, error)
                    case nil: end(entry.item, .gone)
                    }
                })
        }
        list(directories, limit: 16 << 10) { large.append($0) }
        // About a hundred thousand descriptors.
        list(large, limit: 10 << 20, nil)
    }
}
