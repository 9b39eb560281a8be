import CLinux
import Glibc

/// One read that a reader process carries out.
public enum ReadRequest: Sendable {
    /// A whole file, up to `limit` bytes. `path` is absolute.
    case file(path: String, limit: Int)
    /// Up to `count` bytes of a regular file from `offset`; fewer at its end. `path` is absolute. With `inode`, only when the file
    /// that is found there has that number (ESTALE otherwise).
    case range(path: String, offset: UInt64, count: Int, inode: UInt64?)
    /// A file in the directory that the last `.directory` of the same batch opened: saves the walk from the root.
    case member(name: StaticString, limit: Int)
    /// The same, and the file is kept open for `.again`.
    case keptMember(name: StaticString, limit: Int)
    /// The kept file of the same directory once more: much cheaper than to open it again.
    case again(limit: Int)
    /// Opens the directory for the members that follow.
    case directory(path: String)
    /// `count` bytes of a thread's memory, pages that are present only; shorter when a page is not. With `throughFile`, the
    /// `mem` and `pagemap` files below that directory are used, otherwise process_vm_readv and that directory's `pagemap`.
    case memory(directory: String, tid: Int32, address: UInt64, count: Int, throughFile: Bool)
    /// Where a symbolic link points, up to 4096 bytes; it is not followed. `path` is absolute.
    case link(path: String)
    /// Every link in a directory of descriptors, as `DescriptorLinks` unpacks them; ENOBUFS when `limit` bytes do not suffice.
    case descriptors(path: String, limit: Int)
    /// Memory as above, from the stack pointer that the member read just before, `syscall`, has printed.
    case stack(directory: String, tid: Int32, count: Int, throughFile: Bool)
}

/// A disposable child that makes the reads that could block (see fs/proc: `maps`, `syscall`, `stat` and others may wait for a
/// lock that the target holds; memory may be backed by a dead FUSE mount). It works through a batch in shared memory and counts
/// what it has done; when the count stands still past the time limit, the parent ends it and goes on after the guilty read.
final class ReaderProcess {
    /// Offsets in the shared memory: the counter, the records, the data.
    private static let recordsOffset = 64
    private static let recordSize = 48
    static let maximumBatch = 2048
    private static let dataOffset = recordsOffset + maximumBatch * recordSize
    static let dataCapacity = 12 << 20
    /// Bytes of data after which a batch of many reads is long enough.
    static let usualBatchData = 512 << 10

    private static let noSignal = Int32(MSG_NOSIGNAL)

    private let memory: UnsafeMutableRawPointer
    private var child: pid_t = 0
    private var commandEnd: Int32 = -1
    private var answerEnd: Int32 = -1
    private var count = 0
    private(set) var dataUsed = 0

