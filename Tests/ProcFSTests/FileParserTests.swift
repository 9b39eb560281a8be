import Testing

@testable import ProcFS

@Suite struct FileLockTests {
    struct Expected: Sendable {
        var line: String
        var depth = 0
        var kind = FileLock.Kind.posix
        var exclusive = true
        var breaking = false
        var pid: Int32 = 18720
        var file = "254:0:16220731"
        var start: UInt64 = 0
        var end: UInt64?
    }

    @Test(arguments: [
        Expected(line: "1: POSIX  ADVISORY  WRITE 18720 fe:00:16220731 1073741824 1073742335", start: 1_073_741_824, end: 1_073_742_335),
        Expected(line: "12: FLOCK  ADVISORY  READ  18720 fe:00:16220731 0 EOF", kind: .flock, exclusive: false),
        Expected(line: "12: -> FLOCK  ADVISORY  WRITE 18720 fe:00:16220731 0 EOF", depth: 1, kind: .flock),
        Expected(line: "12:  -> FLOCK  ADVISORY  WRITE 18720 fe:00:16220731 0 EOF", depth: 2, kind: .flock),
        Expected(line: "12:     -> POSIX  ADVISORY  READ 18720 fe:00:16220731 7 9", depth: 5, exclusive: false, start: 7, end: 9),
        Expected(line: "3: OFDLCK ADVISORY  WRITE -1 fe:00:16220731 0 0", kind: .ofd, pid: -1, end: 0),
        Expected(line: "4: LEASE  ACTIVE    READ  18720 fe:00:16220731 0 EOF", kind: .lease, exclusive: false),
        Expected(line: "4: LEASE  BREAKING  UNLCK 18720 fe:00:16220731 0 EOF", kind: .lease, breaking: true),
        Expected(line: "4: LEASE  BREAKING  READ  18720 fe:00:16220731 0 EOF", kind: .lease, exclusive: false, breaking: true),
        Expected(line: "4: -> LEASE  BREAKER   READ  18720 <none>:0 0 EOF", depth: 1, kind: .lease, exclusive: false, file: "0:0:0"),
        Expected(line: "5: DELEG  ACTIVE    READ  18720 fe:00:16220731 0 EOF", kind: .delegation, exclusive: false),
        Expected(line: "6: ACCESS ADVISORY  WRITE 18720 fe:00:16220731 0 EOF"),
        Expected(line: "7: POSIX  MANDATORY WRITE 18720 08:01:7 0 EOF", file: "8:1:7"),
        Expected(line: "8: FLOCK  MSNFS     RW    0 fe:00:16220731 0 EOF", kind: .flock, pid: 0),
    ]) func line(_ expected: Expected) throws {
        let lock = try #require(parse(expected.line) { FileLock($0) })
        #expect(lock.waitDepth == expected.depth)
        #expect(lock.kind == expected.kind)
        #expect(lock.isExclusive == expected.exclusive)
        #expect(lock.isBreaking == expected.breaking)
        #expect(lock.pid == expected.pid)
        #expect(lock.fileIdentity == expected.file)
        #expect(lock.start == expected.start && lock.end == expected.end)
    }

