import Diagnosis
import Evidence
import KernelFacts
import Reports
import Testing
import WaitModel

@testable import WaitResolution

/// The recorded threads as trees of files, explained as `--proc` explains them: as they were, on a kernel whose `wchan` reads 0, and there
/// without the privilege for kernel stacks.
@Suite struct HiddenChannelTests {
    enum Hidden: CaseIterable { case nothing, channel, channelAndStack }

    @Test(arguments: Hidden.allCases) func everyRecordedThread(_ hidden: Hidden) throws {
        let tree = try RecordedTree()
        for (index, thread) in RecordedChannel.all.enumerated() {
            try tree.thread(
                Int32(1000 + index), state: Character(UnicodeScalar(thread.signs.state)),
                channel: hidden == .nothing ? thread.signs.channel ?? "0" : "0", call: callText(thread.signs, on: .x86_64),
                stack: hidden == .channelAndStack ? [] : thread.signs.stack)
        }
        let host = tree.host()
        for (index, thread) in RecordedChannel.all.enumerated() {
            let reading = try #require(host.process(Int32(1000 + index))?.threads.first)
            let (wait, evidence) = WaitFamilies.resolve(reading, on: host)
            if hidden == .channelAndStack {
                let isHiddenByItsCall = thread.family == .freezer
                #expect(wait.kind == thread.told || wait.kind.isWiderThan(thread.truth) || isHiddenByItsCall, "\(wait.kind) for \(thread)")
            } else {
                // A page of a FUSE file that is faulted in is both; a resolver that knows the mapping may say either.
                let isFaultOnFUSE = thread.situation == "f_mmap/child1" && wait.kind == .pageFault
                #expect(wait.kind == thread.told || isFaultOnFUSE, "\(wait.kind) for \(thread)")
            }
            #expect(
                wait.release.parties.allSatisfy { $0.certainty != .certain || thread.family == .sleep || $0.role == "timer" }, "\(thread)")
            guard hidden != .nothing, reading.isAsleep else { continue }
            let basics = WaitFamilies.basicEvidence(reading, on: host) + evidence
            let reason = try #require(basics.first { $0.source == "classification" }, "\(thread)").value
            #expect(reason.contains("this kernel's wchan reads 0"), "\(reason)")
            #expect(reason.contains("kernel stack may not be read") == (hidden == .channelAndStack), "\(reason)")
        }
    }

    @Test func theReportSaysWhatItRestsOn() throws {
        let tree = try RecordedTree()
        try tree.thread(10, comm: "reader", channel: "0", call: call(45, 4, 0x7f00, 1))
        var options = Investigation.Options()
        options.procRoot = tree.root
        let diagnosis = try Investigation(options: options).explain([.id(10)])
        let thread = try #require(diagnosis.threads.first)
        #expect(thread.wait.kind == .socketOther)
        #expect(thread.wait.channel == nil)
        #expect(
            thread.evidence.contains {
                $0.source == "classification"
                    && $0.value == "by system call: this kernel's wchan reads 0 and the kernel stack may not be read"
            })
        let report = text(diagnosis, Presentation(width: 200), TextOptions(evidence: true))
        #expect(report.contains("waits on a socket, as far as its system call shows"), "\(report)")
        #expect(report.contains("this kernel's wchan reads 0 and the kernel stack may not be read"))
    }

    /// A known hang adds its sentence and its source to the finding, in text and JSON, after the chain.
    @Test func theReportNamesKnownHangs() throws {
        let tree = try RecordedTree()
        try tree.write("sys/kernel/osrelease", "6.1.0-9-amd64\n")
        try tree.thread(10, comm: "worker", channel: "get_signal", call: call(34))
        var options = Investigation.Options()
        options.procRoot = tree.root
        let diagnosis = try Investigation(options: options).explain([.id(10)])
        #expect(diagnosis.findings.flatMap(\.knownHangs).map(\.id) == ["cgroup-frozen-looks-asleep"])
        #expect(diagnosis.findings.first?.cause == .frozen)
        let report = text(diagnosis, Presentation(width: 400))
        #expect(report.contains("Known: a frozen cgroup of version 2 shows its threads as asleep"), "\(report)")
        #expect(report.contains("Linux 6.1.0-9-amd64 may have this (Documentation/admin-guide/cgroup-v2.rst; kernel/cgroup/freezer.c)"))
    }

    /// On a kernel that hides the channel a pipe is told by its descriptor, a FIFO's opening by the stack.
    @Test func descriptorsAndStacksStandIn() throws {
        let tree = try RecordedTree()
        try tree.thread(10, channel: "0", call: call(0, 3))
        try tree.descriptor(10, 3, "anon_inode:[timerfd]")
        #expect(try tree.wait(10).kind == .timerfdRead)
        try tree.thread(
            11, channel: "0", call: call(257, 0xffff_ff9c, 0x1000, 1), stack: ["wait_for_partner", "fifo_open", "do_dentry_open"])
        #expect(try tree.wait(11).kind == .fifoOpenWrite)
        try tree.thread(12, channel: "0", call: call(0, 5), stack: ["pipe_wait", "pipe_read", "vfs_read"])
        try tree.descriptor(12, 5, "/run/commands", flags: "00")
        let fifo = try tree.wait(12)
        #expect(fifo.kind == .pipeRead)
        #expect(fifo.resource?.name == "fifo:/run/commands")
        try tree.thread(13, channel: "0", call: call(219), stack: ["do_nanosleep", "hrtimer_nanosleep", "__x64_sys_clock_nanosleep"])
        #expect(try tree.wait(13).kind == .sleep)
        try tree.thread(14, channel: "0", call: call(219), stack: ["do_sys_poll", "do_restart_poll", "__x64_sys_restart_syscall"])
        #expect(try tree.wait(14).kind == .poll)
    }

    /// Where nothing shows where a thread sleeps, a page fault of its buffer looks like a full pipe: nobody is certain then.
    @Test func nothingIsCertainOfAHiddenThread() throws {
        let tree = try RecordedTree()
        try tree.thread(10, channel: "0", call: call(0, 3))
        try tree.descriptor(10, 3, "pipe:[77]", flags: "00")
        try tree.thread(11, channel: "hrtimer_nanosleep", call: call(35))
        try tree.descriptor(11, 4, "pipe:[77]", flags: "01")
        let hidden = try tree.wait(10)
        #expect(hidden.kind == .pipeRead)
        #expect(hidden.release.parties.map(\.certainty) == [.inferred])
        #expect(hidden.release.completeness == .inferred)
        try tree.thread(10, channel: "0", call: call(0, 3), stack: ["pipe_read", "vfs_read"])
        #expect(try tree.wait(10).release.parties.map(\.certainty) == [.certain])
    }

    /// Which descriptor holds up a splice, its call does not tell.
    @Test func aSpliceOfTwoPipes() throws {
        let tree = try RecordedTree()
        for (pid, channel, stack) in [(10, "0", []), (11, "pipe_wait_writable", []), (12, "0", ["pipe_wait", "opipe_prep", "do_splice"])]
            as [(Int32, String, [String])]
        {
            try tree.thread(pid, channel: channel, call: call(275, 3, 0, 6), stack: stack)
            try tree.descriptor(pid, 3, "pipe:[77]", flags: "00")
            try tree.descriptor(pid, 6, "pipe:[78]", flags: "01")
        }
        #expect(try tree.wait(10).kind == .unknown)
        #expect(try tree.wait(11).kind == .pipeWrite)
        #expect(try tree.wait(12).kind == .pipeWrite)
    }

    /// A thread that is held up on its call's way does not wait for the call's descriptor.
    @Test(arguments: [
        ("request_wait_answer", WaitKind.fuse), ("handle_userfault", .pageFault), ("seccomp_do_user_notification.isra.0", .seccompNotify),
        ("fanotify_handle_event", .fanotify), ("get_signal", .frozen), ("mem_cgroup_handle_over_high", .memoryThrottled),
        ("rpc_wait_bit_killable", .nfs), ("__refrigerator", .frozen),
    ]) func theCallIsInterrupted(_ channel: String, _ kind: WaitKind) throws {
        let tree = try RecordedTree()
        try tree.thread(10, state: "S", channel: channel, call: call(0, 3))
        try tree.descriptor(10, 3, "pipe:[77]", flags: "00")
        try tree.thread(11, channel: "hrtimer_nanosleep", call: call(35))
        try tree.descriptor(11, 4, "pipe:[77]", flags: "01")
        let wait = try tree.wait(10)
        #expect(wait.kind == kind)
        #expect(!wait.partyPIDs.contains(11), "the pipe's writer has nothing to do with it")
    }

    /// arm64 has no pause, poll or select: its C libraries call ppoll and pselect6. System call numbers are its own.
    @Test(arguments: [
        ("aarch64", Architecture.arm64, "do_sys_poll", "ppoll", WaitKind.poll),
        ("aarch64", .arm64, "do_msgrcv.constprop.0", "msgrcv", .sysvMessageReceive),
        ("aarch64", .arm64, "0", "futex", .futexOther), ("aarch64", .arm64, "0", "accept", .socketOther),
        ("aarch64", .arm64, "do_epoll_wait", "epoll_pwait", .epoll),
        ("aarch64", .arm64, "__arm64_sys_clock_nanosleep", "clock_nanosleep", .sleep),
        ("armv7l", .arm, "sys_pause", "pause", .pause), ("armv7l", .arm, "do_msgrcv.constprop.0", "msgrcv", .sysvMessageReceive),
        ("armv7l", .arm, "do_lock_file_wait", "flock", .fileLockFlock), ("armv7l", .arm, "0", "poll", .poll),
        ("armv7l", .arm, "0", "_newselect", .select), ("armv7l", .arm, "unix_wait_for_peer", "connect", .unixConnect),
    ]) func otherMachines(_ machine: String, _ architecture: Architecture, _ channel: String, _ name: String, _ kind: WaitKind) throws {
        let tree = try RecordedTree()
        try tree.write("sys/kernel/arch", machine + "\n")
        try tree.thread(10, channel: channel, call: callText(WaitSigns(state: 0x53, call: name), on: architecture))
        let host = tree.host()
        #expect(host.architecture == architecture)
        let wait = try tree.wait(10)
        #expect(wait.kind == kind)
        #expect(wait.systemCall == name)
    }

    /// The text of `syscall`.
    private func callText(_ signs: WaitSigns, on architecture: Architecture) -> String {
        guard signs.state != UInt8(ascii: "R") else { return "running" }
        guard let name = signs.call, let number = (Int32(0)..<600).first(where: { SystemCalls.name($0, on: architecture) == name }) else {
            return "-1 0x7ffd00001000 0x401cb5"
        }
        let arguments = signs.arguments + [UInt64](repeating: 0, count: 6 - signs.arguments.count)
        return "\(number) " + arguments.map { "0x" + String($0, radix: 16) }.joined(separator: " ") + " 0x7ffd00001000 0x7f0000001234"
    }
}
