import Evidence
import ProcFS
import WaitModel

/// TCP and UDP, and sockets of any other family. Source: tcp(7), udp(7), sock_diag(7). A peer on this host is found by the
/// reversed addresses; any other is outside.
enum InternetSockets: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        guard let call = thread.callName else { return nil }
        let action: Action
        switch call {
        case "read", "readv", "recvfrom", "recvmsg", "recvmmsg", "recv": action = .receive
        case "write", "writev", "sendto", "sendmsg", "sendmmsg", "send", "sendfile", "sendfile64": action = .send
        case "connect": action = .connect
        case "accept", "accept4": action = .accept
        default: return nil
        }
        guard case .socket(let inode)? = host.descriptor(thread.int(0), of: thread.reading) else { return nil }
        thread.cite("/proc/\(thread.reading.pid)/fd/\(thread.int(0))", "socket:[\(inode)]")
        guard let socket = host.internetTable?.byInode[inode] else { return other(inode, call, on: host) }
        let ready = readiness(socket, action, thread, on: host)
        let kind: WaitKind =
            switch (socket.transport, action) {
            case (6, .receive): .tcpReceive
            case (6, .send): .tcpSend
            case (6, .connect): .tcpConnect
            case (6, .accept): .tcpAccept
            case (17, .receive): .udpReceive
            default: .socketOther
            }
        let verb =
            switch action {
            case .receive: "waits for data from "
            case .send: "sends to "
            case .connect: "connects to "
            case .accept: "waits for "
            }
        var wait = Wait(
            kind: kind, resource: host.register(ready.resource), release: Release(.any, ready.parties, completeness: ready.completeness),
            deadEnd: ready.deadEnd,
            isDemand: ready.isDemand, description: verb + ready.text)
        wait.heedSocketTimeLimit(thread, descriptor: thread.int(0), sends: action == .send || action == .connect, on: host)
        return wait
    }

    enum Action { case receive, send, connect, accept }

    static func readiness(
        _ socket: InternetSocket, _ action: Action, _ thread: BlockedThread, on host: Host, member: Int = 0
    ) -> Readiness {
        let name = socket.transport == 6 ? "tcp" : "udp"
        let resource = Resource(
            id: ResourceID("\(name):\(socket.local)-\(socket.remote)"), kind: name == "tcp" ? "tcp-socket" : "udp-socket",
            label: "\(name.uppercased()) \(socket.local) to \(socket.remote)",
            facts: [
                ("inode", .number(Int64(clamping: socket.inode))), ("receiveQueueBytes", .number(Int64(socket.receiveQueue))),
                ("sendQueueBytes", .number(Int64(socket.sendQueue))),
            ])
        func outside(_ target: Outside, _ role: String, _ because: String) -> Party {
            Party(.outside(target), role: role, certainty: .possible, because: because, member: member)
        }
        if socket.isListening || action == .accept {
            return Readiness(
                parties: [outside(.newWork, "client", "whoever connects")], deadEnd: .idle, isDemand: false, resource: resource,
                text: "clients on \(name.uppercased()) \(socket.local)")
        }
        if socket.transport == 17, socket.remote.port == 0 {
            return Readiness(
                parties: [outside(.network, "sender", "whoever sends to it")], deadEnd: .idle, isDemand: false, resource: resource,
                text: "datagrams on UDP \(socket.local)")
        }
        let isDemand = action != .receive
        if let table = host.internetTable {
            if let peer = table.peer(of: socket), peer.inode != 0 {
                let counterparts = Counterparts(host.holders(of: "socket:[\(peer.inode)]"), of: thread, on: host)
                thread.cite("sock_diag INET_DIAG", "\(socket.local) to \(socket.remote): the other end is socket:[\(peer.inode)]")
                let who = counterparts.others.prefix(3).map { "\($0.name) (\($0.id.pid))" }.joined(separator: ", ")
                return Readiness(
                    parties: counterparts.parties(role: "peer", what: "the other end", thread: thread, member: member),
                    deadEnd: counterparts.deadEnd(of: thread, on: host),
                    isDemand: isDemand || peer.receiveQueue > 0, resource: resource,
                    text: (who.isEmpty ? "its own process" : who) + " over \(name.uppercased()) \(socket.local) to \(socket.remote)",
                    completeness: counterparts.completeness)
            }
            let listeners = table.listeners(at: socket.remote, transport: socket.transport)
            let holders = listeners.flatMap { host.holders(of: "socket:[\($0.inode)]") }
            let unaccepted = table.peer(of: socket) != nil || action == .connect || socket.transport == 17
            if unaccepted, !listeners.isEmpty, isLocal(socket) {
                let counterparts = Counterparts(holders, of: thread, on: host)
                let role = socket.transport == 17 ? "server" : "listener"
                let who = counterparts.others.prefix(3).map { "\($0.name) (\($0.id.pid))" }.joined(separator: ", ")
                return Readiness(
                    parties: counterparts.parties(role: role, what: "the socket at \(socket.remote)", thread: thread, member: member),
                    deadEnd: counterparts.deadEnd(of: thread, on: host), isDemand: isDemand || socket.transport == 6, resource: resource,
                    text: who + " at \(name.uppercased()) \(socket.remote)"
                        + (socket.transport == 6 ? ", which has not accepted the connection" : ""), completeness: counterparts.completeness)
            }
        }
        return Readiness(
            parties: [outside(.network, "peer", "the peer \(socket.remote) is not on this host")], deadEnd: .external, isDemand: isDemand,
            resource: resource, text: "\(name.uppercased()) peer \(socket.remote)")
    }

    private static func isLocal(_ socket: InternetSocket) -> Bool {
        socket.local.address == socket.remote.address || socket.remote.address.first == 127
            || socket.remote.address == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    }

    private static func other(_ inode: UInt64, _ call: String, on host: Host) -> Wait {
        Wait(
            kind: .socketOther,
            resource: host.register(Resource(id: ResourceID("socket:[\(inode)]"), kind: "socket", label: "socket [\(inode)]")),
            release: Release(
                .any, [Party(.outside(.unnamed), role: "peer", certainty: .possible, because: "who uses the other side is not known")]),
            deadEnd: .unknown, description: "waits in \(call) on socket [\(inode)]")
    }
}