    @Test(arguments: [
        "", "1", "1:", "1: ->", "1: NOLOCK ADVISORY WRITE 1 fe:00:1 0 EOF", "x: POSIX ADVISORY WRITE 1 fe:00:1 0 EOF",
        "1: POSIX ADVISORY WRITE",
        "1: POSIX ADVISORY WRITE 1", "1: POSIX ADVISORY WRITE 1 fe:00", "1: POSIX ADVISORY WRITE 1 fe:00:1",
        "1: POSIX ADVISORY WRITE 1 zz:00:1 0 EOF",
    ]) func noSuchLine(_ line: String) { #expect(parse(line) { FileLock($0) } == nil) }

    @Test func tableKeepsTheOrder() {
        let text = """
            1: FLOCK  ADVISORY  WRITE 10 fe:00:1 0 EOF
            1: -> FLOCK  ADVISORY  WRITE 11 fe:00:1 0 EOF
            rubbish
            2: POSIX  ADVISORY  READ 12 fe:00:1 0 9

            """
        #expect(parse(text) { FileLock.table($0) }.map(\.pid) == [10, 11, 12])
    }

    @Test(arguments: [
        ("POSIX  ADVISORY  WRITE 1 fe:00:1 0 9", "POSIX  ADVISORY  READ 2 fe:00:1 9 20", true),
        ("POSIX  ADVISORY  WRITE 1 fe:00:1 0 9", "POSIX  ADVISORY  READ 2 fe:00:1 10 20", false),
        ("POSIX  ADVISORY  READ 1 fe:00:1 0 EOF", "POSIX  ADVISORY  READ 2 fe:00:1 0 EOF", false),
        ("POSIX  ADVISORY  READ 1 fe:00:1 5 EOF", "OFDLCK ADVISORY  WRITE -1 fe:00:1 100 EOF", true),
        ("FLOCK  ADVISORY  WRITE 1 fe:00:1 0 EOF", "POSIX  ADVISORY  WRITE 2 fe:00:1 0 EOF", false),
        ("FLOCK  ADVISORY  WRITE 1 fe:00:1 0 EOF", "FLOCK  ADVISORY  READ 2 fe:00:1 0 EOF", true),
        ("LEASE  ACTIVE    WRITE 1 fe:00:1 0 EOF", "POSIX  ADVISORY  WRITE 2 fe:00:1 0 EOF", false),
    ]) func conflicts(_ a: String, _ b: String, _ expected: Bool) throws {
        let first = try #require(parse("1: " + a) { FileLock($0) })
        let second = try #require(parse("2: " + b) { FileLock($0) })
        #expect(first.conflicts(with: second) == expected)
        #expect(second.conflicts(with: first) == expected)
    }
}

@Suite struct DescriptorInfoTests {
    @Test func epoll() {
        let info = parse(
            """
            pos:\t0
            flags:\t02000002
            mnt_id:\t17
            ino:\t1038
            tfd:        4 events:       19 data:                4  pos:0 ino:c6e6 sdev:f
            tfd:       10 events: 80000019 data: ffffffffffffffff  pos:0 ino:c6e7 sdev:f
            tfd: broken

            """
        ) { DescriptorInfo($0) }
        #expect(info.epollMembers == [.init(descriptor: 4, events: 0x19), .init(descriptor: 10, events: 0x8000_0019)])
        #expect(info.mountID == 17)
        #expect(info.canRead && info.canWrite && !info.isNonBlocking)
    }

    @Test(arguments: [
        ("0", true, false, false), ("01", false, true, false), ("02", true, true, false), ("04001", false, true, true),
        ("010000000", false, false, false),
    ]) func accessMode(_ flags: String, _ read: Bool, _ write: Bool, _ nonBlocking: Bool) {
        let info = parse("pos:\t0\nflags:\t\(flags)\n") { DescriptorInfo($0) }
        #expect(info.canRead == read && info.canWrite == write && info.isNonBlocking == nonBlocking)
    }

    @Test func eventfd() {
        let info = parse("pos:\t0\nflags:\t02\neventfd-count:               1f\neventfd-id: 2\neventfd-semaphore: 0\n") {
            DescriptorInfo($0)
        }
        #expect(info.eventfdCount == 31 && info.eventfdID == 2)
    }

    @Test(arguments: [("(0, 0)", false), ("(0, 49406829)", true), ("(3, 0)", true)]) func timerfd(_ value: String, _ armed: Bool) {
        #expect(parse("clockid: 1\nit_value: \(value)\nit_interval: (1, 0)\n") { DescriptorInfo($0) }.timerArmed == armed)
    }

    @Test(arguments: ["it_value:", "it_value: (", "it_value: (1", "it_value: (1,", "it_value: 1, 2"]) func noTimer(_ line: String) {
        #expect(parse(line) { DescriptorInfo($0) }.timerArmed == nil)
    }

    @Test func signalfdPidfdAndSocket() {
        #expect(parse("sigmask:\t0000000000000006\n") { DescriptorInfo($0) }.signalMask == 6)
        let pidfd = parse("Pid:\t18822\nNSpid:\t18822\n") { DescriptorInfo($0) }
        #expect(pidfd.pidfdTarget == 18822)
        #expect(parse("Pid:\t-1\n") { DescriptorInfo($0) }.pidfdTarget == -1)
        #expect(parse("scm_fds: 1\n") { DescriptorInfo($0) }.descriptorsInFlight == 1)
    }

