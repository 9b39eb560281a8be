import KernelFacts
import Testing
import WaitModel

@testable import WaitResolution

/// Every thread of the recordings gets its family, and its kind where state, channel, system call and stack suffice.
@Suite struct ClassificationTests {
    @Test func recordingsAreWhole() {
        #expect(RecordedChannel.all.count > 500)
        #expect(Set(RecordedChannel.all.map(\.kernel)) == ["4.19.78", "5.10", "6.1", "6.12", "6.18"])
    }

    @Test(arguments: RecordedChannel.all) func asRecorded(_ thread: RecordedChannel) {
        let found = Classification(thread.signs)
        #expect(found.family == thread.family, "\(thread)")
        #expect(found.kind == thread.told, "\(thread)")
    }

    /// As on kernels whose `wchan` reads 0: the stack takes its place.
    @Test(arguments: RecordedChannel.all) func channelHidden(_ thread: RecordedChannel) {
        var signs = thread.signs
        signs.channel = nil
        let found = Classification(signs)
        #expect(found.family == thread.family, "\(thread)")
        #expect(found.kind == thread.told, "\(thread)")
    }

    /// Without the privilege for the stack. The channel is one of few that serve many purposes, or it suffices.
    @Test(arguments: RecordedChannel.all) func stackHidden(_ thread: RecordedChannel) {
        var signs = thread.signs
        signs.stack = []
        let found = Classification(signs)
        #expect(found.kind == thread.told || found.kind.isWiderThan(thread.truth), "\(found.kind) for \(thread)")
        if let family = found.family, family.group != nil, thread.situation != "zap/child1" {
            #expect(family.group == thread.family.group, "\(family) for \(thread)")
        }
    }

    /// With neither: the system call decides, or a wider answer is given. Only the cgroup freezer hides behind a call that it interrupts.
    @Test(arguments: RecordedChannel.all) func bothHidden(_ thread: RecordedChannel) {
        var signs = thread.signs
        (signs.channel, signs.stack) = (nil, [])
        let found = Classification(signs)
        if thread.family == .freezer {
            #expect(found.signs == [.call] || found.kind == .unknown)
            return
        }
        #expect(found.kind == thread.told || found.kind.isWiderThan(thread.truth), "\(found.kind) for \(thread)")
        if let family = found.family { #expect(family.group == thread.family.group, "\(family) for \(thread)") }
    }

    /// Nothing but a state: nothing is claimed of a sleeping thread.
    @Test func nothingShown() {
        for state in ["S", "D"] {
            let found = Classification(WaitSigns(state: state.utf8.first ?? 0))
            #expect(found == Classification(WaitSigns(state: state.utf8.first ?? 0)))
            #expect(found.kind == .unknown && found.family == nil && found.signs.isEmpty)
        }
    }

    /// Names of other releases and builds in place of the recorded ones (kernel sources, `docs/kernels.md`).
    @Test(arguments: RecordedChannel.all) func otherSpellings(_ thread: RecordedChannel) {
        for rename in Renaming.all {
            var signs = thread.signs
            signs.channel = signs.channel.map(rename.apply)
            signs.stack = signs.stack.map(rename.apply)
            guard signs.channel != thread.signs.channel || signs.stack != thread.signs.stack else { continue }
            let found = Classification(signs)
            #expect(found.family == thread.family, "\(rename.name): \(thread)")
            #expect(found.kind == thread.told, "\(rename.name): \(thread)")
        }
    }

    /// Prints what the four signs cannot tell apart; docs/kernels.md keeps the table.
    @Test func whatCannotBeTold() {
        var lines: Set<String> = []
        for thread in RecordedChannel.all where thread.truth != thread.told {
            lines.insert("\(thread.truth.rawValue): \(thread.told.rawValue) from state, channel, system call and stack")
        }
        for thread in RecordedChannel.all where thread.truth == .unknown {
            lines.insert("\(thread.situation) (\(thread.family.rawValue)): no kind of its own")
        }
        for thread in RecordedChannel.all {
            var signs = thread.signs
            signs.stack = []
            let withoutStack = Classification(signs)
            if withoutStack.kind != thread.told {
                lines.insert(
                    "\(thread.truth.rawValue): \(withoutStack.kind.rawValue) where the stack may not be read (\(signs.channel ?? "0"), \(signs.call ?? "no call"))"
                )
            }
            signs.channel = nil
            let withoutBoth = Classification(signs)
            if withoutBoth.kind != thread.told {
                lines.insert(
                    "\(thread.truth.rawValue): \(withoutBoth.kind.rawValue) from the system call alone (\(signs.call ?? "no call"))")
            }
        }
        print("What cannot be told:\n  " + lines.sorted().joined(separator: "\n  "))
    }
}

/// One release's or one build's names.
struct Renaming: Sendable {
    let name: String
    let names: [String: String]

