import Foundation
import Testing

@testable import ProcFS

/// Reads of the live host. One after the other: they look for each other's reader processes.
@Suite(.serialized) struct HostSourceTests {
    private let own = getpid()

    /// The living reader processes of this process.
    private func readers() -> [Int32] {
        let source = HostSource()
        return ((try? source.numbers(in: "").get()) ?? []).filter { pid in
            guard case .success(let stat?) = source.readInPlace("\(pid)/stat", { ThreadStat($0) }) else { return false }
            return stat.parent == own && stat.comm == "waitchain-read" && stat.state != UInt8(ascii: "Z")
        }
    }

    private func state(of pid: Int32) -> UInt8? {
        guard case .success(let stat) = HostSource().readInPlace("\(pid)/stat", { ThreadStat($0) }) else { return nil }
        return stat?.state
    }

    /// Waits until the state is there, not for a time.
    private func wait(for condition: () -> Bool) -> Bool {
        let end = MonotonicClock.now() + 5_000_000_000
        while MonotonicClock.now() < end {
            if condition() { return true }
            sched_yield()
        }
        return false
    }

    @Test func liveProcFS() throws {
        let source = HostSource(root: "/proc///")
        #expect(source.root == "/proc" && source.isProcFS && source.sharesPIDs && source.isLive)
        #expect(try source.numbers(in: "").get().contains(own))
        #expect(try source.numbers(in: "\(own)/task").get().contains(own))
        #expect(try source.link("self").get() == "\(own)")
        let stat = try #require(try source.readInPlace("\(own)/stat") { ThreadStat($0) }.get())
        #expect(stat.id == own && stat.parent == getppid())
        #expect(try source.read("\(own)/status").get().withUnsafeBytes { Status($0) }.threadGroup == own)
        #expect(try source.readTable("net/unix").get().starts(with: Array("Num".utf8)))
    }

