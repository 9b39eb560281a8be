import ProcFS

@testable import UserStacks

/// Little-endian bytes, put together by hand.
struct Bytes {
    var bytes: [UInt8] = []

    mutating func add<T: FixedWidthInteger>(_ value: T) { withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) } }
    mutating func add(_ more: [UInt8]) { bytes += more }
    mutating func pad(to count: Int, with byte: UInt8 = 0) { while bytes.count < count { bytes.append(byte) } }
}

/// A small ELF file: code at 0x1000, `.eh_frame`, symbols.
struct SmallELF {
    var machine: UInt16 = 183
    var code = [UInt8](repeating: 0, count: 0x1000)
    var frames = Bytes()
    var functions: [(name: String, start: UInt64, size: UInt64)] = []
    static let framesAddress: UInt64 = 0x3000

    /// A Common Information Entry at the current position; returns where it begins.
    mutating func common(
        codeAlignment: UInt8, dataAlignment: UInt8, returnAddress: UInt8, augmentation: String = "zR", instructions: [UInt8]
    ) -> Int {
        let start = frames.bytes.count
        var entry = Bytes()
        entry.add(UInt32(0))
        entry.add([1] + Array(augmentation.utf8) + [0, codeAlignment, dataAlignment, returnAddress, 1, 0x1b])
        entry.add(instructions)
        entry.pad(to: (entry.bytes.count + 7) / 8 * 8 + 4)
        frames.add(UInt32(entry.bytes.count))
        frames.add(entry.bytes)
        return start
    }

    mutating func function(_ name: String, _ range: Range<UInt64>, common: Int, instructions: [UInt8]) {
        let start = frames.bytes.count
        var entry = Bytes()
        entry.add(UInt32(start + 4 - common))
        entry.add(Int32(truncatingIfNeeded: Int64(range.lowerBound) - Int64(Self.framesAddress) - Int64(start) - 8))
        entry.add(UInt32(range.upperBound - range.lowerBound))
        entry.add([0])
        entry.add(instructions)
        entry.pad(to: (entry.bytes.count + 7) / 8 * 8 + 4)
        frames.add(UInt32(entry.bytes.count))
        frames.add(entry.bytes)
        functions.append((name, range.lowerBound, range.upperBound - range.lowerBound))
    }

    var file: [UInt8] {
        var names = Bytes(bytes: [0])
        var symbols = Bytes(bytes: [UInt8](repeating: 0, count: 24))
        for function in functions {
            symbols.add(UInt32(names.bytes.count))
            symbols.add([0x12, 0, 1, 0])
            symbols.add(function.start)
            symbols.add(function.size)
            names.add(Array(function.name.utf8) + [0])
        }
        let sectionNames = Array("\0.text\0.eh_frame\0.symtab\0.strtab\0.shstrtab\0".utf8)
        var file = Bytes()
        file.add([0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0] + [UInt8](repeating: 0, count: 8))
        file.add(UInt16(3))
        file.add(machine)
        file.add(UInt32(1))
        file.add(UInt64(0))
        file.add(UInt64(64))
        file.add(UInt64(0x8000))
        file.add(UInt32(0))
        for value in [64, 56, 1, 64, 6, 5] as [UInt16] { file.add(value) }
        for value in [1, 5] as [UInt32] { file.add(value) }
        for value in [0, 0, 0, 0x8000, 0x8000, 0x1000] as [UInt64] { file.add(value) }
        file.pad(to: 0x1000)
        file.add(code)
        file.pad(to: Int(Self.framesAddress))
        file.add(frames.bytes)
        file.pad(to: 0x5000)
        file.add(symbols.bytes)
        file.pad(to: 0x6000)
        file.add(names.bytes)
        file.pad(to: 0x7000)
        file.add(sectionNames)
        file.pad(to: 0x8000)
        func section(_ name: UInt32, _ type: UInt32, _ address: UInt64, _ offset: UInt64, _ size: Int, link: UInt32 = 0) {
            file.add(name)
            file.add(type)
            file.add(UInt64(0))
            file.add(address)
            file.add(offset)
            file.add(UInt64(size))
            file.add(link)
            file.add([UInt8](repeating: 0, count: 20))
        }
        section(0, 0, 0, 0, 0)
        section(1, 1, 0x1000, 0x1000, code.count)
        section(7, 1, Self.framesAddress, Self.framesAddress, frames.bytes.count)
        section(17, 2, 0, 0x5000, symbols.bytes.count, link: 4)
        section(25, 3, 0, 0x6000, names.bytes.count)
        section(33, 3, 0, 0x7000, sectionNames.count)
        return file.bytes
    }

    /// The file as a process has it mapped at `base`.
    func image(at base: UInt64, machine: Machine, memory: [UInt64: [UInt8]] = [:]) throws -> ProcessImage {
        let bytes = file
        guard let elf = ElfFile({ offset, count in bytes.slice(offset, count) }) else { throw Failure("not an ELF file") }
        let module = Module(name: "/recorded", file: elf)
        func hex(_ value: UInt64) -> String { String(value, radix: 16) }
        var text = "\(hex(base))-\(hex(base + 0x8000)) r-xp 00000000 08:01 42 /recorded\n"
        for (start, bytes) in memory.sorted(by: { $0.key < $1.key }) {
            text += "\(hex(start))-\(hex(start + UInt64(bytes.count))) r-xp 00000000 00:00 0\n"
        }
        return ProcessImage(
            mappings: Array(text.utf8).withUnsafeBytes { MemoryMapping.table($0) }, machine: machine,
            open: { $0.inode == 42 ? module : nil },
            read: { address, count in
                for (start, bytes) in memory where address >= start && address < start + UInt64(bytes.count) {
                    return bytes.slice(address - start, count)
                }
                return nil
            })
    }
}

extension [UInt8] {
    func slice(_ offset: UInt64, _ count: Int) -> [UInt8]? {
        guard offset < UInt64(self.count) else { return nil }
        return Array(self[Int(offset)..<Swift.min(self.count, Int(offset) + count)])
    }
}
