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
        var rows = 0
        PackageResources.wait_channels_tsv.withUnsafeBufferPointer { bytes in
            Table.forEachLine(of: bytes, fieldCount: 3) { fields in
                rows += 1
                let symbol = Table.text(bytes, fields[0])
                #expect(KernelSymbols.normalised(symbol) == symbol)
                #expect(WaitFamily(rawValue: Table.text(bytes, fields[1])) != nil, "\(symbol)")
                #expect(!fields[2].isEmpty, "\(symbol) has no source")
            }
        }
        #expect(rows > 350)
    }
}
