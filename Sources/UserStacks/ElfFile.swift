/// What an ELF file says of itself: segments and sections. Source: System V gABI chapters 4 and 5.
struct ElfLayout: Sendable {
    struct Segment: Sendable {
        var type: UInt32
        var isExecutable: Bool
        var offset: UInt64
        var address: UInt64
        var fileSize: UInt64
    }

    struct Section: Sendable {
        var name: String
        var type: UInt32
        var flags: UInt64
        var address: UInt64
        var offset: UInt64
        var size: UInt64
        var link: UInt32
        /// SHF_COMPRESSED.
        var isCompressed: Bool { flags & 0x800 != 0 }
        /// SHT_NOBITS: it has a size, but no bytes.
        var isEmpty: Bool { type == 8 || size == 0 }
    }

    var machine: Machine
    var is64: Bool
    var segments: [Segment] = []
    var sections: [Section] = []

    static let maximumSegments = 512
    static let maximumSections = 1 << 16
}

/// An ELF file of any origin, read piece by piece. Every size that it claims is held against a limit, and a piece that is not
/// there is nil.
final class ElfFile {
    /// Bytes at a file offset; fewer at the end of the file, nil when it cannot be read.
    typealias Reader = (_ offset: UInt64, _ count: Int) -> [UInt8]?

    let layout: ElfLayout
    private let read: Reader
    private var pages: [UInt64: [UInt8]] = [:]
    private static let pageSize: UInt64 = 4096
    private static let keptPages = 4096
    /// Largest section that is read whole.
    static let sectionLimit: UInt64 = 64 << 20

    var machine: Machine { layout.machine }

    /// nil when it is no ELF file of a known machine.
    init?(_ read: @escaping Reader) {
        guard let head = read(0, 4096), let layout = Self.layout(head, read) else { return nil }
        self.layout = layout
        self.read = read
    }

    func section(_ name: String) -> ElfLayout.Section? { layout.sections.first { $0.name == name && !$0.isEmpty } }

    /// The bytes of a section, inflated when they are compressed; nil when it is missing, too large or damaged.
    func contents(_ section: ElfLayout.Section?) -> [UInt8]? {
        guard let section, !section.isEmpty, section.size <= Self.sectionLimit else { return nil }
        guard let bytes = read(section.offset, Int(section.size)), UInt64(bytes.count) == section.size else { return nil }
        return section.isCompressed ? Compression.section(bytes, is64: layout.is64, limit: Int(Self.sectionLimit)) : bytes
    }

    func contents(_ name: String) -> [UInt8]? { contents(section(name)) }

    /// From `address` (as the file counts) to the end of what the segment has in the file.
    func segmentBytes(from address: UInt64) -> [UInt8]? {
        guard let (offset, left) = place(of: address) else { return nil }
        return read(offset, Int(min(left, Self.sectionLimit)))
    }

    /// Up to `count` bytes (at most a page) at an address, from pages that are kept.
    func bytes(at address: UInt64, count: Int) -> [UInt8] {
        guard let (offset, left) = place(of: address) else { return [] }
        var result: [UInt8] = []
        result.reserveCapacity(count)
        var at = offset
        let end = offset + min(UInt64(max(0, count)), left, Self.pageSize)
        while at < end {
            guard let page = page(at / Self.pageSize) else { break }
            let from = Int(at % Self.pageSize)
            let to = min(page.count, from + Int(end - at))
            guard from < to else { break }
            result.append(contentsOf: page[from..<to])
            at += UInt64(to - from)
        }
        return result
    }

    private func page(_ number: UInt64) -> [UInt8]? {
        if let page = pages[number] { return page }
        guard let page = read(number * Self.pageSize, Int(Self.pageSize)) else { return nil }
        if pages.count >= Self.keptPages { pages.removeAll(keepingCapacity: true) }
        pages[number] = page
        return page
    }

