/// What the Go linker writes of every function (`.gopclntab`): name, size of the frame at each instruction, file and line. It is there
/// in stripped programs too. Sources: Go, src/runtime/symtab.go (`pcHeader`, `_func`, `pcvalue`) and src/debug/gosym/pclntab.go; the forms
/// of Go 1.16, 1.18 and 1.20.
final class GoTable {
    struct Function {
        var start: UInt64
        var name: String
        /// Outermost function of a stack (`TOPFRAME`).
        var isTop: Bool
        /// It sets the stack pointer (`SPWRITE`): what lies outside is on another stack.
        var changesStack: Bool
        fileprivate var frameSizes: UInt32
        fileprivate var files: UInt32
        fileprivate var lines: UInt32
        fileprivate var unit: UInt32
    }

    private enum Form { case go116, go118, go120 }

    private let file: ElfFile
    private let address: UInt64
    private let size: UInt64
    /// All of it, unless it is large.
    private let whole: [UInt8]
    private let form: Form
    private let quantum: UInt64
    private let textStart: UInt64
    private let functionCount: UInt64
    /// Offsets of the parts: names, units' files, file names, values, functions.
    private let parts: [UInt64]
    private var known: [UInt64: Function?] = [:]

    private static let wholeLimit: UInt64 = 4 << 20
    private static let nameLimit = 4096
    /// Steps of one table of values.
    private static let stepLimit = 100_000

    /// nil when the file has no such table, or one of an unknown form.
    init?(file: ElfFile) {
        guard file.layout.is64, let section = file.section(".gopclntab") ?? file.section(".data.rel.ro.gopclntab"), section.address > 0,
            section.size >= 96, !section.isCompressed
        else { return nil }
        self.file = file
        address = section.address
        size = section.size
        whole = section.size <= Self.wholeLimit ? file.contents(section) ?? [] : []
        let header = whole.isEmpty ? file.bytes(at: section.address, count: 96) : Array(whole.prefix(96))
        guard header.count == 96, header[4] == 0, header[5] == 0, header[7] == 8, [1, 2, 4].contains(header[6]) else { return nil }
        let words = header.withUnsafeBytes { raw in
            (0..<11).map { UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: 8 + $0 * 8, as: UInt64.self)) }
        }
        switch header[..<4] {
        case [0xFA, 0xFF, 0xFF, 0xFF]: form = .go116
        case [0xF0, 0xFF, 0xFF, 0xFF]: form = .go118
        case [0xF1, 0xFF, 0xFF, 0xFF]: form = .go120
        default: return nil
        }
        quantum = UInt64(header[6])
        functionCount = words[0]
        // A position-independent program has it in a relocation only.
        textStart = form == .go116 ? 0 : words[2] != 0 ? words[2] : Self.relocated(section.address + 24, file) ?? 0
        parts = form == .go116 ? Array(words[2..<7]) : Array(words[3..<8])
        guard functionCount > 0, functionCount < 1 << 24, parts.allSatisfy({ $0 < section.size }), form == .go116 || textStart > 0 else {
            return nil
        }
    }

    /// The addend of the relocation of a word (Elf64_Rela), as the file counts.
    private static func relocated(_ address: UInt64, _ file: ElfFile) -> UInt64? {
        guard let relocations = file.contents(".rela.dyn") ?? file.contents(".rela") else { return nil }
        return relocations.withUnsafeBytes { raw in
            for at in stride(from: 0, through: raw.count - 24, by: 24)
            where raw.loadUnaligned(fromByteOffset: at, as: UInt64.self) == address {
                return raw.loadUnaligned(fromByteOffset: at + 16, as: UInt64.self)
            }
            return nil
        }
    }

    /// The function that an address lies in.
    func function(at address: UInt64) -> Function? {
        if let known = known[address] { return known }
        let found = find(address)
        if known.count > 1 << 16 { known.removeAll() }
        known[address] = .some(found)
        return found
    }

    private func find(_ address: UInt64) -> Function? {
        let wide: UInt64 = form == .go116 ? 8 : 4
        func start(_ index: UInt64) -> UInt64? { number(parts[4] + index * 2 * wide, wide).map { $0 &+ textStart } }
        var low: UInt64 = 0
        var high = functionCount
        guard let end = start(functionCount), address < end else { return nil }
        while low < high {
            let middle = (low + high) / 2
            guard let first = start(middle) else { return nil }
            if first <= address { low = middle + 1 } else { high = middle }
        }
        guard low > 0, let first = start(low - 1), let offset = number(parts[4] + (low - 1) * 2 * wide + wide, wide), offset < size else {
            return nil
        }
        let at = parts[4] + offset + wide
        // nameoff, args, deferreturn, pcsp, pcfile, pcln, npcdata, cuOffset, (startLine,) funcID, flag
        guard let nameAt = number(at, 4), let sizes = number(at + 12, 4), let files = number(at + 16, 4), let lines = number(at + 20, 4),
            let unit = number(at + 28, 4), let flags = number(at + (form == .go120 ? 37 : 33), 1), let name = text(parts[0] + nameAt)
        else { return nil }
        return Function(
            start: first, name: name, isTop: flags & 1 != 0, changesStack: flags & 2 != 0, frameSizes: UInt32(sizes), files: UInt32(files),
            lines: UInt32(lines), unit: UInt32(unit))
    }

    /// Bytes between the stack pointer and the return address.
    func frameSize(at address: UInt64, in function: Function) -> UInt64? {
        value(function.frameSizes, at: address, in: function).flatMap { $0 >= 0 && $0 < 1 << 30 ? UInt64($0) : nil }
    }

    func line(at address: UInt64) -> (file: String, line: Int)? {
        guard let function = function(at: address), let line = value(function.lines, at: address, in: function), line > 0,
            let index = value(function.files, at: address, in: function), index >= 0,
            let nameAt = number(parts[1] + (UInt64(function.unit) + UInt64(index)) * 4, 4), nameAt != 0xFFFF_FFFF,
            let name = text(parts[2] + nameAt)
        else { return nil }
        return (name, line)
    }

    /// Runs through a table of (value, length) steps to the one that covers an address.
    private func value(_ offset: UInt32, at address: UInt64, in function: Function) -> Int? {
        guard offset > 0 else { return nil }
        var at = parts[3] + UInt64(offset)
        var counter = function.start
        var value = -1
        for step in 0..<Self.stepLimit {
            guard let delta = varint(&at) else { return nil }
            if delta == 0, step > 0 { return nil }
            value &+= Int(Int32(bitPattern: delta & 1 != 0 ? ~(delta >> 1) : delta >> 1))
            guard let length = varint(&at) else { return nil }
            counter = counter &+ UInt64(length) &* quantum
            if address < counter { return value }
        }
        return nil
    }

    // MARK: Bytes

    private func varint(_ at: inout UInt64) -> UInt32? {
        var value: UInt32 = 0
        for shift in stride(from: UInt32(0), to: 35, by: 7) {
            guard let byte = number(at, 1) else { return nil }
            at += 1
            value |= UInt32(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
        }
        return nil
    }

    private func number(_ offset: UInt64, _ count: UInt64) -> UInt64? {
        let bytes = slice(offset, Int(count))
        guard bytes.count == Int(count) else { return nil }
        return bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }

    private func text(_ offset: UInt64) -> String? {
        var bytes: [UInt8] = []
        while bytes.count < Self.nameLimit {
            let piece = slice(offset + UInt64(bytes.count), min(64, Int(clamping: size &- offset &- UInt64(bytes.count))))
            guard !piece.isEmpty else { return nil }
            if let end = piece.firstIndex(of: 0) { return String(decoding: bytes + piece[piece.startIndex..<end], as: UTF8.self) }
            bytes += piece
        }
        return nil
    }

    private func slice(_ offset: UInt64, _ count: Int) -> ArraySlice<UInt8> {
        guard offset < size, UInt64(count) <= size - offset, count > 0 else { return [] }
        if !whole.isEmpty { return whole[Int(offset)..<Int(offset) + count] }
        return file.bytes(at: address + offset, count: count)[...]
    }
}

