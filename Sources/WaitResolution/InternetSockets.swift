import Evidence
import ProcFS
import WaitModel

/// TCP and UDP. Source: tcp(7), udp(7), sock_diag(7). A peer on this host is found by the reversed addresses, in the socket's own network
/// namespace or in another one; whoever is not found is outside, with what the kernel knows of the connection.
enum InternetSockets: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        if thread.callName == "close" { return LingeringClose.resolve(thread, on: host) }
        guard let call = SocketCall(thread, on: host) else { return nil }
        let namespace = host.networkNamespace(of: thread.reading)
        guard let socket = host.internetTable(in: namespace)?.byInode[call.inode] else { return nil }
        thread.cite("/proc/\(thread.reading.pid)/fd/\(call.descriptor)", "socket:[\(call.inode)]")
        let ready = readiness(socket, call.action, thread, on: host)
        var wait = Wait(
            kind: kind(socket.transport, call.action), resource: host.register(ready.resource),
            release: Release(.any, ready.parties, completeness: ready.completeness), deadEnd: ready.deadEnd,
            isDemand: ready.isDemand, description: verb(socket, call.action) + ready.text)
        wait.heedSocketTimeLimit(
            thread, descriptor: call.descriptor, sends: call.action == .send || call.action == .connect, on: host)
        return wait
    }

    private static func kind(_ transport: UInt8, _ action: SocketCall.Action) -> WaitKind {
        switch (transport, action) {
        case (6, .receive): .tcpReceive
        case (6, .send): .tcpSend
        case (6, .connect): .tcpConnect
        case (6, .accept): .tcpAccept
        case (17, .receive): .udpReceive
        default: .socketOther
        }
    }

    private static func verb(_ socket: InternetSocket, _ action: SocketCall.Action) -> String {
        switch action {
        case .receive: "waits for data from "
        // A send on a connection that is still being made waits for that.
        case .send: socket.state == 2 ? "connects to " : "sends to "
        case .connect: "connects to "
        case .accept: "waits for "
        }
    }

    /// Who could end a wait on a socket of the thread's own network namespace.
    static func readiness(
        _ socket: InternetSocket, _ action: SocketCall.Action, _ thread: BlockedThread, on host: Host, member: Int = 0
    ) -> Readiness {
        let look = InternetLook(socket: socket, thread: thread, host: host, member: member)
        if socket.isListening || action == .accept { return look.clients }
        if socket.transport == 17 { return socket.remote.port == 0 ? look.unconnectedDatagrams(action) : look.datagramPeer(action) }
        return look.connection(action)
    }
}

/// One socket of one thread, as it is looked at.
struct InternetLook {
    let socket: InternetSocket
    let thread: BlockedThread
    let host: Host
    let member: Int
    let namespace: NetworkNamespace

    init(socket: InternetSocket, thread: BlockedThread, host: Host, member: Int) {
        (self.socket, self.thread, self.host, self.member) = (socket, thread, host, member)
        namespace = host.networkNamespace(of: thread.reading)
    }

    var name: String { socket.transport == 6 ? "TCP" : "UDP" }

    var clients: Readiness {
        var text = "clients on \(name) \(socket.local)"
        let waiting = socket.receiveQueue
        if waiting > 0 { text += " (\(waiting) wait to be accepted)" }
        return Readiness(
            parties: [outside(.newWork, "client", "whoever connects")], deadEnd: .idle, isDemand: false, resource: resource(), text: text)
    }

    func unconnectedDatagrams(_ action: SocketCall.Action) -> Readiness {
        if action == .send {
            return Readiness(
                parties: [outside(.device, "device", "what was sent before must leave the network device first")], deadEnd: .external,
                isDemand: true, resource: resource(),
                text: "UDP from \(socket.local), whose send buffer is full (\(bytesText(socket.sendQueue)) are on their way out)")
        }
        return Readiness(
            parties: [outside(.network, "sender", "whoever sends to it")], deadEnd: .idle, isDemand: false, resource: resource(),
            text: "datagrams on UDP \(socket.local)")
    }

