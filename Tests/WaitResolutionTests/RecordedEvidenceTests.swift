import Testing
import WaitModel

/// Resolvers on recorded trees: what files alone tell. Memory, sockets and queues are tested live, by the lab.
@Suite struct RecordedEvidenceTests {
    private let tree: RecordedTree

    init() throws { tree = try RecordedTree() }

    // MARK: Pipes

    @Test func theOnlyWriterOfAPipeIsCertain() throws {
        try tree.thread(10, comm: "reader", channel: "anon_pipe_read", call: call(0, 3))
        try tree.descriptor(10, 3, "pipe:[77]", flags: "00")
        try tree.thread(11, comm: "writer", channel: "hrtimer_nanosleep", call: call(35))
        try tree.descriptor(11, 4, "pipe:[77]", flags: "01")
        let wait = try tree.wait(10)
        #expect(wait.kind == .pipeRead)
        #expect(wait.resource?.name == "pipe:[77]")
        #expect(wait.partyPIDs == [11])
        #expect(wait.release.parties.map(\.certainty) == [.certain])
        #expect(!wait.isDemand)
    }

    @Test func severalWritersArePossible() throws {
        try tree.thread(10, channel: "pipe_read", call: call(0, 3))
        try tree.descriptor(10, 3, "pipe:[77]", flags: "00")
        for pid: Int32 in [11, 12, 13] {
            try tree.thread(pid, channel: "hrtimer_nanosleep", call: call(35))
            try tree.descriptor(pid, 4, "pipe:[77]", flags: "01")
        }
        let wait = try tree.wait(10)
        #expect(wait.partyPIDs == [11, 12, 13])
        #expect(wait.release.parties.allSatisfy { $0.certainty == .possible })
    }

    @Test func aDescriptorOfTheSameEndIsNoParty() throws {
        try tree.thread(10, channel: "pipe_write", call: call(1, 4))
        try tree.descriptor(10, 4, "pipe:[77]", flags: "01")
        try tree.thread(11, channel: "pipe_write", call: call(1, 4))
        try tree.descriptor(11, 4, "pipe:[77]", flags: "01")
        let wait = try tree.wait(10)
        #expect(wait.kind == .pipeWrite)
        #expect(wait.partyPIDs.isEmpty)
        #expect(wait.deadEnd == .inFlightFD)
        #expect(wait.release.completeness == .inferred)
    }

    @Test func onlyTheOwnProcessHoldsTheOtherEnd() throws {
        try tree.thread(10, channel: "pipe_read", call: call(0, 3))
        try tree.descriptor(10, 3, "pipe:[77]", flags: "00")
        try tree.descriptor(10, 4, "pipe:[77]", flags: "01")
        let wait = try tree.wait(10)
        #expect(wait.partyPIDs == [10])
        #expect(wait.deadEnd == .selfHeld)
    }

    @Test func whoKeptBothEndsIsABystander() throws {
        try tree.thread(10, channel: "pipe_read", call: call(0, 3))
        try tree.descriptor(10, 3, "pipe:[77]", flags: "00")
        try tree.thread(11, channel: "hrtimer_nanosleep", call: call(35))
        try tree.descriptor(11, 3, "pipe:[77]", flags: "00")
        try tree.descriptor(11, 4, "pipe:[77]", flags: "01")
        let party = try #require(try tree.wait(10).release.parties.first)
        #expect(party.role == "bystander")
        #expect(party.endsChain == .leakedFD)
    }

    @Test func whoWritesToThePipeIsNoBystanderThoughItHoldsBothEnds() throws {
        try tree.thread(10, channel: "pipe_read", call: call(0, 3))
        try tree.descriptor(10, 3, "pipe:[77]", flags: "00")
        try tree.thread(11, channel: "pipe_read", call: call(0, 3))
        try tree.descriptor(11, 3, "pipe:[77]", flags: "00")
        try tree.descriptor(11, 4, "pipe:[77]", flags: "01")
        let party = try #require(try tree.wait(10).release.parties.first)
        #expect(party.role == "writer")
    }