    /// The file offset of an address, and how many bytes of the segment follow it in the file.
    private func place(of address: UInt64) -> (offset: UInt64, left: UInt64)? {
        for segment in layout.segments where segment.type == 1 && address >= segment.address {
            let into = address - segment.address
            guard into < segment.fileSize else { continue }
            let (offset, overflow) = segment.offset.addingReportingOverflow(into)
            return overflow || offset > 1 << 62 ? nil : (offset, segment.fileSize - into)
        }
        return nil
    }

    /// The address (as the file counts) of the byte at a file offset that is mapped executable. The kernel maps whole pages, so
    /// two segments may share one: the executable segment is the one meant.
    func codeAddress(ofOffset offset: UInt64) -> UInt64? {
        let loadable = layout.segments.filter { $0.type == 1 }
        for segment in loadable.filter(\.isExecutable) + loadable {
            let slack = segment.offset % Self.pageSize
            let start = segment.offset - slack
            guard offset >= start, segment.address >= slack, offset - start < segment.fileSize + slack + Self.pageSize else { continue }
            return segment.address - slack + (offset - start)
        }
        return nil
    }

    // MARK: Notes

    /// NT_GNU_BUILD_ID; empty when there is none.
    lazy var buildID: [UInt8] = {
        for segment in layout.segments where segment.type == 4 && segment.fileSize <= 1 << 16 {
            if let bytes = read(segment.offset, Int(segment.fileSize)), let id = Self.buildID(inNotes: bytes) { return id }
        }
        for section in layout.sections where section.type == 7 && section.size <= 1 << 16 {
            if let bytes = contents(section), let id = Self.buildID(inNotes: bytes) { return id }
        }
        return []
    }()

    /// Where that note lies in memory, to compare a running program with a file.
    var noteSegments: [ElfLayout.Segment] { layout.segments.filter { $0.type == 4 && $0.fileSize <= 1 << 16 } }

    static func buildID(inNotes bytes: [UInt8]) -> [UInt8]? {
        bytes.withUnsafeBytes { raw in
            var cursor = BinaryCursor(raw)
            while cursor.remaining >= 12 {
                let nameSize = UInt64(cursor.u32())
                let size = UInt64(cursor.u32())
                let type = cursor.u32()
                let name = cursor.slice((nameSize + 3) & ~3)
                let description = cursor.slice((size + 3) & ~3)
                if cursor.hasFailed { return nil }
                if type == 3, name.starts(with: [0x47, 0x4E, 0x55, 0]), size > 0, size <= 64 {
                    return Array(description.prefix(Int(size)))
                }
            }
            return nil
        }
    }

    // MARK: Headers

    private static func layout(_ head: [UInt8], _ read: Reader) -> ElfLayout? {
        guard head.count >= 52, head.starts(with: [0x7F, 0x45, 0x4C, 0x46]), head[4] == 1 || head[4] == 2, head[5] == 1 else { return nil }
        let is64 = head[4] == 2
        return head.withUnsafeBytes { raw -> ElfLayout? in
            var cursor = BinaryCursor(raw, at: 18)
            guard let machine = Machine(elf: cursor.u16()) else { return nil }
            let word = is64 ? 8 : 4
            cursor.position = 24 + word
            let segmentsAt = cursor.unsigned(size: word)
            let sectionsAt = cursor.unsigned(size: word)
            cursor.position += 6
            let segmentSize = cursor.u16()
            let segmentCount = cursor.u16()
            let sectionSize = cursor.u16()
            let sectionCount = cursor.u16()
            let namesIndex = cursor.u16()
            guard !cursor.hasFailed else { return nil }
            var layout = ElfLayout(machine: machine, is64: is64)
            layout.segments = segments(
                table(at: segmentsAt, count: Int(segmentCount), entry: Int(segmentSize), limit: ElfLayout.maximumSegments, head, read),
                entry: Int(segmentSize), is64: is64)
            layout.sections = sections(
                at: sectionsAt, count: Int(sectionCount), entry: Int(sectionSize), names: Int(namesIndex), is64: is64, head, read)
            return layout
        }
    }

    private static func table(at offset: UInt64, count: Int, entry: Int, limit: Int, _ head: [UInt8], _ read: Reader) -> [UInt8] {
        guard offset > 0, offset < 1 << 62, count > 0, entry > 0 else { return [] }
        let size = min(count, limit) * entry
        if offset + UInt64(size) <= UInt64(head.count) { return Array(head[Int(offset)..<Int(offset) + size]) }
        return read(offset, size) ?? []
    }

