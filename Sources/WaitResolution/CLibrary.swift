import Evidence
import ProcFS
import UserStacks

/// Whose locks a process uses: the layouts of glibc and musl differ, and look like each other's.
enum CLibrary: Sendable {
    case glibc, musl
    /// One whose locks are not known here, or none at all (Go).
    case other
    /// A static program that lacks what glibc leaves in every one: musl's, or another library's.
    case notGNU
    /// Nothing tells.
    case unknown
}

/// Which code made a futex call. A lock of the C library is waited for by the C library's own code; a word of the program's own goes
/// through `syscall(2)` or through code of its own, whatever it looks like.
struct FutexCaller: Sendable {
    enum Place: Sendable {
        /// The C library's own code.
        case library
        /// Its wrapper for any system call, `syscall(2)`.
        case wrapper
        /// Code of the program or of another library.
        case elsewhere
        case unknown
    }
    let library: CLibrary
    let place: Place
    /// The function that entered the kernel, where its file names it.
    let function: String?

    /// The layouts of that library may be tried.
    func mayBe(_ candidate: CLibrary) -> Bool {
        (library == candidate || library == .unknown || (library == .notGNU && candidate == .musl))
            && (place == .library || place == .unknown)
    }

    /// The library is known, and it was its code that called.
    func surelyIs(_ candidate: CLibrary) -> Bool { library == candidate && place == .library }

    static let nobodyKnown = FutexCaller(library: .unknown, place: .unknown, function: nil)
}

/// What one look has found out of the callers, by process and address: thousands of waiters share one.
private final class KnownCallers {
    struct Key: Hashable {
        let pid: Int32
        let counter: UInt64
    }
    var callers: [Key: FutexCaller] = [:]
    var libraries: [Int32: CLibrary?] = [:]
}

extension FutexCaller {
    static func of(_ thread: BlockedThread, on host: Host) -> FutexCaller {
        guard let call = thread.call, call.programCounter != 0 else { return .nobodyKnown }
        let known = host.attached { KnownCallers() }
        let mappings = host.mappings(of: thread.reading)
        guard !mappings.isEmpty else { return .nobodyKnown }
        var counter = call.programCounter
        // 32-bit programs enter the kernel in the vdso, whose __kernel_vsyscall pushes ecx, edx and ebp
        // (arch/x86/entry/vdso/vdso32/system_call.S): the caller's address stands above them.
        if thread.architecture == .i386, mappings.mapping(at: counter)?.path == "[vdso]" {
            guard let caller = thread.memory(call.stackPointer &+ 12, 4), caller.count == 4 else { return .nobodyKnown }
            counter = UInt64(caller.u32(0))
        }
        let key = KnownCallers.Key(pid: thread.reading.pid, counter: counter)
        if let caller = known.callers[key] { return caller }
        let shared: CLibrary?
        if let library = known.libraries[thread.reading.pid] {
            shared = library
        } else {
            shared = library(in: mappings)
            known.libraries[thread.reading.pid] = .some(shared)
        }
        let caller = caller(thread.reading, at: counter, mappings, shared, on: host)
        known.callers[key] = caller
        return caller
    }

    private static func caller(
        _ reading: ThreadReading, at counter: UInt64, _ mappings: [MemoryMapping], _ shared: CLibrary?, on host: Host
    ) -> FutexCaller {
        let module = mappings.mapping(at: counter)?.path.map(fileName) ?? ""
        let code = host.stackReader.callingCode(of: reading, at: counter)
        if let shared {
            guard library(ofFile: module, path: mappings.mapping(at: counter)?.path ?? "") == shared else {
                return FutexCaller(library: shared, place: .elsewhere, function: code.symbol)
            }
            let isWrapper = code.symbol == "syscall" || (code.symbol == nil && isGeneral(code.code))
            return FutexCaller(library: shared, place: isWrapper ? .wrapper : .library, function: code.symbol)
        }
        // A static program. What glibc starts with (csu/abi-note.c) and what it collects have sections of their own, also when stripped.
        func has(_ sections: String...) -> Bool? { host.stackReader.codeFile(of: reading, at: counter, hasAnyOf: sections) }
        let library: CLibrary
        if has(".go.buildinfo", ".gopclntab", ".note.go.buildid") == true {
            library = .other
        } else if code.symbol.map(isMusl) ?? false || endsInCancellationPoint(code) {
            library = .musl
        } else {
            switch has(".note.ABI-tag", "__libc_IO_vtables", "__libc_freeres_fn", "__libc_atexit") {
            case true?: library = .glibc
            case false?: library = .notGNU
            case nil: library = .unknown
            }
        }
        return FutexCaller(library: library, place: place(code, in: library), function: code.symbol)
    }