    @Test func aFIFOIsToldByTheKernelFunction() throws {
        try tree.thread(10, channel: "fifo_pipe_read", call: call(0, 3))
        try tree.descriptor(10, 3, "/run/fifo", flags: "00")
        try tree.thread(11, channel: "hrtimer_nanosleep", call: call(35))
        try tree.descriptor(11, 5, "/run/fifo", flags: "01")
        let wait = try tree.wait(10)
        #expect(wait.kind == .pipeRead)
        #expect(wait.resource?.name == "fifo:/run/fifo")
        #expect(wait.partyPIDs == [11])
    }

    // MARK: File locks

    @Test func theHolderOfAnFlockIsConfirmedByItsDescriptor() throws {
        try tree.write("locks", "1: FLOCK  ADVISORY  WRITE 11 08:01:42 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 10 08:01:42 0 EOF\n")
        try tree.thread(10, channel: "flock_lock_inode_wait", call: call(73, 3, 2))
        try tree.descriptor(10, 3, "/var/lock/x")
        try tree.thread(11, channel: "hrtimer_nanosleep", call: call(35))
        try tree.descriptor(11, 5, "/var/lock/x", extra: "lock:\t1: FLOCK  ADVISORY  WRITE 11 08:01:42 0 EOF\n")
        let wait = try tree.wait(10)
        #expect(wait.kind == .fileLockFlock)
        #expect(wait.resource?.name == "file-lock:8:1:42")
        #expect(wait.partyPIDs == [11])
        #expect(wait.release.parties.map(\.certainty) == [.certain])
    }

    @Test func anInheritedFlockIsTheChildsThoughItsTakerIsGone() throws {
        try tree.write("locks", "1: FLOCK  ADVISORY  WRITE 9 08:01:42 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 10 08:01:42 0 EOF\n")
        try tree.thread(10, channel: "flock_lock_inode_wait", call: call(73, 3, 2))
        try tree.descriptor(10, 3, "/var/lock/x")
        try tree.thread(11, channel: "hrtimer_nanosleep", call: call(35))
        try tree.descriptor(11, 5, "/var/lock/x", extra: "lock:\t1: FLOCK  ADVISORY  WRITE 9 08:01:42 0 EOF\n")
        #expect(try tree.wait(10).partyPIDs == [11])
    }

    @Test func aReusedPidInTheLockTableIsNotBlamed() throws {
        try tree.write("locks", "1: FLOCK  ADVISORY  WRITE 11 08:01:42 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 10 08:01:42 0 EOF\n")
        try tree.thread(10, channel: "flock_lock_inode_wait", call: call(73, 3, 2))
        try tree.descriptor(10, 3, "/var/lock/x")
        try tree.thread(11, comm: "stranger", channel: "hrtimer_nanosleep", call: call(35))
        let wait = try tree.wait(10)
        #expect(wait.partyPIDs.isEmpty)
        #expect(wait.deadEnd == .inFlightFD)
    }

    @Test func anExclusiveLockWaitsForAllSharedOnes() throws {
        try tree.write(
            "locks",
            """
            1: FLOCK  ADVISORY  READ 11 08:01:42 0 EOF
            1: -> FLOCK  ADVISORY  WRITE 10 08:01:42 0 EOF
            2: FLOCK  ADVISORY  READ 12 08:01:42 0 EOF
            3: FLOCK  ADVISORY  READ 13 08:01:43 0 EOF

            """)
        try tree.thread(10, channel: "flock_lock_inode_wait", call: call(73, 3, 2))
        try tree.descriptor(10, 3, "/x")
        for pid: Int32 in [11, 12, 13] {
            try tree.thread(pid, channel: "hrtimer_nanosleep", call: call(35))
            let inode = pid == 13 ? 43 : 42
            try tree.descriptor(pid, 5, "/x", extra: "lock:\t1: FLOCK  ADVISORY  READ \(pid) 08:01:\(inode) 0 EOF\n")
        }
        let wait = try tree.wait(10)
        #expect(wait.release.rule == .all)
        #expect(wait.partyPIDs == [11, 12])
    }

