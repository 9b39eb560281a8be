import CLinux
import Evidence
import Glibc
import ProcFS
import WaitModel
import WaitResolution

extension Investigation {
    /// Which evidence this host gives to this user, found by trying.
    /// - Parameter selfTest: make a few hangs of own processes as well and check the answers about them.
    public func examine(selfTest: Bool) throws(TargetError) -> Examination {
        let host = try open()
        let doctor = Doctor(host: host)
        let examination = Examination(
            host: hostIdentity(host), user: geteuid(), capabilities: doctor.rights.names, sources: doctor.sources(),
            selfTest: selfTest && host.source.isLive ? SelfTest.run(self) : nil)
        host.close()
        return examination
    }
}

/// The reader's own capabilities. Source: capabilities(7), `CapEff` in proc_pid_status(5).
struct ReaderRights {
    private let effective: UInt64

    private static let known: [(bit: UInt64, name: String)] = [
        (2, "CAP_DAC_READ_SEARCH"), (19, "CAP_SYS_PTRACE"), (21, "CAP_SYS_ADMIN"), (34, "CAP_SYSLOG"), (40, "CAP_CHECKPOINT_RESTORE"),
    ]

    init(_ source: HostSource) {
        let text = (try? source.readInPlace("self/status") { $0.text }.get()) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
        effective = line.flatMap { UInt64($0.dropFirst("CapEff:".count).drop { $0 == "\t" || $0 == " " }, radix: 16) } ?? 0
    }

    var names: [String] { Self.known.filter { effective >> $0.bit & 1 == 1 }.map(\.name) }
    func has(_ name: String) -> Bool { names.contains(name) }
}

/// Tries each sort of evidence on the processes that are there.
struct Doctor {
    let host: Host
    let rights: ReaderRights
    private let threads: [ThreadReading]
    private let isLive: Bool

    /// Threads on which the dearer reads are tried.
    private static let sampleSize = 64

    init(host: Host) {
        self.host = host
        rights = ReaderRights(host.source)
        isLive = host.source.isLive
        let own = host.source.sharesPIDs ? getpid() : 0
        host.observe(((try? host.processIDs().get()) ?? []).filter { $0 != own })
        threads = host.observedProcesses.flatMap(\.threads).filter { !$0.stat.isKernelThread && $0.isAsleep }.sorted { $0.id < $1.id }
    }

    func sources() -> [EvidenceSource] {
        threadSources() + [kernelStacks(), memory(), descriptors(), executables()] + times() + (isLive ? sockets() + liveSources() : [])
            + tables()
    }

    // MARK: Judging

    /// The state by how many of the tries succeeded.
    private func judge(_ source: EvidenceSource, _ good: Int, of all: Int, _ noun: String, why: String, unlock: String) -> EvidenceSource {
        var source = source
        guard good < all else { return source }
        source.state = good == 0 ? .missing : .partly
        source.why = good == 0 ? why : "\(why) for \(all - good) of \(all) \(noun)"
        source.unlock = unlock
        return source
    }

    private func line(_ path: String) -> String? {
        guard let text = try? host.source.readInPlace(path, { $0.text }).get() else { return nil }
        return text.hasSuffix("\n") ? String(text.dropLast()) : text
    }

    private func isReadable(_ path: String) -> Bool {
        if case .success = host.source.readTable(path) { true } else { false }
    }

    /// What lets a reader look into other users' processes, as this host has it.
    private var attachAdvice: String {
        let yama = line("sys/kernel/yama/ptrace_scope").flatMap { Int($0) } ?? 0
        return "run as root or with CAP_SYS_PTRACE" + (yama > 0 ? ", or set kernel.yama.ptrace_scope=0 for your own processes" : "")
    }

    // MARK: Threads

