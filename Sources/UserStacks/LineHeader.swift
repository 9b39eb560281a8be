/// The header of one unit's line program. File names stay in the section until one is asked for.
struct LineHeader {
    var version: UInt16
    var isWide: Bool
    var wordSize: Int
    var instructionLength: UInt8
    var lineBase: Int8
    var lineRange: UInt8
    var operationBase: UInt8
    /// Operands of each standard operation.
    var operandCounts: [UInt8]
    /// Where the directory table begins.
    var tables: Int
    var program: Range<Int>

    private static let entryLimit: UInt64 = 1 << 17

    /// The header at a position and where the next unit begins; a header of nil is one of another version. nil at damage.
    static func parse(_ raw: UnsafeRawBufferPointer, at position: Int, wordSize: Int) -> (header: LineHeader?, next: Int)? {
        var cursor = BinaryCursor(raw, at: position)
        var length = UInt64(cursor.u32())
        let isWide = length == 0xFFFF_FFFF
        if isWide { length = cursor.u64() }
        guard !cursor.hasFailed, length > 0, length <= UInt64(cursor.remaining) else { return nil }
        let next = cursor.position + Int(length)
        let version = cursor.u16()
        guard version >= 2, version <= 5 else { return (nil, next) }
        if version == 5 { cursor.skip(2) }
        let headerLength = cursor.unsigned(size: isWide ? 8 : 4)
        guard !cursor.hasFailed, headerLength <= UInt64(cursor.remaining), cursor.position + Int(headerLength) <= next else {
            return (nil, next)
        }
        let programStart = cursor.position + Int(headerLength)
        let instructionLength = cursor.u8()
        if version >= 4 { cursor.skip(1) }
        cursor.skip(1)
        let lineBase = Int8(bitPattern: cursor.u8())
        let lineRange = cursor.u8()
        let operationBase = cursor.u8()
        guard !cursor.hasFailed, lineRange > 0, operationBase > 0 else { return (nil, next) }
        let operandCounts = Array(cursor.slice(UInt64(operationBase - 1)))
        guard !cursor.hasFailed else { return (nil, next) }
        return (
            LineHeader(
                version: version, isWide: isWide, wordSize: wordSize, instructionLength: instructionLength, lineBase: lineBase,
                lineRange: lineRange, operationBase: operationBase, operandCounts: operandCounts, tables: cursor.position,
                program: programStart..<next), next
        )
    }

    /// The path of a file by its number: its directory, when it is not absolute, and its name.
    func path(
        of file: UInt64, _ raw: UnsafeRawBufferPointer, lineStrings: UnsafeRawBufferPointer, strings: UnsafeRawBufferPointer
    ) -> String? {
        var cursor = BinaryCursor(UnsafeRawBufferPointer(rebasing: raw[..<program.lowerBound]), at: tables)
        return version == 5 ? modernPath(file, &cursor, lineStrings, strings) : oldPath(file, &cursor)
    }

    private func join(_ directory: String?, _ name: String) -> String {
        guard let directory, !directory.isEmpty, !name.hasPrefix("/") else { return name }
        return directory.hasSuffix("/") ? directory + name : directory + "/" + name
    }

    private func oldPath(_ file: UInt64, _ cursor: inout BinaryCursor) -> String? {
        // The first directory is the compilation's own, which only .debug_info names.
        var directories: [String] = [""]
        while directories.count < Int(Self.entryLimit) {
            let directory = cursor.string()
            if cursor.hasFailed { return nil }
            if directory.isEmpty { break }
            directories.append(directory)
        }
        guard file > 0, file < Self.entryLimit else { return nil }
        for number in 1...file {
            let name = cursor.string()
            let directory = cursor.uleb()
            _ = cursor.uleb()
            _ = cursor.uleb()
            if cursor.hasFailed || name.isEmpty { return nil }
            if number == file { return join(directory < UInt64(directories.count) ? directories[Int(directory)] : nil, name) }
        }
        return nil
    }

    private func modernPath(
        _ file: UInt64, _ cursor: inout BinaryCursor, _ lineStrings: UnsafeRawBufferPointer, _ strings: UnsafeRawBufferPointer
    ) -> String? {
        let directoryFormat = format(&cursor)
        let directoryCount = min(cursor.uleb(), Self.entryLimit)
        let directoriesAt = cursor.position
        for _ in 0..<directoryCount {
            _ = entry(directoryFormat, &cursor, lineStrings, strings, wanted: false)
            if cursor.hasFailed { return nil }
        }
        let fileFormat = format(&cursor)
        let fileCount = cursor.uleb()
        guard file < fileCount, file < Self.entryLimit else { return nil }
        for _ in 0..<file {
            _ = entry(fileFormat, &cursor, lineStrings, strings, wanted: false)
            if cursor.hasFailed { return nil }
        }
        let found = entry(fileFormat, &cursor, lineStrings, strings, wanted: true)
        guard !cursor.hasFailed, let name = found.name else { return nil }
        guard found.directory < directoryCount else { return name }
        cursor.position = directoriesAt
        for _ in 0..<found.directory { _ = entry(directoryFormat, &cursor, lineStrings, strings, wanted: false) }
        return join(entry(directoryFormat, &cursor, lineStrings, strings, wanted: true).name, name)
    }

    private func format(_ cursor: inout BinaryCursor) -> [(content: UInt64, form: UInt64)] {
        (0..<cursor.u8()).map { _ in (cursor.uleb(), cursor.uleb()) }
    }

    /// One directory or file by its format. `wanted` false only steps over it.
    private func entry(
        _ format: [(content: UInt64, form: UInt64)], _ cursor: inout BinaryCursor, _ lineStrings: UnsafeRawBufferPointer,
        _ strings: UnsafeRawBufferPointer, wanted: Bool
    ) -> (name: String?, directory: UInt64) {
        var name: String?
        var directory: UInt64 = 0
        // Without a field an entry would take no bytes, and a large count much time.
        if format.isEmpty { cursor.fail() }
        for (content, form) in format {
            var number: UInt64 = 0
            switch form {
            case 0x08:
                let text = cursor.string()
                if wanted, content == 1 { name = text }
                continue
            case 0x0e, 0x1f:
                let offset = cursor.unsigned(size: isWide ? 8 : 4)
                if wanted, content == 1, let at = Int(exactly: offset) {
                    var text = BinaryCursor(form == 0x1f ? lineStrings : strings, at: at)
                    let value = text.string()
                    if !text.hasFailed { name = value }
                }
                continue
            case 0x0b: number = UInt64(cursor.u8())
            case 0x05: number = UInt64(cursor.u16())
            case 0x06: number = UInt64(cursor.u32())
            case 0x07: number = cursor.u64()
            case 0x0f: number = cursor.uleb()
            case 0x1e: cursor.skip(16)
            case 0x09: cursor.skip(cursor.uleb())
            default: cursor.fail()
            }
            if content == 2 { directory = number }
        }
        return (name, directory)
    }
}
