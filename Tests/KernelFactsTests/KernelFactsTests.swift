import Testing

@testable import KernelFacts

@Suite struct SystemCallTests {
    @Test(arguments: [
        ("x86_64", Architecture.x86_64), ("amd64", .x86_64), ("i386", .i386), ("i686", .i386), ("aarch64", .arm64), ("arm64", .arm64),
        ("armv7l", .arm), ("armv6l", .arm), ("armv8l", .arm), ("mips64", nil), ("", nil),
    ]) func machine(_ uname: String, _ expected: Architecture?) {
        #expect(Architecture.ofMachine(uname) == expected)
    }

    @Test(
        arguments: [
            (0, Architecture.x86_64, "read"), (202, .x86_64, "futex"), (69, .x86_64, "msgsnd"), (42, .x86_64, "connect"),
            (230, .x86_64, "clock_nanosleep"),
            (232, .x86_64, "epoll_wait"), (441, .x86_64, "epoll_pwait2"), (449, .x86_64, "futex_waitv"), (455, .x86_64, "futex_wait"),
            (335, .x86_64, "uretprobe"), (0x4000_002A, .x86_64, "connect"),
            (102, .i386, "socketcall"), (117, .i386, "ipc"), (240, .i386, "futex"), (422, .i386, "futex_time64"),
            (142, .i386, "_newselect"),
            (25, .arm64, "fcntl"), (98, .arm64, "futex"), (73, .arm64, "ppoll"), (22, .arm64, "epoll_pwait"), (79, .arm64, "newfstatat"),
            (222, .arm64, "mmap"), (260, .arm64, "wait4"), (449, .arm64, "futex_waitv"),
            (240, .arm, "futex"), (29, .arm, "pause"), (301, .arm, "msgsnd"), (283, .arm, "connect"), (270, .arm, "arm_fadvise64_64"),
        ] as [(Int32, Architecture, String)])
    func name(_ number: Int32, _ architecture: Architecture, _ expected: String) {
        #expect(SystemCalls.name(number, on: architecture) == expected)
    }

    @Test func numbersWithoutName() {
        for architecture in Architecture.allCases {
            for number in [-1, -2, Int32.min, 4095, 100_000, Int32.max] { #expect(SystemCalls.name(number, on: architecture) == nil) }
        }
        #expect(SystemCalls.name(340, on: .x86_64) == nil)
        #expect(SystemCalls.name(244, on: .arm64) == nil)
    }

    @Test func everyArchitectureHasItsCalls() {
        let least: [Architecture: Int] = [.x86_64: 380, .i386: 450, .arm64: 320, .arm: 415]
        for (architecture, count) in least {
            let names = (Int32(0)..<600).compactMap { SystemCalls.name($0, on: architecture) }
            #expect(names.count >= count, "\(architecture)")
            #expect(Set(names).count == names.count, "two numbers of one name on \(architecture)")
            #expect(
                names.allSatisfy {
                    !$0.isEmpty && $0.utf8.allSatisfy { $0 == 0x5F || (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }
                })
        }
    }
}

@Suite struct KernelSymbolTests {
    @Test(arguments: [
        ("do_msgsnd", "do_msgsnd"), ("do_msgrcv.constprop.0", "do_msgrcv"), ("poll_schedule_timeout.constprop.6", "poll_schedule_timeout"),
        ("seccomp_do_user_notification.isra.0", "seccomp_do_user_notification"), ("ptrace_stop.part.0", "ptrace_stop"),
        ("do_exit.cold", "do_exit"), ("do_exit.cold.12", "do_exit"), ("wq_sleep.llvm.1234567890", "wq_sleep"),
        ("sigsuspend.isra.0.constprop.1", "sigsuspend"), ("a.b.isra.0", "a.b"), ("a.b", "a.b"), (".isra.0", ".isra.0"),
        ("name.partial", "name.partial"),
        ("sys_pause", "sys_pause"), ("SyS_pause", "sys_pause"), ("SYSC_semtimedop", "sys_semtimedop"), ("__do_sys_pause", "sys_pause"),
        ("__se_sys_pause", "sys_pause"), ("__x64_sys_pause", "sys_pause"), ("__ia32_sys_pause", "sys_pause"),
        ("__arm64_sys_ppoll", "sys_ppoll"),
        ("ksys_msgsnd", "sys_msgsnd"), ("__ia32_compat_sys_select", "sys_select"),
        ("__do_sys_rt_sigtimedwait.part.0", "sys_rt_sigtimedwait"),
        ("do_sys_poll", "do_sys_poll"), ("__sys_recvmsg", "__sys_recvmsg"), ("ksys_", "ksys_"), ("0", "0"), ("", ""), (".", "."),
        ("é.isra.0", "é"),
    ]) func normalised(_ symbol: String, _ expected: String) {
        #expect(KernelSymbols.normalised(symbol) == expected)
        #expect(KernelSymbols.normalised(expected) == expected, "normalising twice changes nothing")
    }

