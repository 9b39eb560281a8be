/// The part that the functions of an object file share: a Common Information Entry. Source: DWARF 5 section 6.4.1; LSB Core,
/// "Exception Frames" for the `.eh_frame` form.
struct CommonEntry: Sendable {
    var codeAlignment: UInt64
    var dataAlignment: Int64
    var returnAddress: Int
    var pointerEncoding: UInt8
    var isSignalFrame: Bool
    var hasAugmentation: Bool
    var instructions: [UInt8]
}

/// Reads encoded pointers (`DW_EH_PE_*`). Addresses are as the file counts.
struct PointerReader {
    var wordSize: Int
    /// Address of the first byte of the buffer; nil where relative pointers make no sense.
    var sectionAddress: UInt64?
    /// Base of data-relative pointers: the address of `.eh_frame_hdr`.
    var dataAddress: UInt64?

    func rebased(_ address: UInt64?) -> PointerReader {
        PointerReader(wordSize: wordSize, sectionAddress: address, dataAddress: dataAddress)
    }

    /// nil for an omitted, indirect or unknown form, or past the end.
    func read(_ cursor: inout BinaryCursor, encoding: UInt8) -> UInt64? {
        guard encoding != 0xff, encoding & 0x80 == 0 else { return nil }
        let place = cursor.position
        var value: UInt64
        switch encoding & 0x0f {
        case 0x00: value = cursor.unsigned(size: wordSize)
        case 0x01: value = cursor.uleb()
        case 0x02: value = UInt64(cursor.u16())
        case 0x03: value = UInt64(cursor.u32())
        case 0x04: value = cursor.u64()
        case 0x09: value = UInt64(bitPattern: cursor.sleb())
        case 0x0a: value = UInt64(bitPattern: Int64(Int16(bitPattern: cursor.u16())))
        case 0x0b: value = UInt64(bitPattern: Int64(Int32(bitPattern: cursor.u32())))
        case 0x0c: value = cursor.u64()
        default: return nil
        }
        switch encoding & 0x70 {
        case 0x00: break
        case 0x10:
            guard let sectionAddress else { return nil }
            value = value &+ sectionAddress &+ UInt64(place)
        case 0x30:
            guard let dataAddress else { return nil }
            value = value &+ dataAddress
        default: return nil
        }
        if wordSize == 4 { value &= 0xFFFF_FFFF }
        return cursor.hasFailed ? nil : value
    }

    /// Steps over an encoded pointer of any form.
    func skip(_ cursor: inout BinaryCursor, encoding: UInt8) {
        switch encoding & 0x0f {
        case 0x00: cursor.skip(UInt64(wordSize))
        case 0x01, 0x09: _ = cursor.uleb()
        case 0x02, 0x0a: cursor.skip(2)
        case 0x03, 0x0b: cursor.skip(4)
        case 0x04, 0x0c: cursor.skip(8)
        default: cursor.fail()
        }
    }
}

/// One entry of `.eh_frame` or `.debug_frame`: which function it is for, and where its instructions are.
struct FrameEntry {
    var function: Range<UInt64>
    var common: Int
    var instructions: Range<Int>
    /// Where the next entry begins.
    var next: Int
}

/// `.eh_frame` or `.debug_frame` as bytes, and the address of the first.
struct FrameSection {
    let bytes: [UInt8]
    let address: UInt64
    let isDebugFrame: Bool
    let machine: Machine

    var pointer: PointerReader {
        PointerReader(wordSize: machine.wordSize, sectionAddress: isDebugFrame ? nil : address, dataAddress: nil)
    }

    enum Parsed {
        case function(FrameEntry)
        case common(next: Int)
        /// Four zero bytes end `.eh_frame`.
        case end
    }

