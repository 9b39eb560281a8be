import Evidence
import ProcFS
import WaitModel

/// The kernel's names of TCP states. Source: include/net/tcp_states.h; the words are netstat's.
enum TCPStates {
    private static let names = [
        "", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN",
        "CLOSING", "NEW_SYN_RECV",
    ]

    static func name(_ state: UInt8, transport: UInt8 = 6) -> String {
        if transport == 17 { return state == 1 ? "connected" : "unconnected" }
        return Int(state) < names.count ? names[Int(state)] : "state \(state)"
    }
}

/// How a connection to somebody out of sight stands: what is on its way, and whether the other side answers.
struct ConnectionState {
    let socket: InternetSocket
    let details: TCPDetails?

    private static let (retransmission, windowProbe): (UInt8, UInt8) = (1, 4)

    private var retransmits: Int {
        max(socket.timer == Self.retransmission ? Int(socket.retransmits) : 0, Int(details?.retransmits ?? 0))
    }

    /// The peer's window is closed: it takes no more, most likely because its program does not read. Kernels before 5.4 do not tell the
    /// window; there a probe timer says it.
    private var windowIsClosed: Bool {
        guard socket.sendQueue > 0 else { return false }
        return details?.peerWindowBytes.map { $0 == 0 } ?? (socket.timer == Self.windowProbe)
    }

    /// The same timer runs when a segment could not be sent at all: no route, or a device that is down.
    private var cannotLeave: Bool { socket.timer == Self.windowProbe && !windowIsClosed && socket.sendQueue > 0 }

    /// What was sent should have been answered by now.
    var isOverdue: Bool { retransmits > 0 || windowIsClosed || cannotLeave }

    /// Continues `… TCP 192.0.2.5:5432 on another host`.
    func sentence(_ action: SocketCall.Action) -> String {
        guard socket.transport == 6 else { return "" }
        let again = retransmits == 0 ? "" : retransmits == 1 ? ", 1 retransmit" : ", \(retransmits) retransmits"
        if socket.state == 2 { return ", which has not answered" + again }
        if windowIsClosed {
            let probes = max(Int(socket.timer == Self.windowProbe ? socket.retransmits : 0), Int(details?.probes ?? 0))
            return ", which takes no more data: its window is closed (\(bytesText(socket.sendQueue)) wait here"
                + (probes > 0 ? ", \(probes) probes sent)" : ")")
        }
        if cannotLeave {
            return ": \(bytesText(socket.sendQueue)) for it cannot leave this host (no route, or a network device that is down)"
        }
        if socket.sendQueue > 0 {
            let silent = details.map { $0.secondsSinceAcknowledged >= 1 ? ", silent for \(Int($0.secondsSinceAcknowledged)) s" : "" } ?? ""
            return ", which has not acknowledged \(bytesText(socket.sendQueue))" + again + (retransmits > 0 ? silent : "")
        }
        return action == .receive ? ", which has acknowledged all that it was sent" : ""
    }

    func cite(_ thread: BlockedThread) {
        guard socket.transport == 6 else { return }
        var value = "\(TCPStates.name(socket.state)) sendQueue=\(socket.sendQueue) timer=\(socket.timer) retransmits=\(socket.retransmits)"
        if let details {
            value += " rto=\(details.retransmitTimeoutSeconds)s unacked=\(details.unacknowledgedSegments) backoff=\(details.backoff)"
            if let window = details.peerWindowBytes { value += " snd_wnd=\(window)" }
        }
        thread.cite("sock_diag INET_DIAG socket:[\(socket.inode)]", value)
    }

    var facts: [(key: String, value: FactValue)] {
        var facts: [(key: String, value: FactValue)] = []
        if retransmits > 0 { facts.append(("retransmits", .number(Int64(retransmits)))) }
        if windowIsClosed { facts.append(("peerWindowClosed", .flag(true))) }
        guard let details else { return facts }
        facts.append(("retransmitTimeoutMilliseconds", .number(Int64((details.retransmitTimeoutSeconds * 1000).rounded()))))
        facts.append(("unacknowledgedSegments", .number(Int64(details.unacknowledgedSegments))))
        facts.append(("backoff", .number(Int64(details.backoff))))
        facts.append(("totalRetransmits", .number(Int64(details.totalRetransmits))))
        if let bytes = details.notSentBytes { facts.append(("notSentBytes", .number(Int64(bytes)))) }
        if let bytes = details.peerWindowBytes { facts.append(("peerWindowBytes", .number(Int64(bytes)))) }
        return facts
    }
}

/// close(2) of a TCP socket with SO_LINGER: it waits until the peer has acknowledged all, or the linger time is over. Source: net/ipv4/tcp.c
/// `__tcp_close`, net/core/stream.c `sk_stream_wait_close`. The descriptor is gone by then; the socket is one that is closing and still has
/// an inode, but no holder.
enum LingeringClose {
    private static let closing: Set<UInt8> = [4, 9, 11]

    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        let lingers =
            thread.channel == "sk_stream_wait_close"
            || thread.channel == "wait_woken" && thread.kernelFrames.contains("sk_stream_wait_close")
            || thread.kernelFrames.contains { $0 == "tcp_close" || $0 == "__tcp_close" }
        guard lingers else { return nil }
        let namespace = host.networkNamespace(of: thread.reading)
        let sockets = (host.internetTable(in: namespace)?.sockets ?? []).filter {
            $0.transport == 6 && $0.inode != 0 && closing.contains($0.state) && host.holders(of: "socket:[\($0.inode)]").isEmpty
        }
        guard let socket = sockets.first, sockets.count == 1 else {
            return Wait(
                kind: .socketOther,
                release: Release(
                    .any,
                    [
                        Party(
                            .outside(.network), role: "peer", certainty: .possible,
                            because: sockets.isEmpty
                                ? "which connection it closes is not shown" : "\(sockets.count) closing connections fit")
                    ], completeness: .inferred),
                mobility: .free(.timer), deadEnd: .external, isDemand: true,
                description: "closes a TCP connection and lingers until the peer has acknowledged what it was sent")
        }
        let look = InternetLook(socket: socket, thread: thread, host: host, member: 0)
        let ready = look.connection(.send)
        return Wait(
            kind: .socketOther, resource: host.register(ready.resource),
            release: Release(.any, ready.parties.map { $0.atMost(.inferred) }, completeness: .inferred),
            // The linger time, which is not shown, ends it in any case.
            mobility: .free(.timer), deadEnd: ready.deadEnd, isDemand: true,
            description: "closes its connection and lingers, sending to " + ready.text)
    }
}
