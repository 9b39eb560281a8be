import Evidence
import KernelFacts
import ProcFS
import WaitModel

/// The kernel's own locks of inodes, directories and open files. Source: Documentation/filesystems/directory-locking.rst, fs/namei.c, fs/dcache.c
/// `d_alloc_parallel`, fs/file.c `fdget_pos`. procfs does not say who holds them; the kernel log does for waits of two minutes and more, on
/// kernels since 6.16. Failing that, whoever is inside a call about the same file or directory is the likely one.
enum InodeLocks: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        guard thread.reading.stat.state == UInt8(ascii: "D"), let place = place(of: thread) else { return nil }
        let isPosition = place == "fdget_pos" || place == "__fdget_pos"
        let subjects = Subjects(thread, on: host)
        var wait = Wait(
            kind: .inodeLock,
            release: Release(
                .any,
                [Party(.outside(.unnamed), role: "owner", certainty: .possible, because: "procfs does not say who holds such a lock")],
                completeness: .inferred),
            deadEnd: .unknown, isDemand: true,
            description: isPosition
                ? "waits for its turn with \(subjects.name.map { "the open file \($0)" } ?? "an open file"), which another thread reads or writes"
                : "waits for the kernel's lock of \(subjects.name.map { "\($0) or its directory" } ?? "a file or directory")")
        if let name = subjects.name {
            wait.resource = host.register(
                Resource(
                    id: ResourceID((isPosition ? "file-position:" : "inode-lock:") + name), kind: isPosition ? "file-position" : "inode",
                    label: isPosition ? "position of open file \(name)" : "kernel lock of \(name)", facts: [("path", .text(name))]))
        }
        if let report = host.hungTaskReport(about: thread.reading) {
            thread.cite("/dev/kmsg", report.text)
            if let owner = host.owner(in: report) {
                wait.release.parties = [
                    Party(
                        .thread(owner.id), role: "owner", certainty: .inferred,
                        because: "the kernel log calls it the likely owner of the \(report.lock)")
                ]
                wait.description += "; the kernel log names \(owner.name) (\(owner.tid))"
                return wait
            }
        }
        let likely = isPosition ? usersOfPosition(thread, on: host) : insiders(thread, subjects, on: host)
        guard !likely.isEmpty else { return wait }
        let isTold = isPosition || !thread.kernelFrames.isEmpty
        wait.release.parties = likely.prefix(32).map { reading in
            Party(
                .thread(reading.id), role: "owner", certainty: likely.count == 1 && isTold ? .inferred : .possible,
                because: isPosition ? "it is in a call on the same open file" : "it is inside a call about the same file or directory")
        }
        wait.description +=
            ", most likely held by "
            + likely.prefix(2).map { "\($0.name) (\($0.pid)\($0.tid == $0.pid ? "" : "/\($0.tid)"))" }.joined(separator: " or ")
        return wait
    }

    /// The kernel function that takes the lock, when it is one of these locks.
    static func place(of thread: BlockedThread) -> String? {
        guard let channel = thread.channel else { return nil }
        let place = KernelSymbols.isScheduler(channel) ? thread.kernelFrames.first { !KernelSymbols.isScheduler($0) } : channel
        guard let place else { return nil }
        return WaitChannels.family(of: place) == .inodeLock || takers.contains(place) ? place : nil
    }

    // MARK: Who is likely to hold it

    /// Threads that are asleep in a call on the same open file, and do not wait for its position themselves.
    private static func usersOfPosition(_ thread: BlockedThread, on host: Host) -> [ThreadReading] {
        guard let link = host.descriptorLink(thread.int(0), of: thread.reading) else { return [] }
        var found: [ThreadReading] = []
        for pid in Set(host.holders(of: link).map(\.pid)).union([thread.reading.pid]).sorted() {
            for reading in host.process(pid)?.threads ?? [] where reading.id != thread.id && reading.isAsleep {
                let other = BlockedThread(reading, on: host)
                guard let call = other.callName, FileCalls.descriptors[call] == [0], host.descriptorLink(other.int(0), of: reading) == link,
                    pid != thread.reading.pid || other.int(0) == thread.int(0) || found.isEmpty,
                    place(of: other).map({ $0 != "fdget_pos" && $0 != "__fdget_pos" }) ?? true
                else { continue }
                found.append(reading)
            }
        }
        return found
    }

    /// Threads that sleep deep inside a file system, in a call about the same file or directory.
    private static func insiders(_ thread: BlockedThread, _ subjects: Subjects, on host: Host) -> [ThreadReading] {
        guard !subjects.paths.isEmpty, case .success(let pids) = host.processIDs() else { return [] }
        host.observe(pids)
        var found: [ThreadReading] = []
        for reading in host.observedProcesses.flatMap(\.threads) where reading.id != thread.id && reading.isAsleep {
            guard let channel = reading.channel, let family = WaitChannels.family(of: channel), inside.contains(family),
                !channel.hasPrefix("fuse_dev_")
            else { continue }
            let other = BlockedThread(reading, on: host)
            // Where its kernel stack may be read, it must be inside a function that holds such a lock around what it waits for.
            guard place(of: other) == nil, other.kernelFrames.isEmpty || other.kernelFrames.contains(where: holders.contains),
                host.sharesMounts(reading, thread.reading), !Subjects(other, on: host).paths.isDisjoint(with: subjects.paths)
            else { continue }
            found.append(reading)
        }
        return found.sorted { $0.id < $1.id }
    }

    /// Functions that are called, or call further, with the lock of an inode or a directory held.
    private static let holders: Set<String> = takers.union([
        "lookup_slow", "lookup_open", "fuse_lookup", "fuse_atomic_open", "fuse_create_open", "fuse_unlink", "fuse_rmdir", "fuse_rename2",
        "fuse_rename_common", "fuse_mkdir", "fuse_mknod", "fuse_symlink", "fuse_link", "fuse_setattr", "fuse_readdir",
        "fuse_readdir_uncached",
        "vfs_create", "vfs_mkdir", "vfs_mknod", "vfs_symlink", "vfs_link", "notify_change", "generic_perform_write", "ext4_create",
        "ext4_unlink", "ext4_rename2", "ext4_mkdir", "ext4_lookup", "xfs_vn_lookup", "nfs_lookup", "nfs_atomic_open", "nfs_unlink",
        "nfs_rename",
        "path_openat", "open_last_lookups", "do_unlinkat", "do_renameat2", "filename_create",
    ])

    private static let inside: Set<WaitFamily> = [.fuse, .disk, .page, .nfs, .networkFileSystem, .frozenFileSystem, .fanotify]

    /// Functions that take an inode's lock themselves, with the lock's own code inlined or left out of `wchan`.
    private static let takers: Set<String> = [
        "open_last_lookups", "__lookup_slow", "lookup_open", "do_rmdir", "do_mkdirat", "do_linkat", "do_symlinkat", "do_mknodat",
        "vfs_unlink",
        "vfs_rmdir", "vfs_rename", "iterate_dir", "chmod_common", "chown_common", "vfs_setxattr", "vfs_removexattr", "do_truncate",
        "vfs_fallocate",
        "vfs_utimes", "simple_start_creating", "start_dirop", "start_creating", "start_removing", "start_renaming", "lookup_one_len",
        "lookup_one", "ext4_file_write_iter", "ext4_buffered_write_iter", "ext4_dio_write_iter", "ext4_file_read_iter",
        "ext4_dio_read_iter",
        "ext4_fallocate", "ext4_inode_lock", "generic_file_write_iter", "generic_file_llseek_size", "xfs_ilock", "xfs_file_write_iter",
        "xfs_file_buffered_write", "btrfs_inode_lock", "fuse_file_write_iter", "fuse_cache_write_iter", "shmem_file_write_iter",
        "inode_lock",
        "inode_lock_killable", "lock_two_nondirectories", "vfs_copy_file_range", "do_fsync", "ext4_sync_file", "sys_getdents64",
        "sys_getdents",
    ]
}

/// The paths that a call is about, and the directories that they lie in.
private struct Subjects {
    /// The first of them, for people.
    var name: String?
    var paths: Set<String> = []

    init(_ thread: BlockedThread, on host: Host) {
        for reference in FileCalls.references(thread, on: host) {
            let path: String
            switch reference {
            case .path(let text): path = text
            case .descriptor(let number):
                guard number >= 0, let link = host.descriptorLink(number, of: thread.reading), link.hasPrefix("/") else { continue }
                path = link
            }
            if name == nil { name = path }
            paths.insert(path)
            // Names are looked up, made and removed under their directory's lock.
            if case .path = reference, let slash = path.lastIndex(of: "/"), slash != path.startIndex {
                paths.insert(String(path[..<slash]))
            }
        }
    }
}

extension Host {
    /// Whether two threads see the same paths.
    fileprivate func sharesMounts(_ a: ThreadReading, _ b: ThreadReading) -> Bool { namespace("mnt", of: a) == namespace("mnt", of: b) }
}