    /// nil when there is no memory for it.
    init?() {
        let size = Self.dataOffset + Self.dataCapacity
        guard let region = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), region != MAP_FAILED else {
            return nil
        }
        memory = region
    }

    deinit {
        stop()
        munmap(memory, Self.dataOffset + Self.dataCapacity)
    }

    /// Forgets the last batch.
    func begin() {
        count = 0
        dataUsed = 0
    }

    /// Adds a request to the batch. false when the batch is full: run it first.
    func add(_ request: ReadRequest) -> Bool {
        guard count < Self.maximumBatch else { return false }
        let record = memory + Self.recordsOffset + count * Self.recordSize
        let room = Self.dataCapacity - dataUsed
        var kind: UInt32 = 0
        var tid: Int32 = 0
        var address: UInt64 = 0
        var limit = 0
        var pathAt = 0
        var expectedInode: UInt64 = 0
        func store(_ path: String) -> Bool {
            var path = path
            return path.withUTF8 { text in
                guard text.count + 1 <= room else { return false }
                pathAt = dataUsed
                let at = memory + Self.dataOffset + dataUsed
                if let base = text.baseAddress { at.copyMemory(from: base, byteCount: text.count) }
                at.storeBytes(of: 0, toByteOffset: text.count, as: UInt8.self)
                dataUsed += text.count + 1
                return true
            }
        }
        switch request {
        case .file(let path, let size):
            guard size >= 0, path.utf8.count + 1 + size <= room, store(path) else { return false }
            (kind, limit) = (1, size)
        case .range(let path, let offset, let size, let inode):
            guard size >= 0, offset <= 1 << 62, path.utf8.count + 1 + size <= room, store(path) else { return false }
            (kind, address, limit, expectedInode) = (6, offset, size, inode ?? 0)
        case .directory(let path):
            guard store(path) else { return false }
            kind = 2
        case .link(let path):
            guard path.utf8.count + 1 + 4096 <= room, store(path) else { return false }
            (kind, limit) = (11, 4096)
        case .descriptors(let path, let size):
            guard size >= 0, path.utf8.count + 1 + size <= room, store(path) else { return false }
            (kind, limit) = (12, size)
        case .again(let size):
            guard size >= 0, size <= room else { return false }
            (kind, limit) = (10, size)
        case .member(let name, let size), .keptMember(let name, let size):
            guard size >= 0, name.utf8CodeUnitCount + 1 + size <= room else { return false }
            pathAt = dataUsed
            (memory + Self.dataOffset + dataUsed).copyMemory(from: name.utf8Start, byteCount: name.utf8CodeUnitCount)
            (memory + Self.dataOffset + dataUsed).storeBytes(of: 0, toByteOffset: name.utf8CodeUnitCount, as: UInt8.self)
            dataUsed += name.utf8CodeUnitCount + 1
            kind = 3
            if case .keptMember = request { kind = 9 }
            limit = size
        case .memory(let directory, let thread, let at, let size, let throughFile):
            guard size >= 0, directory.utf8.count + 1 + size <= room, store(directory) else { return false }
            (kind, tid, address, limit) = (throughFile ? 5 : 4, thread, at, size)
        case .stack(let directory, let thread, let size, let throughFile):
            guard size >= 0, directory.utf8.count + 1 + size <= room, store(directory) else { return false }
            (kind, tid, limit) = (throughFile ? 8 : 7, thread, size)
        }
        if let key = hungKey(kind: kind, pathAt: pathAt), hung[key, default: 0] >= Self.hungLimit { kind = 0 }
        record.storeBytes(of: kind, toByteOffset: 0, as: UInt32.self)
        record.storeBytes(of: tid, toByteOffset: 4, as: Int32.self)
        record.storeBytes(of: address, toByteOffset: 8, as: UInt64.self)
        record.storeBytes(of: UInt32(limit), toByteOffset: 16, as: UInt32.self)
        record.storeBytes(of: UInt32(pathAt), toByteOffset: 20, as: UInt32.self)
        record.storeBytes(of: UInt32(dataUsed), toByteOffset: 24, as: UInt32.self)  // where the answer goes
        record.storeBytes(of: Int32.min, toByteOffset: 28, as: Int32.self)  // length, or minus errno
        record.storeBytes(of: expectedInode, toByteOffset: 32, as: UInt64.self)
        dataUsed += limit
        count += 1
        return true
    }

    /// Starts the batch in the child. Answers come with `wait`.
    func start() {
        cl_store_release(memory, 0)
        guard count > 0 else { return }
        launch(from: 0)
    }

    /// Waits until the batch is done. A read that stands still for `limitMilliseconds` is given up; after `deadline` (monotonic
    /// nanoseconds) so is all that is left. Returns how many reads were given up.
    func wait(limitMilliseconds: Int32, deadline: UInt64) -> Int {
        var abandoned = 0
        var seen = cl_load_acquire(memory)
        while Int(cl_load_acquire(memory)) < count {
            if child <= 0 {
                // No child could be made: everything left is given up.
                abandoned += count - Int(cl_load_acquire(memory))
                break
            }
            var wake = pollfd(fd: answerEnd, events: Int16(POLLIN), revents: 0)
            let now = MonotonicClock.now()
            let limit = Self.patience(limitMilliseconds, after: abandoned)
            let left = now >= deadline ? 0 : min(Int64(limit), Int64((deadline - now) / 1_000_000))
            let ready = poll(&wake, 1, Int32(left))
            if ready < 0 && errno == EINTR { continue }
            if ready > 0 {
                var byte: UInt8 = 0
                if read(answerEnd, &byte, 1) == 1 { continue }
                // The child died (killed, or crashed on this read): that read is given up.
            } else if cl_load_acquire(memory) != seen, MonotonicClock.now() < deadline {
                seen = cl_load_acquire(memory)
                continue
            }
            let stuck = Int(cl_load_acquire(memory))
            stop()
            guard stuck < count else { break }
            (memory + Self.recordsOffset + stuck * Self.recordSize).storeBytes(of: -ETIMEDOUT, toByteOffset: 28, as: Int32.self)
            abandoned += 1 + giveUpOthers(like: stuck)
            if MonotonicClock.now() >= deadline {
                abandoned += count - stuck - 1
                break
            }
            cl_store_release(memory, UInt32(stuck + 1))
            seen = UInt32(stuck + 1)
            if stuck + 1 < count { launch(from: stuck + 1) }
        }
        return abandoned
    }

    /// The answer to request `index`; the bytes live until the next `begin`.
    func answer(_ index: Int) -> Result<UnsafeRawBufferPointer, ReadError> {
        let record = memory + Self.recordsOffset + index * Self.recordSize
        let length = record.load(fromByteOffset: 28, as: Int32.self)
        if length == .min || length == -ETIMEDOUT { return .failure(.timedOut) }
        if length == -ENOMSG { return .failure(.notPresent) }
        if length < 0 { return .failure(ReadError(errno: -length)) }
        let at = Int(record.load(fromByteOffset: 24, as: UInt32.self))
        return .success(UnsafeRawBufferPointer(start: memory + Self.dataOffset + at, count: Int(length)))
    }

    /// How long a read may stand still after others were given up: half as long after every fourth, but never under a tenth.
    static func patience(_ limitMilliseconds: Int32, after abandoned: Int) -> Int32 {
        max(limitMilliseconds >> Int32(min(abandoned / 4, 8)), limitMilliseconds / 10, 1)
    }

    /// Ends the child. One that a read holds in an uninterruptible sleep is not waited for, but reaped at a later occasion.
    func stop() {
        if child > 0 {
            kill(child, SIGKILL)
            unreaped.append(child)
        }
        reap()
        if commandEnd >= 0 { close(commandEnd) }
        if answerEnd >= 0 { close(answerEnd) }
        (child, commandEnd, answerEnd) = (0, -1, -1)
    }

    // MARK: Processes of which nothing can be read

    /// After that many reads of one sort that hung, further ones of the same process are not tried: a lock that holds one of them, as
    /// that of its memory map, holds all.
    private static let hungLimit = 2
    /// Reads that hung, by process and sort.
    private var hung: [UInt64: Int] = [:]

    /// Tells the process and the sort of a read of memory or of links; nil for others.
    private func hungKey(kind: UInt32, pathAt: Int) -> UInt64? {
        let sort: UInt64
        switch kind {
        case 4, 5, 7, 8: sort = 1
        case 11, 12: sort = 2
        default: return nil
        }
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ sort
        var at = memory + Self.dataOffset + pathAt
        var isNumber = false
        while true {
            let byte = at.load(as: UInt8.self)
            if byte == 0 { return isNumber ? hash : nil }
            if byte == 0x2F {
                if isNumber { return hash }
                isNumber = true
            } else if !(0x30...0x39).contains(byte) {
                isNumber = false
            }
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
            at += 1
            if byte == 0x2F, at.load(as: UInt8.self) == 0x2F { isNumber = false }
        }
    }

    /// Notes that a read hung; gives up those of its sort that follow in the batch, once there were enough. Returns their number.
    private func giveUpOthers(like stuck: Int) -> Int {
        func key(_ index: Int) -> UInt64? {
            let record = memory + Self.recordsOffset + index * Self.recordSize
            return hungKey(
                kind: record.load(fromByteOffset: 0, as: UInt32.self), pathAt: Int(record.load(fromByteOffset: 20, as: UInt32.self)))
        }
        guard let guilty = key(stuck) else { return 0 }
        hung[guilty, default: 0] += 1
        guard hung[guilty, default: 0] >= Self.hungLimit else { return 0 }
        var others = 0
        for index in (stuck + 1)..<max(stuck + 1, count) where key(index) == guilty {
            (memory + Self.recordsOffset + index * Self.recordSize).storeBytes(of: 0, toByteOffset: 0, as: UInt32.self)
            others += 1
        }
        return others
    }

    /// Children that were ended and not yet waited for.
    private var unreaped: [pid_t] = []

    /// Waits for ended children, a few milliseconds at most: a child that is killable is gone by then.
    private func reap() {
        for attempt in 0..<20 {
            unreaped.removeAll { child in
                var status: Int32 = 0
                return cl_reap(child, &status) != 0
            }
            if unreaped.isEmpty { return }
            if attempt < 19 { usleep(100) }
        }
    }

    private func launch(from first: Int) {
        if child <= 0 { spawn() }
        guard child > 0 else { return }
        var order = (UInt32(first), UInt32(count))
        while send(commandEnd, &order, 8, Self.noSignal) < 0 {
            if errno == EINTR { continue }
            // The child is gone; a fresh one gets the same order once.
            stop()
            spawn()
            guard child > 0, send(commandEnd, &order, 8, Self.noSignal) == 8 else {
                stop()
                return
            }
            return
        }
    }

    private func spawn() {
        var command: (Int32, Int32) = (-1, -1)
        var answer: (Int32, Int32) = (-1, -1)
        // Orders go through a socket, not a pipe: a child that was killed must not kill the parent with SIGPIPE.
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard
            withUnsafeMutablePointer(
                to: &command, { $0.withMemoryRebound(to: Int32.self, capacity: 2) { socketpair(AF_UNIX, type, 0, $0) } })
                == 0
        else { return }
        guard withUnsafeMutablePointer(to: &answer, { $0.withMemoryRebound(to: Int32.self, capacity: 2) { cl_pipe($0) } }) == 0 else {
            close(command.0)
            close(command.1)
            return
        }
        let parent = getpid()
        let pid = cl_fork()
        if pid == 0 {
            _ = cl_die_with_parent(SIGKILL)
            if getppid() != parent { _exit(0) }
            _ = cl_set_thread_name("waitchain-read")
            // A child that a dead mount holds for ever must not hold the other end of the tool's output open.
            for fd in Int32(0)...2 where fd != command.0 && fd != answer.1 { close(fd) }
            close(command.1)
            close(answer.0)
            Self.serve(memory: memory, commands: command.0, answers: answer.1)
        }
        close(command.0)
        close(answer.1)
        if pid < 0 {
            close(command.1)
            close(answer.0)
            return
        }
        (child, commandEnd, answerEnd) = (pid, command.1, answer.0)
    }

    /// The child's loop. System calls on the shared memory only; it allocates nothing.
    private static func serve(memory: UnsafeMutableRawPointer, commands: Int32, answers: Int32) -> Never {
        var directory: Int32 = -1
        var kept: Int32 = -1
        var pages = PageMap()
        var lastMember: UnsafeRawBufferPointer?
        while true {
            lastMember = nil
            var order: (UInt32, UInt32) = (0, 0)
            let got = read(commands, &order, 8)
            if got < 0 && errno == EINTR { continue }
            if got != 8 { _exit(0) }
            for index in Int(order.0)..<Int(order.1) {
                let record = memory + recordsOffset + index * recordSize
                let data = memory + dataOffset
                let path = (data + Int(record.load(fromByteOffset: 20, as: UInt32.self))).assumingMemoryBound(to: CChar.self)
                let out = data + Int(record.load(fromByteOffset: 24, as: UInt32.self))
                let limit = Int(record.load(fromByteOffset: 16, as: UInt32.self))
                let length: Int
                switch record.load(fromByteOffset: 0, as: UInt32.self) {
                case 1: length = slurp(directory: AT_FDCWD, path: path, into: out, limit: limit)
                case 2:
                    if directory >= 0 { close(directory) }
                    if kept >= 0 { close(kept) }
                    kept = -1
                    directory = cl_openat(AT_FDCWD, path, cl_open_directory_flags())
                    length = directory >= 0 ? 0 : -Int(errno)
                case 0: length = -Int(ETIMEDOUT)
                case 12: length = listDescriptors(path: path, into: out, limit: limit)
                case 11:
                    let got = readlink(path, out.assumingMemoryBound(to: CChar.self), limit)
                    length = got >= 0 ? got : -Int(errno)
                case 3:
                    length = directory >= 0 ? slurp(directory: directory, path: path, into: out, limit: limit) : -Int(ENOENT)
                    lastMember = UnsafeRawBufferPointer(start: out, count: max(0, length))
                case 9:
                    if kept >= 0 { close(kept) }
                    kept = directory >= 0 ? cl_openat(directory, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1
                    length = kept >= 0 ? again(kept, into: out, limit: limit) : -Int(directory >= 0 ? errno : ENOENT)
                case 10: length = kept >= 0 ? again(kept, into: out, limit: limit) : -Int(ENOENT)
                case 6:
                    length = slice(
                        path: path, offset: record.load(fromByteOffset: 8, as: UInt64.self), into: out, count: limit,
                        inode: record.load(fromByteOffset: 32, as: UInt64.self))
                case 7, 8:
                    length = pages.readMemory(
                        directory: path, tid: record.load(fromByteOffset: 4, as: Int32.self),
                        address: lastMember.map(stackPointer) ?? 0, into: out, count: limit,
                        throughFile: record.load(fromByteOffset: 0, as: UInt32.self) == 8)
                default:
                    length = pages.readMemory(
                        directory: path, tid: record.load(fromByteOffset: 4, as: Int32.self),
                        address: record.load(fromByteOffset: 8, as: UInt64.self), into: out, count: limit,
                        throughFile: record.load(fromByteOffset: 0, as: UInt32.self) == 5)
                }
                record.storeBytes(of: Int32(length), toByteOffset: 28, as: Int32.self)
                cl_store_release(memory, UInt32(index + 1))
            }
            pages.forget()
            var done: UInt8 = 1
            while write(answers, &done, 1) < 0 && errno == EINTR {}
        }
    }

    /// Reads every numbered link of a directory into records of {i32 number, i32 length or -1 when it may not be read, bytes}.
    private static func listDescriptors(path: UnsafePointer<CChar>, into out: UnsafeMutableRawPointer, limit: Int) -> Int {
        let fd = cl_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return -Int(errno) }
        defer { close(fd) }
        return withUnsafeTemporaryAllocation(byteCount: 16384, alignment: 8) { entries -> Int in
            guard let buffer = entries.baseAddress else { return -Int(ENOMEM) }
            var total = 0
            while true {
                let got = cl_getdents64(fd, buffer, 16384)
                if got < 0 { return -Int(errno) }
                if got == 0 { return total }
                var at = 0
                // struct linux_dirent64: u64 inode, i64 offset, u16 length, u8 type, name.
                while at + 20 <= got {
                    let length = Int(buffer.loadUnaligned(fromByteOffset: at + 16, as: UInt16.self))
                    guard length >= 20, at + length <= got else { break }
                    let name = buffer + at + 19
                    at += length
                    var number: Int32 = 0
                    var digit = name
                    while case let byte = digit.load(as: UInt8.self), byte >= 0x30, byte <= 0x39, number < 200_000_000 {
                        number = number * 10 + Int32(byte - 0x30)
                        digit += 1
                    }
                    guard digit > name, digit.load(as: UInt8.self) == 0 else { continue }
                    guard total + 8 + 4096 <= limit else { return -Int(ENOBUFS) }
                    let size = readlinkat(
                        fd, name.assumingMemoryBound(to: CChar.self), (out + total + 8).assumingMemoryBound(to: CChar.self), 4096)
                    guard size > 0 || errno == EACCES || errno == EPERM else { continue }
                    out.storeBytes(of: number, toByteOffset: total, as: Int32.self)
                    out.storeBytes(of: Int32(max(size, -1)), toByteOffset: total + 4, as: Int32.self)
                    total += 8 + (max(size, 0) + 3) / 4 * 4
                }
            }
        }
    }

    /// The last but one word of `/proc/PID/task/TID/syscall` (fs/proc/base.c `proc_pid_syscall`); 0 when the thread runs.
    private static func stackPointer(_ line: UnsafeRawBufferPointer) -> UInt64 {
        var end = line.count
        while end > 0, line[end - 1] != 0x20 { end -= 1 }
        var start = max(0, end - 1)
        while start > 0, line[start - 1] != 0x20 { start -= 1 }
        var cursor = ByteCursor(UnsafeRawBufferPointer(rebasing: line[start..<end]))
        return cursor.unsigned(base: 16) ?? 0
    }

    /// Reads a part of a regular file. Bytes, or minus errno.
    private static func slice(path: UnsafePointer<CChar>, offset: UInt64, into out: UnsafeMutableRawPointer, count: Int, inode: UInt64)
        -> Int
    {
        let fd = cl_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard fd >= 0 else { return -Int(errno) }
        defer { close(fd) }
        if inode != 0 {
            var status = Glibc.stat()
            guard fstat(fd, &status) == 0 else { return -Int(errno) }
            guard UInt64(status.st_ino) == inode else { return -Int(ESTALE) }
        }
        var total = 0
        while total < count {
            let got = pread(fd, out + total, count - total, off_t(truncatingIfNeeded: offset + UInt64(total)))
            if got < 0 {
                if errno == EINTR { continue }
                return total > 0 ? total : -Int(errno)
            }
            if got == 0 { break }
            total += got
        }
        return total
    }

    /// What a one-line file of procfs says now. Bytes, or minus errno.
    private static func again(_ fd: Int32, into out: UnsafeMutableRawPointer, limit: Int) -> Int {
        while true {
            let got = pread(fd, out, limit, 0)
            if got >= 0 { return got }
            if errno != EINTR { return -Int(errno) }
        }
    }

    /// Reads a file to its end or `limit`. Bytes, or minus errno.
    private static func slurp(directory: Int32, path: UnsafePointer<CChar>, into out: UnsafeMutableRawPointer, limit: Int) -> Int {
        let fd = cl_openat(directory, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard fd >= 0 else { return -Int(errno) }
        defer { close(fd) }
        var total = 0
        while total < limit {
            let got = read(fd, out + total, limit - total)
            if got < 0 {
                if errno == EINTR { continue }
                return total > 0 ? total : -Int(errno)
            }
            // procfs hands out one-line files whole: a short first read of a small file is all there is.
            if got == 0 { break }
            total += got
            if total < 4096, got < limit - total, total == got, limit <= 1024 { break }
        }
        return total
    }
}