extension StackWalk {
    enum GoStep {
        case caller(Registers)
        case root
        case stopped(StackProblem)
        /// No function of Go's.
        case notGo
    }

    /// One step out of a Go function. Go's own assembly changes stacks, which call frame information does not tell.
    func goStep(_ table: GoTable, _ location: CodeLocation, _ codeAddress: UInt64, _ registers: Registers) -> GoStep {
        guard machine == .amd64, let function = table.function(at: codeAddress &- location.bias),
            let stackPointer = registers[machine.stackPointer]
        else { return .notGo }
        // `mcall` is where the scheduler's stack begins: the goroutine that called it is parked and belongs to no thread.
        if function.isTop || function.name == "runtime.mcall" || function.name == "runtime.goexit" { return .root }
        if function.name == "runtime.asmcgocall" {
            return callerOfC(function.start &+ location.bias, stackPointer).map { .caller($0) } ?? .stopped(.otherStack(function.name))
        }
        if function.changesStack || Self.goSwitches.contains(function.name) { return .stopped(.otherStack(function.name)) }
        guard let size = table.frameSize(at: codeAddress &- location.bias, in: function) else { return .notGo }
        let place = stackPointer &+ size
        guard let target = memory.value(at: place, size: 8) else { return .stopped(.memory(address: place)) }
        return .caller(Registers(machine: machine, stackPointer: place &+ 8, programCounter: target))
    }

    private static let goSwitches: Set<String> = [
        "runtime.systemstack", "runtime.morestack", "runtime.cgocallback", "runtime.asmcgocall_no_g", "runtime.sigtramp", "runtime.gogo",
    ]

    /// Go calls C on the thread's own stack, and leaves there its goroutine and how deep that one's stack was. Accepted only when a
    /// call of `asmcgocall` is before the return address. Source: Go, src/runtime/asm_amd64.s `asmcgocall`.
    private func callerOfC(_ function: UInt64, _ stackPointer: UInt64) -> Registers? {
        for (goroutineAt, depthAt) in [(48, 40), (8, 0)] as [(UInt64, UInt64)] {
            // stack.hi is the second word of a goroutine.
            guard let goroutine = memory.value(at: stackPointer &+ goroutineAt, size: 8), goroutine % 8 == 0, goroutine != 0,
                let depth = memory.value(at: stackPointer &+ depthAt, size: 8), depth < 1 << 32,
                let top = memory.value(at: goroutine &+ 8, size: 8), top > depth,
                let target = memory.value(at: top - depth, size: 8),
                let site = image.call(before: target), image.call(site, reaches: function) == true
            else { continue }
            return Registers(machine: machine, stackPointer: top - depth + 8, programCounter: target)
        }
        return nil
    }
}
