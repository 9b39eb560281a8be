import Testing

@testable import ProcFS

@Suite struct ThreadStatTests {
    static let tail =
        "18763 18763 4720 34816 -1 4194304 2934 6499 4 0 5 2 4 2 20 0 7 0 243712 17346560 3468 18446744073709551615 94001206603776"
        + " 94001206604117 140733889040528 0 0 0 0 16781312 2 0 0 0 17 1 0 3 0 0 0 94001206615472 94001206616088 94001649262592\n"

    @Test(arguments: [
        "python3", "a) R 1 1", ") ", "(", ")", "((()))", "two\nlines", "new) S\n1 2", "", " ", "tab\t", "fifteen bytes..", "é…",
    ]) func commIsTakenWhole(_ comm: String) throws {
        let stat = try #require(parse("306 (\(comm)) S \(Self.tail)") { ThreadStat($0) })
        #expect(stat.id == 306)
        #expect(stat.comm == comm)
        #expect(stat.state == UInt8(ascii: "S"))
        #expect(stat.parent == 18763)
        #expect(stat.terminal == 34816)
        #expect(stat.flags == 4_194_304)
        #expect((stat.userTicks, stat.systemTicks) == (5, 2))
        #expect(stat.threadCount == 7)
        #expect(stat.startTicks == 243_712)
        #expect(stat.processor == 1)
        #expect(stat.policy == 3)
        #expect(!stat.isKernelThread && !stat.isExiting)
    }

    @Test func kernelThread() throws {
        let line =
            "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 14 0 0 18446744073709551615 0 0 0 0 0 0 0 2147483647 0 1 0 0 0 1"
        let stat = try #require(parse(line) { ThreadStat($0) })
        #expect(stat.isKernelThread)
        #expect(stat.comm == "kthreadd")
    }

    @Test func zombie() throws {
        let line =
            "41 (sh) Z 40 41 40 0 -1 4227084 71 0 0 0 0 0 0 0 20 0 1 0 99 0 0 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0"
        let stat = try #require(parse(line) { ThreadStat($0) })
        #expect(stat.state == UInt8(ascii: "Z"))
        #expect(stat.isExiting)
        #expect(stat.startTicks == 99)
    }

    @Test func fieldsThatOldKernelsLack() throws {
        let line = "1 (init) S 0 1 1 0 -1 256 1 2 3 4 5 6 7 8 9 0 1 0 44\n"
        let stat = try #require(parse(line) { ThreadStat($0) })
        #expect(stat.startTicks == 44)
        #expect(stat.processor == nil && stat.policy == nil)
    }

    @Test(arguments: [
        "", "\n", "306", "306 ", "306 (", "306 (a", "306 a) S 1", "(a) S 1 2", "306 )a( S 1", "306 (a)", "306 (a) ", "306 (a) S",
        "306 (a) S 1 2 3",
        "99999999999 (a) S \(tail)", "306 (a) S x \(tail)", "-1", "306 (a) S 1 1 1 0 -1 -5 1",
    ]) func noSuchLine(_ line: String) { #expect(parse(line) { ThreadStat($0) } == nil) }
}

@Suite struct StatusTests {
    @Test func fields() {
        let text = """
            Name:\tlog) \\nger
            Tgid:\t306
            Pid:\t311
            PPid:\t1
            TracerPid:\t77
            Uid:\t0\t1000\t0\t0
            NStgid:\t306\t5
            NSpid:\t311\t7\t2
            SigQ:\t0/96364
            SigPnd:\t0000000000000004
            ShdPnd:\t8000000000000000
            SigBlk:\tfffffffe7ffbfeff
            SigIgn:\t0000000001001000
            SigCgt:\t0000000000000002
            voluntary_ctxt_switches:\t39
            nonvoluntary_ctxt_switches:\t20

            """
        let status = parse(text) { Status($0) }
        #expect(status.threadGroup == 306 && status.id == 311 && status.parent == 1)
        #expect(status.tracer == 77)
        #expect(status.user == 1000)
        #expect(status.namespaceIDs == [311, 7, 2])
        #expect(status.innermostID == 2)
        #expect(status.pendingInThread == 4 && status.pendingInProcess == 1 << 63)
        #expect(status.blocked == 0xffff_fffe_7ffb_feff && status.ignored == 0x1001000 && status.caught == 2)
        #expect(status.voluntarySwitches == 39 && status.involuntarySwitches == 20)
    }

    @Test func oldKernelWithoutNamespaces() {
        let status = parse("Name:\tx\nTgid:\t5\nPid:\t5\nPPid:\t0\nUid:\t4294967294\t4294967294\t0\t0\n") { Status($0) }
        #expect(status.namespaceIDs.isEmpty && status.innermostID == 5)
        #expect(status.user == 4_294_967_294)
        #expect(status.voluntarySwitches == nil && status.tracer == 0)
    }