    /// A connected UDP socket takes datagrams of one sender: the socket bound there, a DNS server's for example.
    func datagramPeer(_ action: SocketCall.Action) -> Readiness {
        if action == .send { return unconnectedDatagrams(.send) }
        var servers = host.internetPeers(of: socket, in: namespace)
        if servers.isEmpty {
            servers = host.internetListeners(at: socket.remote, transport: 17, from: namespace).filter { $0.socket.inode != socket.inode }
        }
        guard !servers.isEmpty else { return absent(action) }
        let counterparts = holders(of: servers)
        cite(servers, "the socket there is")
        let unread = servers.map(\.socket.receiveQueue).max() ?? 0
        var text = counterparts.names + " at UDP \(socket.remote)" + elsewhere(servers)
        if unread > 0 { text += ", where \(bytesText(unread)) lie unread" }
        return Readiness(
            parties: parties(counterparts, servers, role: "server", what: "the socket at \(socket.remote)"),
            deadEnd: counterparts.deadEnd(of: thread, on: host), isDemand: unread > 0, resource: resource(), text: text,
            completeness: completeness(counterparts, servers))
    }

    func connection(_ action: SocketCall.Action) -> Readiness {
        let peers = host.internetPeers(of: socket, in: namespace)
        let held = peers.filter { $0.socket.inode != 0 }
        if !held.isEmpty { return connected(held, action) }
        // No inode: still in an accept queue (or with its handshake unfinished there), or closed by its process already.
        if let peer = peers.first(where: { [1, 3, 8, 12].contains($0.socket.state) }) {
            return unaccepted(at: peer.socket.local, peers, action)
        }
        if socket.state == 2, peers.isEmpty {
            let listeners = host.internetListeners(at: socket.remote, transport: 6, from: namespace)
            if !listeners.isEmpty { return unaccepted(listeners, action) }
        }
        return absent(action, closed: peers.first?.socket)
    }

    private func connected(_ peers: [FoundSocket], _ action: SocketCall.Action) -> Readiness {
        let counterparts = holders(of: peers)
        cite(peers, "the other end is")
        let unread = peers.map(\.socket.receiveQueue).max() ?? 0
        var text = counterparts.names + " over TCP \(socket.local) to \(socket.remote)" + elsewhere(peers)
        if action == .send {
            if unread > 0 { text += ", which has not read \(bytesText(unread))" }
        } else if unread > 0 {
            text += ", which has not read \(bytesText(unread)) of what it was sent"
        }
        return Readiness(
            parties: parties(counterparts, peers, role: action == .send ? "reader" : "peer", what: "the other end"),
            deadEnd: counterparts.deadEnd(of: thread, on: host), isDemand: action != .receive || unread > 0,
            resource: resource(peer: peers.first?.socket), text: text, completeness: completeness(counterparts, peers))
    }

    // MARK: Connections that nobody has accepted

    private func unaccepted(at endpoint: InternetSocket.Endpoint, _ ends: [FoundSocket], _ action: SocketCall.Action) -> Readiness {
        let listeners = ends.flatMap { end in
            (host.internetTable(in: end.namespace)?.listeners(at: endpoint, transport: 6) ?? []).map {
                FoundSocket(socket: $0, namespace: end.namespace, ground: end.ground)
            }
        }
        return unaccepted(listeners, action)
    }

    private func unaccepted(_ listeners: [FoundSocket], _ action: SocketCall.Action) -> Readiness {
        // Of several listeners that share the port (SO_REUSEPORT), the connection lies with one in whose queue anything lies.
        let busy = listeners.filter { $0.socket.receiveQueue > 0 }
        let chosen = busy.isEmpty ? listeners : busy
        guard let first = chosen.first else { return absent(action) }
        let counterparts = holders(of: chosen)
        for listener in chosen.prefix(4) {
            thread.cite(
                "sock_diag INET_DIAG socket:[\(listener.socket.inode)]",
                "listens on \(listener.socket.local): \(listener.socket.receiveQueue) wait to be accepted, backlog \(listener.socket.sendQueue)"
            )
        }
        var text = counterparts.names + " at TCP \(socket.remote)" + elsewhere(chosen)
        let queue = "\(first.socket.receiveQueue) wait there, backlog \(first.socket.sendQueue)"
        if socket.state == 2 {
            text +=
                first.socket.receiveQueue > first.socket.sendQueue
                ? ", whose queue of clients is full (\(queue))" : ", which has not answered (\(queue))"
        } else {
            text += ", which has not accepted the connection (\(queue))"
        }
        return Readiness(
            parties: parties(counterparts, chosen, role: "listener", what: "the listening socket"),
            deadEnd: counterparts.deadEnd(of: thread, on: host), isDemand: true, resource: resource(), text: text,
            completeness: completeness(counterparts, chosen))
    }

    // MARK: Peers that are not on this host

