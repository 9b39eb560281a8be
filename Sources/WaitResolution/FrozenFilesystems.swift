import Evidence
import KernelFacts
import ProcFS
import WaitModel

/// Writers to a frozen file system. Source: fsfreeze(8), fs/super.c `sb_start_write`, `freeze_super`; kernel/locking/percpu-rwsem.c. Who froze
/// it is recorded nowhere; whoever may administer the host can thaw it.
enum FrozenFilesystems: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        guard thread.reading.stat.state == UInt8(ascii: "D"), let channel = thread.channel, channel != "freeze_super" else { return nil }
        guard channel == "__sb_start_write" || (isPerCPULock(channel) && startsWrite(thread)) else { return nil }
        let mounts = thread.mounts(on: host)
        if let only = mounts.first, mounts.allSatisfy({ unfrozen.contains($0.mount.type) }) {
            return Wait(
                kind: .unknown,
                release: Release(
                    .any, [Party(.outside(.unnamed), role: "owner", certainty: .possible, because: "nothing records who holds this lock")],
                    completeness: .possible),
                deadEnd: .unknown, isDemand: true,
                description: "waits for a lock of the kernel, for \(only.file ?? "a file") on \(only.mount.type), which nobody freezes")
        }
        // Control groups and memory file systems are not frozen by anybody; their calls wait for another lock of this sort.
        let concerned = thread.mounts(on: host).first { !unfrozen.contains($0.mount.type) } ?? sharedMapping(of: thread, on: host)
        guard concerned != nil || channel == "__sb_start_write" || thread.kernelFrames.contains(where: frames.contains) else { return nil }
        let mount = concerned?.mount
        var description = "writes to a frozen file system"
        var resource: ResourceID?
        if let mount {
            thread.cite(thread.reading.path("mountinfo"), "\(mount.id) \(mount.device) \(mount.point) \(mount.type) \(mount.source)")
            resource = host.register(
                Resource(
                    id: ResourceID("fs-frozen:\(mount.device)"), kind: "frozen-file-system", label: "file system at \(mount.point)",
                    facts: [("mountPoint", .text(mount.point)), ("type", .text(mount.type)), ("source", .text(mount.source))]))
            description = "writes to \(concerned?.file ?? "a file") on the \(mount.type) file system at \(mount.point), which is frozen"
        }
        return Wait(
            kind: .filesystemFrozen, resource: resource,
            release: Release(
                .any,
                [
                    Party(
                        .outside(.unnamed), role: "thawer", certainty: concerned?.certainty ?? .possible,
                        because: "nothing records who froze it; fsfreeze --unfreeze thaws it")
                ]),
            deadEnd: .filesystemFrozen, isDemand: true, description: description)
    }

    /// A page of a file that is mapped shared and writable, when all such files lie on one file system.
    private static func sharedMapping(of thread: BlockedThread, on host: Host) -> ConcernedMount? {
        guard thread.callName == nil, !thread.reading.stat.isExiting else { return nil }
        let mapped = host.mappings(of: thread.reading).filter { $0.inode != 0 && $0.isShared && $0.isWritable }
        let devices = Set(mapped.map { UInt64($0.deviceMajor) << 20 | UInt64($0.deviceMinor) })
        let mounts = host.mounts(of: thread.reading).filter { devices.contains($0.kernelDevice) && !unfrozen.contains($0.type) }
        guard Set(mounts.map(\.kernelDevice)).count == 1, let mount = mounts.last else { return nil }
        let paths = Set(mapped.filter { UInt64($0.deviceMajor) << 20 | UInt64($0.deviceMinor) == mount.kernelDevice }.compactMap(\.path))
        return ConcernedMount(mount: mount, certainty: .inferred, file: paths.count == 1 ? paths.first : nil)
    }

    private static func isPerCPULock(_ channel: String) -> Bool {
        ["percpu_rwsem_wait", "__percpu_down_read", "percpu_down_read", "rwsem_down_read_slowpath", "call_rwsem_down_read_failed"].contains(
            channel)
    }

    /// By the kernel stack, and without it by a call that begins to write.
    private static func startsWrite(_ thread: BlockedThread) -> Bool {
        if !thread.kernelFrames.isEmpty {
            // An ordinary lock for reading within a write is some inode's.
            let isPlain = thread.channel?.contains("rwsem_down_read") == true
            if isPlain, !thread.kernelFrames.contains(where: { $0.hasSuffix("percpu_down_read") || $0 == "__sb_start_write" }) {
                return false
            }
            return thread.kernelFrames.contains(where: frames.contains)
        }
        guard thread.channel == "percpu_rwsem_wait", let call = thread.callName else { return false }
        return writes.contains(call)
    }

    /// Callers of `sb_start_write`, which is inlined into them.
    private static let frames: Set<String> = [
        "__sb_start_write", "sb_start_write", "vfs_write", "vfs_iter_write", "vfs_writev", "do_writev", "do_pwritev", "mnt_want_write",
        "mnt_want_write_file", "vfs_fallocate", "do_splice", "do_splice_direct", "vfs_copy_file_range", "file_start_write",
        "do_page_mkwrite", "ext4_page_mkwrite", "filemap_page_mkwrite", "xfs_filemap_page_mkwrite", "btrfs_page_mkwrite",
        "sb_start_pagefault",
        "do_truncate", "vfs_truncate", "do_sys_ftruncate", "do_ftruncate", "sys_ftruncate", "do_sendfile", "touch_atime",
        "iter_file_splice_write",
    ]

    private static let writes: Set<String> = [
        "write", "writev", "pwrite64", "pwritev", "pwritev2", "fallocate", "ftruncate", "truncate", "mkdir", "mkdirat", "unlink",
        "unlinkat", "rmdir",
        "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "mknod", "mknodat", "chmod", "fchmod", "fchmodat",
        "chown",
        "fchown", "fchownat", "utimensat", "setxattr", "fsetxattr", "open", "openat", "openat2", "creat", "sendfile", "copy_file_range",
        "splice",
    ]

    private static let unfrozen: Set<String> = [
        "cgroup", "cgroup2", "proc", "sysfs", "tmpfs", "devtmpfs", "debugfs", "tracefs", "securityfs", "devpts",
    ]
}