    private func threadSources() -> [EvidenceSource] {
        let visible = host.observedProcesses.count
        var list = EvidenceSource(
            "/proc", "which processes and threads there are", loses: "everything about processes that do not show")
        if host.processesMayBeHidden {
            list.state = .partly
            list.why = "it shows only your own processes (\(visible))"
            list.unlock = "mount procfs without hidepid, or run as root"
        }
        let calls = threads.count {
            if case .denied = $0.callProblem { false } else { true }
        }
        let hasCalls = threads.contains { $0.call != nil }
        let call = judge(
            EvidenceSource(
                "/proc/PID/task/TID/syscall", "which system call a thread is in, its arguments, its stack pointer",
                loses: "futex-*, file-lock-*, poll sets, sysv-*: no object, no party; all: no user stack"),
            hasCalls ? calls : 0, of: max(threads.count, hasCalls ? 0 : 1), "threads",
            why: hasCalls || threads.contains { if case .denied = $0.callProblem { true } else { false } }
                ? "may not be read" : "this kernel has none",
            unlock: hasCalls || threads.contains { if case .denied = $0.callProblem { true } else { false } }
                ? attachAdvice : "a kernel with CONFIG_HAVE_ARCH_TRACEHOOK (and CONFIG_PROC_FS)")
        let channels = threads.count { $0.rawChannel != nil }
        let channel = judge(
            EvidenceSource(
                "/proc/PID/task/TID/wchan", "the kernel function that a thread sleeps in",
                loses: "kinds that only the kernel function tells: disk-io, fuse, nfs, inode-lock, fs-frozen, page-fault"),
            channels, of: threads.count, "threads", why: "reads 0",
            unlock: rights.has("CAP_SYS_PTRACE")
                ? "nothing: this kernel's wchan does not see through its own scheduler (x86-64 before 5.16 with the ORC unwinder); kernel stacks replace it"
                : attachAdvice)
        return [list, call, channel]
    }

    private func kernelStacks() -> EvidenceSource {
        let sample = threads.filter { $0.pid != 1 }.prefix(Self.sampleSize)
        let good = sample.count { !host.kernelFrames(of: $0).isEmpty }
        let exists = threads.first.map { thread in
            if case .failure(.gone) = host.source.read("\(thread.pid)/task/\(thread.tid)/stack", limit: 4096) { false } else { true }
        }
        return judge(
            EvidenceSource(
                "/proc/PID/task/TID/stack", "the kernel functions that a thread is in",
                loses: "disk-io, fuse, nfs, fs-frozen, inode-lock, memory-throttled: told by wchan alone, or not at all"),
            good, of: sample.count, "threads", why: exists == false ? "this kernel has none" : "may not be read",
            unlock: exists == false ? "a kernel with CONFIG_STACKTRACE" : "run as root (CAP_SYS_ADMIN in the first user namespace)")
    }

    private func memory() -> EvidenceSource {
        var good = 0
        var tried = 0
        for thread in threads where tried < Self.sampleSize {
            guard case .inside(let call) = thread.call, call.stackPointer != 0 else { continue }
            tried += 1
            if host.source.memory(pid: thread.pid, tid: thread.tid, address: call.stackPointer, count: 8).isSuccess { good += 1 }
        }
        return judge(
            EvidenceSource(
                "process memory", "owners of locks, members of poll sets, addresses, user stacks",
                loses: "futex-*: no owner, so no deadlock of locks; poll, select: no members; unix-connect: no name; no user stacks"),
            good, of: max(tried, 1), "threads", why: isLive ? "may not be read" : "a recorded tree has none",
            unlock: isLive ? attachAdvice : "")
    }

    private func descriptors() -> EvidenceSource {
        let processes = host.observedProcesses.filter { process in
            !process.isZombie && process.living?.stat.isKernelThread == false
        }
        let good = processes.count { if case .success = host.source.numbers(in: "\($0.id.pid)/fd") { true } else { false } }
        return judge(
            EvidenceSource(
                "/proc/PID/fd, fdinfo", "who holds which pipe, socket and file",
                loses: "pipe-*, unix-*, tcp-*, eventfd-*, posix-mq-*, file-lock-flock, file-lock-ofd: holders are at most inferred"),
            good, of: processes.count, "processes", why: "may not be read",
            unlock: rights.has("CAP_SYS_PTRACE")
                ? "run with all capabilities: looking into a process needs every capability that it has itself" : attachAdvice)
    }

    private func executables() -> EvidenceSource {
        let sample = threads.filter { $0.id.pid == $0.tid }.prefix(Self.sampleSize)
        let good = sample.count { host.source.numbersOrNames(in: "\($0.pid)/map_files") }
        return judge(
            EvidenceSource(
                "/proc/PID/map_files", "the very files that a process has mapped, deleted ones too",
                loses: "user stacks of programs whose files were replaced or deleted"),
            good, of: sample.count, "processes", why: "may not be read", unlock: "run with CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN")
    }

