import CLinux
import Glibc

/// One question that a disposable child puts to the kernel, mostly from within another namespace.
public enum NamespaceQuery: Sendable, Hashable {
    /// NETLINK_SOCK_DIAG dumps: their datagrams one after the other.
    case unixSockets
    case internetSockets(family: Int32, transport: UInt8)
    case vsockSockets
    case multipathSockets(family: Int32)
    /// One TCP socket with its `struct tcp_info`.
    case tcpDetails(local: InternetSocket.Endpoint, remote: InternetSocket.Endpoint)
    /// msgctl(IPC_STAT): a `cl_message_queue`.
    case messageQueue(id: Int32)
    /// A table of `/proc/sysvipc`.
    case messageTable
    /// semctl: a `cl_semaphores` and its first `limit` semaphores, `cl_semaphores_member` each.
    case semaphores(id: Int32, limit: Int)
    /// `cl_socket_identity` of a process's descriptor: family, type, protocol.
    case socketIdentity(pid: Int32, descriptor: Int32)
    /// stat(2) of a path as the process sees it: u32 device, u32 padding, u64 inode. `base` is `/proc/PID/root` or `/proc/PID/cwd`.
    case fileIdentity(base: String, path: String)
}

extension HostSource {
    /// Longest time that a child may take for all its questions; dumps of 100,000 sockets take a tenth of that.
    private static let namespaceLimitMilliseconds: UInt64 = 1500
    private static let answerLimitBytes = 256 << 20

    /// Puts questions to the kernel in a child of its own, which enters the namespaces first. It is ended when it passes its time limit,
    /// and counted with the abandoned reads.
    /// - Parameters:
    ///   - names: namespaces to enter (`net`, `ipc`), of the thread whose procfs directory follows.
    ///   - directory: `PID/task/TID` below the root.
    /// - Returns: one answer a question; a failure when the namespace may not be entered. The user namespace is entered first only when
    ///   the others refuse: setns(2) wants CAP_SYS_ADMIN in the user namespace that owns them.
    public func ask(_ queries: [NamespaceQuery], entering names: [String] = [], of directory: String = "self")
        -> Result<[Result<[UInt8], ReadError>], ReadError>
    {
        guard isLive else { return .failure(.unavailable) }
        guard MonotonicClock.now() < deadline else { return .failure(.timedOut) }
        var ends: (Int32, Int32) = (-1, -1)
        guard withUnsafeMutablePointer(to: &ends, { $0.withMemoryRebound(to: Int32.self, capacity: 2) { cl_pipe($0) } }) == 0 else {
            return .failure(ReadError(errno: errno))
        }
        let parent = getpid()
        let child = cl_fork()
        if child == 0 {
            _ = cl_die_with_parent(SIGKILL)
            if getppid() != parent { _exit(0) }
            _ = cl_set_thread_name("waitchain-read")
            for fd in Int32(0)...2 where fd != ends.1 { Glibc.close(fd) }
            Glibc.close(ends.0)
            NamespaceChild(output: ends.1).answer(queries, entering: names, directory: "\(root)/\(directory)", sysvipc: "\(root)/sysvipc")
        }
        Glibc.close(ends.1)
        defer { Glibc.close(ends.0) }
        guard child > 0 else { return .failure(ReadError(errno: errno)) }
        let collected = collect(from: ends.0, count: queries.count)
        kill(child, SIGKILL)
        var status: Int32 = 0
        _ = cl_reap(child, &status)
        return collected
    }

