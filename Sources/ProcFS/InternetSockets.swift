/// One TCP or UDP socket. Source: sock_diag(7), include/uapi/linux/inet_diag.h.
public struct InternetSocket: Sendable, Hashable {
    public struct Endpoint: Sendable, Hashable {
        /// 4 or 16 bytes, network order.
        public var address: [UInt8]
        public var port: UInt16

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

    public var isListening: Bool { state == 10 }

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
                    inode: UInt64(message.load32(at: 68)), receiveQueue: message.load32(at: 56), sendQueue: message.load32(at: 60)))
        }
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