    @Test func nothing() { #expect(parse("") { Status($0) } == parse("no colon\n:\n\n") { Status($0) }) }
}

@Suite struct SchedulingTests {
    @Test func counters() throws {
        let counters = try #require(parse("81692427 2517110 60\n") { SchedulerCounters($0) })
        #expect(counters.onCPUNanoseconds == 81_692_427 && counters.waitingForCPUNanoseconds == 2_517_110 && counters.runCount == 60)
        #expect(parse("0 0 0\n") { SchedulerCounters($0) }?.runCount == 0)
    }

    @Test(arguments: ["", "\n", "1", "1 2", "a b c", "1 2 x", "-1 2 3"]) func noCounters(_ text: String) {
        #expect(parse(text) { SchedulerCounters($0) } == nil)
    }

    @Test func state() {
        let text = """
            sed (18865, #threads: 1)
            -------------------------------------------------------------------
            se.exec_start                                :       2436702.279514
            se.vruntime                                  :         11690.552028
            nr_switches                                  :                    3
            nr_voluntary_switches                        :                    2

            """
        let state = parse(text) { SchedulerState($0) }
        #expect(state.lastRanMilliseconds == 2436702.279514)
        #expect(state.switches == 3)
    }

    @Test(arguments: ["", "se.exec_start", "se.exec_start :", "se.exec_start : -3", "nr_switches : 99999999999999999999"])
    func noState(_ text: String) {
        let state = parse(text) { SchedulerState($0) }
        #expect(state.lastRanMilliseconds == nil && state.switches == nil)
    }

    @Test func fractionTooLongForANumber() {
        #expect(parse("se.exec_start : 5.99999999999999999999999") { SchedulerState($0) }.lastRanMilliseconds == 5)
    }
}

@Suite struct SystemCallStateTests {
    @Test func running() { #expect(parse("running\n") { SystemCallState($0) } == .running) }

    @Test func outside() {
        let state = parse("-1 0x7ffdbeb59a58 0x7f1f5a0cc2ad\n") { SystemCallState($0) }
        #expect(state == .outside(stackPointer: 0x7ffd_beb5_9a58, programCounter: 0x7f1f_5a0c_c2ad))
    }

    @Test func inside() throws {
        let line = "202 0x7f00 0x189 0xffffffff80000010 0x0 0x0 0xffffffffffffffff 0x7fff2976c828 0x7fab7a5162ad\n"
        guard case .inside(let call)? = parse(line, { SystemCallState($0) }) else {
            Issue.record("not inside")
            return
        }
        #expect(call.number == 202)
        #expect((0..<6).map { call[$0] } == [0x7f00, 0x189, 0xffff_ffff_8000_0010, 0, 0, .max])
        #expect(call.stackPointer == 0x7fff_2976_c828 && call.programCounter == 0x7fab_7a51_62ad)
        #expect(
            call
                == SystemCall(
                    number: 202, arguments: (0..<6).map { call[$0] }, stackPointer: 0x7fff_2976_c828, programCounter: 0x7fab_7a51_62ad))
        #expect(call != SystemCall(number: 202))
    }

    @Test(arguments: [
        "", "\n", "run", "202", "202 0x1 0x2 0x3", "-1", "-1 0x1", "0 0x 0x 0x", "99999999999 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0", "x",
    ])
    func noSuchLine(_ line: String) { #expect(parse(line) { SystemCallState($0) } == nil) }
}

@Suite struct KernelStackTests {
    @Test(
        arguments: [
            ("[<0>] do_msgsnd+0x2b4/0x580\n[<0>] do_syscall_64+0x5e/0x90\n", ["do_msgsnd", "do_syscall_64"]),
            (
                "[<ffffffff8109d4f6>] poll_schedule_timeout.constprop.6+0x46/0x70\n[<ffffffffffffffff>] 0xffffffffffffffff\n",
                ["poll_schedule_timeout.constprop.6"]
            ),
            ("[<0>] request_wait_answer+0x16f/0x290 [fuse]\n", ["request_wait_answer"]),
            ("[<0>] no_offset\n", ["no_offset"]),
            ("", []), ("\n\n", []), ("[<0>]", []), ("[<0>] \n", []), ("[<0>] +0x1/0x2\n", []), ("garbage\n", []),
        ] as [(String, [String])]) func functions(_ text: String, _ expected: [String])
    {
        #expect(parse(text) { KernelStack.functions($0) } == expected)
    }
}
