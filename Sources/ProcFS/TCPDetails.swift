/// What `struct tcp_info` says about a connection. Source: tcp(7), include/uapi/linux/tcp.h; fields that an old kernel lacks are nil.
public struct TCPDetails: Sendable, Hashable {
    /// Retransmissions of the oldest unacknowledged segment, and probes of a closed window, without an answer so far.
    public var retransmits: UInt8
    public var probes: UInt8
    public var backoff: UInt8
    public var retransmitTimeoutSeconds: Double
    public var unacknowledgedSegments: UInt32
    public var secondsSinceDataSent: Double
    /// Since anything was acknowledged by the peer.
    public var secondsSinceAcknowledged: Double
    public var totalRetransmits: UInt32
    /// Bytes that the peer has acknowledged and that came from it, SYN and FIN counted as one each by one side or the other. Linux 4.1.
    public var bytesAcknowledged: UInt64?
    public var bytesReceived: UInt64?
    /// Bytes that the application wrote and that were never sent. Linux 4.6.
    public var notSentBytes: UInt32?
    /// Bytes that the peer's window still has room for. Linux 5.4.
    public var peerWindowBytes: UInt32?

    /// INET_DIAG_INFO (attribute 2) of the one message of an answer.
    static func parse(_ bytes: UnsafeRawBufferPointer) -> TCPDetails? {
        var details: TCPDetails?
        _ = NetlinkMessages.forEach(in: bytes) { message in
            guard message.count > 72 else { return }
            NetlinkMessages.forEachAttribute(in: UnsafeRawBufferPointer(rebasing: message[72...])) { type, value in
                guard type == 2, value.count >= 104 else { return }
                details = TCPDetails(
                    retransmits: value[2], probes: value[3], backoff: value[4], retransmitTimeoutSeconds: Double(value.load32(at: 8)) / 1e6,
                    unacknowledgedSegments: value.load32(at: 24), secondsSinceDataSent: Double(value.load32(at: 44)) / 1e3,
                    secondsSinceAcknowledged: Double(value.load32(at: 56)) / 1e3, totalRetransmits: value.load32(at: 100),
                    bytesAcknowledged: value.count >= 136 ? value.load64(at: 120) : nil,
                    bytesReceived: value.count >= 136 ? value.load64(at: 128) : nil,
                    notSentBytes: value.count >= 148 ? value.load32(at: 144) : nil,
                    peerWindowBytes: value.count >= 232 ? value.load32(at: 228) : nil)
            }
        }
        return details
    }
}