    private func times() -> [EvidenceSource] {
        let sample = threads.prefix(Self.sampleSize)
        let counts = sample.count { $0.runCount != nil }
        var list = [
            judge(
                EvidenceSource(
                    "/proc/PID/task/TID/schedstat", "how often a thread ran, by which it is known to have stood still",
                    loses: "certainty that what was read belongs to one moment; CPU time stands in for it"),
                counts, of: sample.count, "threads", why: "this kernel has none", unlock: "a kernel with CONFIG_SCHED_INFO")
        ]
        if isLive {
            let dated = sample.count { host.secondsSinceLastRun($0) != nil }
            list.append(
                judge(
                    EvidenceSource(
                        "/proc/PID/task/TID/sched", "about how long a thread has not run", loses: "“for about 31 min” is left out"),
                    dated, of: sample.count, "threads", why: "does not tell", unlock: dated == 0 ? "a kernel with CONFIG_SCHED_DEBUG" : ""))
        }
        return list
    }

    // MARK: Interfaces of the live kernel

    private func sockets() -> [EvidenceSource] {
        var list: [EvidenceSource] = []
        var unix = EvidenceSource(
            "sock_diag AF_UNIX", "which Unix sockets are connected to each other, and who waits to be accepted",
            loses: "unix-*: the peer")
        if case .failure(let error) = host.source.unixSockets() {
            unix.state = .missing
            unix.why = error.name
            unix.unlock = "load the kernel module unix_diag (CONFIG_UNIX_DIAG)"
        }
        list.append(unix)
        var internet = EvidenceSource(
            "sock_diag AF_INET", "TCP and UDP sockets, their queues and states", loses: "tcp-*, udp-receive: the peer")
        if case .failure(let error) = host.source.internetSockets() {
            internet.state = .missing
            internet.why = error.name
            internet.unlock = "load the kernel modules tcp_diag and udp_diag (CONFIG_INET_DIAG)"
        }
        list.append(internet)
        return list
    }

    private func liveSources() -> [EvidenceSource] {
        var namespaces = EvidenceSource(
            "setns", "sockets and System V objects of other namespaces", loses: "unix-*, tcp-*, sysv-* of containers: the other side")
        if !rights.has("CAP_SYS_ADMIN") {
            namespaces.state = .missing
            namespaces.why = "needs CAP_SYS_ADMIN"
            namespaces.unlock = "run as root or with CAP_SYS_ADMIN"
        }
        var log = EvidenceSource(
            "/dev/kmsg", "owners of the kernel's own locks, as its hung-task detector logs them", loses: "inode-lock: who holds it")
        if access("/dev/kmsg", R_OK) != 0
            || (line("sys/kernel/dmesg_restrict") == "1" && !rights.has("CAP_SYSLOG") && !rights.has("CAP_SYS_ADMIN"))
        {
            log.state = .missing
            log.why = "may not be read"
            log.unlock = "run with CAP_SYSLOG, or set kernel.dmesg_restrict=0"
        }
        var limits = EvidenceSource(
            "pidfd_getfd", "time limits that programs set on their sockets", loses: "deadlocks between sockets are at most inferred")
        if case .failure(let error) = host.source.socketTimeLimit(pid: getpid(), descriptor: 1, sends: false), error == .failed(ENOSYS) {
            limits.state = .missing
            limits.why = "this kernel has none"
            limits.unlock = "Linux 5.6 or later"
        }
        return [namespaces, log, limits]
    }

    private func tables() -> [EvidenceSource] {
        func table(_ path: String, _ tells: String, loses: String, option: String) -> EvidenceSource {
            var source = EvidenceSource("/proc/" + path, tells, loses: loses)
            if !isReadable(path) {
                source.state = .missing
                source.why = "not there"
                source.unlock = "a kernel with \(option)"
            }
            return source
        }
        return [
            table("locks", "who holds which file lock, and who waits", loses: "file-lock-*, file-lease", option: "CONFIG_FILE_LOCKING"),
            table("sysvipc/msg", "System V message queues", loses: "sysv-msg-*", option: "CONFIG_SYSVIPC"),
        ]
    }
}

extension Result {
    fileprivate var isSuccess: Bool { if case .success = self { true } else { false } }
}

extension HostSource {
    /// Whether a directory may be listed.
    fileprivate func numbersOrNames(in directory: String) -> Bool {
        let problem = forEachDescriptor(in: directory) { _, _ in }
        return problem == nil
    }
}
