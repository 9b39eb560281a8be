import Evidence
import KernelFacts
import ProcFS
import WaitModel

/// The locks of a process that others meet too: that of its memory map (mm->mmap_lock), which its own threads take to map, unmap and fault
/// and readers of `maps`, `cmdline` and memory take as well; and that under which it takes on a new program (signal->exec_update_lock),
/// which readers of `stat` and of links take. Source: include/linux/mmap_lock.h, fs/proc/task_mmu.c, fs/proc/base.c. This is how `ps` hangs.
///
/// Whose lock it is is known; which thread has it, is not recorded.
enum MemoryMaps: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        guard thread.reading.stat.state == UInt8(ascii: "D"), !thread.reading.stat.isKernelThread, let place = place(of: thread) else {
            return nil
        }
        let isExec = execReaders.contains(place)
        if isExec || mapReaders.contains(place) {
            guard let target = observedProcess(thread, on: host) else { return nil }
            return isExec ? reader(of: target, thread) : waits(for: target, thread, on: host)
        }
        guard mapTakers.contains(place), let own = host.process(thread.reading.id.process) else { return nil }
        return waits(for: own, thread, on: host)
    }

    private static func place(of thread: BlockedThread) -> String? {
        guard let channel = thread.channel else { return nil }
        return KernelSymbols.isScheduler(channel) ? thread.kernelFrames.first { !KernelSymbols.isScheduler($0) } : channel
    }

    /// The process whose file or link below /proc the call reads.
    private static func observedProcess(_ thread: BlockedThread, on host: Host) -> ProcessReading? {
        for reference in FileCalls.references(thread, on: host) {
            let path: String?
            switch reference {
            case .path(let text): path = text
            case .descriptor(let number): path = host.descriptorLink(number, of: thread.reading)
            }
            guard let path, path.hasPrefix("/proc/"), let number = path.split(separator: "/").dropFirst().first.flatMap({ Int32($0) })
            else {
                continue
            }
            return host.process(number) ?? host.threadGroup(of: number).flatMap { host.process($0) }
        }
        return nil
    }

    private static func reader(of target: ProcessReading, _ thread: BlockedThread) -> Wait {
        Wait(
            kind: .unknown,
            release: Release(
                .any,
                [
                    Party(
                        .process(target.id), role: "owner", certainty: .inferred,
                        because: "it takes on a new program, and until then nobody may read this of it")
                ], completeness: .inferred),
            deadEnd: .unknown, isDemand: true,
            description: "reads about process \(target.id.pid) in /proc, which is not possible before its execve is through")
    }

    private static func waits(for target: ProcessReading, _ thread: BlockedThread, on host: Host) -> Wait {
        let own = target.id == thread.id.process
        let likely = target.threads.filter { $0.id != thread.id && mayHoldMap($0, on: host) }
        let parties =
            likely.isEmpty
            ? [Party(.process(target.id), role: "owner", certainty: .possible, because: "the lock is its own")]
            : likely.prefix(32).map {
                Party(
                    .thread($0.id), role: "owner", certainty: likely.count == 1 ? .inferred : .possible,
                    because: "it is in the middle of changing or filling this memory map")
            }
        let resource = Resource(
            id: ResourceID("memory-map:\(target.id.pid)"), kind: "memory-map", label: "memory map of \(target.name) (\(target.id.pid))")
        var isFault = false
        if case .outside = thread.reading.call { isFault = true }
        return Wait(
            kind: isFault ? .pageFault : .unknown, resource: host.register(resource),
            release: Release(.any, parties, completeness: .inferred), deadEnd: .unknown, isDemand: true,
            description:
                "waits for the lock of \(own ? "its own process's memory map" : "the memory map of \(target.name) (\(target.id.pid))")")
    }

    /// Asleep in a call that changes the map, or in a fault, but not at its lock.
    private static func mayHoldMap(_ reading: ThreadReading, on host: Host) -> Bool {
        guard reading.isAsleep else { return false }
        let other = BlockedThread(reading, on: host)
        guard let channel = other.channel, let family = WaitChannels.family(of: channel),
            [.disk, .page, .fuse, .nfs, .networkFileSystem, .frozenFileSystem].contains(family)
        else { return false }
        if let call = other.callName { return changers.contains(call) }
        return true
    }

    private static let changers: Set<String> = [
        "mmap", "mmap2", "munmap", "mprotect", "pkey_mprotect", "mremap", "brk", "madvise", "process_madvise", "mlock", "mlock2", "munlock",
        "mlockall", "fork", "vfork", "clone", "clone3", "execve", "execveat", "remap_file_pages", "mbind", "move_pages", "migrate_pages",
        "shmat",
        "shmdt",
    ]

    /// Functions that take the lock of their own process's map.
    private static let mapTakers: Set<String> = [
        "vm_mmap_pgoff", "__vm_munmap", "vm_munmap", "sys_munmap", "do_mprotect_pkey", "sys_mprotect", "sys_brk", "sys_mremap",
        "do_madvise",
        "madvise_lock", "madvise_walk_vmas", "do_mlock", "sys_mlockall", "sys_munlock", "mmap_write_lock_killable",
        "mmap_read_lock_killable",
        "lock_mm_and_find_vma", "do_user_addr_fault", "__do_page_fault", "do_page_fault", "exc_page_fault", "dup_mm", "dup_mmap",
        "copy_process",
        "exit_mm", "sys_shmdt", "do_shmat", "vm_brk_flags", "userfaultfd_register", "vma_start_write", "__vma_start_write",
    ]

    /// Functions that take the lock of another process's map.
    private static let mapReaders: Set<String> = [
        "m_start", "proc_get_vma", "get_mm_cmdline", "proc_pid_cmdline_read", "environ_read", "__access_remote_vm", "access_remote_vm",
        "mem_rw",
        "pagemap_read", "proc_map_files_readdir", "map_files_get_link", "map_files_d_revalidate", "show_smaps_rollup",
        "proc_map_files_lookup",
    ]

    /// Functions that take the lock under which a process takes on a new program.
    private static let execReaders: Set<String> = [
        "do_task_stat", "call_proc_get_link", "proc_pid_readlink", "proc_pid_get_link", "proc_pid_wchan", "proc_pid_syscall",
        "proc_pid_stack",
        "mm_access", "lock_trace", "proc_exe_link", "do_io_accounting", "proc_ns_readlink", "proc_ns_get_link", "proc_fd_link",
        "proc_tgid_stat",
    ]
}
