/// One TCP or UDP socket. Source: sock_diag(7), include/uapi/linux/inet_diag.h.
public struct InternetSocket: Sendable, Hashable {
    public struct Endpoint: Sendable, Hashable {
        /// 4 or 16 bytes, network order. An IPv4 address that an IPv6 socket has mapped (`::ffff:a.b.c.d`) is kept as IPv4, so that both
        /// ends of a connection name each other alike.
        public var address: [UInt8]
        public var port: UInt16

        public init(address: [UInt8], port: UInt16) {
            let isMapped = address.count == 16 && address[0..<10].allSatisfy { $0 == 0 } && address[10] == 0xff && address[11] == 0xff
            self.address = isMapped ? Array(address[12...]) : address
            self.port = port
        }

        public var isLoopback: Bool {
            address.count == 4 ? address[0] == 127 : address.last == 1 && address.dropLast().allSatisfy { $0 == 0 }
        }

        /// As IPv6 sockets are asked for.
        fileprivate var mapped: Endpoint {
            guard address.count == 4 else { return self }
            var endpoint = self
            endpoint.address = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff] + address
            return endpoint
        }

        public var isUnspecified: Bool { address.allSatisfy { $0 == 0 } }
    }

    /// IPPROTO_TCP 6 or IPPROTO_UDP 17.
    public var transport: UInt8
    /// TCP_ESTABLISHED 1 … TCP_LISTEN 10; for UDP 1 connected, 7 not.
    public var state: UInt8
    public var local: Endpoint
    public var remote: Endpoint
    /// 0 while the connection waits to be accepted.
    public var inode: UInt64
    /// Listener: connections that wait to be accepted. Else: bytes that lie unread.
    public var receiveQueue: UInt32
    /// Listener: the backlog. Else: bytes that the peer has not acknowledged.
    public var sendQueue: UInt32
    /// Opened as AF_INET6, whatever its addresses are.
    public var isIPv6 = false
    /// 1 retransmission, 2 keepalive, 3 TIME_WAIT, 4 zero window probe; 0 none (`idiag_timer`).
    public var timer: UInt8 = 0
    /// Unanswered retransmissions (timer 1) or probes (timers 2 and 4).
    public var retransmits: UInt8 = 0

    public var isListening: Bool { state == 10 }

    /// The addresses as the kernel's own look-up wants them.
    public var diagnosedLocal: Endpoint { isIPv6 ? local.mapped : local }
    public var diagnosedRemote: Endpoint { isIPv6 ? remote.mapped : remote }

    /// The sockets of one answer of NETLINK_SOCK_DIAG. Returns whether the dump is at its end.
    public static func parseDiagnostics(
        _ bytes: UnsafeRawBufferPointer, transport: UInt8, into sockets: inout [InternetSocket]
    ) -> Bool {
        NetlinkMessages.forEach(in: bytes) { message in
            // struct inet_diag_msg: family, state, timer, retrans, sockid{be16 sport, dport, be32 src[4], dst[4], if, cookie[2]},
            // expires, rqueue, wqueue, uid, inode.
            guard message.count >= 72 else { return }
            let length = message[0] == 2 ? 4 : 16
            let port = { (at: Int) in UInt16(message[at]) << 8 | UInt16(message[at + 1]) }
            sockets.append(
                InternetSocket(
                    transport: transport, state: message[1],
                    local: Endpoint(address: Array(message[8..<8 + length]), port: port(4)),
                    remote: Endpoint(address: Array(message[24..<24 + length]), port: port(6)),
                    inode: UInt64(message.load32(at: 68)), receiveQueue: message.load32(at: 56), sendQueue: message.load32(at: 60),
                    isIPv6: message[0] != 2, timer: message[2], retransmits: message[3]))
        }
    }

    /// The lines of `/proc/PID/net/tcp`, `tcp6`, `udp` or `udp6` (net/ipv4/tcp_ipv4.c `get_tcp4_sock`): of the network namespace of PID, whoever
    /// reads it. A listener's backlog is not there.
    public static func parseTable(_ bytes: UnsafeRawBufferPointer, transport: UInt8) -> [InternetSocket] {
        var cursor = ByteCursor(bytes)
        var sockets: [InternetSocket] = []
        while let line = cursor.line() {
            var field = ByteCursor(line)
            guard field.unsigned() != nil, field.skip(0x3A), let local = endpoint(&field), let remote = endpoint(&field),
                let state = field.unsigned(base: 16), let unsent = field.unsigned(base: 16), field.skip(0x3A),
                let unread = field.unsigned(base: 16), let timer = field.unsigned(base: 16), field.skip(0x3A),
                field.unsigned(base: 16) != nil, let retransmits = field.unsigned(base: 16), field.unsigned() != nil,
                field.unsigned() != nil, let inode = field.unsigned()
            else { continue }
            sockets.append(
                InternetSocket(
                    transport: transport, state: UInt8(truncatingIfNeeded: state), local: local.endpoint, remote: remote.endpoint,
                    inode: inode, receiveQueue: UInt32(truncatingIfNeeded: unread), sendQueue: UInt32(truncatingIfNeeded: unsent),
                    isIPv6: local.isIPv6, timer: UInt8(truncatingIfNeeded: timer), retransmits: UInt8(clamping: retransmits)))
        }
        return sockets
    }

    /// `0100007F:1F90`: words of the address as the machine reads them.
    private static func endpoint(_ field: inout ByteCursor) -> (endpoint: Endpoint, isIPv6: Bool)? {
        let word = field.word()
        guard word.count == 13 || word.count == 37 else { return nil }
        var address: [UInt8] = []
        for at in stride(from: 0, to: word.count - 5, by: 8) {
            var digits = ByteCursor(UnsafeRawBufferPointer(rebasing: word[at..<at + 8]))
            guard let number = digits.unsigned(base: 16) else { return nil }
            withUnsafeBytes(of: UInt32(truncatingIfNeeded: number)) { address.append(contentsOf: $0) }
        }
        var digits = ByteCursor(UnsafeRawBufferPointer(rebasing: word[(word.count - 4)...]))
        guard let port = digits.unsigned(base: 16) else { return nil }
        return (Endpoint(address: address, port: UInt16(truncatingIfNeeded: port)), word.count == 37)
    }
}

extension InternetSocket.Endpoint: CustomStringConvertible {
    /// `192.0.2.1:80` or `[2001:db8:0:0:0:0:0:1]:80`.
    public var description: String {
        if address.count == 4 { return address.map { "\($0)" }.joined(separator: ".") + ":\(port)" }
        let groups = stride(from: 0, to: address.count - 1, by: 2).map {
            String(UInt16(address[$0]) << 8 | UInt16(address[$0 + 1]), radix: 16)
        }
        return "[" + groups.joined(separator: ":") + "]:\(port)"
    }
}
