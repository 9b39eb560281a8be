import Glibc

extension Need {
    /// A FUSE file system can be mounted: as root, with /dev/fuse.
    static let fuse = Need {
        geteuid() != 0 ? "needs root" : access("/dev/fuse", R_OK | W_OK) == 0 ? nil : "needs /dev/fuse (CONFIG_FUSE_FS)"
    }
    static let loopDevices = Need {
        geteuid() != 0
            ? "needs root" : access("/dev/loop-control", R_OK | W_OK) == 0 ? nil : "needs /dev/loop-control (CONFIG_BLK_DEV_LOOP)"
    }
    static let ext4 = Need {
        guard readText("/proc/filesystems")?.contains("\text4\n") == true else { return "needs ext4 (CONFIG_EXT4_FS)" }
        return exists("/usr/sbin/mkfs.ext4") || exists("/sbin/mkfs.ext4") ? nil : "needs mkfs.ext4 (package e2fsprogs)"
    }
    static let userfaults = Need {
        // The switch is there since Linux 5.2, where the kernel has userfaultfd.
        guard let allowed = readSmallFile("/proc/sys/vm/unprivileged_userfaultfd")?.first else {
            return "needs userfaultfd (CONFIG_USERFAULTFD)"
        }
        return geteuid() == 0 || allowed == UInt8(ascii: "1") ? nil : "needs root"
    }
    static let fanotify = Need {
        if geteuid() != 0 { return "needs root" }
        return exists("/proc/sys/fs/fanotify/max_user_groups") || exists("/proc/sys/fs/inotify") ? nil : "needs fanotify"
    }
    static let throttling = Need {
        exists("/sys/fs/cgroup/blkio/blkio.throttle.read_bps_device") || exists("/sys/fs/cgroup/blkio/cgroup.procs")
            ? nil : "needs the blkio control group of version 1"
    }
    /// Which FUSE connection a descriptor serves stands in its fdinfo since Linux 6.16; before, a daemon is only inferred.
    static let fuseConnections = Need {
        var name = utsname()
        uname(&name)
        let release = withUnsafeBytes(of: &name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let numbers = release.split { $0 == "." || $0 == "-" }.prefix(2).compactMap { Int($0) }
        guard numbers.count == 2 else { return nil }
        return (numbers[0], numbers[1]) >= (6, 16) ? nil : "needs fuse_connection in fdinfo (Linux 6.16)"
    }
}

private let unanswered = ["unanswered"]

private func fuse(
    _ name: String, _ summary: String, kinds: [String] = ["fuse"], states: [String: RoleState] = [:],
    on parties: [PartyTruth] = [.certain("holder")], root: [String] = ["holder"], cause causes: [String] = unanswered,
    verdict: Verdict = .chain, chain: [String]? = nil, remedy: String? = nil
) -> Scenario {
    Scenario(
        name, summary, needs: [.fuse, .fuseConnections], states: states,
        Truth(kinds, "fuse:*", on: parties, root: root, cause: causes, verdict: verdict, chain: chain, remedy: remedy))
}

/// Threads that wait for a FUSE daemon.
let fuseMounts: [Scenario] = [
    fuse("fuse-read", "a read from a FUSE file whose daemon sleeps", remedy: "kill {pid:holder}"),
    fuse("fuse-daemon-idle", "its daemon took the request and waits for the next one"),
    fuse("fuse-daemon-running", "its daemon computes", states: ["holder": .moving], cause: ["unanswered", "running", "starved"]),
    fuse(
        "fuse-daemon-stopped", "its daemon is stopped", states: ["holder": .stopped], cause: stopped, remedy: "kill -CONT {pid:holder}"),
    fuse(
        "fuse-daemon-waits", "its daemon reads from a pipe whose writer sleeps", root: ["root"], cause: asleep,
        chain: ["fuse", "pipe-read", "sleep"]),
    fuse("fuse-stat", "stat by path: the mount follows from the path alone", on: [.inferred("holder")]),
    fuse("fuse-working-directory", "stat of a relative name in a working directory on a dead mount", on: [.inferred("holder")]),
    fuse("fuse-readdir", "a directory listing"),
    fuse("fuse-mapped-page", "a page of a mapped FUSE file", kinds: ["page-fault"], on: [.inferred("holder")]),
    fuse("fuse-execve", "execve of a program on a FUSE file system", on: [.inferred("holder")]),
    fuse("fuse-fsync", "fsync of a FUSE file"),
    fuse("fuse-two-mounts", "two FUSE file systems; only one daemon is silent"),
    fuse(
        "fuse-inherited", "the daemon has forked: two processes have its descriptor", on: [.possible("holder"), .possible("heir")],
        root: ["holder", "heir"]),
    fuse(
        "fuse-flock-deadlock", "the daemon wants a lock that its client holds", root: ["victim", "holder"], cause: deadlocked,
        verdict: .deadlock),
    fuse(
        "fuse-self", "a daemon that uses its own file system", on: [.inferred("victim")], root: ["victim"], cause: ["self-deadlock"],
        verdict: .deadlock),
    fuse("fuse-exit", "a process that ends with a file open there", on: [.atMost(.inferred, "holder")], cause: unanswered),
    Scenario(
        "memory-map-lock", "maps memory while another thread maps a file of a dead mount", needs: [.fuse, .fuseConnections],
        Truth(
            ["unknown"], "memory-map:{pid:owner}", on: [.inferred("owner")], root: ["holder"], cause: unanswered,
            chain: ["unknown", "fuse", "sleep"])),
    fuse(
        "fuse-memory-map", "maps a file with its memory map locked, 200 threads beside it: none of its memory can be read",
        on: [.inferred("holder")]),
    Scenario(
        "fuse-executable", "its program lies on a dead mount, and it sleeps", needs: [.fuse],
        Truth(["sleep"], root: ["victim"], cause: asleep, verdict: .chainOrRest)),
    Scenario(
        "fuse-at-rest", "a daemon that nobody asks anything", needs: [.fuse], Truth(["fuse"], on: [], cause: ["idle"], verdict: .rest)),
]

private func inode(
    _ name: String, _ summary: String, resource: String = "inode-lock:*", on parties: [PartyTruth] = [.inferred("holder")],
    chain: [String]? = ["inode-lock", "fuse", "sleep"]
) -> Scenario {
    Scenario(
        name, summary, needs: [.fuse, .fuseConnections],
        Truth(["inode-lock"], resource, on: parties, root: ["root"], cause: unanswered, chain: chain))
}

/// Kernel locks of directories, names and open files.
let inodeLocks: [Scenario] = [
    inode("inode-lock-create", "creates a file in a directory in which another creation hangs"),
    inode("inode-lock-lookup", "looks up a name that another thread is looking up"),
    inode("inode-lock-unlink", "creates a file in a directory in which a removal hangs"),
    inode("inode-lock-rename", "renames in a directory in which a removal hangs"),
    inode("file-position", "two threads list a directory through one descriptor", resource: "file-position:*"),
    Scenario(
        "file-position-shared", "parent and child list a directory through one open file", needs: [.fuse, .fuseConnections],
        Truth(["inode-lock"], "file-position:*", on: [.inferred("parent")], root: ["root"], cause: unanswered)),
    inode("inode-lock-convoy", "two creations behind one that hangs"),
]

private func page(
    // Certain by elimination, unless somebody else on this host has a userfaultfd with a fault at this moment.
    _ name: String, _ summary: String, states: [String: RoleState] = [:], on parties: [PartyTruth] = [.named("holder")],
    cause causes: [String] = unanswered, remedy: String? = nil
) -> Scenario {
    Scenario(
        name, summary, needs: [.userfaults], states: states,
        Truth(["page-fault"], "userfaultfd:*", on: parties, root: ["holder"], cause: causes, remedy: remedy))
}

/// Pages that a userfaultfd handler must supply.
let userfaults: [Scenario] = [
    page("userfault-own-thread", "another thread took the event and sleeps"),
    page("userfault-handler-idle", "the handler took the event and waits for the next one"),
    page("userfault-unread", "nobody reads the event"),
    page("userfault-other-process", "the handler is another process"),
    page(
        "userfault-handler-stopped", "the handler is stopped", states: ["holder": .stopped], cause: stopped,
        remedy: "kill -CONT {pid:holder}"),
    page("userfault-two-handlers", "another userfaultfd has no fault"),
    page("userfault-futex-word", "a futex word on a missing page: no futex wait yet"),
    page("userfault-pollfd", "a poll set on a missing page"),
    page("userfault-epoll", "an epoll set's results on a missing page, with the set's own lock held"),
    page("userfault-path", "a path on a missing page"),
]

private func watch(
    // Certain by elimination, unless somebody else on this host asks for permission too.
    _ name: String, _ summary: String, states: [String: RoleState] = [:], on parties: [PartyTruth] = [.named("holder")],
    cause causes: [String] = unanswered, remedy: String? = nil
) -> Scenario {
    Scenario(
        name, summary, needs: [.fanotify], states: states,
        Truth(["fanotify"], "fanotify:*", on: parties, root: ["holder"], cause: causes, remedy: remedy))
}

/// Leases, and accesses that somebody must allow.
let fileWatches: [Scenario] = [
    Scenario(
        "lease", "opens a file on which another process has a lease", needs: [.fileLockTable],
        Truth(["file-lease"], "lease:*:{file}", on: [.certain("holder")], root: ["holder"], cause: ["unanswered"])),
    Scenario(
        "lease-holder-stopped", "its holder is stopped", needs: [.fileLockTable], states: ["holder": .stopped],
        Truth(
            ["file-lease"], "lease:*:{file}", on: [.certain("holder")], root: ["holder"], cause: stopped, verdict: .chain)),
    watch("fanotify-open", "opens a file that a listener must allow, which sleeps"),
    watch("fanotify-listener-idle", "the listener took the event and waits for the next one"),
    watch(
        "fanotify-listener-stopped", "the listener is stopped", states: ["holder": .stopped], cause: stopped,
        remedy: "kill -CONT {pid:holder}"),
    watch("fanotify-execve", "executes a file that a listener must allow"),
    watch("fanotify-two-listeners", "another listener watches another mount", on: [.inferred("holder")]),
    Scenario(
        "fanotify-at-rest", "a listener that nothing happens to", needs: [.fanotify],
        Truth(["fanotify"], cause: ["idle"], verdict: .rest)),
]

private func frozen(_ name: String, _ summary: String) -> Scenario {
    Scenario(
        name, summary, needs: [.loopDevices, .ext4],
        Truth(["fs-frozen"], "fs-frozen:*", on: [], root: ["victim"], cause: ["fs-frozen"]))
}

/// Block devices and frozen file systems.
let disks: [Scenario] = [
    Scenario(
        "disk-loop-on-fuse", "a loop device on a file of a FUSE file system whose daemon sleeps",
        needs: [.fuse, .fuseConnections, .loopDevices],
        Truth(["disk-io"], "disk:{device}", on: [.inferred("holder")], root: ["holder"], cause: unanswered)),
    Scenario(
        "disk-loop-daemon-stopped", "the same, the daemon is stopped", needs: [.fuse, .fuseConnections, .loopDevices],
        states: ["holder": .stopped],
        Truth(
            ["disk-io"], "disk:{device}", on: [.inferred("holder")], root: ["holder"], cause: stopped, remedy: "kill -CONT {pid:holder}")),
    Scenario(
        "disk-throttled", "reads from a device that its control group slows down to nothing",
        needs: [.root, .loopDevices, .ext4, .throttling],
        Truth(["disk-io"], "disk:{device}", on: [], root: ["victim"], cause: ["disk-io"])),
    Scenario(
        "disk-journal", "fsync waits for a journal whose device lies on a FUSE file system",
        needs: [.fuse, .fuseConnections, .loopDevices, .ext4],
        Truth(
            ["disk-io"], "disk:{device}", on: nil, root: ["holder"], cause: unanswered, chain: ["disk-io", "disk-io", "sleep"])),
    frozen("fs-frozen-write", "writes to an open file of a frozen file system"),
    frozen("fs-frozen-create", "creates a directory on a frozen file system"),
    frozen("fs-frozen-mapped-page", "writes to a mapped page of a frozen file system"),
]