    /// The entry at a position; nil when it is damaged.
    func entry(at position: Int, commonEntries: inout [Int: CommonEntry?]) -> Parsed? {
        bytes.withUnsafeBytes { raw -> Parsed? in
            guard position >= 0, position < raw.count else { return nil }
            var cursor = BinaryCursor(raw, at: position)
            var length = UInt64(cursor.u32())
            var isWide = false
            if length == 0xFFFF_FFFF {
                length = cursor.u64()
                isWide = true
            }
            if length == 0 { return .end }
            guard !cursor.hasFailed, length <= UInt64(cursor.remaining) else { return nil }
            let next = cursor.position + Int(length)
            let idAt = cursor.position
            let id = isWide && isDebugFrame ? cursor.u64() : UInt64(cursor.u32())
            let isCommon = isDebugFrame ? id == (isWide ? UInt64.max : 0xFFFF_FFFF) : id == 0
            if isCommon { return .common(next: next) }
            let commonAt = isDebugFrame ? Int(exactly: id) : id <= UInt64(idAt) ? idAt - Int(id) : nil
            guard let commonAt, let common = commonEntry(at: commonAt, &commonEntries) else { return nil }
            guard let start = pointer.read(&cursor, encoding: common.pointerEncoding),
                let size = pointer.read(&cursor, encoding: common.pointerEncoding & 0x0f)
            else { return nil }
            if common.hasAugmentation { cursor.skip(cursor.uleb()) }
            let (end, overflow) = start.addingReportingOverflow(size)
            guard !cursor.hasFailed, !overflow, cursor.position <= next else { return nil }
            return .function(FrameEntry(function: start..<end, common: commonAt, instructions: cursor.position..<next, next: next))
        }
    }

    func commonEntry(at position: Int, _ known: inout [Int: CommonEntry?]) -> CommonEntry? {
        if let common = known[position] { return common }
        let common = bytes.withUnsafeBytes { parseCommonEntry($0, at: position) }
        if known.count >= 4096 { known.removeAll() }
        known[position] = .some(common)
        return common
    }

    private func parseCommonEntry(_ raw: UnsafeRawBufferPointer, at position: Int) -> CommonEntry? {
        guard position >= 0, position < raw.count else { return nil }
        var cursor = BinaryCursor(raw, at: position)
        var length = UInt64(cursor.u32())
        let isWide = length == 0xFFFF_FFFF
        if isWide { length = cursor.u64() }
        guard !cursor.hasFailed, length > 0, length <= UInt64(cursor.remaining) else { return nil }
        let end = cursor.position + Int(length)
        let id = isWide && isDebugFrame ? cursor.u64() : UInt64(cursor.u32())
        guard isDebugFrame ? id == (isWide ? UInt64.max : 0xFFFF_FFFF) : id == 0 else { return nil }
        let version = cursor.u8()
        guard version == 1 || version == 3 || version == 4 else { return nil }
        let augmentation = Array(cursor.string().utf8.prefix(16))
        if version == 4 {
            guard cursor.u8() == UInt8(machine.wordSize), cursor.u8() == 0 else { return nil }
        }
        // "eh": a pointer of ancient compilers.
        if augmentation.starts(with: [0x65, 0x68]) { cursor.skip(UInt64(machine.wordSize)) }
        let code = cursor.uleb()
        let data = cursor.sleb()
        let returnAddress = version == 1 ? UInt64(cursor.u8()) : cursor.uleb()
        var encoding: UInt8 = 0
        var isSignalFrame = false
        let hasAugmentation = augmentation.first == 0x7A
        if hasAugmentation {
            let size = cursor.uleb()
            guard size <= UInt64(cursor.remaining) else { return nil }
            let instructionsAt = cursor.position + Int(size)
            letters: for letter in augmentation.dropFirst() {
                switch letter {
                case 0x52: encoding = cursor.u8()  // R
                case 0x50: pointer.skip(&cursor, encoding: cursor.u8())  // P
                case 0x4C: _ = cursor.u8()  // L
                case 0x53: isSignalFrame = true  // S
                case 0x42, 0x47: break  // B, G: AArch64 key B, memory tagging
                default: break letters
                }
            }
            cursor.position = instructionsAt
        } else if !augmentation.isEmpty, !augmentation.starts(with: [0x65, 0x68]) {
            return nil
        }
        guard !cursor.hasFailed, cursor.position <= end, end - cursor.position <= FrameProgram.lengthLimit,
            returnAddress < UInt64(machine.registerCount)
        else { return nil }
        return CommonEntry(
            codeAlignment: code, dataAlignment: data, returnAddress: Int(returnAddress), pointerEncoding: encoding,
            isSignalFrame: isSignalFrame, hasAugmentation: hasAugmentation, instructions: Array(raw[cursor.position..<end]))
    }
}
