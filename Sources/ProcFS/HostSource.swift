import CLinux
import Glibc

/// Where evidence is read from: a procfs and, when it is the live one, the kernel interfaces beside it.
///
/// One instance serves one thread. Reads that can block go through a reader process; the others are made in place
/// (`readlink`, `fdinfo`, directory listings and `schedstat` take no lock that a target can hold for long).
public final class HostSource {
    /// Directory of the procfs mount, without a slash at its end.
    public let root: String
    /// It is a procfs, not a recorded tree of files.
    public let isProcFS: Bool
    /// Its pid numbers are those of this process's system calls.
    public let sharesPIDs: Bool
    /// It shows this machine now: the other live interfaces (sockets, queues) belong with it.
    public var isLive: Bool { isProcFS }
    /// CLOCK_MONOTONIC nanoseconds after which no read that could block is begun.
    public var deadline: UInt64 = .max
    /// Time limit of one read, in milliseconds.
    public var readLimitMilliseconds: Int32 = 250
    /// Reads that were given up so far.
    public private(set) var abandonedReads = 0

    private var readers: [ReaderProcess] = []
    private var single: ReaderProcess?
    private let scratch = ScratchBuffer(count: 1 << 16)

    /// - Parameter root: where the procfs is mounted, or a recorded tree of the same shape.
    public init(root: String = "/proc") {
        var trimmed = root
        while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
        self.root = trimmed
        isProcFS = cl_filesystem_magic(trimmed) == 0x9fa0
        sharesPIDs = isProcFS && Self.link(path: trimmed + "/self") == "\(getpid())"
    }

    /// Ends the reader processes; they are started again when needed.
    public func close() {
        readers.removeAll()
        single = nil
    }

    // MARK: Reads in place

    /// A file that never blocks its reader, up to 64 KiB at once. The bytes live until the next read.
    public func readInPlace<T>(_ path: String, _ body: (UnsafeRawBufferPointer) -> T) -> Result<T, ReadError> {
        let fd = cl_openat(AT_FDCWD, root + "/" + path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return .failure(ReadError(errno: errno)) }
        defer { Glibc.close(fd) }
        var total = 0
        while total < scratch.count {
            let got = Glibc.read(fd, scratch.start + total, scratch.count - total)
            if got < 0 {
                if errno == EINTR { continue }
                return .failure(ReadError(errno: errno))
            }
            if got == 0 { break }
            total += got
        }
        return .success(body(scratch.prefix(total)))
    }

    /// A host-wide table of any length (`locks`, `sysvipc/msg`, `net/unix`).
    public func readTable(_ path: String) -> Result<[UInt8], ReadError> {
        let fd = cl_openat(AT_FDCWD, root + "/" + path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return .failure(ReadError(errno: errno)) }
        defer { Glibc.close(fd) }
        var bytes: [UInt8] = []
        while true {
            let got = Glibc.read(fd, scratch.start, scratch.count)
            if got < 0 {
                if errno == EINTR { continue }
                return .failure(ReadError(errno: errno))
            }
            if got == 0 { return .success(bytes) }
            bytes.append(contentsOf: scratch.prefix(got))
        }
    }

    /// Where a symbolic link of procfs points; never follows it.
    public func link(_ path: String) -> Result<String, ReadError> {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let got = readlink(root + "/" + path, &buffer, buffer.count)
        guard got >= 0 else { return .failure(ReadError(errno: errno)) }
        return .success(String(decoding: buffer[..<got], as: UTF8.self))
    }

    private static func link(path: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let got = readlink(path, &buffer, buffer.count)
        return got >= 0 ? String(decoding: buffer[..<got], as: UTF8.self) : nil
    }

