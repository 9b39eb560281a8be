/// One AF_UNIX socket. Source: unix(7), net/unix/diag.c (Linux 3.3), net/unix/af_unix.c `unix_seq_show`.
public struct UnixSocket: Sendable, Hashable {
    /// SOCK_STREAM 1, SOCK_DGRAM 2, SOCK_SEQPACKET 5.
    public var type: UInt8
    /// As the kernel's TCP_*: 1 established, 7 closed (unconnected), 10 listening.
    public var state: UInt8
    /// 0 while the connection waits to be accepted (`/proc/net/unix` only).
    public var inode: UInt64
    /// Path, or `@name` for an abstract one (inner NULs as `@`); nil when unbound.
    public var name: String?
    /// Inode of the socket at the other end; nil when unconnected, or when the source does not tell.
    public var peer: UInt64?
    /// Listener: connections that wait to be accepted. Else: bytes that lie unread.
    public var receiveQueue: UInt32?
    /// Listener: the backlog; a connect blocks when more than that many wait. Else: bytes sent and not yet read by the peer.
    public var sendQueue: UInt32?
    /// Listener: inodes of the clients that wait to be accepted.
    public var waitingClients: [UInt64] = []
    /// Bit 1: it receives no more (for a listener: it accepts no more); bit 2: it sends no more. Since Linux 3.7.
    public var shutdown: UInt8 = 0
    /// The file that it was bound to: device (major << 20 | minor) and inode; nil for an abstract name.
    public var file: (device: UInt32, inode: UInt32)? {
        get { fileNumbers.map { (UInt32(truncatingIfNeeded: $0 >> 32), UInt32(truncatingIfNeeded: $0)) } }
        set { fileNumbers = newValue.map { UInt64($0.device) << 32 | UInt64($0.inode) } }
    }
    private var fileNumbers: UInt64?

    public var isListening: Bool { state == 10 }

    /// The sockets of one answer of NETLINK_SOCK_DIAG. Returns whether the dump is at its end.
    public static func parseDiagnostics(_ bytes: UnsafeRawBufferPointer, into sockets: inout [UnixSocket]) -> Bool {
        NetlinkMessages.forEach(in: bytes) { message in
            // struct unix_diag_msg: family, type, state, pad, u32 inode, u32 cookie[2]; then attributes.
            guard message.count >= 16, message[0] == 1 else { return }
            var socket = UnixSocket(type: message[1], state: message[2], inode: UInt64(message.load32(at: 4)))
            NetlinkMessages.forEachAttribute(in: UnsafeRawBufferPointer(rebasing: message[16...])) { type, value in
                switch type {
                case 0: socket.name = Self.name(value)  // UNIX_DIAG_NAME
                case 1 where value.count >= 8:  // UNIX_DIAG_VFS
                    socket.file = (value.load32(at: 4), value.load32(at: 0))
                case 2 where value.count >= 4: socket.peer = UInt64(value.load32(at: 0))  // UNIX_DIAG_PEER
                case 3:  // UNIX_DIAG_ICONS
                    socket.waitingClients = stride(from: 0, to: value.count - 3, by: 4).map { UInt64(value.load32(at: $0)) }
                case 4 where value.count >= 8:  // UNIX_DIAG_RQLEN
                    socket.receiveQueue = value.load32(at: 0)
                    socket.sendQueue = value.load32(at: 4)
                case 6 where value.count >= 1: socket.shutdown = value[0]  // UNIX_DIAG_SHUTDOWN
                default: break
                }
            }
            if socket.peer == 0 { socket.peer = nil }
            sockets.append(socket)
        }
    }

    /// The lines of `/proc/net/unix`: no peers, no queue lengths.
    public static func parseTable(_ bytes: UnsafeRawBufferPointer) -> [UnixSocket] {
        var cursor = ByteCursor(bytes)
        var sockets: [UnixSocket] = []
        while let line = cursor.line() {
            var field = ByteCursor(line)
            guard field.until(0x3A) != nil, field.unsigned(base: 16) != nil, field.unsigned(base: 16) != nil,
                let flags = field.unsigned(base: 16), let type = field.unsigned(base: 16), let state = field.unsigned(base: 16),
                let inode = field.unsigned()
            else { continue }
            let listening = flags & 0x10000 != 0  // __SO_ACCEPTCON
            var socket = UnixSocket(
                type: UInt8(truncatingIfNeeded: type), state: listening ? 10 : state == 3 ? 1 : 7, inode: inode)
            field.skipBlanks()
            if !field.isAtEnd { socket.name = UnsafeRawBufferPointer(rebasing: line[field.position...]).text }
            sockets.append(socket)
        }
        return sockets
    }

    init(type: UInt8, state: UInt8, inode: UInt64) {
        self.type = type
        self.state = state
        self.inode = inode
    }

    /// A bound name as the kernel keeps it (`sun_path`): a leading NUL marks an abstract one.
    public static func name(_ bytes: UnsafeRawBufferPointer) -> String? {
        guard let first = bytes.first else { return nil }
        if first == 0 { return "@" + String(decoding: bytes.dropFirst().map { $0 == 0 ? 0x40 : $0 }, as: UTF8.self) }
        let end = bytes.firstIndex(of: 0) ?? bytes.count
        return UnsafeRawBufferPointer(rebasing: bytes[..<end]).text
    }
}