    func apply(_ symbol: String) -> String {
        let bare = KernelSymbols.normalised(symbol)
        if let other = names[bare] ?? names[symbol] { return other }
        return symbol
    }

    static let all: [Renaming] = [
        Renaming(
            name: "3.10",
            names: [
                "futex_do_wait": "futex_wait_queue_me", "__futex_wait": "futex_wait", "anon_pipe_read": "pipe_read",
                "anon_pipe_write": "pipe_write", "pipe_wait_readable": "pipe_wait", "pipe_wait_writable": "pipe_wait",
                "unix_stream_read_generic": "unix_stream_data_wait", "sys_pause": "sys_pause", "do_epoll_wait": "ep_poll",
                "kernel_clone": "do_fork", "locks_lock_inode_wait": "flock_lock_file_wait", "do_sigtimedwait": "SyS_rt_sigtimedwait",
                "timerfd_read_iter": "timerfd_read", "signalfd_read_iter": "signalfd_read", "userfaultfd_read_iter": "userfaultfd_read",
                "do_msgsnd": "SYSC_msgsnd", "do_semtimedop": "SYSC_semtimedop", "fdget_pos": "__fdget_pos", "__folio_lock": "__lock_page",
                "walk_component": "lookup_slow",
            ]),
        Renaming(
            name: "5.15, optimised for size",
            names: [
                "futex_do_wait": "futex_wait_queue_me", "do_msgsnd": "ksys_msgsnd", "do_msgrcv": "ksys_msgrcv",
                "fcntl_setlk": "do_lock_file_wait", "__folio_lock": "wait_on_page_bit_common", "folio_wait_bit_common": "__lock_page",
                "poll_schedule_timeout": "poll_schedule_timeout.isra.3", "io_cqring_wait": "io_cqring_wait.isra.0",
                "sigsuspend": "__x64_sys_rt_sigsuspend",
            ]),
        Renaming(
            name: "clang",
            names: [
                "do_msgrcv": "do_msgrcv.llvm.1234", "wq_sleep": "wq_sleep.llvm.99", "do_wait": "do_wait.llvm.7",
                "unix_wait_for_peer": "unix_wait_for_peer.isra.0.llvm.5",
                "do_signal_stop": "do_signal_stop.cold",
            ]),
        Renaming(
            name: "arm64",
            names: [
                "sys_pause": "__arm64_sys_pause", "sys_ppoll": "__arm64_sys_ppoll", "sys_futex": "__arm64_sys_futex",
                "sys_read": "__arm64_sys_read", "do_syscall_64": "el0_svc_common.constprop.0",
                "entry_SYSCALL_64_after_hwframe": "el0t_64_sync", "sys_rt_sigtimedwait": "__arm64_sys_rt_sigtimedwait",
                "sys_io_uring_enter": "__arm64_sys_io_uring_enter",
            ]),
        Renaming(
            name: "arm",
            names: [
                "sys_pause": "sys_pause", "do_msgrcv": "do_msgrcv.constprop.0", "fcntl_setlk": "do_lock_file_wait",
                "do_syscall_64": "ret_fast_syscall",
            ]),
    ]
}
