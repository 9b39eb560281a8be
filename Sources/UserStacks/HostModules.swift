import Evidence
import ProcFS

/// Opens the files that processes have mapped, through the reader process, and keeps them: one file is read once a run, however
/// many processes use it.
final class HostModules {
    private struct Key: Hashable {
        var major: UInt32
        var minor: UInt32
        var inode: UInt64
    }

    private let source: HostSource
    var symbolCache: SymbolCache?
    private var modules: [Key: Module?] = [:]

    init(source: HostSource) { self.source = source }

    /// The module of an executable mapping; nil for memory that no ELF file backs, and for files that cannot be had.
    func module(of mapping: MemoryMapping, pid: Int32, tid: Int32) -> Module? {
        guard mapping.inode != 0 else { return mapping.path == "[vdso]" ? kernelLibrary(mapping, pid: pid, tid: tid) : nil }
        guard let path = mapping.path, path.hasPrefix("/") else { return nil }
        let key = Key(major: mapping.deviceMajor, minor: mapping.deviceMinor, inode: mapping.inode)
        if let known = modules[key] { return known }
        var module: Module?
        if let file = open(mapping, path: path, pid: pid, tid: tid) {
            module = Module(
                name: path, file: file, symbolCache: symbolCache,
                openDebugFile: { [weak self] in self?.debugFile(of: $0, path: path, pid: pid) })
        }
        modules[key] = .some(module)
        return module
    }

    private func kernelLibrary(_ mapping: MemoryMapping, pid: Int32, tid: Int32) -> Module? {
        let size = Int(min(mapping.end - mapping.start, 1 << 20))
        guard let bytes = try? source.memory(pid: pid, tid: tid, address: mapping.start, count: size).get() else { return nil }
        return ElfFile { offset, count in
            guard offset < UInt64(bytes.count) else { return nil }
            return Array(bytes[Int(offset)..<min(bytes.count, Int(offset) + count)])
        }.map { Module(name: "[vdso]", file: $0) }
    }

    /// The file itself, deleted or not: by the kernel's own link to it; else by its path in the root of the process, or as the
    /// executable, when that still is the same file.
    private func open(_ mapping: MemoryMapping, path: String, pid: Int32, tid: Int32) -> ElfFile? {
        let base = "\(source.root)/\(pid)"
        func hex(_ value: UInt64) -> String { String(value, radix: 16) }
        if let file = elf("\(base)/map_files/\(hex(mapping.start))-\(hex(mapping.end))", inode: nil) { return file }
        let isDeleted = path.hasSuffix(" (deleted)")
        let named = "\(base)/root" + Self.unescaped(path)
        if !isDeleted, let file = elf(named, inode: mapping.inode) { return file }
        if let file = elf("\(base)/exe", inode: mapping.inode) { return file }
        // A process whose first thread has ended shows both only by a thread that lives.
        let living = "\(base)/task/\(tid)"
        if !isDeleted, let file = elf(living + "/root" + Self.unescaped(path), inode: mapping.inode) { return file }
        if let file = elf("\(living)/exe", inode: mapping.inode) { return file }
        // File systems whose inode numbers differ between maps and stat (overlays): the build-id decides.
        guard !isDeleted, let file = elf(named, inode: nil), !file.buildID.isEmpty, mapping.fileOffset <= 1 << 40 else { return nil }
        let bias = file.codeAddress(ofOffset: mapping.fileOffset).map { mapping.start &- $0 }
        guard let bias else { return nil }
        for note in file.noteSegments {
            if let bytes = try? source.memory(pid: pid, tid: tid, address: note.address &+ bias, count: Int(note.fileSize)).get(),
                let id = ElfFile.buildID(inNotes: bytes)
            {
                return id == file.buildID ? file : nil
            }
        }
        return nil
    }

    /// Separate debug information as distributions install it, in the root of the process, else in this program's own.
    private func debugFile(of file: ElfFile, path: String, pid: Int32) -> ElfFile? {
        let buildID = file.buildID
        guard buildID.count >= 2 else { return nil }
        func hex(_ bytes: ArraySlice<UInt8>) -> String { bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
        let root = "\(source.root)/\(pid)/root"
        let named = "/usr/lib/debug/.build-id/\(hex(buildID[..<1]))/\(hex(buildID[1...])).debug"
        if let found = elf(root + named, inode: nil) ?? elf(named, inode: nil) { return found }
        // .gnu_debuglink: a file name, to be found beside the program.
        guard let link = file.contents(".gnu_debuglink"), let slash = path.lastIndex(of: "/") else { return nil }
        let name = String(decoding: link.prefix { $0 != 0 }, as: UTF8.self)
        guard !name.isEmpty, !name.contains("/") else { return nil }
        let directory = Self.unescaped(String(path[..<slash]))
        for place in [directory, directory + "/.debug", "/usr/lib/debug" + directory] {
            if let found = elf("\(root)\(place)/\(name)", inode: nil), found.buildID == buildID { return found }
        }
        return nil
    }

    private func elf(_ path: String, inode: UInt64?) -> ElfFile? {
        ElfFile { [source] offset, count in
            // Pieces that fit a batch of the reader process.
            var bytes: [UInt8] = []
            while bytes.count < count {
                let piece = min(count - bytes.count, 8 << 20)
                guard let part = try? source.readRange(path, offset: offset + UInt64(bytes.count), count: piece, inode: inode).get() else {
                    return nil
                }
                if bytes.isEmpty { bytes = part } else { bytes += part }
                if part.count < piece { break }
            }
            return bytes
        }
    }

    /// procfs writes newlines in paths as `\012`.
    private static func unescaped(_ path: String) -> String {
        guard path.contains("\\") else { return path }
        var bytes: [UInt8] = []
        let text = Array(path.utf8)
        var at = 0
        while at < text.count {
            if text[at...].starts(with: [0x5C, 0x30, 0x31, 0x32]) {
                bytes.append(0x0A)
                at += 4
            } else {
                bytes.append(text[at])
                at += 1
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