    @Test func aPOSIXLockNamesItsProcess() throws {
        try tree.write(
            "locks",
            "1: POSIX  ADVISORY  WRITE 11 08:01:42 0 99\n1: -> POSIX  ADVISORY  WRITE 10 08:01:42 50 60\n2: POSIX  ADVISORY  WRITE 12 08:01:42 100 200\n"
        )
        try tree.thread(10, channel: "fcntl_setlk", call: call(72, 3, 7))
        try tree.descriptor(10, 3, "/x")
        for pid: Int32 in [11, 12] { try tree.thread(pid, channel: "hrtimer_nanosleep", call: call(35)) }
        let wait = try tree.wait(10)
        #expect(wait.kind == .fileLockPOSIX)
        #expect(wait.partyPIDs == [11])
    }

    // MARK: Processes

    @Test func aNamedChildIsCertainAndAnyOfSeveralAreAllListed() throws {
        try tree.thread(10, channel: "do_wait", call: call(61, 12))
        for pid: Int32 in [11, 12] { try tree.thread(pid, parent: 10, channel: "hrtimer_nanosleep", call: call(35)) }
        #expect(try tree.wait(10).partyPIDs == [12])
        #expect(try tree.wait(10).resource?.name == "process:12")
        try tree.thread(20, channel: "do_wait", call: call(61, UInt64(bitPattern: -1)))
        for pid: Int32 in [21, 22] { try tree.thread(pid, parent: 20, channel: "hrtimer_nanosleep", call: call(35)) }
        let any = try tree.wait(20)
        #expect(any.partyPIDs == [21, 22])
        #expect(any.release.rule == .any)
    }

    @Test func childrenInAnotherNamespaceAreMatchedByTheirOwnNumber() throws {
        try tree.thread(10, channel: "do_wait", call: call(61, 2), namespaceIDs: [10, 1])
        try tree.thread(11, parent: 10, channel: "hrtimer_nanosleep", call: call(35), namespaceIDs: [11, 2])
        // A stranger with that number in this namespace.
        try tree.thread(2, comm: "stranger", parent: 1, channel: "hrtimer_nanosleep", call: call(35))
        #expect(try tree.wait(10).partyPIDs == [11])
    }

    @Test(arguments: [("T", WaitKind.jobControlStop), ("t", .ptraceStop), ("Z", .zombie), ("R", .runnable)])
    func statesSpeakForThemselves(state: String, kind: WaitKind) throws {
        try tree.thread(10, state: Character(state), channel: "pipe_read", call: call(0, 3), tracer: state == "t" ? 1 : 0)
        try tree.thread(1)
        #expect(try tree.wait(10).kind == kind)
    }

    @Test func aKernelThreadIsAtRest() throws {
        try tree.thread(2, comm: "kthreadd", channel: "kthreadd", call: "0 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0", flags: 0x200000)
        #expect(try tree.wait(2).kind == .kernelWorker)
    }

    @Test func aNameWithParenthesesAndNewlinesIsAName() throws {
        try tree.thread(10, comm: "a) S (b\nc", channel: "pipe_read", call: call(0, 3))
        let process = try #require(tree.host().process(10))
        #expect(process.name == "a) S (b\nc")
    }

    // MARK: What is missing

    @Test(arguments: [
        ("do_msgsnd", WaitKind.sysvMessageSend), ("pipe_read", .pipeRead), ("anon_pipe_write", .pipeWrite), ("hrtimer_nanosleep", .sleep),
        ("futex_wait_queue", .futexOther), ("unix_wait_for_peer", .socketOther), ("unix_stream_read_generic", .unixReceive),
        ("do_sys_poll", .poll), ("do_select", .select), ("ep_poll", .epoll), ("do_sigtimedwait", .signalWait), ("no_such_symbol", .unknown),
    ])
    func theChannelAloneNamesTheKindAndNoParty(channel: String, kind: WaitKind) throws {
        try tree.thread(10, channel: channel, call: nil)
        let wait = try tree.wait(10)
        #expect(wait.kind == kind)
        #expect(wait.channel == channel)
        #expect(wait.partyPIDs.isEmpty)
    }

