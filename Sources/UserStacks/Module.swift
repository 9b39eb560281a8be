import ProcFS

/// A file, or the kernel's own library, that a process runs code of.
final class Module {
    /// As `/proc/PID/maps` names it.
    let name: String
    let file: ElfFile
    private(set) lazy var frames = FrameTable(file: file)
    /// What a program written in Go says of its own functions.
    private(set) lazy var goTable = GoTable(file: file)
    private(set) lazy var symbols = Symbols(file: file, cache: symbolCache, openDebugFile: { [unowned self] in debugFile })
    /// From the file or its separate debug file; a runtime's own lines are not worth the time that they take.
    private(set) lazy var lines =
        LineTable(file: file.section(".debug_line") == nil && !KnownCode.isRuntime(module: name) ? debugFile ?? file : file)
    /// Separate debug information of the same build.
    private(set) lazy var debugFile: ElfFile? =
        file.buildID.isEmpty ? nil : openDebugFile(file).flatMap { $0.buildID == file.buildID ? $0 : nil }
    private let openDebugFile: (ElfFile) -> ElfFile?

    private let symbolCache: SymbolCache?

    init(
        name: String, file: ElfFile, symbolCache: SymbolCache? = nil, openDebugFile: @escaping (ElfFile) -> ElfFile? = { _ in nil }
    ) {
        self.symbolCache = symbolCache
        self.name = name
        self.file = file
        self.openDebugFile = openDebugFile
    }
}

/// Where an address lies.
struct CodeLocation {
    let module: Module
    /// What is added to an address of the file to have one of the process.
    let bias: UInt64
}

/// The code that a process has mapped.
final class ProcessImage {
    let machine: Machine
    /// A thread of the process that had memory when it was first looked at.
    let thread: Int32
    private let mappings: [MemoryMapping]
    private let all: [MemoryMapping]
    private var locations: [CodeLocation??]
    private let open: (MemoryMapping) -> Module?
    private let read: StackMemory.Reader
    private var pages: [UInt64: [UInt8]] = [:]
    private var calls: [UInt64: CallSite?] = [:]
    private var targets: [UInt64: UInt64?] = [:]
    private let lowest: UInt64
    private let highest: UInt64

    /// - Parameters:
    ///   - mappings: in order of address.
    ///   - machine: of code that belongs to no module.
    ///   - thread: one of its threads.
    ///   - open: the module that an executable mapping is part of.
    ///   - read: memory of the process.
    init(
        mappings: [MemoryMapping], machine: Machine, thread: Int32 = 0, open: @escaping (MemoryMapping) -> Module?,
        read: @escaping StackMemory.Reader = { _, _ in nil }
    ) {
        all = mappings
        self.thread = thread
        self.mappings = mappings.filter(\.isExecutable)
        locations = [CodeLocation??](repeating: nil, count: self.mappings.count)
        self.machine = machine
        self.open = open
        self.read = read
        lowest = self.mappings.first?.start ?? 0
        highest = self.mappings.last?.end ?? 0
    }

    private func index(of address: UInt64) -> Int? {
        guard address >= lowest, address < highest else { return nil }
        var low = 0
        var high = mappings.count
        while low < high {
            let middle = (low + high) / 2
            if mappings[middle].end <= address { low = middle + 1 } else { high = middle }
        }
        return low < mappings.count && mappings[low].start <= address ? low : nil
    }

    /// Bytes from an address to the end of its mapping; `limit` when that is more, or not known.
    func room(above address: UInt64, limit: Int) -> Int {
        guard let mapping = all.mapping(at: address) else { return limit }
        return Int(min(UInt64(limit), mapping.end - address))
    }

    func isCode(_ address: UInt64) -> Bool { index(of: address) != nil }

    /// Path of the file that is mapped at an address, readable or not.
    func name(at address: UInt64) -> String? { index(of: address).flatMap { mappings[$0].path } }

    /// The module at an address; nil outside code, and for code that no file holds.
    func location(of address: UInt64) -> CodeLocation? {
        guard let index = index(of: address) else { return nil }
        if let known = locations[index] { return known }
        let mapping = mappings[index]
        var location: CodeLocation?
        if let module = open(mapping) {
            if mapping.inode == 0 {
                // The vdso: its first segment begins at the mapping.
                let base = module.file.layout.segments.first { $0.type == 1 }.map { $0.address &- $0.offset } ?? 0
                location = CodeLocation(module: module, bias: mapping.start &- base)
            } else if let address = module.file.codeAddress(ofOffset: mapping.fileOffset) {
                location = CodeLocation(module: module, bias: mapping.start &- address)
            }
        }
        locations[index] = .some(location)
        return location
    }

    /// Code before `end`: from the file, else from memory.
    func code(before end: UInt64, count: Int) -> [UInt8] {
        let start = end &- UInt64(count)
        if let location = location(of: start) {
            let bytes = location.module.file.bytes(at: start &- location.bias, count: count)
            if bytes.count == count { return bytes }
        }
        var bytes: [UInt8] = []
        for offset in 0..<UInt64(count) {
            guard let byte = byte(at: start &+ offset) else { return [] }
            bytes.append(byte)
        }
        return bytes
    }

    /// A word of the process's data that does not change while it runs (a slot of the global offset table).
    func word(at address: UInt64) -> UInt64? {
        var value: UInt64 = 0
        for offset in 0..<UInt64(machine.wordSize) {
            guard let byte = byte(at: address &+ offset) else { return nil }
            value |= UInt64(byte) << (8 * offset)
        }
        return value
    }

    private func byte(at address: UInt64) -> UInt8? {
        let start = address & ~0xFFF
        if pages[start] == nil {
            if pages.count > 256 { pages.removeAll() }
            pages[start] = read(start, 4096) ?? []
        }
        guard let page = pages[start], Int(address - start) < page.count else { return nil }
        return page[Int(address - start)]
    }

    /// The call that a return address comes from; nil when no call is before it.
    func call(before address: UInt64) -> CallSite? {
        if let known = calls[address] { return known }
        var site: CallSite?
        if isCode(address &- 1) {
            for reach in [CallSite.reach, 5] where site == nil {
                site = CallSite(endingAt: address, code: code(before: address, count: reach), machine: machine)
            }
        }
        calls[address] = .some(site)
        return site
    }

    /// Whether a call goes to `function`, directly, through a pointer or through a stub; nil when that cannot be told.
    func call(_ site: CallSite, reaches function: UInt64) -> Bool? {
        switch site {
        case .indirect: return nil
        case .slot(let slot): return word(at: slot).map { $0 == function }
        case .direct(let target):
            if target == function { return true }
            return stubTarget(target) == function
        }
    }

    private func stubTarget(_ stub: UInt64) -> UInt64? {
        if let known = targets[stub] { return known }
        let slot = CallSite.slot(ofStub: code(before: stub &+ 12, count: 12), at: stub, machine: machine)
        let target = slot.flatMap { word(at: $0) }
        targets[stub] = .some(target)
        return target
    }
}