    /// The entries of a directory whose names are numbers: pids, tids, descriptors. Ascending as the kernel lists them.
    public func numbers(in directory: String) -> Result<[Int32], ReadError> {
        let fd = cl_openat(AT_FDCWD, directory.isEmpty ? root : root + "/" + directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard fd >= 0 else { return .failure(ReadError(errno: errno)) }
        defer { Glibc.close(fd) }
        var numbers: [Int32] = []
        while true {
            let got = cl_getdents64(fd, scratch.start, scratch.count)
            if got < 0 { return .failure(ReadError(errno: errno)) }
            if got == 0 { return .success(numbers) }
            var at = 0
            // struct linux_dirent64: u64 inode, i64 offset, u16 length, u8 type, name.
            while at + 19 <= got {
                let length = Int(scratch.start.loadUnaligned(fromByteOffset: at + 16, as: UInt16.self))
                guard length >= 20, at + length <= got else { break }
                var cursor = ByteCursor(UnsafeRawBufferPointer(start: scratch.start + at + 19, count: length - 19))
                if let number = cursor.int32(), cursor.peek == 0 { numbers.append(number) }
                at += length
            }
        }
    }

    /// Calls `body` with every descriptor of a process and what it refers to. `directory` is `PID/fd` or `PID/task/TID/fd`.
    /// A descriptor that is closed meanwhile is left out; one whose link may not be read makes the answer `denied`.
    public func forEachDescriptor(in directory: String, _ body: (Int32, UnsafeRawBufferPointer) -> Void) -> ReadError? {
        let fd = cl_openat(AT_FDCWD, root + "/" + directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard fd >= 0 else { return ReadError(errno: errno) }
        defer { Glibc.close(fd) }
        let half = scratch.count / 2
        var refusal: ReadError?
        while true {
            let got = cl_getdents64(fd, scratch.start, half)
            if got < 0 { return ReadError(errno: errno) }
            if got == 0 { return refusal }
            var at = 0
            while at + 19 <= got {
                let length = Int(scratch.start.loadUnaligned(fromByteOffset: at + 16, as: UInt16.self))
                guard length >= 20, at + length <= got else { break }
                let name = scratch.start + at + 19
                var cursor = ByteCursor(UnsafeRawBufferPointer(start: name, count: length - 19))
                if let number = cursor.int32(), cursor.peek == 0 {
                    let size = readlinkat(fd, name.assumingMemoryBound(to: CChar.self), scratch.start + half, half)
                    if size > 0 {
                        body(number, UnsafeRawBufferPointer(start: scratch.start + half, count: size))
                    } else if size < 0, errno == EACCES || errno == EPERM {
                        refusal = .denied(errno)
                    }
                }
                at += length
            }
        }
    }

    // MARK: Reads that may block

    /// Reads a file through the reader process.
    /// - Parameter limit: bytes at most.
    public func read(_ path: String, limit: Int = 1 << 16) -> Result<[UInt8], ReadError> {
        one(.file(path: root + "/" + path, limit: limit)) { Array($0) }
    }

    /// Where this machine's files lie that do not belong to the procfs: nothing for a live one, beside it for a recorded tree.
    public var systemRoot: String { isProcFS ? "" : root.hasSuffix("/proc") ? String(root.dropLast("/proc".count)) : root }

    /// A file of another kernel file system, such as a cgroup mount, through the reader process.
    /// - Parameter path: absolute, as this machine has it.
    public func readSystemFile(_ path: String, limit: Int = 1 << 14) -> Result<[UInt8], ReadError> {
        one(.file(path: systemRoot + path, limit: limit)) { Array($0) }
    }

    /// Reads a part of a regular file anywhere through the reader process: what is mapped may lie on a mount that answers never.
    /// - Parameters:
    ///   - path: absolute, not below `root`.
    ///   - inode: the number that the file must have, to tell a replaced file from the one meant.
    public func readRange(_ path: String, offset: UInt64, count: Int, inode: UInt64? = nil) -> Result<[UInt8], ReadError> {
        guard isLive else { return .failure(.unavailable) }
        return one(.range(path: path, offset: offset, count: count, inode: inode)) { Array($0) }
    }

    /// Reads a thread's memory, present pages only; fewer bytes when it comes to one that is not.
    public func memory(pid: Int32, tid: Int32, address: UInt64, count: Int) -> Result<[UInt8], ReadError> {
        guard isProcFS else { return .failure(.unavailable) }
        return one(
            .memory(directory: "\(root)/\(pid)/task/\(tid)", tid: tid, address: address, count: count, throughFile: !sharesPIDs)
        ) { Array($0) }
    }

    private func one<T>(_ request: ReadRequest, _ body: (UnsafeRawBufferPointer) -> T) -> Result<T, ReadError> {
        if single == nil { single = ReaderProcess() }
        guard let reader = single else { return .failure(.failed(ENOMEM)) }
        guard MonotonicClock.now() < deadline else { return .failure(.timedOut) }
        reader.begin()
        guard reader.add(request) else { return .failure(.failed(ENAMETOOLONG)) }
        reader.start()
        abandonedReads += reader.wait(limitMilliseconds: readLimitMilliseconds, deadline: deadline)
        return reader.answer(0).map(body)
    }

    /// Carries out many reads. `fill` is called for each item and returns its requests; `take` is called with each item and the
    /// answers to its requests, in order. Large work is shared by two reader processes.
    public func readMany<Item>(
        _ items: [Item], fill: (Item) -> [ReadRequest], take: (Item, [Result<UnsafeRawBufferPointer, ReadError>]) -> Void
    ) {
        let width = items.count > 256 ? 2 : 1
        while readers.count < width {
            guard let reader = ReaderProcess() else { break }
            readers.append(reader)
        }
        guard !readers.isEmpty else {
            for item in items { take(item, fill(item).map { _ in .failure(.failed(ENOMEM)) }) }
            return
        }
        // Small batches, each reader's memory used again and again: pages that are touched the first time cost more than the reads.
        // While the answers of one reader are taken the other one works.
        var next = 0
        var pending: [(reader: ReaderProcess, range: Range<Int>, ends: [Int])] = []
        func startBatch(_ reader: ReaderProcess) {
            let first = next
            // Leave the other readers their part of what is left.
            let end = min(items.count, next + max(1, (items.count - next + width - 1) / width))
            var ends: [Int] = []
            var total = 0
            reader.begin()
            filling: while next < end, reader.dataUsed < ReaderProcess.usualBatchData {
                let requests = fill(items[next])
                guard total + requests.count <= ReaderProcess.maximumBatch else {
                    // More than any batch holds: it would never have its turn.
                    if ends.isEmpty { refused.append((next, requests.count)) }
                    break
                }
                for (position, request) in requests.enumerated() where !reader.add(request) {
                    // The data area is full: this item goes into the next batch, unless it alone is too large.
                    total += position
                    if ends.isEmpty { refused.append((next, requests.count)) }
                    break filling
                }
                total += requests.count
                ends.append(total)
                next += 1
            }
            if ends.isEmpty, next < end { next += 1 }
            pending.append((reader, first..<first + ends.count, ends))
            if MonotonicClock.now() < deadline { reader.start() }
        }
        var refused: [(index: Int, count: Int)] = []
        for reader in readers.prefix(width) where next < items.count { startBatch(reader) }
        while !pending.isEmpty {
            let (reader, range, ends) = pending.removeFirst()
            abandonedReads += reader.wait(limitMilliseconds: readLimitMilliseconds, deadline: deadline)
            var begin = 0
            for (index, end) in zip(range, ends) {
                take(items[index], (begin..<end).map { reader.answer($0) })
                begin = end
            }
            if let first = refused.first, ends.isEmpty, first.index == range.lowerBound {
                refused.removeFirst()
                take(items[first.index], Array(repeating: .failure(.failed(ENOMEM)), count: first.count))
            }
            if next < items.count { startBatch(reader) }
        }
    }

    // MARK: Kernel interfaces beside procfs

    /// Every AF_UNIX socket of this process's network namespace.
    public func unixSockets() -> Result<[UnixSocket], ReadError> {
        guard isLive else { return .failure(.unavailable) }
        var sockets: [UnixSocket] = []
        return dump({ cl_sock_diag_request_unix($0) }, { UnixSocket.parseDiagnostics($0, into: &sockets) }).map { sockets }
    }

    /// Every TCP and UDP socket, both families, of this process's network namespace.
    public func internetSockets() -> Result<[InternetSocket], ReadError> {
        guard isLive else { return .failure(.unavailable) }
        var sockets: [InternetSocket] = []
        for (family, transport) in [(AF_INET, UInt8(6)), (AF_INET6, 6), (AF_INET, 17), (AF_INET6, 17)] {
            let result = dump(
                { cl_sock_diag_request_inet($0, family, Int32(transport)) },
                { InternetSocket.parseDiagnostics($0, transport: transport, into: &sockets) })
            if case .failure(let error) = result, sockets.isEmpty { return .failure(error) }
        }
        return .success(sockets)
    }

    private func dump(_ request: (Int32) -> Int32, _ parse: (UnsafeRawBufferPointer) -> Bool) -> Result<Void, ReadError> {
        let fd = cl_sock_diag_open(500)
        guard fd >= 0 else { return .failure(ReadError(errno: errno)) }
        defer { Glibc.close(fd) }
        guard request(fd) == 0 else { return .failure(ReadError(errno: errno)) }
        while true {
            let got = recv(fd, scratch.start, scratch.count, 0)
            if got < 0 {
                if errno == EINTR { continue }
                return .failure(errno == EAGAIN ? .timedOut : ReadError(errno: errno))
            }
            if got == 0 || parse(scratch.prefix(got)) { return .success(()) }
        }
    }

    /// msgctl(IPC_STAT) of one queue in this process's ipc namespace.
    public func messageQueue(id: Int32) -> Result<MessageQueue, ReadError> {
        guard isLive else { return .failure(.unavailable) }
        var status = cl_message_queue()
        guard cl_message_queue_status(id, &status) == 0 else {
            return .failure(errno == EINVAL || errno == EIDRM ? .gone : ReadError(errno: errno))
        }
        return .success(
            MessageQueue(
                key: status.key, id: id, bytes: status.bytes, messages: status.messages, lastSender: status.last_sender,
                lastReceiver: status.last_receiver, lastSendSeconds: status.last_send_seconds,
                lastReceiveSeconds: status.last_receive_seconds, bytesLimit: status.bytes_limit))
    }

    /// The time limit that a process has set on its socket (SO_RCVTIMEO, or with `sends` SO_SNDTIMEO), in seconds; 0 for none.
    public func socketTimeLimit(pid: Int32, descriptor: Int32, sends: Bool) -> Result<Double, ReadError> {
        guard sharesPIDs else { return .failure(.unavailable) }
        let microseconds = cl_socket_timeout(pid, descriptor, sends ? 1 : 0)
        return microseconds < 0 ? .failure(ReadError(errno: Int32(-microseconds))) : .success(Double(microseconds) / 1e6)
    }

    /// The runqueue clock of each CPU now, in milliseconds, as `se.exec_start` counts it: a child is moved to the CPU, so that it
    /// has just run there, and reads its own value. CPUs that it may not run on are left out.
    public func runqueueClocks(cpus: [Int32]) -> [Int32: (clockMilliseconds: Double, atNanoseconds: UInt64)] {
        guard isLive else { return [:] }
        var clocks: [Int32: (clockMilliseconds: Double, atNanoseconds: UInt64)] = [:]
        // The values come back through a pipe: three numbers a CPU.
        var ends: (Int32, Int32) = (-1, -1)
        guard withUnsafeMutablePointer(to: &ends, { $0.withMemoryRebound(to: Int32.self, capacity: 2) { cl_pipe($0) } }) == 0 else {
            return [:]
        }
        let child = cl_fork()
        if child == 0 {
            _ = cl_die_with_parent(SIGKILL)
            for cpu in cpus where cl_pin_to_cpu(cpu) == 0 {
                sched_yield()
                guard case .success(let state) = readInPlace("thread-self/sched", { SchedulerState($0) }),
                    let clock = state.lastRanMilliseconds
                else { continue }
                var record = (UInt64(cpu), clock.bitPattern, MonotonicClock.now())
                write(ends.1, &record, 24)
            }
            _exit(0)
        }
        Glibc.close(ends.1)
        defer { Glibc.close(ends.0) }
        guard child > 0 else { return [:] }
        var record: (UInt64, UInt64, UInt64) = (0, 0, 0)
        var wake = pollfd(fd: ends.0, events: Int16(POLLIN), revents: 0)
        while poll(&wake, 1, 500) > 0, Glibc.read(ends.0, &record, 24) == 24 {
            clocks[Int32(record.0)] = (Double(bitPattern: record.1), record.2)
        }
        kill(child, SIGKILL)
        var status: Int32 = 0
        _ = waitpid(child, &status, 0)
        return clocks
    }
}

/// Memory that reads go to and parsers look at; one block for the life of its source.
private final class ScratchBuffer {
    let start: UnsafeMutableRawPointer
    let count: Int

    init(count: Int) {
        start = .allocate(byteCount: count, alignment: 16)
        self.count = count
    }

    deinit { start.deallocate() }

    func prefix(_ length: Int) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: length) }
}
