/// Names and frame sizes of functions as Go's linker writes them for Go's own runtime, so that they are there in stripped programs, too.
///
/// Source: Go src/debug/gosym/pclntab.go and src/runtime/symtab.go (`pcHeader`, `_func`, `pcvalue`), cmd/link/internal/ld/pcln.go. The
/// table changed in 1.16 (offsets in its head), 1.18 (function addresses relative to the text) and 1.20 (a new magic number only).
/// Every offset comes from a file that may lie, so that each is held against the table's end.
struct GoFunctions: Sendable {
    private let table: [UInt8]
    private let wordSize: Int
    /// Smallest step between instruction addresses, in bytes.
    private let quantum: UInt64
    /// What the addresses of functions are relative to; 0 where they are absolute.
    private let text: UInt64
    private let count: Int
    private let namesAt: Int
    private let valuesAt: Int
    private let functionsAt: Int
    /// Bytes of an address in the list of functions, and in a function's own record.
    private let addressSize: Int
    private let machine: Machine

    /// Instructions of a frame size table that are carried out at most; the longest of real programs have some thousands.
    private static let stepLimit = 1 << 16
    private static let nameLimit = 1024
    private static let functionLimit = 1 << 22

    /// nil when the file has no such table, or one of a form that is not known.
    init?(file: ElfFile) {
        // Position-independent programs may have it among what is read-only after relocation.
        guard let section = file.section(".gopclntab") ?? file.section(".data.rel.ro.gopclntab"), let table = file.contents(section),
            table.count >= 72
        else { return nil }
        let word = Int(table[7])
        guard table[4] == 0, table[5] == 0, [1, 2, 4].contains(table[6]), word == file.machine.wordSize else { return nil }
        self.table = table
        wordSize = word
        quantum = UInt64(table[6])
        machine = file.machine
        func head(_ index: Int) -> UInt64 { Self.unsigned(table, 8 + index * word, word) ?? .max }
        func offset(_ index: Int) -> Int? { Int(exactly: head(index)).flatMap { $0 < table.count ? $0 : nil } }
        guard let functions = Int(exactly: head(0)), functions > 0, functions <= Self.functionLimit else { return nil }
        count = functions
        switch Self.unsigned(table, 0, 4) {
        case 0xffff_fffb:
            (text, namesAt, valuesAt, functionsAt, addressSize) = (0, 0, 0, 8 + word, word)
        case 0xffff_fffa:
            guard let names = offset(2), let values = offset(5), let list = offset(6) else { return nil }
            (text, namesAt, valuesAt, functionsAt, addressSize) = (0, names, values, list, word)
        case 0xffff_fff0, 0xffff_fff1:
            guard let names = offset(3), let values = offset(6), let list = offset(7) else { return nil }
            (namesAt, valuesAt, functionsAt, addressSize) = (names, values, list, 4)
            // A position-independent program has the address in a relocation only.
            let start = head(2) != 0 ? head(2) : Self.relocated(section.address + UInt64(8 + 2 * word), file)
            guard let start, start != 0 else { return nil }
            text = start
        default: return nil
        }
        guard functionsAt + (2 * count + 1) * addressSize <= table.count else { return nil }
    }

    /// The function that covers an address, as the file counts.
    /// - Complexity: O(log functions).
    func function(at address: UInt64) -> (name: String, range: Range<UInt64>)? {
        guard let found = record(at: address), let name = name(of: found.record) else { return nil }
        return (name, found.range)
    }

    /// How the caller is found: the runtime keeps for each instruction how far the stack pointer has moved. x86-64 only.
    func row(at address: UInt64) -> FrameRow? {
        guard machine == .amd64, let found = record(at: address), let moved = stackUse(at: address, found), moved >= 0 else { return nil }
        // DWARF's numbers: 7 the stack pointer, 6 the frame pointer, 16 the return address.
        return FrameRow(
            base: .register(7, offset: moved + 8), rules: [(6, .undefined), (16, .saved(-8))], returnAddress: 16, isSignalFrame: false,
            isSigned: false, function: found.range)
    }

    // MARK: Reading

    private func record(at address: UInt64) -> (record: Int, range: Range<UInt64>)? {
        guard start(0) <= address, address < start(count) else { return nil }
        var low = 0
        var high = count
        while high - low > 1 {
            let middle = (low + high) / 2
            if start(middle) <= address { low = middle } else { high = middle }
        }
        let range = (start(low), start(low + 1))
        guard range.0 <= address, address < range.1,
            let offset = Self.unsigned(table, functionsAt + (2 * low + 1) * addressSize, addressSize), let place = Int(exactly: offset)
        else { return nil }
        // Counted from the list of functions, in the oldest form from the table's beginning.
        let (record, overflow) = (addressSize == wordSize && namesAt == 0 ? 0 : functionsAt).addingReportingOverflow(place)
        return overflow || record >= table.count ? nil : (record, range.0..<range.1)
    }

    /// First address of a function; of the number behind the last one, the end of the last.
    private func start(_ index: Int) -> UInt64 {
        text &+ (Self.unsigned(table, functionsAt + 2 * index * addressSize, addressSize) ?? 0)
    }

    private func name(of record: Int) -> String? {
        guard let offset = Self.unsigned(table, record + addressSize, 4), let place = Int(exactly: offset) else { return nil }
        let start = namesAt + place
        guard start < table.count else { return nil }
        let bytes = table[start...].prefix(Self.nameLimit).prefix { $0 != 0 }
        return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }

    /// Bytes by which the function has moved the stack pointer when it is at `address`.
    private func stackUse(at address: UInt64, _ found: (record: Int, range: Range<UInt64>)) -> Int64? {
        // Behind the entry: name, size of arguments, deferreturn (or frame size), then the table of stack use.
        guard let offset = Self.unsigned(table, found.record + addressSize + 12, 4), offset != 0, let place = Int(exactly: offset) else {
            return nil
        }
        var position = valuesAt + place
        var counter = found.range.lowerBound
        var value: Int64 = -1
        for step in 0..<Self.stepLimit {
            guard let change = varint(&position), change != 0 || step == 0, let length = varint(&position) else { return nil }
            value &+= change & 1 != 0 ? ~Int64(change >> 1) : Int64(change >> 1)
            counter &+= UInt64(length) &* quantum
            if address < counter { return value }
            if counter >= found.range.upperBound { return nil }
        }
        return nil
    }

    private func varint(_ position: inout Int) -> UInt32? {
        var value: UInt32 = 0
        for shift in stride(from: UInt32(0), to: 35, by: 7) {
            guard position >= 0, position < table.count else { return nil }
            let byte = table[position]
            position += 1
            value |= UInt32(byte & 0x7f) &<< shift
            if byte & 0x80 == 0 { return value }
        }
        return nil
    }

    private static func unsigned(_ bytes: [UInt8], _ offset: Int, _ size: Int) -> UInt64? {
        guard offset >= 0, offset <= bytes.count - size else { return nil }
        return bytes.withUnsafeBytes { raw in
            size == 4
                ? UInt64(raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
                : raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        }
    }

    /// The addend of the relocation of a word (Elf64_Rela), as the file counts.
    private static func relocated(_ address: UInt64, _ file: ElfFile) -> UInt64? {
        guard file.layout.is64, let relocations = file.contents(".rela.dyn") ?? file.contents(".rela") else { return nil }
        for at in stride(from: 0, through: relocations.count - 24, by: 24) where unsigned(relocations, at, 8) == address {
            return unsigned(relocations, at + 16, 8)
        }
        return nil
    }
}
