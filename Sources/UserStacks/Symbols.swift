/// The functions of one symbol table, sorted by address.
struct SymbolTable: Sendable {
    struct Entry: Sendable {
        var start: UInt64
        var size: UInt64
        var name: UInt32
        /// Which of several names of one address is taken: the largest.
        var rank: UInt8
    }

    private let entries: [Entry]
    private let names: [UInt8]
    private static let nameLimit = 4096

    /// - Parameters:
    ///   - table: the bytes of `.symtab` or `.dynsym`.
    ///   - names: those of the string table that it links to.
    init(table: [UInt8], names: [UInt8], is64: Bool, machine: Machine) {
        var entries: [Entry] = []
        let size = is64 ? 24 : 16
        table.withUnsafeBytes { raw in
            entries.reserveCapacity(raw.count / size / 2)
            for at in stride(from: 0, through: raw.count - size, by: size) {
                let (info, section): (UInt8, UInt16)
                let (start, length): (UInt64, UInt64)
                let name = raw.loadUnaligned(fromByteOffset: at, as: UInt32.self)
                if is64 {
                    info = raw[at + 4]
                    section = raw.loadUnaligned(fromByteOffset: at + 6, as: UInt16.self)
                    start = raw.loadUnaligned(fromByteOffset: at + 8, as: UInt64.self)
                    length = raw.loadUnaligned(fromByteOffset: at + 16, as: UInt64.self)
                } else {
                    start = UInt64(raw.loadUnaligned(fromByteOffset: at + 4, as: UInt32.self))
                    length = UInt64(raw.loadUnaligned(fromByteOffset: at + 8, as: UInt32.self))
                    info = raw[at + 12]
                    section = raw.loadUnaligned(fromByteOffset: at + 14, as: UInt16.self)
                }
                let type = info & 0xF
                let binding = info >> 4
                // Functions, and global labels of assembly code; defined, and not absolute.
                let isCode = type == 2 || type == 10 || (type == 0 && (binding != 0 || length > 0))
                guard isCode, section != 0, section < 0xFF00, start != 0 else { continue }
                entries.append(Entry(start: start, size: length, name: name, rank: type == 0 ? 0 : binding == 1 ? 3 : binding == 2 ? 2 : 1))
            }
        }
        entries.sort { $0.start != $1.start ? $0.start < $1.start : $0.size < $1.size }
        self.entries = entries
        self.names = names
    }

    /// The function that covers an address. A symbol without a size is taken only when frame information has a function that
    /// begins there, or no other symbol could be meant.
    func symbol(at address: UInt64, functionStart: UInt64?) -> (name: String, start: UInt64)? {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].start <= address { low = middle + 1 } else { high = middle }
        }
        var best: (entry: Entry, name: String)?
        var index = low - 1
        var looked = 0
        while index >= 0, looked < 64 {
            let entry = entries[index]
            if let best, best.entry.start != entry.start { break }
            let covers = entry.size > 0 ? address - entry.start < entry.size : entry.start == functionStart || entry.start == address
            if covers, let name = name(at: entry.name) {
                let isBetter = best.map { Self.isBetter(name, entry.rank, than: $0.name, $0.entry.rank) } ?? true
                if isBetter { best = (entry, name) }
            }
            index -= 1
            looked += 1
        }
        return best.map { ($0.name, $0.entry.start) }
    }

    /// Of two names of one function the one that people write: `poll`, not `__GI___poll`.
    private static func isBetter(_ name: String, _ rank: UInt8, than other: String, _ otherRank: UInt8) -> Bool {
        let (a, b) = (name.utf8.prefix { $0 == 0x5F }.count, other.utf8.prefix { $0 == 0x5F }.count)
        if a != b { return a < b }
        if rank != otherRank { return rank > otherRank }
        return name.utf8.count != other.utf8.count ? name.utf8.count < other.utf8.count : name < other
    }

    /// nil for an empty name and for the marks of assemblers (`$x`). A version (`@GLIBC_2.34`) is left out.
    private func name(at offset: UInt32) -> String? {
        let start = Int(offset)
        guard start < names.count, names[start] != 0 else { return nil }
        if names[start] == 0x24, start + 1 >= names.count || names[start + 1] != 0x73 { return nil }
        var end = start
        while end < names.count, end - start < Self.nameLimit, names[end] != 0 {
            if names[end] == 0x40, end > start { break }
            end += 1
        }
        return String(decoding: names[start..<end], as: UTF8.self)
    }
}

/// The symbols of a module, from wherever they are, cheapest first: each source is read when the ones before it do not know.
final class Symbols {
    private var tables: [SymbolTable] = []
    private var sources: [() -> SymbolTable?] = []
    private let goFunctions: () -> GoFunctions?
    private var known: [UInt64: (name: String, start: UInt64)?] = [:]

    init(file: ElfFile, openDebugFile: @escaping () -> ElfFile?) {
        goFunctions = { file.goFunctions }
        sources = [
            { Self.table(file, type: 2) }, { Self.table(file, type: 11) },
            { openDebugFile().flatMap { Self.table($0, type: 2) } },
            { MiniDebugInfo.file(in: file).flatMap { Self.table($0, type: 2) } },
        ].reversed()
    }

    /// - Parameters:
    ///   - address: as the file counts.
    ///   - functionStart: first address of the function by frame information, when there is any.
    func symbol(at address: UInt64, functionStart: UInt64?) -> (name: String, start: UInt64)? {
        if let known = known[address] { return known }
        var found: (name: String, start: UInt64)?
        for table in tables where found == nil { found = table.symbol(at: address, functionStart: functionStart) }
        while found == nil, let source = sources.popLast() {
            guard let table = source() else { continue }
            tables.append(table)
            found = table.symbol(at: address, functionStart: functionStart)
        }
        if found == nil, let function = goFunctions()?.function(at: address) { found = (function.name, function.range.lowerBound) }
        known[address] = .some(found)
        return found
    }

    /// SHT_SYMTAB (2) or SHT_DYNSYM (11) with its names.
    private static func table(_ file: ElfFile, type: UInt32) -> SymbolTable? {
        guard let section = file.layout.sections.first(where: { $0.type == type }), Int(section.link) < file.layout.sections.count,
            let table = file.contents(section), let names = file.contents(file.layout.sections[Int(section.link)])
        else { return nil }
        return SymbolTable(table: table, names: names, is64: file.layout.is64, machine: file.machine)
    }
}