    @Test(arguments: [
        "schedule", "__schedule", "schedule_timeout", "schedule_timeout_interruptible", "io_schedule", "schedule_hrtimeout_range",
        "schedule_hrtimeout_range_clock.part.0", "do_nanosleep", "rt_mutex_schedule", "__mutex_lock.isra.0", "__mutex_lock_slowpath",
        "rwsem_down_write_slowpath", "wait_for_completion_killable", "bit_wait_io",
    ]) func scheduler(_ symbol: String) { #expect(KernelSymbols.isScheduler(symbol)) }

    @Test(arguments: [
        "do_msgsnd", "poll_schedule_timeout.constprop.0", "futex_do_wait", "hrtimer_nanosleep", "unix_wait_for_peer", "wait_woken", "0", "",
        "percpu_rwsem_wait", "do_wait",
    ]) func notScheduler(_ symbol: String) { #expect(!KernelSymbols.isScheduler(symbol)) }
}

@Suite struct WaitChannelTests {
    @Test(
        arguments: [
            ("do_msgsnd", .sysvMessages), ("ksys_msgsnd", .sysvMessages), ("SYSC_msgrcv", .sysvMessages), ("futex_do_wait", .futex),
            ("futex_wait_queue_me", .futex), ("unix_wait_for_peer", .unix), ("unix_stream_read_generic", .unix),
            ("poll_schedule_timeout.constprop.0", .poll), ("do_sys_poll", .poll), ("do_epoll_wait", .epoll), ("pipe_wait", .pipe),
            ("anon_pipe_read", .pipe), ("wait_for_partner", .fifoOpen), ("__x64_sys_pause", .pause), ("do_signal_stop", .stop),
            ("ptrace_stop.part.0", .ptrace), ("do_wait", .child), ("kernel_clone", .vfork), ("fcntl_setlk", .fileLock),
            ("__break_lease", .lease),
            ("wait_woken", .ambiguous), ("__skb_wait_for_more_packets", .socket), ("request_wait_answer", .fuse),
            ("worker_thread", .kernelWorker),
            ("hrtimer_nanosleep", .sleep), ("wq_sleep.constprop.0", .posixQueue), ("__do_semtimedop", .sysvSemaphores),
            ("walk_component", .inodeLock),
        ] as [(String, WaitFamily)])
    func family(_ symbol: String, _ expected: WaitFamily) { #expect(WaitChannels.family(of: symbol) == expected) }

    @Test(arguments: ["0", "", "no_such_function", "schedule"]) func unknown(_ symbol: String) {
        #expect(WaitChannels.family(of: symbol) == nil)
    }

    @Test func everyRowIsNormalisedAndKnown() {
        var rows: Set<String> = []
        PackageResources.wait_channels_tsv.withUnsafeBufferPointer { bytes in
            Table.forEachLine(of: bytes, fieldCount: 1) { fields in
                let text = fields.map { Table.text(bytes, $0) }
                guard text[0] != "" else { return }
                #expect(text.count == 6, "\(text[0])")
                guard text.count == 6 else { return }
                #expect(rows.insert(text[0]).inserted, "\(text[0]) stands twice")
                #expect(KernelSymbols.normalised(text[0]) == text[0])
                #expect(WaitFamily(rawValue: text[1]) != nil, "\(text[0])")
                #expect(ChannelFact.Place(rawValue: text[3]) != nil, "\(text[0])")
                #expect(text[4] == "-" || text[4] == "serves", "\(text[0])")
                #expect(!text[5].isEmpty, "\(text[0]) has no source")
            }
        }
        #expect(rows.count > 900)
    }

    /// Names of one's own go before beginnings, and longer beginnings before shorter.
    @Test func beginnings() {
        #expect(WaitChannels.fact(of: "fuse_some_new_function")?.family == .fuse)
        #expect(WaitChannels.fact(of: "fuse_dev_do_read.constprop.0")?.serves == true)
        #expect(WaitChannels.fact(of: "xfs_buf_some")?.place == .any)
        #expect(WaitChannels.fact(of: "xfs_some")?.place == .names)
        #expect(WaitChannels.fact(of: "fuse") == nil)
    }
}

@Suite struct VersionTests {
    @Test(
        arguments: [
            ("6.1.0-9-amd64", 6, 1, 0, nil, true), ("6.18.3", 6, 18, 3, nil, false), ("6.4.0-rc5", 6, 4, 0, 5, false),
            ("5.14.0-570.el9.x86_64", 5, 14, 0, nil, true), ("2.6.32.67", 2, 6, 32, nil, false),
            ("6.12.57+deb13-amd64", 6, 12, 57, nil, true),
            ("6.18.0+", 6, 18, 0, nil, false), ("2.36", 2, 36, nil, nil, false), ("4.19.0-rc3-next", 4, 19, 0, 3, true),
        ] as [(String, Int, Int, Int?, Int?, Bool)])
    func parts(_ text: String, _ major: Int, _ minor: Int, _ patch: Int?, _ candidate: Int?, _ isDistribution: Bool) throws {
        let version = try #require(Version(text))
        #expect(version.major == major && version.minor == minor && version.patch == patch && version.candidate == candidate)
        #expect(version.isDistribution == isDistribution)
    }

    @Test(arguments: ["", "6", "six", "6.", ".6", "v6.1", "99999999999.1"]) func none(_ text: String) { #expect(Version(text) == nil) }

    @Test(arguments: [
        ("4.9..6.1", "6.0.12", true), ("4.9..6.1", "6.1.0", false), ("4.9..6.1", "4.8.17", false), ("4.9..6.1", "4.9", true),
        ("4.9..6.1", "6.1.0-9-amd64", false), ("4.9..6.1", "5.10.0-23-amd64", true), ("4.0..4.20.9", "4.20.0-1-amd64", true),
        ("4.0..4.20.9", "4.20.10", false), ("6.1.192..6.2", "6.1.0-49-amd64", true), ("6.1.192..6.2", "6.1.90", false),
        ("6.1.192..6.2", "6.2.0-1-amd64", false), ("6.4-rc1..6.4", "6.4.0-rc5", true), ("6.4-rc1..6.4", "6.4.0", false),
        ("6.4-rc1..6.4", "6.4.0-2-amd64", false), ("6.4-rc1..6.4", "6.3.9", false), ("..2.6.32", "2.6.31.4", true),
        ("..2.6.32", "2.6.32", false), ("5.2..", "7.0", true), ("5.2..", "5.1.9", false),
    ]) func ranges(_ range: String, _ version: String, _ expected: Bool) throws {
        let range = try #require(VersionRange(range))
        #expect(range.mayContain(try #require(Version(version))) == expected)
    }

    @Test(arguments: ["", "..", "4.9", "x..6.1", "4.9..y", "4.9...6.1"]) func noRange(_ text: String) { #expect(VersionRange(text) == nil) }
}

@Suite struct KnownHangTableTests {
    @Test func everyRowIsUnderstood() {
        var rows = 0
        PackageResources.known_hangs_tsv.withUnsafeBufferPointer { bytes in
            Table.forEachLine(of: bytes, fieldCount: 1) { fields in
                let text = fields.map { Table.text(bytes, $0) }
                guard text[0] != "" else { return }
                rows += 1
                #expect(text.count == 9, "\(text[0])")
                guard text.count == 9 else { return }
                let hang = KnownHangs.all[rows - 1]
                #expect(hang.id == text[0])
                #expect(text[1] == "-" || hang.component != nil, "\(text[0])")
                #expect(text[2] == "-" || hang.versions.count == text[2].split(separator: ",").count, "\(text[0]): \(text[2])")
                #expect(text[6] == "-" || hang.conditions.count == text[6].split(separator: ";").count, "\(text[0]): \(text[6])")
                for name in hang.functions.joined() { #expect(KernelSymbols.normalised(name) == name) }
                #expect(!hang.text.isEmpty && !hang.source.isEmpty && hang.text.last != ".")
                #expect(!hang.kinds.isEmpty || !hang.functions.isEmpty || !hang.conditions.isEmpty, "\(text[0]) fits everything")
            }
        }
        #expect(rows == KnownHangs.all.count && rows >= 40)
    }
}
