import Evidence
import ProcFS
import WaitModel

/// AF_UNIX sockets. Source: unix(7), net/unix/af_unix.c: connect blocks while more connections wait than the backlog allows
/// (`unix_recvq_full`), a stream send while the peer has not read, a datagram send while the receiver's queue is full.
enum UnixSockets: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        guard let call = SocketCall(thread, on: host) else { return nil }
        let namespace = host.networkNamespace(of: thread.reading)
        guard let socket = host.unixTable(in: namespace)?.byInode[call.inode] else { return nil }
        thread.cite("/proc/\(thread.reading.pid)/fd/\(call.descriptor)", "socket:[\(call.inode)]")
        guard var wait = wait(thread, call, socket, on: host) else { return nil }
        wait.heedSocketTimeLimit(
            thread, descriptor: call.descriptor, sends: call.action == .send || call.action == .connect, on: host)
        return wait
    }

    private static func wait(_ thread: BlockedThread, _ call: SocketCall, _ socket: UnixSocket, on host: Host) -> Wait? {
        let ready: Readiness
        switch call.action {
        case .connect: return connect(thread, call, on: host)
        case .accept: return accept(socket, thread, on: host)
        case .send:
            if let address = call.explicitAddress(thread), let name = name(at: address.address, length: address.length, thread) {
                ready = toNamed(name, thread, on: host)
            } else {
                ready = readiness(call.inode, .write, thread, on: host)
            }
        case .receive: ready = readiness(call.inode, .read, thread, on: host)
        }
        let isSend = call.action == .send
        return Wait(
            kind: isSend ? .unixSend : .unixReceive, resource: host.register(ready.resource),
            release: Release(.any, ready.parties, completeness: ready.completeness), deadEnd: ready.deadEnd, isDemand: ready.isDemand,
            description: (isSend ? "sends to " : "waits for data from ") + ready.text)
    }

    // MARK: connect and accept

    private static func connect(_ thread: BlockedThread, _ call: SocketCall, on host: Host) -> Wait? {
        guard let address = call.explicitAddress(thread), let name = name(at: address.address, length: address.length, thread) else {
            return nil
        }
        let named = toNamed(name, thread, on: host)
        return Wait(
            kind: .unixConnect, resource: host.register(named.resource),
            release: Release(.any, named.parties, completeness: named.completeness),
            deadEnd: named.deadEnd, isDemand: true, description: "connects to " + named.text)
    }

    private static func accept(_ socket: UnixSocket, _ thread: BlockedThread, on host: Host) -> Wait {
        let name = socket.name ?? "[\(socket.inode)]"
        return Wait(
            kind: .unixAccept, resource: host.register(listenerResource(socket, name: name, thread, on: host)),
            release: Release(.any, [Party(.outside(.newWork), role: "client", certainty: .possible, because: "whoever connects")]),
            deadEnd: .idle,
            description: "waits for a client on Unix socket \(name)")
    }

    /// Who could take a connection or a datagram at a name: the holders of what is bound there.
    private static func toNamed(_ name: String, _ thread: BlockedThread, on host: Host) -> Readiness {
        let bound = UnixNames.sockets(at: name, thread, on: host)
        let sockets = bound.sockets
        // A path that was bound anew leaves older sockets of that name behind; the full one is the one that is waited for.
        let full = sockets.filter { ($0.receiveQueue ?? 0) > ($0.sendQueue ?? .max) }
        let targets = full.isEmpty ? sockets : full
        guard let first = targets.first else { return unknownPeer(name) }
        let holders = targets.flatMap { host.holders(of: "socket:[\($0.inode)]") }
        let counterparts = Counterparts(holders, of: thread, on: host)
        let label = first.isListening ? "Unix socket \(name)" : "Unix datagram socket \(name)"
        var text = label
        if first.isListening, let pending = first.receiveQueue, let backlog = first.sendQueue {
            thread.cite("sock_diag UNIX_DIAG_RQLEN socket:[\(first.inode)]", "pending \(pending), backlog \(backlog)")
            text += " (\(pending) wait to be accepted, backlog \(backlog))"
            if first.shutdown & 1 != 0 {
                thread.cite("sock_diag UNIX_DIAG_SHUTDOWN socket:[\(first.inode)]", "the listener was shut down")
                text += ", which was shut down and will accept nobody"
            }
        } else if let unread = first.receiveQueue {
            text += " (\(unread) bytes unread)"
        }
        let role = first.isListening ? "listener" : "receiver"
        let what = first.isListening ? "the listening socket" : "the receiving socket"
        var parties = counterparts.parties(role: role, what: what, thread: thread)
        if !bound.isExact { parties = parties.map { $0.atMost(.inferred) } }
        if first.isListening, first.shutdown & 1 != 0 { parties = parties.map { unanswering($0, on: host) } }
        return Readiness(
            parties: parties,
            deadEnd: counterparts.deadEnd(of: thread, on: host), isDemand: true,
            resource: listenerResource(first, name: name, thread, on: host), text: text,
            completeness: bound.isExact ? counterparts.completeness : .inferred)
    }

    /// Whoever shut its listener down, and neither closes it nor is stopped, leaves the waiting connections unanswered whatever it does.
    private static func unanswering(_ party: Party, on host: Host) -> Party {
        guard case .process(let id) = party.target, let process = host.process(id),
            !process.threads.allSatisfy({ $0.stat.state == UInt8(ascii: "T") || $0.stat.state == UInt8(ascii: "t") })
        else { return party }
        return Party(
            party.target, role: party.role, certainty: party.certainty, because: party.because + "; it shut the listener down",
            endsChain: .unanswered, member: party.member)
    }

    private static func unknownPeer(_ name: String) -> Readiness {
        Readiness(
            parties: [Party(.outside(.unnamed), role: "listener", certainty: .possible, because: "no socket of that name is visible here")],
            deadEnd: .unknown, isDemand: true,
            resource: Resource(id: ResourceID("unix:\(name)"), kind: "unix-listener", label: "Unix socket \(name)"),
            text: "Unix socket \(name)")
    }

    private static func listenerResource(_ socket: UnixSocket, name: String, _ thread: BlockedThread, on host: Host) -> Resource {
        var facts: [(key: String, value: FactValue)] = [("inode", .number(Int64(clamping: socket.inode)))]
        if socket.isListening {
            if let pending = socket.receiveQueue { facts.append(("pendingConnections", .number(Int64(pending)))) }
            if let backlog = socket.sendQueue { facts.append(("backlog", .number(Int64(backlog)))) }
        } else if let unread = socket.receiveQueue {
            facts.append(("unreadBytes", .number(Int64(unread))))
        }
        return Resource(
            id: ResourceID("unix:\(name)" + scope(of: name, thread, on: host)),
            kind: socket.isListening ? "unix-listener" : "unix-datagram", label: "Unix socket \(name)",
            facts: facts)
    }

    /// The same abstract name in two network namespaces, and the same path in two mount namespaces, are two things.
    private static func scope(of name: String, _ thread: BlockedThread, on host: Host) -> String {
        let kind = name.hasPrefix("/") ? "mnt" : "net"
        guard !host.sharesNamespace(kind, thread.reading), let place = host.namespace(kind, of: thread.reading) else { return "" }
        return "@" + place
    }

    // MARK: Connected sockets

    /// Who stands at the other end of a socket. nil peer: not accepted yet, or nobody.
    static func readiness(
        _ inode: UInt64, _ direction: Readiness.Direction, _ thread: BlockedThread, on host: Host, member: Int = 0
    ) -> Readiness {
        let namespace = host.networkNamespace(of: thread.reading)
        guard let table = host.unixTable(in: namespace), let socket = table.byInode[inode] else { return unknownPeer("[\(inode)]") }
        if socket.isListening {
            let name = socket.name ?? "[\(inode)]"
            return Readiness(
                parties: [
                    Party(.outside(.newWork), role: "client", certainty: .possible, because: "whoever connects to \(name)", member: member)
                ],
                deadEnd: .idle, isDemand: false, resource: listenerResource(socket, name: name, thread, on: host),
                text: "clients of Unix socket \(name)")
        }
        if let peer = socket.peer { return connected(socket, peer: peer, table, direction, thread, on: host, member: member) }
        // Only a connected stream without a peer can wait elsewhere to be accepted: connections by path cross network namespaces.
        let listener =
            table.listenerOfClient[inode].flatMap { table.byInode[$0] }
            ?? (socket.state == 1 ? host.unixListener(ofClient: inode, near: namespace) : nil)
        if let listener {
            return unaccepted(listener, thread, on: host, member: member)
        }
        if socket.type == 2 { return datagramReceiver(socket, table, thread, on: host, member: member) }
        return Readiness(
            parties: [], deadEnd: .noCounterpart, isDemand: direction == .write,
            resource: pairResource(socket, peer: nil), text: "Unix socket [\(inode)], whose other end is closed")
    }

    private static func connected(
        _ socket: UnixSocket, peer: UInt64, _ table: UnixTable, _ direction: Readiness.Direction, _ thread: BlockedThread, on host: Host,
        member: Int
    ) -> Readiness {
        let other = table.byInode[peer] ?? host.unixSocket(peer, near: host.networkNamespace(of: thread.reading))
        let counterparts = Counterparts(host.holders(of: "socket:[\(peer)]"), of: thread, on: host)
        let unread = other?.receiveQueue ?? 0
        thread.cite("sock_diag UNIX_DIAG_PEER socket:[\(socket.inode)]", "peer \(peer), \(unread) bytes unread there")
        var parties = counterparts.parties(
            role: direction == .read ? "peer" : "reader", what: "the other end", thread: thread, member: member)
        // Anyone may send to a bound datagram socket, connected or not only its peer is read from.
        if socket.type == 2, socket.name != nil, direction == .read {
            parties.append(Party(.outside(.newWork), role: "sender", certainty: .possible, because: "whoever sends to it", member: member))
        }
        var text = counterparts.names + " over Unix socket " + (socket.name ?? other?.name ?? "[\(socket.inode)]")
        if unread > 0 {
            text += direction == .read ? ", which has not read \(unread) bytes of what it was sent" : " (\(unread) bytes unread there)"
        }
        return Readiness(
            parties: parties, deadEnd: counterparts.deadEnd(of: thread, on: host), isDemand: direction == .write || unread > 0,
            resource: pairResource(socket, peer: other), text: text,
            completeness: counterparts.completeness)
    }

    /// The client of a connection that nobody has accepted waits for the listener.
    private static func unaccepted(_ listener: UnixSocket, _ thread: BlockedThread, on host: Host, member: Int) -> Readiness {
        let name = listener.name ?? "[\(listener.inode)]"
        let counterparts = Counterparts(host.holders(of: "socket:[\(listener.inode)]"), of: thread, on: host)
        thread.cite("sock_diag UNIX_DIAG_ICONS socket:[\(listener.inode)]", "the connection waits to be accepted")
        let pending = listener.receiveQueue.map { " (\($0) wait there, backlog \(listener.sendQueue ?? 0))" } ?? ""
        return Readiness(
            parties: counterparts.parties(role: "listener", what: "the listening socket", thread: thread, member: member),
            deadEnd: counterparts.deadEnd(of: thread, on: host), isDemand: true,
            resource: listenerResource(listener, name: name, thread, on: host),
            text: "Unix socket \(name), which has not accepted the connection\(pending)",
            completeness: counterparts.completeness)
    }

    private static func datagramReceiver(
        _ socket: UnixSocket, _ table: UnixTable, _ thread: BlockedThread, on host: Host, member: Int
    ) -> Readiness {
        let senders = table.connectedTo[socket.inode] ?? []
        let counterparts = Counterparts(senders.flatMap { host.holders(of: "socket:[\($0)]") }, of: thread, on: host)
        var parties =
            counterparts.isEmpty
            ? [] : counterparts.parties(role: "sender", what: "a socket connected to it", thread: thread, member: member)
        if socket.name != nil || parties.isEmpty {
            parties.append(Party(.outside(.newWork), role: "sender", certainty: .possible, because: "whoever sends to it", member: member))
        }
        let name = socket.name ?? "[\(socket.inode)]"
        return Readiness(
            parties: parties, deadEnd: .idle, isDemand: false, resource: listenerResource(socket, name: name, thread, on: host),
            text: "Unix datagram socket \(name)")
    }

    /// Both ends name the pair alike: by the smaller inode.
    private static func pairResource(_ socket: UnixSocket, peer: UnixSocket?) -> Resource {
        var facts: [(key: String, value: FactValue)] = [("inode", .number(Int64(clamping: socket.inode)))]
        if let peer {
            facts.append(("peerInode", .number(Int64(clamping: peer.inode))))
            if let unread = peer.receiveQueue { facts.append(("peerUnreadBytes", .number(Int64(unread)))) }
        }
        let name = socket.name ?? peer?.name
        let identity = min(socket.inode, peer?.inode ?? socket.inode)
        return Resource(
            id: ResourceID("unix:[\(identity)]"), kind: "unix-socket", label: "Unix socket " + (name ?? "[\(identity)]"), facts: facts)
    }

    // MARK: Addresses

    /// A `struct sockaddr_un` in the target.
    private static func name(at address: UInt64, length: Int, _ thread: BlockedThread) -> String? {
        guard length > 2, length <= 128, let bytes = thread.memory(address, length), bytes.count > 2 else { return nil }
        let family = UInt16(bytes[0]) | UInt16(bytes[1]) << 8
        guard family == 1 else { return nil }
        let name = bytes.withUnsafeBytes { UnixSocket.name(UnsafeRawBufferPointer(rebasing: $0[2...])) }
        if let name { thread.cite("memory \(thread.reading.pid):0x\(String(address, radix: 16))", "sockaddr_un \(name)") }
        return name
    }
}
