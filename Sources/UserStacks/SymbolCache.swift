import Glibc

/// Sorted symbol tables kept by build-id in a directory of the user's own, so that the next run does not look for them again.
///
/// What is read back is as foreign as any file: the directory must belong to this user and be closed to all others, a file must be a
/// regular one of the same owner and of bounded size, and its form, build-id and checksum must agree; otherwise it is as if it were
/// not there. A file is written under another name and renamed, so that no reader sees half of one.
///
/// Form, little endian: 8 bytes "wchnsym1"; 8 bytes checksum of all that follows; 1 byte length of the build-id, 63 bytes build-id; then
/// for each of the module's symbol sources (`.symtab`, `.dynsym`, separate debug file, `.gnu_debugdata`) 8 bytes number of functions, 8 bytes
/// length of the names, 24 bytes a function (start, size, offset of the name, rank) in order of address, the names.
public final class SymbolCache {
    private let directory: Int32

    private static let magic: [UInt8] = Array("wchnsym1".utf8)
    private static let headerSize = 80
    static let sourceCount = 4
    private static let sizeLimit = 128 << 20

    /// nil when the directory cannot be made, or is not this user's alone.
    public init?(directory path: String) {
        mkdir(path, 0o700)
        let fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard fd >= 0 else { return nil }
        var status = stat()
        guard fstat(fd, &status) == 0, status.st_uid == geteuid(), status.st_mode & 0o077 == 0 else {
            close(fd)
            return nil
        }
        directory = fd
    }

    deinit { close(directory) }

    private static func name(_ buildID: [UInt8]) -> String {
        buildID.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + ".symbols"
    }

    /// The tables of a build; nil when there is no file that can be believed.
    func tables(of buildID: [UInt8]) -> [SymbolTable]? {
        guard buildID.count >= 8, buildID.count < 64 else { return nil }
        let fd = openat(directory, Self.name(buildID), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        var status = stat()
        guard fstat(fd, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid(),
            status.st_size >= Self.headerSize, status.st_size <= Self.sizeLimit
        else { return nil }
        let size = Int(status.st_size)
        var total = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while total < size {
                let got = read(fd, buffer.baseAddress.map { $0 + total }, size - total)
                if got < 0, errno == EINTR { continue }
                if got <= 0 { break }
                total += got
            }
            count = total
        }
        return total == size ? Self.parse(bytes, buildID: buildID) : nil
    }

    static func parse(_ bytes: [UInt8], buildID: [UInt8]) -> [SymbolTable]? {
        guard bytes.count >= headerSize, bytes.starts(with: magic), Int(bytes[16]) == buildID.count,
            bytes[17..<80].starts(with: buildID), number(bytes, 8) == checksum(bytes[16...])
        else { return nil }
        var tables: [SymbolTable] = []
        var at = headerSize
        while at < bytes.count, tables.count < sourceCount {
            guard bytes.count - at >= 16 else { return nil }
            let (count, names) = (number(bytes, at), number(bytes, at + 8))
            at += 16
            guard count <= UInt64(bytes.count / 24), names <= UInt64(bytes.count), bytes.count - at >= Int(count) * 24 + Int(names) else {
                return nil
            }
            let namesAt = at + Int(count) * 24
            tables.append(SymbolTable(records: Array(bytes[at..<namesAt]), names: Array(bytes[namesAt..<namesAt + Int(names)])))
            at = namesAt + Int(names)
        }
        return at == bytes.count ? tables : nil
    }

    static func encoded(_ tables: [SymbolTable], buildID: [UInt8]) -> [UInt8] {
        var bytes = magic + [UInt8](repeating: 0, count: 8) + [UInt8(truncatingIfNeeded: buildID.count)] + buildID
        bytes += [UInt8](repeating: 0, count: max(0, headerSize - bytes.count))
        for table in tables {
            let (records, names) = table.packed()
            append(UInt64(records.count / 24), to: &bytes)
            append(UInt64(names.count), to: &bytes)
            bytes += records
            bytes += names
        }
        let sum = checksum(bytes[16...])
        for index in 0..<8 { bytes[8 + index] = UInt8(truncatingIfNeeded: sum >> UInt64(8 * index)) }
        return bytes
    }

    /// Keeps the tables of a build. A failure (a full disk) is no concern of the reader's.
    func keep(_ tables: [SymbolTable], of buildID: [UInt8]) {
        guard buildID.count >= 8, buildID.count < 64 else { return }
        let bytes = Self.encoded(tables, buildID: buildID)
        guard bytes.count <= Self.sizeLimit else { return }
        let temporary = ".new-\(getpid())-\(Self.name(buildID))"
        let fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard fd >= 0 else { return }
        var written = 0
        while written < bytes.count {
            let got = bytes.withUnsafeBytes { write(fd, $0.baseAddress.map { $0 + written }, bytes.count - written) }
            if got < 0, errno == EINTR { continue }
            if got <= 0 { break }
            written += got
        }
        close(fd)
        if written < bytes.count || renameat(directory, temporary, directory, Self.name(buildID)) != 0 { unlinkat(directory, temporary, 0) }
    }

    // MARK: Numbers

    private static func number(_ bytes: [UInt8], _ at: Int) -> UInt64 {
        bytes.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: at, as: UInt64.self)) }
    }

    static func append(_ value: UInt64, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// Eight bytes at a time, multiplied and folded: against damage, not against forgers.
    static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.withUnsafeBytes { raw in
            var sum: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(raw.count)
            var at = 0
            while at + 8 <= raw.count {
                sum = (sum ^ UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: at, as: UInt64.self))) &* 0xFF51_AFD7_ED55_8CCD
                sum ^= sum >> 32
                at += 8
            }
            while at < raw.count {
                sum = (sum ^ UInt64(raw[at])) &* 0x100_0000_01B3
                at += 1
            }
            return sum ^ sum >> 29
        }
    }
}
