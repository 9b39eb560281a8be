/// The functions of one symbol table. The first questions run through the table as it is; sorting pays only when many are asked.
final class SymbolTable {
    struct Entry: Equatable {
        var start: UInt64
        var size: UInt64
        var name: UInt32
        /// Which of several names of one address is taken: the largest.
        var rank: UInt8

        func covers(_ address: UInt64, functionStart: UInt64?) -> Bool {
            size > 0 ? address - start < size : start == functionStart || start == address
        }
    }

    /// The bytes of `.symtab` or `.dynsym` as long as they are not sorted.
    private var table: [UInt8]
    private let is64: Bool
    /// 24 bytes a function in order of address, then size.
    private var records: [UInt8]?
    private let names: [UInt8]
    private var scans = 0
    private static let nameLimit = 4096
    /// Questions after which the table is sorted: n log n comparisons cost as much as some thirty passes.
    private static let scanLimit = 32

    /// - Parameters:
    ///   - table: the bytes of `.symtab` or `.dynsym`.
    ///   - names: those of the string table that it links to.
    init(table: [UInt8], names: [UInt8], is64: Bool) {
        self.table = table
        self.names = names
        self.is64 = is64
    }

    /// As `packed` gave it. What is not in order is not found; nothing else comes of it.
    init(records: [UInt8], names: [UInt8]) {
        table = []
        is64 = true
        self.records = records
        self.names = names
    }

    /// The function that covers an address. A symbol without a size is taken only when frame information has a function that
    /// begins there, or no other symbol could be meant.
    func symbol(at address: UInt64, functionStart: UInt64?) -> (name: String, start: UInt64)? {
        guard records == nil, scans < Self.scanLimit else { return search(sorted(), address, functionStart) }
        scans += 1
        var best: (entry: Entry, name: String)?
        forEachFunction { entry in
            guard entry.start <= address, entry.covers(address, functionStart: functionStart) else { return }
            if let best, best.entry.start > entry.start { return }
            consider(entry, &best)
        }
        return best.map { ($0.name, $0.entry.start) }
    }

    private func search(_ records: [UInt8], _ address: UInt64, _ functionStart: UInt64?) -> (name: String, start: UInt64)? {
        var low = 0
        var high = records.count / 24
        while low < high {
            let middle = (low + high) / 2
            if Self.entry(records, middle).start <= address { low = middle + 1 } else { high = middle }
        }
        var best: (entry: Entry, name: String)?
        var index = low - 1
        var looked = 0
        while index >= 0, looked < 64 {
            let entry = Self.entry(records, index)
            guard entry.start <= address else { break }
            if let best, best.entry.start != entry.start { break }
            if entry.covers(address, functionStart: functionStart) { consider(entry, &best) }
            index -= 1
            looked += 1
        }
        return best.map { ($0.name, $0.entry.start) }
    }

    private func consider(_ entry: Entry, _ best: inout (entry: Entry, name: String)?) {
        guard let name = name(at: entry.name) else { return }
        if let best, best.entry.start == entry.start, !Self.isBetter(name, entry.rank, than: best.name, best.entry.rank) { return }
        best = (entry, name)
    }

    private static func entry(_ records: [UInt8], _ index: Int) -> Entry {
        records.withUnsafeBytes { raw in
            let at = index * 24
            return Entry(
                start: raw.loadUnaligned(fromByteOffset: at, as: UInt64.self),
                size: raw.loadUnaligned(fromByteOffset: at + 8, as: UInt64.self),
                name: raw.loadUnaligned(fromByteOffset: at + 16, as: UInt32.self), rank: raw[at + 20])
        }
    }

    /// All functions by address.
    private func sorted() -> [UInt8] {
        if let records { return records }
        var entries: [Entry] = []
        entries.reserveCapacity(table.count / (is64 ? 24 : 16) / 2)
        forEachFunction { entries.append($0) }
        entries.sort { $0.start != $1.start ? $0.start < $1.start : $0.size < $1.size }
        var records: [UInt8] = []
        records.reserveCapacity(entries.count * 24)
        for entry in entries {
            SymbolCache.append(entry.start, to: &records)
            SymbolCache.append(entry.size, to: &records)
            SymbolCache.append(UInt64(entry.name) | UInt64(entry.rank) << 32, to: &records)
        }
        self.records = records
        table = []
        return records
    }

    /// What a cache keeps: the functions by address, and their names.
    func packed() -> (records: [UInt8], names: [UInt8]) { (sorted(), names) }

    private func forEachFunction(_ body: (Entry) -> Void) {
        let size = is64 ? 24 : 16
        table.withUnsafeBytes { raw in
            var at = 0
            while at + size <= raw.count {
                defer { at += size }
                let info = raw[at + (is64 ? 4 : 12)]
                let type = info & 0xF
                // Functions, and global labels of assembly code; defined, and not absolute.
                guard type == 2 || type == 10 || type == 0 else { continue }
                let section = raw.loadUnaligned(fromByteOffset: at + (is64 ? 6 : 14), as: UInt16.self)
                guard section != 0, section < 0xFF00 else { continue }
                let (start, length): (UInt64, UInt64)
                if is64 {
                    start = raw.loadUnaligned(fromByteOffset: at + 8, as: UInt64.self)
                    length = raw.loadUnaligned(fromByteOffset: at + 16, as: UInt64.self)
                } else {
                    start = UInt64(raw.loadUnaligned(fromByteOffset: at + 4, as: UInt32.self))
                    length = UInt64(raw.loadUnaligned(fromByteOffset: at + 8, as: UInt32.self))
                }
                let binding = info >> 4
                guard start != 0, type != 0 || binding != 0 || length > 0 else { continue }
                body(
                    Entry(
                        start: start, size: length, name: raw.loadUnaligned(fromByteOffset: at, as: UInt32.self),
                        rank: type == 0 ? 0 : binding == 1 ? 3 : binding == 2 ? 2 : 1))
            }
        }
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
    private var known: [UInt64: (name: String, start: UInt64)?] = [:]

    /// - Parameter cache: where tables are kept from run to run.
    init(file: ElfFile, cache: SymbolCache? = nil, openDebugFile: @escaping () -> ElfFile?) {
        if let cache, let known = cache.tables(of: file.buildID) {
            tables = known
            return
        }
        sources = [
            { Self.table(file, type: 2) }, { Self.table(file, type: 11) },
            { openDebugFile().flatMap { Self.table($0, type: 2) } },
            { MiniDebugInfo.file(in: file).flatMap { Self.table($0, type: 2) } },
        ].reversed()
        if let cache, file.buildID.count >= 8 {
            while let source = sources.popLast() { if let table = source() { tables.append(table) } }
            cache.keep(tables, of: file.buildID)
        }
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
        known[address] = .some(found)
        return found
    }

    /// SHT_SYMTAB (2) or SHT_DYNSYM (11) with its names.
    private static func table(_ file: ElfFile, type: UInt32) -> SymbolTable? {
        guard let section = file.layout.sections.first(where: { $0.type == type }), Int(section.link) < file.layout.sections.count,
            let table = file.contents(section), let names = file.contents(file.layout.sections[Int(section.link)])
        else { return nil }
        return SymbolTable(table: table, names: names, is64: file.layout.is64)
    }
}