    @Test func locks() {
        let info = parse(
            "flags:\t02100001\nlock:\t1: FLOCK  ADVISORY  WRITE 18822 fe:00:16229138 0 EOF\nlock:\t2: OFDLCK ADVISORY  READ -1 fe:00:16229138 5 14\n"
        ) { DescriptorInfo($0) }
        #expect(info.locks.map(\.kind) == [.flock, .ofd])
        #expect(info.locks.map(\.end) == [nil, 14])
    }

    @Test func nothing() { #expect(parse("") { DescriptorInfo($0) } == DescriptorInfo(UnsafeRawBufferPointer(start: nil, count: 0))) }
}

@Suite struct MemoryMapTests {
    static let text = """
        55f2c93fb000-55f2c93fd000 r--p 00000000 fe:00 254163                     /usr/bin/head
        55f2c93fd000-55f2c9403000 r-xp 00002000 fe:00 254163                     /usr/bin/with blank (deleted)
        7f0000000000-7f0000021000 rw-p 00000000 00:00 0
        7f1000000000-7f1000001000 rw-s 00001000 00:01 2052                       /dev/zero\\012x
        7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]
        ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]

        """

    @Test func lines() throws {
        let maps = parse(Self.text) { MemoryMapping.table($0) }
        try #require(maps.count == 6)
        #expect(maps[0].path == "/usr/bin/head" && maps[0].inode == 254163 && maps[0].deviceMajor == 0xfe && maps[0].deviceMinor == 0)
        #expect(!maps[0].isExecutable && !maps[0].isWritable && !maps[0].isShared)
        #expect(maps[1].path == "/usr/bin/with blank (deleted)" && maps[1].isExecutable && maps[1].fileOffset == 0x2000)
        #expect(maps[2].path == nil && maps[2].isWritable && maps[2].inode == 0)
        #expect(maps[3].isShared && maps[3].path == "/dev/zero\\012x")
        #expect(maps[5].end == 0xffff_ffff_ff60_1000)
    }

    @Test func lookup() {
        let maps = parse(Self.text) { MemoryMapping.table($0) }
        for map in maps {
            #expect(maps.mapping(at: map.start) == map && maps.mapping(at: map.end - 1) == map)
        }
        #expect(maps.mapping(at: 0) == nil && maps.mapping(at: .max) == nil && maps.mapping(at: 0x7f00_0002_1000) == nil)
        #expect([MemoryMapping]().mapping(at: 5) == nil)
    }

    @Test(arguments: [
        "", "5-4 rw-p 0 0:0 0", "4-4 rw-p 0 0:0 0", "4-5", "4-5 rw", "4-5 rw-p", "4-5 rw-p 0 0:0", "x-y rw-p 0 0:0 0", "4 5 rw-p 0 0:0 0",
    ])
    func noSuchLine(_ line: String) { #expect(parse(line) { MemoryMapping.table($0) }.isEmpty) }
}

@Suite struct MessageQueueTests {
    static let header =
        "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n"

    @Test func lines() throws {
        let text =
            Self.header
            + "    151273     131073   600       16384        128   306   306  1000  1000  1000  1000 1700000000 1700000001 1699999999\n"
            + "-559038737          2   644           0          0     0     0     0     0     0     0          0          0          0\n"
        let queues = parse(text) { MessageQueue.table($0) }
        try #require(queues.count == 2)
        #expect(queues[0].key == 151273 && queues[0].id == 131073 && queues[0].bytes == 16384 && queues[0].messages == 128)
        #expect(queues[0].lastSender == 306 && queues[0].lastReceiver == 306)
        #expect(queues[0].lastSendSeconds == 1_700_000_000 && queues[0].lastReceiveSeconds == 1_700_000_001)
        #expect(queues[0].bytesLimit == nil)
        #expect(queues[1].key == 0xdead_beef, "as msgctl gives it")
    }

    @Test(arguments: ["", "key msqid", "1", "1 2 600", "1 2 600 0 0 0 0 0 0 0 0", "1 99999999999 600 0 0 0 0 0 0 0 0 0 0 0"])
    func noSuchLine(_ line: String) { #expect(parse(line) { MessageQueue.table($0) }.isEmpty) }
}
