import CLinux
import Glibc

extension HostSource {
    /// Where a link outside procfs points, through the reader process; it is not followed.
    public func systemLink(_ path: String) -> Result<String, ReadError> { one(.link(path: systemRoot + path)) { $0.text } }

    /// Names in a directory of sysfs, sorted; empty when there is none.
    public func systemDirectory(_ path: String) -> [String] {
        let fd = cl_openat(AT_FDCWD, systemRoot + path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard fd >= 0 else { return [] }
        defer { Glibc.close(fd) }
        var names: [String] = []
        var buffer = [UInt8](repeating: 0, count: 8192)
        while true {
            let got = buffer.withUnsafeMutableBytes { cl_getdents64(fd, $0.baseAddress, $0.count) }
            guard got > 0 else { return names.sorted() }
            var at = 0
            // struct linux_dirent64: u64 inode, i64 offset, u16 length, u8 type, name.
            while at + 19 <= got {
                let length = Int(buffer[at + 16]) | Int(buffer[at + 17]) << 8
                guard length >= 20, at + length <= got else { break }
                let name = buffer[(at + 19)..<(at + length)].prefix { $0 != 0 }
                if name.first != 0x2E { names.append(String(decoding: name, as: UTF8.self)) }
                at += length
            }
        }
    }

    /// What the hung-task detector told about owners of locks, oldest first. Reads the kernel log without waiting; empty where
    /// this user may not read it (kernel.dmesg_restrict).
    public func hungTaskReports() -> Result<[HungTaskReport], ReadError> {
        let fd = cl_openat(AT_FDCWD, systemRoot + "/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard fd >= 0 else { return .failure(ReadError(errno: errno)) }
        defer { Glibc.close(fd) }
        var reports: [HungTaskReport] = []
        var buffer = [UInt8](repeating: 0, count: 16384)
        // A record a read; a log that is written to faster than it is read must not hold us.
        for _ in 0..<200_000 where MonotonicClock.now() < deadline {
            let got = buffer.withUnsafeMutableBytes { Glibc.read(fd, $0.baseAddress, $0.count) }
            if got < 0 {
                if errno == EINTR || errno == EPIPE { continue }
                break
            }
            if got == 0 { break }
            buffer.withUnsafeBytes { bytes in
                // A recorded log is a plain file of many records.
                var cursor = ByteCursor(UnsafeRawBufferPointer(rebasing: bytes[..<got]))
                while let line = cursor.line() { if let report = HungTaskReport(record: line) { reports.append(report) } }
            }
        }
        return .success(reports)
    }
}

extension HostSource {
    /// Calls `body` with every descriptor of one process. `directory` is `PID/fd` or `PID/task/TID/fd`.
    public func forEachDescriptor(in directory: String, _ body: (Int32, UnsafeRawBufferPointer) -> Void) -> ReadError? {
        var problem: ReadError?
        forEachDescriptor(in: [((), directory)], { body($1, $2) }, end: { problem = $1 })
        return problem
    }

    /// Calls `body` with every descriptor of many processes, and `end` after each with what went wrong.
    ///
    /// A descriptor that is closed meanwhile is left out; one whose link may not be read makes the end `denied`. Through the reader
    /// process (see `link`), in batches.
    /// - Parameter directories: `PID/fd` or `PID/task/TID/fd`, with what stands for each.
    public func forEachDescriptor<Item>(
        in directories: [(item: Item, path: String)], _ body: (Item, Int32, UnsafeRawBufferPointer) -> Void, end: (Item, ReadError?) -> Void
    ) {
        var large: [(item: Item, path: String)] = []
        func list(_ part: [(item: Item, path: String)], limit: Int, _ tooLarge: (((item: Item, path: String)) -> Void)?) {
            readMany(
                part, fill: { [.descriptors(path: root + "/" + $0.path, limit: limit)] },
                take: { entry, answers in
                    switch answers.first {
                    case .success(let bytes):
                        let isRefused = DescriptorLinks.forEach(in: bytes) { body(entry.item, $0, $1) }
                        end(entry.item, isRefused ? .denied(13) : nil)
                    case .failure(.failed(105)) where tooLarge != nil: tooLarge?(entry)  // ENOBUFS
                    case .failure(let error): end(entry.item, error)
                    case nil: end(entry.item, .gone)
                    }
                })
        }
        list(directories, limit: 16 << 10) { large.append($0) }
        // About a hundred thousand descriptors.
        list(large, limit: 10 << 20, nil)
    }
}