    private static func segments(_ table: [UInt8], entry: Int, is64: Bool) -> [ElfLayout.Segment] {
        guard entry >= (is64 ? 56 : 32) else { return [] }
        return table.withUnsafeBytes { raw in
            var segments: [ElfLayout.Segment] = []
            var at = 0
            while at + entry <= raw.count {
                var cursor = BinaryCursor(raw, at: at)
                let type = cursor.u32()
                var flags: UInt32 = is64 ? cursor.u32() : 0
                let word = is64 ? 8 : 4
                let offset = cursor.unsigned(size: word)
                let address = cursor.unsigned(size: word)
                _ = cursor.unsigned(size: word)
                let fileSize = cursor.unsigned(size: word)
                _ = cursor.unsigned(size: word)
                if !is64 { flags = cursor.u32() }
                if !cursor.hasFailed, offset < 1 << 62, fileSize < 1 << 62, address < UInt64.max - fileSize - 8192 {
                    segments.append(
                        ElfLayout.Segment(type: type, isExecutable: flags & 1 != 0, offset: offset, address: address, fileSize: fileSize))
                }
                at += entry
            }
            return segments
        }
    }

    private static func sections(
        at offset: UInt64, count: Int, entry: Int, names: Int, is64: Bool, _ head: [UInt8], _ read: Reader
    ) -> [ElfLayout.Section] {
        guard entry >= (is64 ? 64 : 40) else { return [] }
        var (count, names) = (count, names)
        if count == 0 || names == 0xFFFF {
            // More than 16 bits hold: the first section has the numbers in its size and link.
            let first = table(at: offset, count: 1, entry: entry, limit: 1, head, read)
            guard let section = parse(first, entry: entry, is64: is64).first else { return [] }
            if count == 0 { count = Int(min(section.section.size, UInt64(ElfLayout.maximumSections))) }
            if names == 0xFFFF { names = Int(section.section.link) }
        }
        let headers = table(at: offset, count: count, entry: entry, limit: ElfLayout.maximumSections, head, read)
        var parsed = parse(headers, entry: entry, is64: is64)
        guard names < parsed.count, parsed[names].section.size <= 16 << 20, parsed[names].section.offset < 1 << 62,
            let text = read(parsed[names].section.offset, Int(parsed[names].section.size))
        else { return [] }
        text.withUnsafeBytes { raw in
            for index in parsed.indices {
                let start = Int(parsed[index].name)
                // No section of interest has a long name.
                var end = start
                while end < raw.count, end - start < 64, raw[end] != 0 { end += 1 }
                if end < raw.count, start < end, raw[end] == 0 {
                    parsed[index].section.name = String(decoding: raw[start..<end], as: UTF8.self)
                }
            }
        }
        return parsed.map(\.section)
    }

    private static func parse(_ table: [UInt8], entry: Int, is64: Bool) -> [(name: UInt32, section: ElfLayout.Section)] {
        table.withUnsafeBytes { raw in
            var sections: [(name: UInt32, section: ElfLayout.Section)] = []
            sections.reserveCapacity(raw.count / max(1, entry))
            var at = 0
            let word = is64 ? 8 : 4
            while at + entry <= raw.count {
                var cursor = BinaryCursor(raw, at: at)
                let name = cursor.u32()
                let type = cursor.u32()
                let flags = cursor.unsigned(size: word)
                let address = cursor.unsigned(size: word)
                let offset = cursor.unsigned(size: word)
                let size = cursor.unsigned(size: word)
                let link = cursor.u32()
                let usable = offset < 1 << 62 && size < 1 << 62 && address < 1 << 63
                sections.append(
                    (
                        name,
                        ElfLayout.Section(
                            name: "", type: usable ? type : 8, flags: flags, address: address, offset: offset, size: usable ? size : 0,
                            link: link)
                    ))
                at += entry
            }
            return sections
        }
    }
}
