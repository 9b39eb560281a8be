import Evidence
import ProcFS
import WaitModel

/// What a system call is about, as far as it is about files. Source: syscalls(2) and each call's page.
enum FileReference: Hashable {
    case descriptor(Int32)
    /// Absolute and without `.` and `..`, as the process itself would write it; links in it are not followed.
    case path(String)
}

/// Which files a system call concerns, and the mounts that they lie on.
enum FileCalls {
    /// The files of a thread's system call; empty when it is about none, or what it names may not be read.
    static func references(_ thread: BlockedThread, on host: Host) -> [FileReference] {
        guard let call = thread.callName else { return [] }
        if let arguments = descriptors[call] { return arguments.map { .descriptor(thread.int($0)) } }
        if let arguments = paths[call] { return arguments.compactMap { path(thread, at: $0, directory: nil, on: host) } }
        if let arguments = pathsAt[call] {
            return arguments.compactMap { pair in
                if let path = path(thread, at: pair.path, directory: pair.directory, on: host) { return path }
                // AT_EMPTY_PATH: the descriptor itself is meant.
                return thread.int(pair.directory) >= 0 ? .descriptor(thread.int(pair.directory)) : nil
            }
        }
        return []
    }

    /// The path argument of a call that opens or looks up a file, for people; nil when it may not be read.
    static func path(_ thread: BlockedThread, on host: Host) -> String? {
        for case .path(let path) in references(thread, on: host) { return path }
        return nil
    }

    private static func path(_ thread: BlockedThread, at argument: Int, directory: Int?, on host: Host) -> FileReference? {
        guard let text = thread.shortString(thread.argument(argument)), !text.isEmpty else { return nil }
        if text.hasPrefix("/") { return .path(plain(text)) }
        let base: String?
        if let directory, thread.int(directory) >= 0 {
            base = host.descriptorLink(thread.int(directory), of: thread.reading)
        } else {
            base = host.workingDirectory(of: thread.reading)
        }
        guard var base, base.hasPrefix("/") else { return nil }
        // The link is written as this program sees it; a process with a root of its own writes less.
        if let root = host.rootDirectory(of: thread.reading), root != "/", base.hasPrefix(root) {
            base = String(base.dropFirst(root.count))
        }
        return .path(plain(base + "/" + text))
    }

    private static func plain(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    /// Calls by the arguments that are descriptors of files.
    static let descriptors: [String: [Int]] = {
        var table: [String: [Int]] = [:]
        for call in [
            "read", "write", "pread64", "pwrite64", "readv", "writev", "preadv", "pwritev", "preadv2", "pwritev2", "fsync", "fdatasync",
            "fstat", "newfstat", "fstat64", "fstatfs", "fstatfs64", "getdents", "getdents64", "ftruncate", "ftruncate64", "fallocate",
            "ioctl",
            "fchmod", "fchown", "fchown32", "fcntl", "fcntl64", "flock", "lseek", "_llseek", "fadvise64", "fadvise64_64", "sync_file_range",
            "syncfs", "close", "fchdir", "fsetxattr", "fgetxattr", "flistxattr", "fremovexattr", "readahead", "finit_module",
        ] { table[call] = [0] }
        for call in ["sendfile", "sendfile64"] { table[call] = [1, 0] }
        table["splice"] = [0, 2]
        table["copy_file_range"] = [0, 2]
        table["tee"] = [0, 1]
        table["mmap"] = [4]
        table["mmap2"] = [4]
        return table
    }()

    private static let paths: [String: [Int]] = {
        var table: [String: [Int]] = [:]
        for call in [
            "open", "creat", "stat", "newstat", "lstat", "newlstat", "stat64", "lstat64", "access", "unlink", "rmdir", "mkdir", "mknod",
            "readlink", "chmod", "chown", "lchown", "chown32", "truncate", "truncate64", "chdir", "chroot", "statfs", "statfs64", "execve",
            "utime", "utimes", "getxattr", "lgetxattr", "setxattr", "lsetxattr", "listxattr", "llistxattr", "removexattr", "swapon",
            "swapoff",
            "umount2", "umount", "uselib", "acct",
        ] { table[call] = [0] }
        table["rename"] = [0, 1]
        table["link"] = [0, 1]
        table["symlink"] = [1]
        table["mount"] = [1]
        table["inotify_add_watch"] = [1]
        table["quotactl"] = [1]
        return table
    }()

    private static let pathsAt: [String: [(directory: Int, path: Int)]] = {
        var table: [String: [(directory: Int, path: Int)]] = [:]
        for call in [
            "openat", "openat2", "newfstatat", "fstatat64", "statx", "faccessat", "faccessat2", "unlinkat", "mkdirat", "mknodat",
            "fchmodat",
            "fchmodat2", "fchownat", "readlinkat", "utimensat", "futimesat", "execveat", "name_to_handle_at", "open_tree", "fspick",
        ] { table[call] = [(0, 1)] }
        for call in ["renameat", "renameat2", "linkat"] { table[call] = [(0, 1), (2, 3)] }
        table["symlinkat"] = [(1, 2)]
        table["move_mount"] = [(0, 1), (2, 3)]
        return table
    }()
}

/// The mount that a thread's call leads to, and how sure that is.
struct ConcernedMount {
    let mount: Mount
    /// `certain` by the descriptor's mount id; `inferred` by a path, in which links were not followed.
    let certainty: Certainty
    /// The file, for people: a path.
    let file: String?
}

extension BlockedThread {
    /// A NUL-terminated string in the target, read in two steps so that a page behind it that is missing costs nothing.
    func shortString(_ address: UInt64) -> String? {
        guard address != 0 else { return nil }
        for count in [256, 4096] {
            guard let bytes = memory(address, count) else { return nil }
            if let end = bytes.firstIndex(of: 0) { return String(decoding: bytes[..<end], as: UTF8.self) }
        }
        return nil
    }

    /// The mounts that the call concerns, those that satisfy the condition first asked for.
    func mounts(on host: Host) -> [ConcernedMount] {
        let table = host.mounts(of: reading)
        return FileCalls.references(self, on: host).compactMap { reference in
            switch reference {
            case .descriptor(let number):
                guard number >= 0, let link = host.descriptorLink(number, of: reading) else { return nil }
                let file = link.hasPrefix("/") ? link : nil
                if let id = host.descriptorInfo(number, of: reading)?.mountID, let mount = table.first(where: { $0.id == id }) {
                    return ConcernedMount(mount: mount, certainty: .certain, file: file)
                }
                // Mounted elsewhere, unmounted lazily, or a kernel before 3.15.
                guard let file, let mount = table.containing(file) else { return nil }
                return ConcernedMount(mount: mount, certainty: .possible, file: file)
            case .path(let path):
                return table.containing(path).map { ConcernedMount(mount: $0, certainty: .inferred, file: path) }
            }
        }
    }
}
