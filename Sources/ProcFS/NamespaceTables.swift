import CLinux
import Glibc

extension MessageQueue {
    init(id: Int32, _ status: cl_message_queue) {
        self.init(
            key: status.key, id: id, bytes: status.bytes, messages: status.messages, lastSender: status.last_sender,
            lastReceiver: status.last_receiver, lastSendSeconds: status.last_send_seconds,
            lastReceiveSeconds: status.last_receive_seconds, bytesLimit: status.bytes_limit)
    }
}

/// One System V semaphore set. Source: semctl(2), ipc/sem.c.
public struct NamespaceSemaphores: Sendable, Hashable {
    public struct Member: Sendable, Hashable {
        public var value: Int32
        /// The last process that changed it (not its holder), in the reader's pid namespace; 0 when none did, or when it is not in there.
        public var lastChanger: Int32
        public var waitingForIncrease: Int32
        public var waitingForZero: Int32
    }
    public var key: Int64
    public var id: Int32
    public var count: Int
    /// When the set was last operated on, in seconds since 1970; 0 for never.
    public var operatedSeconds: Int64
    /// The first ones, up to the limit that was asked for.
    public var semaphores: [Member]
}

extension HostSource {
    /// What tells of a UNIX or TCP/UDP socket in the network namespace of a thread; `directory` is `PID/task/TID`.
    public func unixSockets(inNamespaceOf directory: String) -> Result<[UnixSocket], ReadError> {
        asked(.unixSockets, "net", directory).map { bytes in
            var sockets: [UnixSocket] = []
            _ = bytes.withUnsafeBytes { UnixSocket.parseDiagnostics($0, into: &sockets) }
            return sockets
        }
    }

    public func internetSockets(inNamespaceOf directory: String) -> Result<[InternetSocket], ReadError> {
        let wanted: [(family: Int32, transport: UInt8)] = [(AF_INET, 6), (AF_INET6, 6), (AF_INET, 17), (AF_INET6, 17)]
        return ask(
            wanted.map { .internetSockets(family: $0.family, transport: $0.transport) }, entering: ["net"], of: directory
        ).flatMap { answers in
            var sockets: [InternetSocket] = []
            for (answer, transport) in zip(answers, wanted.map(\.transport)) {
                switch answer {
                case .success(let bytes):
                    _ = bytes.withUnsafeBytes { InternetSocket.parseDiagnostics($0, transport: transport, into: &sockets) }
                case .failure(let error): if sockets.isEmpty { return .failure(error) }
                }
            }
            return .success(sockets)
        }
    }

    /// `struct tcp_info` of one TCP connection, in this program's network namespace or, with `directory`, in a thread's.
    public func tcpDetails(_ socket: InternetSocket, inNamespaceOf directory: String?) -> Result<TCPDetails, ReadError> {
        let answers = ask(
            [.tcpDetails(local: socket.diagnosedLocal, remote: socket.diagnosedRemote)], entering: directory == nil ? [] : ["net"],
            of: directory ?? "self")
        return answers.flatMap { $0.first ?? .failure(.unavailable) }.flatMap { bytes in
            bytes.withUnsafeBytes { TCPDetails.parse($0) }.map { .success($0) } ?? .failure(.unavailable)
        }
    }

    public func messageQueue(id: Int32, inNamespaceOf directory: String) -> Result<MessageQueue, ReadError> {
        switch asked(.messageQueue(id: id), "ipc", directory) {
        case .success(let bytes):
            guard bytes.count == MemoryLayout<cl_message_queue>.size else { return .failure(.unavailable) }
            return .success(MessageQueue(id: id, bytes.withUnsafeBytes { $0.loadUnaligned(as: cl_message_queue.self) }))
        case .failure(let error):
            guard case .success(let bytes) = asked(.messageTable, "ipc", directory),
                let queue = bytes.withUnsafeBytes({ MessageQueue.table($0) }).first(where: { $0.id == id })
            else { return .failure(error == .failed(EINVAL) || error == .failed(EIDRM) ? .gone : error) }
            return .success(queue)
        }
    }

    /// - Parameters:
    ///   - limit: semaphores at most.
    ///   - directory: of the thread whose ipc namespace is meant; nil for this program's own.
    public func semaphores(id: Int32, limit: Int, inNamespaceOf directory: String?) -> Result<NamespaceSemaphores, ReadError> {
        asked(.semaphores(id: id, limit: limit), directory == nil ? nil : "ipc", directory ?? "self").flatMap { bytes in
            let (head, each) = (MemoryLayout<cl_semaphores>.size, MemoryLayout<cl_semaphores_member>.size)
            guard bytes.count >= head else { return .failure(.unavailable) }
            return bytes.withUnsafeBytes { raw in
                let status = raw.loadUnaligned(as: cl_semaphores.self)
                let semaphores = stride(from: head, to: bytes.count - each + 1, by: each).map {
                    let one = raw.loadUnaligned(fromByteOffset: $0, as: cl_semaphores_member.self)
                    return NamespaceSemaphores.Member(
                        value: one.value, lastChanger: one.last_pid, waitingForIncrease: one.waiting_for_increase,
                        waitingForZero: one.waiting_for_zero)
                }
                return .success(
                    NamespaceSemaphores(
                        key: status.key, id: id, count: Int(clamping: status.count), operatedSeconds: status.operated_seconds,
                        semaphores: semaphores))
            }
        }
    }

    /// Family (AF_…), type and protocol of a process's socket.
    public func socketIdentity(pid: Int32, descriptor: Int32) -> Result<SocketIdentity, ReadError> {
        guard sharesPIDs else { return .failure(.unavailable) }
        return asked(.socketIdentity(pid: pid, descriptor: descriptor), nil, "self").flatMap { bytes in
            guard bytes.count == 12 else { return .failure(.unavailable) }
            return bytes.withUnsafeBytes {
                .success(
                    SocketIdentity(
                        family: Int32(bitPattern: $0.load32(at: 0)), type: Int32(bitPattern: $0.load32(at: 4)),
                        transport: Int32(bitPattern: $0.load32(at: 8))))
            }
        }
    }

    /// Device and inode of the file at a path as a process sees it. It may lie on a mount that answers never: the child is given up then.
    public func fileIdentity(_ path: String, of directory: String) -> (device: UInt32, inode: UInt64)? {
        let base = "\(root)/\(directory)/" + (path.hasPrefix("/") ? "root" : "cwd")
        guard case .success(let bytes) = asked(.fileIdentity(base: base, path: path), nil, "self"), bytes.count == 16 else { return nil }
        return bytes.withUnsafeBytes { ($0.load32(at: 0), $0.load64(at: 8)) }
    }

    private func asked(_ query: NamespaceQuery, _ namespace: String?, _ directory: String) -> Result<[UInt8], ReadError> {
        ask([query], entering: namespace.map { [$0] } ?? [], of: directory).flatMap { $0.first ?? .failure(.unavailable) }
    }
}

/// SO_DOMAIN, SO_TYPE and SO_PROTOCOL of a socket.
public struct SocketIdentity: Sendable, Hashable {
    public var family: Int32
    public var type: Int32
    public var transport: Int32
}
