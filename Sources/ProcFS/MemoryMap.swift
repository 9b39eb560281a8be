/// One line of `/proc/PID/maps`. Source: proc_pid_maps(5), fs/proc/task_mmu.c `show_map_vma`.
public struct MemoryMapping: Sendable, Hashable {
    public var start: UInt64
    public var end: UInt64
    public var isExecutable: Bool
    public var isWritable: Bool
    public var isShared: Bool
    /// Bytes from the start of the file.
    public var fileOffset: UInt64
    public var deviceMajor: UInt32
    public var deviceMinor: UInt32
    /// 0 for private anonymous memory.
    public var inode: UInt64
    /// Path or `[heap]`, `[stack]`; nil for anonymous memory. Newlines stand as `\012`.
    public var path: String?

    init?(_ line: UnsafeRawBufferPointer) {
        var cursor = ByteCursor(line)
        guard let start = cursor.unsigned(base: 16), cursor.skip(0x2D), let end = cursor.unsigned(base: 16), end > start else {
            return nil
        }
        self.start = start
        self.end = end
        let mode = cursor.word()
        guard mode.count >= 4 else { return nil }
        isWritable = mode[1] == 0x77
        isExecutable = mode[2] == 0x78
        isShared = mode[3] == 0x73
        guard let offset = cursor.unsigned(base: 16), let major = cursor.unsigned(base: 16), cursor.skip(0x3A),
            let minor = cursor.unsigned(base: 16), let inode = cursor.unsigned()
        else { return nil }
        fileOffset = offset
        deviceMajor = UInt32(truncatingIfNeeded: major)
        deviceMinor = UInt32(truncatingIfNeeded: minor)
        self.inode = inode
        cursor.skipBlanks()
        if !cursor.isAtEnd { path = UnsafeRawBufferPointer(rebasing: line[cursor.position...]).text }
    }

    /// All mappings, in order of address.
    public static func table(_ bytes: UnsafeRawBufferPointer) -> [MemoryMapping] {
        var cursor = ByteCursor(bytes)
        var mappings: [MemoryMapping] = []
        while let line = cursor.line() { if let mapping = MemoryMapping(line) { mappings.append(mapping) } }
        return mappings
    }
}

extension [MemoryMapping] {
    /// The mapping that holds `address`. O(log n).
    public func mapping(at address: UInt64) -> MemoryMapping? {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle].end <= address { low = middle + 1 } else { high = middle }
        }
        guard low < count, self[low].start <= address else { return nil }
        return self[low]
    }
}
