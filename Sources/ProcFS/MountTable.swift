/// One mount of `/proc/PID/mountinfo`. Source: proc_pid_mountinfo(5), fs/proc_namespace.c `show_mountinfo`; since Linux 2.6.26.
public struct Mount: Sendable, Hashable {
    /// As `mnt_id` in fdinfo names it.
    public var id: Int32
    public var deviceMajor: UInt32
    public var deviceMinor: UInt32
    /// Which part of the file system is mounted.
    public var root: String
    /// Where, as the process sees it.
    public var point: String
    /// `ext4`, `fuse.sshfs`, `nfs4`, …
    public var type: String
    /// A device, `server:/export`, or whatever was given at mounting.
    public var source: String
    public var superOptions: String

    /// `MAJ:MIN`.
    public var device: String { "\(deviceMajor):\(deviceMinor)" }
    /// The device as the kernel counts it internally (include/linux/kdev_t.h `MKDEV`), as fdinfo of /dev/fuse and of fanotify prints it.
    public var kernelDevice: UInt64 { UInt64(deviceMajor) << 20 | UInt64(deviceMinor) }

    /// The value of `key=` among the superblock's options.
    public func option(_ key: String) -> String? {
        for option in superOptions.split(separator: ",") where option.hasPrefix(key + "=") {
            return String(option.dropFirst(key.count + 1))
        }
        return nil
    }

    public init?(_ line: UnsafeRawBufferPointer) {
        var cursor = ByteCursor(line)
        guard let id = cursor.int32(), cursor.int32() != nil, let major = cursor.unsigned(), cursor.skip(0x3A),
            let minor = cursor.unsigned()
        else { return nil }
        self.id = id
        deviceMajor = UInt32(truncatingIfNeeded: major)
        deviceMinor = UInt32(truncatingIfNeeded: minor)
        root = Self.unescaped(cursor.word())
        point = Self.unescaped(cursor.word())
        _ = cursor.word()
        // Any number of optional fields up to a dash.
        while true {
            let field = cursor.word()
            guard !field.isEmpty else { return nil }
            if field.count == 1, field[0] == 0x2D { break }
        }
        type = Self.unescaped(cursor.word())
        source = Self.unescaped(cursor.word())
        superOptions = Self.unescaped(cursor.word())
        guard !type.isEmpty, !point.isEmpty else { return nil }
    }

    public static func table(_ bytes: UnsafeRawBufferPointer) -> [Mount] {
        var cursor = ByteCursor(bytes)
        var mounts: [Mount] = []
        while let line = cursor.line() { if let mount = Mount(line) { mounts.append(mount) } }
        return mounts
    }

    /// Blank, tab, newline and backslash stand as three octal digits (fs/seq_file.c `mangle_path`).
    private static func unescaped(_ bytes: UnsafeRawBufferPointer) -> String {
        guard bytes.contains(0x5C) else { return bytes.text }
        var plain: [UInt8] = []
        var at = 0
        while at < bytes.count {
            if bytes[at] == 0x5C, at + 3 < bytes.count {
                let digits = (1...3).map { Int(bytes[at + $0]) - 0x30 }
                if digits.allSatisfy({ (0...7).contains($0) }) {
                    plain.append(UInt8(truncatingIfNeeded: digits[0] * 64 + digits[1] * 8 + digits[2]))
                    at += 4
                    continue
                }
            }
            plain.append(bytes[at])
            at += 1
        }
        return String(decoding: plain, as: UTF8.self)
    }
}