    @Test func aHiddenChannelIsReadFromTheKernelStack() throws {
        try tree.thread(10, channel: "0", call: nil, stack: ["schedule_timeout", "unix_stream_read_generic", "sock_recvmsg"])
        let wait = try tree.wait(10)
        #expect(wait.channel == "unix_stream_read_generic")
        #expect(wait.kind == .unixReceive)
    }

    @Test func withoutChannelAndCallNothingIsClaimed() throws {
        try tree.thread(10, channel: "0", call: nil)
        let wait = try tree.wait(10)
        #expect(wait.kind == .unknown)
        #expect(wait.partyPIDs.isEmpty)
    }

    @Test func aQueueThatCannotBeLookedAtStillHasItsKind() throws {
        try tree.thread(10, channel: "do_msgsnd", call: call(69, 5, 0x1000, 128))
        let wait = try tree.wait(10)
        #expect(wait.kind == .sysvMessageSend)
        #expect(wait.resource?.name == "sysv-msg:5")
        #expect(wait.partyPIDs.isEmpty)
    }

    @Test func theTableOfQueuesServesWhereMsgctlCannot() throws {
        try tree.write(
            "sysvipc/msg",
            "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n"
                + "    151273          5   600       16384        128    10    11     0     0     0     0  2000000000  2000000000  1700000000\n"
        )
        try tree.write("stat", "cpu 1 2 3\nbtime 1700000000\n")
        try tree.thread(10, channel: "do_msgsnd", call: call(69, 5, 0x1000, 128))
        try tree.thread(11, channel: "hrtimer_nanosleep", call: call(35))
        let wait = try tree.wait(10)
        #expect(wait.partyPIDs == [11])
        #expect(wait.release.parties.map(\.certainty) == [.inferred])
    }

    @Test func aReceiverThatBeganAfterTheLastReceiveIsAStranger() throws {
        try tree.write(
            "sysvipc/msg",
            "key msqid perms cbytes qnum lspid lrpid uid gid cuid cgid stime rtime ctime\n"
                + "151273 5 600 16384 128 10 11 0 0 0 0 1700000100 1700000100 1700000000\n")
        try tree.write("stat", "btime 1700000000\n")
        try tree.thread(10, channel: "do_msgsnd", call: call(69, 5, 0x1000, 128))
        // Started 1000 s after boot, the last receive was 100 s after it.
        try tree.thread(11, comm: "stranger", channel: "hrtimer_nanosleep", call: call(35), startTicks: 100_000)
        #expect(try tree.wait(10).partyPIDs.isEmpty)
    }

    // MARK: Poll sets

    @Test func anEpollSetHasItsMembersParties() throws {
        try tree.thread(10, channel: "ep_poll", call: call(232, 3, 0x1000, 16, UInt64(bitPattern: -1)))
        try tree.descriptor(
            10, 3, "anon_inode:[eventpoll]", extra: "tfd:        4 events:       19 data:                4  pos:0 ino:4d sdev:c\n")
        try tree.descriptor(10, 4, "pipe:[77]", flags: "00")
        try tree.thread(11, channel: "hrtimer_nanosleep", call: call(35))
        try tree.descriptor(11, 4, "pipe:[77]", flags: "01")
        let wait = try tree.wait(10)
        #expect(wait.kind == .epoll)
        #expect(wait.partyPIDs == [11])
        #expect(wait.mobility == .waiting)
    }