    @Test func descriptorsAreSeen() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        var links: [Int32: String] = [:]
        #expect(descriptors(of: own) { links[$0] = $1 } == nil)
        let link = try #require(links[ends[0]])
        #expect(link.hasPrefix("pipe:[") && links[ends[1]] == link)
    }

    @Test func ownMemoryIsReadAsItIs() throws {
        let source = HostSource()
        let count = 3 * 4096 + 100  // crosses pages
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
        defer { block.deallocate() }
        for i in 0..<count { block[i] = UInt8(truncatingIfNeeded: i &* 31) }
        let address = UInt64(UInt(bitPattern: block.baseAddress))
        #expect(try source.memory(pid: own, tid: own, address: address, count: count).get() == Array(block))
        #expect(try source.memory(pid: own, tid: own, address: address + 4095, count: 2).get() == Array(block[4095..<4097]))
        let throughFile = ReadRequest.memory(
            directory: "/proc/\(own)/task/\(own)", tid: own, address: address, count: count, throughFile: true)
        var bytes: [UInt8] = []
        source.readMany([0], fill: { _ in [throughFile] }, take: { bytes = (try? $1[0].get()).map { Array($0) } ?? [] })
        #expect(bytes == Array(block), "through /proc/PID/mem, too")
    }

    @Test func memoryThatIsNotThere() throws {
        let source = HostSource()
        let region = try #require(mmap(nil, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
        defer { munmap(region, 3 * 4096) }
        let address = UInt64(UInt(bitPattern: region))
        #expect(source.memory(pid: own, tid: own, address: address, count: 8) == .failure(.notPresent), "never touched")
        region.storeBytes(of: 7, as: UInt8.self)
        #expect(
            try source.memory(pid: own, tid: own, address: address + 4000, count: 200).get().count == 96,
            "up to the first page that is missing")
        munmap(region + 4096, 4096)
        #expect(source.memory(pid: own, tid: own, address: address + 4096, count: 8) == .failure(.notPresent), "unmapped")
        for (address, count) in [(UInt64(0), 8), (.max, 8), (.max - 4, 16), (1 << 63, 8), (address, 0), (address, -1)] {
            guard case .failure = source.memory(pid: own, tid: own, address: address, count: count) else {
                Issue.record("\(address), \(count) bytes")
                continue
            }
        }
    }

    private func descriptors(of pid: Int32, _ body: (Int32, String) -> Void) -> ReadError? {
        var problem: ReadError?
        HostSource().forEachDescriptor(in: [((), "\(pid)/fd")], { body($1, $2.text) }, end: { problem = $1 })
        return problem
    }

    @Test func endedReadersAreReaped() throws {
        let source = HostSource()
        source.readLimitMilliseconds = 50
        for _ in 0..<3 {
            _ = source.read("self/stat")
            let reader = try #require(readers().first { state(of: $0) != UInt8(ascii: "Z") })
            try #require(kill(reader, SIGSTOP) == 0)
            #expect(source.read("self/stat") == .failure(.timedOut))
        }
        #expect(
            wait {
                _ = source.read("self/stat")
                return !readers().contains { state(of: $0) == UInt8(ascii: "Z") }
            })
        source.close()
    }

    @Test func manyStandstillsCostEverLess() {
        #expect(ReaderProcess.patience(250, after: 0) == 250)
        let total = (0..<200).reduce(0) { $0 + Int(ReaderProcess.patience(250, after: $1)) }
        #expect(total < 8000, "two hundred reads that hang leave time within ten seconds")
    }

    @Test func vanishedProcess() throws {
        let source = HostSource()
        let helper = try Helper("/bin/true", [])
        helper.end()
        let pid = helper.pid
        #expect(source.read("\(pid)/stat") == .failure(.gone))
        #expect(source.readInPlace("\(pid)/stat") { $0.count } == .failure(.gone))
        #expect(source.numbers(in: "\(pid)/task") == .failure(.gone))
        #expect(source.link("\(pid)/exe") == .failure(.gone))
        #expect(descriptors(of: pid) { _, _ in } == .gone)
        #expect(source.memory(pid: pid, tid: pid, address: 4096, count: 8) == .failure(.gone))
    }

    @Test func stoppedReaderIsGivenUp() throws {
        let source = HostSource()
        source.readLimitMilliseconds = 200
        #expect(try !source.read("self/stat").get().isEmpty)
        let reader = try #require(readers().first)
        try #require(kill(reader, SIGSTOP) == 0)
        try #require(wait { state(of: reader) == UInt8(ascii: "T") })
        let start = MonotonicClock.now()
        #expect(source.read("self/stat") == .failure(.timedOut))
        #expect(MonotonicClock.now() - start < 2_000_000_000)
        #expect(source.abandonedReads == 1)
        #expect(try !source.read("self/stat").get().isEmpty, "a fresh reader answers")
        #expect(wait { [nil, UInt8(ascii: "Z")].contains(state(of: reader)) }, "the stopped one was ended")
        source.close()
    }

    @Test func killedReaderIsReplaced() throws {
        let source = HostSource()
        #expect(try !source.read("self/stat").get().isEmpty)
        let reader = try #require(readers().first)
        try #require(kill(reader, SIGKILL) == 0)
        try #require(wait { [nil, UInt8(ascii: "Z")].contains(state(of: reader)) })
        #expect(try !source.read("self/stat").get().isEmpty, "and SIGPIPE does not end this process")
    }

    @Test func readerHoldsNoOutput() throws {
        let source = HostSource()
        _ = source.read("self/stat")
        let reader = try #require(readers().first)
        var numbers: [Int32] = []
        _ = descriptors(of: reader) { number, _ in numbers.append(number) }
        #expect(!numbers.isEmpty && !numbers.contains { $0 <= 2 })
        source.close()
    }

    @Test func manyReadsEqualSingleOnes() throws {
        /// What of `stat` never changes; nil for a process that is gone.
        func identity<Bytes>(_ result: Result<Bytes, ReadError>, _ stat: (Bytes) -> ThreadStat?) -> [UInt64]? {
            guard case .success(let bytes) = result, let stat = stat(bytes) else { return nil }
            return [UInt64(stat.id), stat.startTicks]
        }
        let source = HostSource()
        let pids = try source.numbers(in: "").get()
        let items = (0..<3000).map { pids[$0 % pids.count] }
        var answers: [Int: [UInt64]?] = [:]
        source.readMany(
            Array(items.enumerated()),
            fill: {
                [
                    .directory(path: "/proc/\($0.element)"), .member(name: "stat", limit: 512),
                    .file(path: "/proc/\($0.element)/stat", limit: 512),
                ]
            },
            take: { item, results in
                #expect(results.count == 3)
                let member = identity(results[1]) { ThreadStat($0) }
                if let file = identity(results[2], { ThreadStat($0) }) { #expect(member == file) }
                #expect(answers.updateValue(member, forKey: item.offset) == nil, "each item once")
            })
        #expect(answers.count == items.count)
        for (index, pid) in items.enumerated() {
            guard let alone = identity(source.read("\(pid)/stat", limit: 512), { $0.withUnsafeBytes { ThreadStat($0) } }) else { continue }
            #expect(answers[index] == alone)
        }
        #expect(source.abandonedReads == 0)
    }

    @Test func itemsThatNoBatchHolds() {
        let source = HostSource()
        var counts: [Int] = []
        source.readMany(
            [1, 9000, 2, 0], fill: { Array(repeating: .file(path: "/proc/self/comm", limit: 64), count: $0) },
            take: { _, results in counts.append(results.filter { (try? $0.get()) != nil }.count) })
        #expect(counts == [1, 0, 2, 0])
        var failed = false
        source.readMany([0], fill: { _ in [.file(path: "/proc/self/comm", limit: 1 << 30)] }, take: { failed = (try? $1[0].get()) == nil })
        #expect(failed)
    }

    @Test func deadlineHolds() throws {
        let source = HostSource()
        let items = Array(0..<3000)
        source.readMany(items, fill: { _ in [.file(path: "/proc/self/comm", limit: 64)] }, take: { _, _ in })
        source.deadline = MonotonicClock.now()
        let start = MonotonicClock.now()
        var timedOut = 0
        source.readMany(
            items, fill: { _ in [.file(path: "/proc/self/comm", limit: 64)] },
            take: { _, results in if case .failure(.timedOut) = results[0] { timedOut += 1 } })
        #expect(timedOut == items.count)
        #expect(source.read("self/stat") == .failure(.timedOut))
        #expect(MonotonicClock.now() - start < 1_000_000_000)
        source.deadline = .max
        #expect(try !source.read("self/stat").get().isEmpty)
    }

    @Test func deadlineHoldsAgainstReadersThatStand() throws {
        let source = HostSource()
        source.readLimitMilliseconds = 100
        let items = Array(0..<3000)
        let fill = { (_: Int) in [ReadRequest.file(path: "/proc/self/comm", limit: 64)] }
        source.readMany(items, fill: fill, take: { _, _ in })
        let stopped = readers()
        try #require(stopped.count >= 2)
        for reader in stopped { kill(reader, SIGSTOP) }
        try #require(wait { stopped.allSatisfy { state(of: $0) == UInt8(ascii: "T") } })
        let start = MonotonicClock.now()
        source.deadline = start + 50_000_000
        var answers = 0
        source.readMany(items, fill: fill) { _, _ in answers += 1 }
        #expect(answers == items.count, "every item is answered, if only with a failure")
        #expect(MonotonicClock.now() - start < 1_500_000_000)
    }

    @Test func recordedTree() throws {
        let tree = try TemporaryTree()
        try tree.write("7 (a) b) S 1 7 7 0 -1 0 0 0 0 0 1 2 0 0 20 0 1 0 55\n", to: "7/task/7/stat")
        try tree.write("", to: "7/task/notes")
        try tree.write("1: FLOCK  ADVISORY  WRITE 7 fe:00:1 0 EOF\n", to: "locks")
        let source = HostSource(root: tree.path + "/")
        #expect(!source.isProcFS && !source.sharesPIDs && !source.isLive)
        #expect(try source.numbers(in: "").get() == [7] && source.numbers(in: "7/task").get() == [7])
        #expect(try source.readInPlace("7/task/7/stat") { ThreadStat($0) }.get()?.comm == "a) b")
        #expect(try source.readTable("locks").get().withUnsafeBytes { FileLock.table($0) }.count == 1)
        #expect(try source.read("locks").get().count == 42)
        #expect(source.memory(pid: 7, tid: 7, address: 4096, count: 8) == .failure(.unavailable))
        guard case .failure(.unavailable) = source.unixSockets() else {
            Issue.record("a recorded tree has no sockets")
            return
        }
        #expect(source.messageQueue(id: 0) == .failure(.unavailable))
        #expect(source.runqueueClocks(cpus: [0]).isEmpty)
        #expect(source.read("8/stat") == .failure(.gone))
        #expect(HostSource(root: tree.path + "/absent").numbers(in: "") == .failure(.gone))
    }

    @Test func runqueueClocks() throws {
        let clocks = HostSource().runqueueClocks(cpus: [0, 100_000, -1])
        #expect(clocks.keys.allSatisfy { $0 == 0 })
        if HostSource().readInPlace("self/sched", { $0.count }) != .failure(.gone) { #expect((clocks[0]?.clockMilliseconds ?? 0) > 0) }
    }

    /// A page that only a handler in user space can bring in: reading it would block for ever.
    @Test(.enabled(if: hasPython, "needs python3 to make one"))
    func pageUnderUserfaultfdIsNotRead() throws {
        let script = """
            import ctypes, fcntl, mmap, os, struct, sys
            libc = ctypes.CDLL(None, use_errno=True)
            fd = libc.syscall(323, os.O_CLOEXEC)  # userfaultfd on x86-64
            if fd < 0: print("denied", flush=True); sys.exit()
            fcntl.ioctl(fd, 0xc018aa3f, struct.pack("QQQ", 0xAA, 0, 0))
            area = mmap.mmap(-1, 8192)
            address = ctypes.addressof(ctypes.c_char.from_buffer(area))
            fcntl.ioctl(fd, 0xc020aa00, struct.pack("QQQQ", address, 8192, 1, 0))
            print(address, flush=True)
            sys.stdin.read()
            """
        let helper = try Helper(python, ["-c", script])
        guard let address = helper.line().flatMap({ UInt64($0) }) else {
            print(
                "skipped: pageUnderUserfaultfdIsNotRead: userfaultfd(2) is not permitted here (root, or sysctl vm.unprivileged_userfaultfd)"
            )
            return
        }
        let source = HostSource()
        let start = MonotonicClock.now()
        #expect(source.memory(pid: helper.pid, tid: helper.pid, address: address, count: 8) == .failure(.notPresent))
        #expect(MonotonicClock.now() - start < 1_000_000_000)
        #expect(source.abandonedReads == 0)
    }
}
