/// Finds variables of a file by name.
enum DataSymbols {
    /// The addresses (as the file counts) and sizes in bytes of those of `names` that the file defines.
    /// - Parameter type: SHT_SYMTAB (2), or SHT_DYNSYM (11): what the loader sees, which is shorter and always there.
    static func find(_ wanted: Set<String>, in file: ElfFile, type: UInt32) -> [String: (address: UInt64, size: UInt64)] {
        guard file.layout.is64, let section = file.layout.sections.first(where: { $0.type == type }),
            Int(section.link) < file.layout.sections.count, let table = file.contents(section),
            let names = file.contents(file.layout.sections[Int(section.link)])
        else { return [:] }
        let longest = wanted.map(\.utf8.count).max() ?? 0
        let firsts = Set(wanted.compactMap(\.utf8.first))
        var found: [String: (address: UInt64, size: UInt64)] = [:]
        table.withUnsafeBytes { raw in
            for at in stride(from: 0, through: raw.count - 24, by: 24) {
                // STT_OBJECT, STT_NOTYPE; defined, and not absolute.
                let section = raw.loadUnaligned(fromByteOffset: at + 6, as: UInt16.self)
                guard raw[at + 4] & 0xF <= 1, section != 0, section < 0xFF00 else { continue }
                let start = Int(raw.loadUnaligned(fromByteOffset: at, as: UInt32.self))
                guard start < names.count, firsts.contains(names[start]) else { continue }
                var end = start
                while end < names.count, end - start <= longest, names[end] != 0 { end += 1 }
                let name = String(decoding: names[start..<end], as: UTF8.self)
                guard wanted.contains(name) else { continue }
                found[name] = (
                    raw.loadUnaligned(fromByteOffset: at + 8, as: UInt64.self), raw.loadUnaligned(fromByteOffset: at + 16, as: UInt64.self)
                )
            }
        }
        return found
    }
}