    @Test func aTimeLimitMakesAPollFree() throws {
        try tree.thread(10, channel: "ep_poll", call: call(232, 3, 0x1000, 16, 500))
        try tree.descriptor(10, 3, "anon_inode:[eventpoll]")
        let wait = try tree.wait(10)
        #expect(wait.mobility == .free(.timer))
        #expect(wait.timeoutSeconds == 0.5)
    }

    @Test func aListOfMembersThatCannotBeReadIsNoVerdict() throws {
        try tree.thread(10, channel: "do_sys_poll", call: call(7, 0x1000, 2, UInt64(UInt32(bitPattern: -1))))
        let wait = try tree.wait(10)
        #expect(wait.kind == .poll)
        #expect(wait.release.parties.contains { $0.target == .outside(.unnamed) })
    }

    // MARK: Events, terminals, POSIX queues

    @Test func anEventfdIsSharedByItsNumberNotItsLink() throws {
        try tree.thread(10, channel: "eventfd_read", call: call(0, 3))
        try tree.descriptor(10, 3, "anon_inode:[eventfd]", extra: "eventfd-count:                0\neventfd-id: 5\n")
        try tree.thread(11, channel: "hrtimer_nanosleep", call: call(35))
        try tree.descriptor(11, 4, "anon_inode:[eventfd]", extra: "eventfd-count:                0\neventfd-id: 5\n")
        try tree.thread(12, comm: "stranger", channel: "hrtimer_nanosleep", call: call(35))
        try tree.descriptor(12, 4, "anon_inode:[eventfd]", extra: "eventfd-count:                0\neventfd-id: 6\n")
        let wait = try tree.wait(10)
        #expect(wait.kind == .eventfdRead)
        #expect(wait.resource?.name == "eventfd:5")
        #expect(Set(wait.partyPIDs) == [10, 11])
    }

    @Test(arguments: [("it_value: (5, 0)", Mobility.free(.timer)), ("it_value: (0, 0)", .waiting)])
    func anArmedTimerFrees(text: String, mobility: Mobility) throws {
        try tree.thread(10, channel: "timerfd_read_iter", call: call(0, 3))
        try tree.descriptor(10, 3, "anon_inode:[timerfd]", extra: "clockid: 1\n\(text)\n")
        let wait = try tree.wait(10)
        #expect(wait.kind == .timerfdRead)
        #expect(wait.mobility == mobility)
    }

    @Test func aTerminalsOtherSideIsFoundByItsNumber() throws {
        try tree.thread(10, channel: "n_tty_write", call: call(1, 1))
        try tree.descriptor(10, 1, "/dev/pts/4", flags: "02")
        for (pid, index) in [(Int32(11), 4), (12, 5)] {
            try tree.thread(pid, channel: "hrtimer_nanosleep", call: call(35))
            try tree.descriptor(pid, 8, "/dev/ptmx", flags: "02", extra: "tty-index:\t\(index)\n")
        }
        let wait = try tree.wait(10)
        #expect(wait.kind == .ttyWrite)
        #expect(wait.partyPIDs == [11])
    }

    @Test func aFullPOSIXQueueWaitsForWhoReadsIt() throws {
        try tree.thread(10, channel: "wq_sleep", call: call(242, 3, 0x1000, 16))
        try tree.descriptor(10, 3, "/jobs", flags: "01")
        try tree.thread(11, channel: "hrtimer_nanosleep", call: call(35))
        try tree.descriptor(11, 3, "/jobs", flags: "00")
        let wait = try tree.wait(10)
        #expect(wait.kind == .posixQueueSend)
        #expect(wait.partyPIDs == [11])
        #expect(wait.isDemand)
    }

    @Test func aSystemVSemaphoreNamesNobody() throws {
        try tree.thread(10, channel: "do_semtimedop", call: call(220, 7, 0x1000, 1))
        let wait = try tree.wait(10)
        #expect(wait.kind == .sysvSemaphore)
        #expect(wait.resource?.name == "sysv-sem:7")
        #expect(wait.partyPIDs.isEmpty)
    }
}
