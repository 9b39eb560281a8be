import KernelFacts
import Testing
import WaitModel

@testable import Diagnosis
@testable import WaitResolution

/// Evidence that one known hang leaves, made by hand.
struct HangExample: Sendable, CustomStringConvertible {
    var id: String
    var release = "6.18.3"
    var machine = "x86_64"
    var cause = Cause.unknown
    var processes: Set<String> = ["prog"]
    var kind: WaitKind
    var state: Character = "S"
    var channel: String?
    var frames: [String] = []
    var call: String?
    var label = ""
    var evidence: [String] = []
    var seconds = 0.0
    var glibc: String?
    var wordDiffers = false
    var isPassedOver = false

    var description: String { id }

    var ids: [String] {
        var doubts = FutexDoubts()
        (doubts.wordDiffers, doubts.isPassedOver) = (wordDiffers, isPassedOver)
        let (frames, glibc) = (frames, glibc)
        let thread = HangThread(
            state: state.asciiValue ?? 0, kind: kind, channel: channel, call: call, label: label, evidence: evidence, seconds: seconds,
            frames: { frames }, glibc: { glibc.flatMap { Version($0) } }, doubts: { [doubts] in doubts })
        let scene = HangScene(release: release, machine: machine, cause: cause, processes: processes)
        return KnownHangMatching.notes([thread], in: scene).map(\.id)
    }

    func with(_ change: (inout HangExample) -> Void) -> HangExample {
        var copy = self
        change(&copy)
        return copy
    }

    static let all: [HangExample] = [
        HangExample(
            id: "unix-shutdown-listener", release: "2.6.31.4", kind: .unixConnect, channel: "unix_wait_for_peer",
            frames: ["unix_wait_for_peer", "unix_stream_connect"]),
        HangExample(
            id: "unix-gc-storm", release: "2.6.28", kind: .runnable, state: "R", frames: ["unix_gc", "unix_stream_sendmsg"], call: "sendmsg"
        ),
        HangExample(id: "syslog-socket-full", kind: .unixSend, label: "Unix datagram socket /run/systemd/journal/dev-log"),
        HangExample(id: "notify-socket-loop", processes: ["systemd", "systemd-journal"], kind: .unixSend),
        HangExample(
            id: "reader-behind-mmap-lock", kind: .unknown, state: "D", channel: "__access_remote_vm",
            frames: ["__access_remote_vm", "proc_pid_cmdline_read", "vfs_read"]),
        HangExample(id: "smaps-stalls-target", kind: .runnable, state: "R", frames: ["smaps_pte_range", "walk_pgd_range", "show_smap"]),
        HangExample(
            id: "procfs-behind-exec", release: "6.12.117", kind: .unknown, state: "D", frames: ["do_task_stat", "proc_single_show"]),
        HangExample(
            id: "wchan-zero-orc", release: "5.15.135", kind: .poll,
            evidence: ["by kernel stack: this kernel's wchan reads 0"]),
        HangExample(
            id: "pid-namespace-teardown", kind: .childExit, channel: "do_wait", frames: ["do_wait", "kernel_wait4", "zap_pid_ns_processes"]),
        HangExample(id: "fuse-request-unkillable", kind: .fuse, state: "D", channel: "request_wait_answer"),
        HangExample(
            id: "fuse-pid-namespace-deadlock", release: "5.15.2", kind: .fuse,
            frames: ["request_wait_answer", "fuse_flush", "filp_close", "do_exit"]),
        HangExample(id: "netns-reference-leak", release: "4.4.0-21-generic", kind: .unknown, state: "D", channel: "copy_net_ns"),
        HangExample(id: "futex-requeue-race", release: "3.14.1", kind: .futexCondvar, channel: "futex_wait_queue_me", call: "futex"),
        HangExample(id: "futex-lost-wakeup", kind: .futexMutex, wordDiffers: true),
        HangExample(id: "glibc-condvar-stolen-signal", kind: .futexCondvar, glibc: "2.36", isPassedOver: true),
        HangExample(id: "fork-inherited-lock", cause: .ownerNotInProcess, kind: .futexMutex),
        HangExample(id: "blk-mq-tag-starvation", release: "4.18.3", kind: .diskIO, state: "D", channel: "blk_mq_get_tag", seconds: 90),
        HangExample(id: "sbitmap-lost-wakeup", release: "6.0.7", kind: .diskIO, state: "D", channel: "rq_qos_wait", seconds: 90),
        HangExample(
            id: "blk-mq-mark-tag-wait", release: "6.7.1", kind: .diskIO, state: "D", frames: ["blk_mq_dispatch_rq_list"], seconds: 90),
        HangExample(
            id: "blk-flush-restart", release: "6.1.0-9-amd64", kind: .diskIO, state: "D", channel: "blkdev_issue_flush", seconds: 200),
        HangExample(id: "blk-passthrough", release: "5.5.1", kind: .diskIO, state: "D", channel: "blk_execute_rq", seconds: 200),
        HangExample(id: "pipe-edge-trigger", release: "5.10.43", cause: .missedEvent, kind: .epoll),
        HangExample(id: "pipe-exclusive-exit", release: "5.6.0-rc3", cause: .noCounterpart, kind: .pipeRead),
        HangExample(
            id: "nfs4-stateid-loop", release: "4.19.0-6-amd64", kind: .nfs, state: "D",
            frames: ["rpc_wait_bit_killable", "nfs4_call_sync"],
            seconds: 90),
        HangExample(
            id: "nfs4-open-sequence", release: "5.14.0-570.el9.x86_64", kind: .nfs, state: "D", channel: "nfs_set_open_stateid_locked"),
        HangExample(id: "nfsd-laundromat", release: "6.12.40", kind: .kernelWorker, state: "D", frames: ["nfsd4_shutdown_callback"]),
        HangExample(id: "nfs-server-gone", kind: .nfs, state: "D", channel: "rpc_wait_bit_killable"),
        HangExample(id: "io-uring-exit-files", release: "5.10.2", kind: .unknown, state: "D", channel: "io_uring_cancel_files"),
        HangExample(
            id: "io-uring-exit-sqpoll", release: "5.12.0-rc4", kind: .unknown, state: "D", frames: ["__io_uring_files_cancel", "do_exit"]),
        HangExample(id: "io-uring-exit-workers", release: "5.15.20", kind: .unknown, state: "D", channel: "io_wq_put_and_exit"),
        HangExample(id: "io-uring-core-dump", release: "6.4.0-rc5", kind: .unknown, state: "D", channel: "coredump_task_exit"),
        HangExample(id: "dev-random-pool", release: "4.19.78", kind: .unknown, channel: "_random_read.part.34", call: "read"),
        HangExample(
            id: "core-dump-through-fuse", kind: .fuse, frames: ["request_wait_answer", "dump_emit", "elf_core_dump", "do_coredump"]),
        HangExample(id: "cgroup-frozen-looks-asleep", release: "6.1.0-9-amd64", kind: .frozen),
        HangExample(id: "memory-high-throttle", kind: .memoryThrottled, state: "D", channel: "mem_cgroup_handle_over_high"),
        HangExample(id: "memcg-oom-disabled", kind: .memcgOOM, state: "D", channel: "mem_cgroup_oom_synchronize"),
        HangExample(id: "terminal-flow-control", kind: .ttyWrite, channel: "wait_woken", frames: ["wait_woken", "n_tty_write"]),
        HangExample(id: "dotnet-debugger-pipe", kind: .fifoOpenRead, label: "FIFO /tmp/clr-debug-pipe-311-4-in"),
        HangExample(id: "fanotify-unanswered", kind: .fanotify, state: "D", channel: "fanotify_handle_event"),
        HangExample(id: "audit-backlog", kind: .unknown, state: "D", channel: "audit_log_start"),
        HangExample(id: "procfs-behind-execve", release: "4.19.78", kind: .unknown, state: "D", channel: "proc_pid_syscall"),
    ]
}

