/// Finds the call frame information of an address: by the search table of `.eh_frame_hdr`, else by an index of all of
/// `.eh_frame`, else of `.debug_frame`. Addresses are as the file counts. Rows are kept: each address is decoded once.
final class FrameTable {
    private enum Index {
        /// Sorted pairs of 32-bit values: a function's first address and its entry's, both relative to `base`.
        case header(bytes: [UInt8], tableAt: Int, count: Int, base: UInt64)
        case sorted([(function: Range<UInt64>, position: Int)])
    }

    private let machine: Machine
    private var section: FrameSection?
    private var index: Index?
    private var debugSection: FrameSection?
    private var debugIndex: Index?
    private var commonEntries: [Int: CommonEntry?] = [:]
    private var debugCommonEntries: [Int: CommonEntry?] = [:]
    private var rows: [UInt64: FrameRow?] = [:]
    private let file: ElfFile
    private var hasLookedForDebug = false
    /// Bytes of instructions that still may be carried out: a hostile file must not make every address cost as much as the largest.
    private var budget = 64 << 20
    /// Functions that a linear index holds at most.
    private static let functionLimit = 1 << 20

    init(file: ElfFile) {
        self.file = file
        machine = file.machine
        loadExceptionFrames()
    }

    /// The row for an address; nil when nothing describes it.
    func row(at address: UInt64) -> FrameRow? {
        if let row = rows[address] { return row }
        var row: FrameRow?
        if let section, let index { row = find(address, section, index, &commonEntries) }
        if row == nil {
            loadDebugFrames()
            if let debugSection, let debugIndex { row = find(address, debugSection, debugIndex, &debugCommonEntries) }
        }
        rows[address] = .some(row)
        return row
    }

    private func find(_ address: UInt64, _ section: FrameSection, _ index: Index, _ common: inout [Int: CommonEntry?]) -> FrameRow? {
        guard let position = Self.position(of: address, index, sectionAddress: section.address),
            case .function(let entry)? = section.entry(at: position, commonEntries: &common), entry.function.contains(address), budget > 0,
            let shared = section.commonEntry(at: entry.common, &common)
        else { return nil }
        budget -= entry.instructions.count + shared.instructions.count
        return section.bytes.withUnsafeBytes { raw in
            let instructions = UnsafeRawBufferPointer(rebasing: raw[entry.instructions])
            return FrameProgram.row(
                at: address, function: entry.function, common: shared, instructions: instructions, machine: machine,
                pointer: section.pointer.rebased(section.isDebugFrame ? nil : section.address &+ UInt64(entry.instructions.lowerBound)))
        }
    }

    private static func position(of address: UInt64, _ index: Index, sectionAddress: UInt64) -> Int? {
        switch index {
        case .header(let bytes, let tableAt, let count, let base):
            return bytes.withUnsafeBytes { raw -> Int? in
                func value(_ at: Int) -> UInt64 { base &+ UInt64(bitPattern: Int64(raw.loadUnaligned(fromByteOffset: at, as: Int32.self))) }
                var low = 0
                var high = count
                while low < high {
                    let middle = (low + high) / 2
                    if value(tableAt + middle * 8) <= address { low = middle + 1 } else { high = middle }
                }
                guard low > 0 else { return nil }
                let entry = value(tableAt + (low - 1) * 8 + 4)
                return entry >= sectionAddress ? Int(exactly: entry - sectionAddress) : nil
            }
        case .sorted(let functions):
            var low = 0
            var high = functions.count
            while low < high {
                let middle = (low + high) / 2
                if functions[middle].function.lowerBound <= address { low = middle + 1 } else { high = middle }
            }
            guard low > 0, functions[low - 1].function.contains(address) else { return nil }
            return functions[low - 1].position
        }
    }

    // MARK: Loading

    private func loadExceptionFrames() {
        let named = file.section(".eh_frame")
        // PT_GNU_EH_FRAME
        if let header = file.layout.segments.first(where: { $0.type == 0x6474_e550 }), header.fileSize >= 12,
            let bytes = file.segmentBytes(from: header.address), let parsed = parseHeader(bytes, address: header.address)
        {
            let contents: [UInt8]?
            if let named, named.address == parsed.frames {
                contents = file.contents(named)
            } else {
                contents = file.segmentBytes(from: parsed.frames)
            }
            if let contents {
                section = FrameSection(bytes: contents, address: parsed.frames, isDebugFrame: false, machine: machine)
                index = parsed.index ?? section.map { linearIndex($0, &commonEntries) }
                return
            }
        }
        if let named, let contents = file.contents(named) {
            let all = FrameSection(bytes: contents, address: named.address, isDebugFrame: false, machine: machine)
            section = all
            index = linearIndex(all, &commonEntries)
        }
    }

    private func loadDebugFrames() {
        guard !hasLookedForDebug else { return }
        hasLookedForDebug = true
        guard let contents = file.contents(".debug_frame") else { return }
        let all = FrameSection(bytes: contents, address: 0, isDebugFrame: true, machine: machine)
        debugSection = all
        debugIndex = linearIndex(all, &debugCommonEntries)
    }

    /// Where `.eh_frame` is, and the search table if it has the usual form. Source: LSB Core, ".eh_frame_hdr".
    private func parseHeader(_ bytes: [UInt8], address: UInt64) -> (frames: UInt64, index: Index?)? {
        bytes.withUnsafeBytes { raw -> (frames: UInt64, index: Index?)? in
            var cursor = BinaryCursor(raw)
            guard cursor.u8() == 1 else { return nil }
            let frameEncoding = cursor.u8()
            let countEncoding = cursor.u8()
            let tableEncoding = cursor.u8()
            let pointer = PointerReader(wordSize: machine.wordSize, sectionAddress: address, dataAddress: address)
            guard let frames = pointer.read(&cursor, encoding: frameEncoding) else { return nil }
            guard tableEncoding == 0x3b, let count = pointer.read(&cursor, encoding: countEncoding), count > 0,
                count <= UInt64(cursor.remaining / 8)
            else { return (frames, nil) }
            let end = cursor.position + Int(count) * 8
            return (frames, .header(bytes: Array(raw[..<end]), tableAt: cursor.position, count: Int(count), base: address))
        }
    }

    private func linearIndex(_ section: FrameSection, _ common: inout [Int: CommonEntry?]) -> Index {
        var functions: [(function: Range<UInt64>, position: Int)] = []
        var position = 0
        while functions.count < Self.functionLimit, let entry = section.entry(at: position, commonEntries: &common) {
            switch entry {
            case .function(let function):
                if !function.function.isEmpty { functions.append((function.function, position)) }
                position = function.next
            case .common(let next): position = next
            // Some linkers leave an end mark between the parts of object files.
            case .end: position += 4
            }
        }
        functions.sort { $0.function.lowerBound < $1.function.lowerBound }
        return .sorted(functions)
    }
}