    private static func place(_ code: CallingCode, in library: CLibrary) -> Place {
        guard let symbol = code.symbol else {
            if isGeneral(code.code) { return .wrapper }
            // Stripped: what is not the wrapper is the library's own, or the program's; then only the memory can tell.
            return library == .glibc && !code.code.isEmpty || endsInCancellationPoint(code) ? .library : .unknown
        }
        if symbol == "syscall" { return .wrapper }
        if isMusl(symbol) { return .library }
        return symbol.hasPrefix("_") && !symbol.hasPrefix("_Z") && !symbol.hasPrefix("_R") && !symbol.hasPrefix("_$")
            || libraryPrefixes.contains { symbol.hasPrefix($0) } ? .library : .elsewhere
    }

    private static let libraryPrefixes = [
        "pthread_", "sem_", "lll_", "futex_wait", "malloc", "calloc", "realloc", "free", "fork", "mtx_", "cnd_",
    ]

    // MARK: Files

    /// The shared C library among the mapped files; nil in a static program.
    private static func library(in mappings: [MemoryMapping]) -> CLibrary? {
        var last: String?
        for mapping in mappings where mapping.inode != 0 {
            guard let path = mapping.path, path != last else { continue }
            last = path
            if let library = library(ofFile: fileName(path), path: path) { return library }
        }
        return nil
    }

    /// The library that a file belongs to, by the names that its makers install it under; nil for other files.
    private static func library(ofFile name: String, path: String) -> CLibrary? {
        // A package that was upgraded leaves the old file mapped.
        let name = name.hasSuffix(" (deleted)") ? String(name.dropLast(10)) : name
        if name.hasPrefix("ld-musl-") || name.hasPrefix("libc.musl-") { return .musl }
        if name == "libc.so" { return path.contains("/bionic/") || path.hasPrefix("/system/") || path.hasPrefix("/apex/") ? .other : .musl }
        if name.hasPrefix("libuClibc") || name.hasPrefix("ld-uClibc") || name == "libc.so.1" || name == "libc.so.0" { return .other }
        return glibcFiles.contains { name.hasPrefix($0) } ? .glibc : nil
    }

    private static let glibcFiles = [
        "libc.so.6", "libc-2.", "libpthread.so.0", "libpthread-2.", "ld-linux", "ld-2.", "ld64.so", "ld.so.1", "libanl.so.1",
        "librt.so.1", "librt-2.",
    ]

    static func fileName(_ path: String) -> String {
        path.utf8.lastIndex(of: 0x2F).map { String(path[path.utf8.index(after: $0)...]) } ?? path
    }

    // MARK: Code

    /// glibc's syscall(2): sysdeps/unix/sysv/linux/x86_64/syscall.S, `mov 8(%rsp),%r9; syscall`; i386/syscall.S,
    /// `mov 20(%esp),%eax; call *%gs:16` or `int $128`.
    private static func isGeneral(_ code: [UInt8]) -> Bool {
        code.suffix(7).elementsEqual([0x4C, 0x8B, 0x4C, 0x24, 0x08, 0x0F, 0x05])
            || code.suffix(11).elementsEqual([0x8B, 0x44, 0x24, 0x14, 0x65, 0xFF, 0x15, 0x10, 0x00, 0x00, 0x00])
            || code.suffix(6).elementsEqual([0x8B, 0x44, 0x24, 0x14, 0xCD, 0x80])
    }

    /// musl's calls that can be cancelled all end in one piece of code: the assembly of src/thread/x86_64/syscall_cp.s
    /// (`mov 16(%rsp),%r9; mov %r11,8(%rsp); syscall`), or, in a static program that cancels nothing, `sccp` of
    /// src/thread/__syscall_cp.c, which moves all arguments by one register and returns.
    private static func endsInCancellationPoint(_ code: CallingCode) -> Bool {
        let end = code.code.suffix(25)
        if end.suffix(12).elementsEqual([0x4C, 0x8B, 0x4C, 0x24, 0x10, 0x4C, 0x89, 0x5C, 0x24, 0x08, 0x0F, 0x05]) { return true }
        return code.next == 0xC3 && end.suffix(2).elementsEqual([0x0F, 0x05]) && contains(end, [0x48, 0x89, 0xF8])
            && contains(end, [0x4D, 0x89, 0xC8]) && contains(end, [0x4C, 0x8B, 0x4C, 0x24, 0x08])
    }

    private static func contains(_ bytes: ArraySlice<UInt8>, _ part: [UInt8]) -> Bool {
        bytes.indices.contains { bytes[$0...].starts(with: part) }
    }

    /// Functions that musl alone has: src/thread/*/syscall_cp.s, __timedwait.c, __wait.c, __lock.c; src/stdio/__lockfile.c.
    private static func isMusl(_ symbol: String) -> Bool {
        [
            "__syscall_cp_asm", "__syscall_cp_c", "sccp", "__cp_begin", "__cp_end", "__timedwait", "__timedwait_cp", "__wait", "__lock",
            "__lockfile", "__futex4_cp",
        ]
        .contains(symbol)
    }
}