/// Every signature fits the evidence of its own hang, and neither a healthy thread's nor that of a kernel that no longer has it.
@Suite struct KnownHangTests {
    @Test func everySignatureHasAnExample() {
        #expect(KnownHangs.all.map(\.id) == HangExample.all.map(\.id))
        #expect(Set(KnownHangs.all.map(\.id)).count == KnownHangs.all.count)
    }

    @Test(arguments: HangExample.all) func fitsItsOwn(_ example: HangExample) { #expect(example.ids.contains(example.id)) }

    @Test(arguments: HangExample.all) func doesNotFitTheHealthy(_ example: HangExample) throws {
        let hang = try #require(KnownHangs.all.first { $0.id == example.id })
        func never(_ change: (inout HangExample) -> Void, _ what: Comment) {
            #expect(!example.with(change).ids.contains(example.id), what)
        }
        if !hang.kinds.isEmpty { never({ $0.kind = .sleep }, "another kind") }
        if !hang.functions.isEmpty { never({ ($0.channel, $0.frames) = ("hrtimer_nanosleep", ["hrtimer_nanosleep"]) }, "another function") }
        if !hang.calls.isEmpty { never({ $0.call = "nanosleep" }, "another call") }
        for condition in hang.conditions {
            switch condition {
            case .state: never({ $0.state = $0.state == "S" ? "D" : "S" }, "another state")
            case .cause: never({ $0.cause = .progress }, "another cause")
            case .label: never({ $0.label = "Unix socket /run/other" }, "another object")
            case .processes: never({ $0.processes = ["systemd"] }, "one of the processes only")
            case .evidence: never({ $0.evidence = [] }, "without the evidence")
            case .release: never({ $0.release = "5.14.0-100-generic" }, "another distribution")
            case .seconds: never({ $0.seconds = 3 }, "for seconds only")
            case .machine: never({ $0.machine = "aarch64" }, "another machine")
            case .futexWordDiffers: never({ $0.wordDiffers = false }, "the word is as expected")
            case .condvarPassedOver: never({ $0.isPassedOver = false }, "nobody was passed over")
            }
        }
    }

    @Test(arguments: HangExample.all) func doesNotFitOtherVersions(_ example: HangExample) throws {
        let hang = try #require(KnownHangs.all.first { $0.id == example.id })
        guard let component = hang.component else {
            #expect(hang.versions.isEmpty)
            return
        }
        #expect(!hang.versions.isEmpty)
        func never(_ version: Version) {
            let other = example.with {
                if component == .linux {
                    $0.release = version.description + ($0.release.contains("el9") ? "-1.el9" : "")
                } else {
                    $0.glibc = version.description
                }
            }
            #expect(!other.ids.contains(example.id), "\(version)")
        }
        for range in hang.versions {
            if let before = range.before {
                never(before)
                if let later = Version("7.9.1"), component == .linux { never(later) }
                if let later = Version("2.99"), component == .glibc { never(later) }
            }
            if range.from != nil, let earlier = Version("2.4.1") { never(earlier) }
        }
        if component == .linux { #expect(!example.with { $0.release = "" }.ids.contains(example.id), "version unknown") }
        if component == .glibc { #expect(!example.with { $0.glibc = nil }.ids.contains(example.id), "version unknown") }
    }

    /// A thread at rest of each kind, on a kernel and a library of today, resembles no known hang.
    @Test(arguments: WaitKind.allCases.filter { ![.frozen, .memcgOOM, .memoryThrottled].contains($0) }) func plainWaits(_ kind: WaitKind) {
        let plain = HangExample(
            id: "", kind: kind, channel: "do_wait", frames: ["do_wait", "kernel_wait4"], call: "wait4", seconds: 5, glibc: "2.42")
        #expect(plain.ids.isEmpty)
    }

    @Test func sayMayAndName() throws {
        let hang = try #require(KnownHangs.all.first { $0.id == "sbitmap-lost-wakeup" })
        let thread = HangThread(state: 0x44, kind: .diskIO, channel: "rq_qos_wait", seconds: 90)
        let note = hang.note(thread, in: HangScene(release: "5.10.0-23-amd64", machine: "x86_64", cause: .diskIO))
        #expect(note.text.hasSuffix("; Linux 5.10.0-23-amd64 may have this"))
        #expect(!note.source.isEmpty)
    }
}

@Suite struct CondvarGroupTests {
    /// wseq, g1_start, g_size of both groups, waiters, g_signals of both groups.
    private func condvar(_ sequence: UInt64, _ start: UInt64, sizes: (UInt32, UInt32), waiters: UInt32, signals: (UInt32, UInt32))
        -> [UInt8]
    {
        func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }
        return bytes(sequence) + bytes(start) + bytes(UInt32(0)) + bytes(UInt32(0)) + bytes(sizes.0) + bytes(sizes.1) + bytes(UInt32(0))
            + bytes(waiters << 3) + bytes(signals.0) + bytes(signals.1)
    }

    @Test func aWaiterWhoseGroupWasSignalledWhole() {
        // G2 is group 1 (bit 0 of wseq), G1 group 0 with nobody left to signal and no signal to take.
        let bytes = condvar(0b1001, 0b10, sizes: (0, 1), waiters: 2, signals: (0, 0))
        #expect(CondvarGroups.isPassedOver(bytes, group: 0))
        #expect(!CondvarGroups.isPassedOver(bytes, group: 1), "the second group is not signalled yet")
    }

    @Test func healthyWaiters() {
        #expect(
            !CondvarGroups.isPassedOver(condvar(0b10, 0, sizes: (0, 0), waiters: 1, signals: (0, 0)), group: 0), "the first waiter is in G2"
        )
        #expect(
            !CondvarGroups.isPassedOver(condvar(0b1001, 0b10, sizes: (1, 1), waiters: 2, signals: (0, 0)), group: 0),
            "still to be signalled")
        #expect(
            !CondvarGroups.isPassedOver(condvar(0b1001, 0b10, sizes: (0, 1), waiters: 2, signals: (2, 0)), group: 0), "a signal is there")
        #expect(!CondvarGroups.isPassedOver(condvar(0b1001, 0b10, sizes: (0, 1), waiters: 0, signals: (0, 0)), group: 0), "no waiters")
        #expect(!CondvarGroups.isPassedOver([], group: 0))
        #expect(!CondvarGroups.isPassedOver([UInt8](repeating: 0xff, count: 48), group: 0))
    }
}
