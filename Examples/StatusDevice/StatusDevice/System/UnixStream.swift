import Glibc

/// A connected Unix stream socket.
final class UnixStream {
    enum Failure: Error, Equatable {
        /// The peer did not answer in time.
        case timeout
        /// The peer closed the connection.
        case closed
        /// The listener's backlog is full, and the caller did not want to wait for room.
        case noRoom
        /// The stop flag was set while this thread waited.
        case stopped
        case system(call: String, code: CInt)
    }

    let descriptor: CInt
    private let stop: StopFlag

    /// Takes over a connected descriptor.
    init(descriptor: CInt, stop: StopFlag) {
        self.descriptor = descriptor
        self.stop = stop
    }

    deinit { close(descriptor) }

    /// Connects to the listener at `path`. The corresponding C function is `connect`.
    ///
    /// - Parameters:
    ///   - waitsForRoom: sleep while the backlog is full. The kernel knows no time limit for this unless the socket has a
    ///     send timeout, which is what the story's program forgot.
    ///   - answerSeconds: how long a read waits for the peer; 0 waits for ever.
    init(path: String, waitsForRoom: Bool, answerSeconds: Double, stop: StopFlag) throws(Failure) {
        descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        self.stop = stop
        guard descriptor >= 0 else { throw Failure.system(call: "socket", code: errno) }
        guard let (address, length) = unixAddress(path) else { throw Failure.system(call: "connect", code: ENAMETOOLONG) }
        if !waitsForRoom { setBlocking(false) }
        try connect(to: address, length: length)
        if !waitsForRoom { setBlocking(true) }
        var limit = timeval(seconds: answerSeconds)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    /// True when a read would not wait.
    var hasInput: Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) == 1
    }

    /// Sends all of `bytes`.
    func write(_ bytes: [UInt8]) throws(Failure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else {
                try check("send")
            }
        }
    }

    /// Reads exactly `count` bytes.
    func read(_ count: Int) throws(Failure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let received = bytes.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress?.advanced(by: filled), count - filled, 0) }
            if received > 0 {
                filled += received
            } else if received == 0 {
                throw .closed
            } else {
                try check("recv")
            }
        }
        return bytes
    }

    private func connect(to address: sockaddr_un, length: socklen_t) throws(Failure) {
        var address = address
        while true {
            let code = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, length) }
            }
            if code == 0 { return }
            if errno == EAGAIN { throw .noRoom }
            try check("connect")
        }
    }

    /// Returns when the call that just failed is to be repeated.
    private func check(_ call: String) throws(Failure) {
        switch errno {
        case EINTR: if stop.isSet { throw .stopped }
        case EAGAIN: throw .timeout
        case EPIPE, ECONNRESET: throw .closed
        case let code: throw .system(call: call, code: code)
        }
    }

    private func setBlocking(_ isBlocking: Bool) {
        let flags = fcntl(descriptor, F_GETFL)
        _ = fcntl(descriptor, F_SETFL, isBlocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK)
    }
}

extension UnixStream.Failure: CustomStringConvertible {
    var description: String {
        switch self {
        case .timeout: "the peer did not answer in time"
        case .closed: "the peer closed the connection"
        case .noRoom: "the listener's backlog is full"
        case .stopped: "stopped while waiting"
        case .system(let call, let code): "\(call): \(String(cString: strerror(code)))"
        }
    }
}

/// The socket address of a path, or `nil` when the path does not fit into `sun_path`.
func unixAddress(_ path: String) -> (address: sockaddr_un, length: socklen_t)? {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    let capacity = MemoryLayout.size(ofValue: address.sun_path)
    guard bytes.count < capacity else { return nil }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    return (address, socklen_t(MemoryLayout<sockaddr_un>.size))
}