    /// Frames of {question, length}: data follows a positive length; 0 ends an answer well, a negative one is minus errno.
    private func collect(from pipe: Int32, count: Int) -> Result<[Result<[UInt8], ReadError>], ReadError> {
        var answers = [[UInt8]](repeating: [], count: count)
        var ended = [Result<Void, ReadError>?](repeating: nil, count: count)
        let end = min(deadline, MonotonicClock.now() &+ Self.namespaceLimitMilliseconds &* 1_000_000)
        var received: [UInt8] = []
        var taken = 0
        var total = 0
        reading: while true {
            let now = MonotonicClock.now()
            var wake = pollfd(fd: pipe, events: Int16(POLLIN), revents: 0)
            let ready = poll(&wake, 1, now >= end ? 0 : Int32((end - now) / 1_000_000 + 1))
            if ready < 0, errno == EINTR { continue }
            guard ready > 0, total < Self.answerLimitBytes else {
                countAbandonedRead()
                break
            }
            let before = received.count
            received.append(contentsOf: repeatElement(0, count: 1 << 16))
            let got = received.withUnsafeMutableBytes { Glibc.read(pipe, $0.baseAddress.map { $0 + before }, 1 << 16) }
            received.removeLast((1 << 16) - max(0, got))
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { break }
            total += got
            while received.count - taken >= 8 {
                let (question, length) = received.withUnsafeBytes {
                    (Int(Int32(bitPattern: $0.load32(at: taken))), Int(Int32(bitPattern: $0.load32(at: taken + 4))))
                }
                if question < 0 { return .failure(ReadError(errno: Int32(-length))) }
                guard question < count else { break reading }
                if length <= 0 {
                    ended[question] = length == 0 ? .success(()) : .failure(ReadError(errno: Int32(-length)))
                    taken += 8
                } else {
                    guard received.count - taken >= 8 + length else { break }
                    answers[question].append(contentsOf: received[taken + 8..<taken + 8 + length])
                    taken += 8 + length
                }
            }
            if taken > 1 << 20 || taken == received.count {
                received.removeFirst(taken)
                taken = 0
            }
        }
        return .success(zip(answers, ended).map { bytes, end in (end ?? .failure(.timedOut)).map { bytes } })
    }
}

/// The child's side: system calls and writes to the pipe, and then it leaves.
private struct NamespaceChild {
    let output: Int32
    private let size = 1 << 16
    private let buffer: UnsafeMutableRawPointer

    init(output: Int32) {
        self.output = output
        buffer = .allocate(byteCount: size, alignment: 16)
    }

    func answer(_ queries: [NamespaceQuery], entering names: [String], directory: String, sysvipc: String) -> Never {
        if let problem = enter(names, directory) {
            frame(-1, -problem, nil)
        } else {
            for (index, query) in queries.enumerated() {
                let result = carryOut(query, Int32(index), sysvipc)
                frame(Int32(index), result < 0 ? result : 0, nil)
            }
        }
        _exit(0)
    }

    /// errno of the first namespace that may not be entered; nil when all were.
    private func enter(_ names: [String], _ directory: String) -> Int32? {
        guard !names.isEmpty else { return nil }
        var opened: [Int32] = []
        for name in names + ["user"] {
            let fd = cl_openat(AT_FDCWD, "\(directory)/ns/\(name)", O_RDONLY | O_CLOEXEC)
            guard fd >= 0 || name == "user" else { return errno }
            opened.append(fd)
        }
        let user = opened.removeLast()
        if opened.allSatisfy({ cl_enter_namespace($0) == 0 }) { return nil }
        let problem = errno
        guard problem == EPERM, user >= 0, cl_enter_namespace(user) == 0 else { return problem }
        return opened.allSatisfy { cl_enter_namespace($0) == 0 } ? nil : errno
    }