    private func absent(_ action: SocketCall.Action, closed: InternetSocket? = nil) -> Readiness {
        let details = socket.transport == 6 && (action != .receive || socket.sendQueue > 0) ? host.tcpDetails(socket, in: namespace) : nil
        let state = ConnectionState(socket: socket, details: details)
        state.cite(thread)
        var text = "\(name) \(socket.remote)"
        var because = "the peer \(socket.remote) is on another host"
        if let closed {
            because = "the process at the other end has closed it"
            text += ", where its process has closed the connection (\(TCPStates.name(closed.state)))"
        } else if host.isLocal(socket.remote, in: namespace) {
            // A forwarded port (NAT), or a server that is gone: the addresses lead nowhere that can be seen.
            because = "\(socket.remote) is an address of this host, but no socket here has the other end (a forwarded port?)"
            text += ", an address of this host behind which nobody here has the other end"
        } else {
            text += " on another host"
        }
        text += state.sentence(action)
        return Readiness(
            parties: [outside(.network, "peer", because)], deadEnd: .external, isDemand: action != .receive || state.isOverdue,
            resource: resource(details: details), text: text)
    }

    // MARK: Pieces

    private func holders(of found: [FoundSocket]) -> Counterparts {
        Counterparts(found.flatMap { host.holders(of: "socket:[\($0.socket.inode)]") }, of: thread, on: host)
    }

    /// Several sockets that fit are several possibilities, whoever holds them; one process that holds them all is still the one. Addresses
    /// alone name nobody in another namespace: the true peer may be on another host that uses the same ones.
    private func parties(_ counterparts: Counterparts, _ found: [FoundSocket], role: String, what: String) -> [Party] {
        let parties = counterparts.parties(role: role, what: what, thread: thread, member: member)
        guard limit(found) < .certain else { return parties }
        return parties.map { $0.atMost(limit(found), ", as far as addresses tell") } + [
            outside(
                .invisible, role,
                "another host may use the same addresses: \(found.count == 1 ? "this one fits" : "\(found.count) here fit") by address alone"
            )
        ]
    }

    private func completeness(_ counterparts: Counterparts, _ found: [FoundSocket]) -> Certainty {
        min(limit(found), counterparts.completeness)
    }

    private func limit(_ found: [FoundSocket]) -> Certainty {
        if Set(found.map(\.namespace.name)).count > 1 { return .possible }
        return found.contains { $0.ground == .addressesOnly } ? .inferred : .certain
    }

    private func elsewhere(_ found: [FoundSocket]) -> String {
        found.allSatisfy { $0.namespace.name == namespace.name } ? "" : " in another network namespace of this host"
    }

    private func cite(_ found: [FoundSocket], _ what: String) {
        let list = found.prefix(4).map {
            "socket:[\($0.socket.inode)]" + ($0.namespace.name == namespace.name ? "" : " in \($0.namespace.name)")
        }
        thread.cite("sock_diag INET_DIAG", "\(socket.local) to \(socket.remote): \(what) \(list.joined(separator: ", "))")
    }

    private func outside(_ target: Outside, _ role: String, _ because: String) -> Party {
        Party(.outside(target), role: role, certainty: .possible, because: because, member: member)
    }

    /// Loopback and private addresses mean other sockets in other namespaces: there the name says which.
    func resource(peer: InternetSocket? = nil, details: TCPDetails? = nil) -> Resource {
        let scope = namespace.isOwn ? "" : "@\(namespace.name)"
        var facts: [(key: String, value: FactValue)] = [
            ("inode", .number(Int64(clamping: socket.inode))), ("state", .text(TCPStates.name(socket.state, transport: socket.transport))),
            ("receiveQueueBytes", .number(Int64(socket.receiveQueue))), ("sendQueueBytes", .number(Int64(socket.sendQueue))),
        ]
        if socket.isListening {
            facts[2].key = "pendingConnections"
            facts[3].key = "backlog"
        }
        if let peer {
            facts.append(("peerInode", .number(Int64(clamping: peer.inode))))
            facts.append(("peerUnreadBytes", .number(Int64(peer.receiveQueue))))
        }
        if socket.transport == 6, !socket.isListening { facts += ConnectionState(socket: socket, details: details).facts }
        return Resource(
            id: ResourceID("\(name.lowercased()):\(socket.local)-\(socket.remote)\(scope)"),
            kind: socket.transport == 6 ? "tcp-socket" : "udp-socket",
            label: socket.remote.port == 0 ? "\(name) \(socket.local)" : "\(name) \(socket.local) to \(socket.remote)", facts: facts)
    }
}