    /// 0, or minus errno.
    private func carryOut(_ query: NamespaceQuery, _ index: Int32, _ sysvipc: String) -> Int32 {
        switch query {
        case .unixSockets: return dump(index) { cl_sock_diag_request_unix($0) }
        case .internetSockets(let family, let transport):
            return dump(index) { cl_sock_diag_request_inet($0, family, Int32(transport)) }
        case .vsockSockets: return dump(index) { cl_sock_diag_request_vsock($0) }
        case .multipathSockets(let family): return dump(index) { cl_sock_diag_request_mptcp($0, family) }
        case .tcpDetails(let local, let remote):
            let family = local.address.count == 4 ? AF_INET : AF_INET6
            guard local.address.count == remote.address.count else { return -EINVAL }
            return dump(index, single: true) {
                cl_sock_diag_request_tcp_details($0, family, local.address, local.port, remote.address, remote.port)
            }
        case .messageQueue(let id):
            var status = cl_message_queue()
            guard cl_message_queue_status(id, &status) == 0 else { return -errno }
            withUnsafeBytes(of: &status) { frame(index, Int32($0.count), $0.baseAddress) }
        case .messageTable: return file(index, sysvipc + "/msg")
        case .semaphores(let id, let limit):
            var set = cl_semaphores()
            guard cl_semaphores_status(id, &set) == 0 else { return -errno }
            withUnsafeBytes(of: &set) { frame(index, Int32($0.count), $0.baseAddress) }
            for number in 0..<min(Int(clamping: set.count), limit) {
                var one = cl_semaphores_member()
                guard cl_semaphores_member_status(id, Int32(number), &one) == 0 else { return -errno }
                withUnsafeBytes(of: &one) { frame(index, Int32($0.count), $0.baseAddress) }
            }
        case .socketIdentity(let pid, let descriptor):
            var identity: (Int32, Int32, Int32) = (0, 0, 0)
            let result = withUnsafeMutablePointer(to: &identity) {
                $0.withMemoryRebound(to: Int32.self, capacity: 3) { cl_socket_identity(pid, descriptor, $0) }
            }
            guard result == 0 else { return -errno }
            withUnsafeBytes(of: &identity) { frame(index, 12, $0.baseAddress) }
        case .fileIdentity(let base, let path):
            var record: (UInt32, UInt32, UInt64) = (0, 0, 0)
            // In the target's own root an absolute symbolic link leads where it leads the target; without the capability it may not.
            let root = base.hasSuffix("/root") && chroot(base) == 0
            guard cl_file_identity(root ? path : base + "/" + path, &record.0, &record.2) == 0 else { return -errno }
            withUnsafeBytes(of: &record) { frame(index, 16, $0.baseAddress) }
        }
        return 0
    }

    private func dump(_ index: Int32, single: Bool = false, _ request: (Int32) -> Int32) -> Int32 {
        let fd = cl_sock_diag_open(1000)
        guard fd >= 0 else { return -errno }
        defer { Glibc.close(fd) }
        guard request(fd) == 0 else { return -errno }
        while true {
            let got = recv(fd, buffer, size, 0)
            if got < 0 {
                if errno == EINTR { continue }
                return errno == EAGAIN ? -ETIMEDOUT : -errno
            }
            guard got >= 20 else { return 0 }
            let type = (buffer + 4).loadUnaligned(as: UInt16.self)
            // NLMSG_ERROR carries minus errno; 0 is an acknowledgement.
            if type == 2 { return (buffer + 16).loadUnaligned(as: Int32.self) }
            frame(index, Int32(got), buffer)
            if single || NetlinkMessages.forEach(in: UnsafeRawBufferPointer(start: buffer, count: got), { _ in }) { return 0 }
        }
    }

    private func file(_ index: Int32, _ path: String) -> Int32 {
        let fd = cl_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return -errno }
        defer { Glibc.close(fd) }
        while true {
            let got = read(fd, buffer, size)
            if got < 0 {
                if errno == EINTR { continue }
                return -errno
            }
            if got == 0 { return 0 }
            frame(index, Int32(got), buffer)
        }
    }

    private func frame(_ index: Int32, _ length: Int32, _ data: UnsafeRawPointer?) {
        var header = (index, length)
        withUnsafeBytes(of: &header) { put($0.baseAddress, 8) }
        if length > 0 { put(data, Int(length)) }
    }

    private func put(_ data: UnsafeRawPointer?, _ count: Int) {
        guard let data else { return }
        var done = 0
        while done < count {
            let wrote = write(output, data + done, count - done)
            if wrote < 0, errno != EINTR { _exit(0) }
            done += max(0, wrote)
        }
    }
}
