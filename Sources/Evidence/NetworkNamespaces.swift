import ProcFS
import WaitModel

/// One network namespace, with a thread through whose procfs directory it is entered and read.
public struct NetworkNamespace: Sendable, Hashable {
    /// `net:[4026531840]`.
    public let name: String
    /// `PID/task/TID` or `PID`, below the procfs root.
    public let directory: String
    public let isOwn: Bool
}

/// A socket and the namespace in which it was found.
public struct FoundSocket: Sendable {
    /// What says that it is the other end of a connection.
    public enum Ground: Sendable { case sameNamespace, bytesAgree, addressesOnly }

    public let socket: InternetSocket
    public let namespace: NetworkNamespace
    public var ground = Ground.sameNamespace

    public init(socket: InternetSocket, namespace: NetworkNamespace, ground: Ground = .sameNamespace) {
        (self.socket, self.namespace, self.ground) = (socket, namespace, ground)
    }
}

/// What was read of the host's network namespaces in this look.
final class NetworkTables {
    fileprivate var unix: [String: UnixTable?] = [:]
    fileprivate var internet: [String: InternetTable?] = [:]
    fileprivate var addresses: [String: LocalAddresses] = [:]
    fileprivate var all: [NetworkNamespace]?
    fileprivate var detailsAsked = 0
}

/// The addresses at which a namespace itself answers.
struct LocalAddresses {
    var exact: Set<[UInt8]> = []
    var prefixes: [(address: [UInt8], bits: Int)] = []

    func contains(_ address: [UInt8]) -> Bool {
        exact.contains(address) || prefixes.contains { Self.begins(address, with: $0.address, bits: $0.bits) }
    }

    private static func begins(_ address: [UInt8], with prefix: [UInt8], bits: Int) -> Bool {
        guard address.count == prefix.count, bits <= 8 * prefix.count else { return false }
        for bit in 0..<bits {
            let mask = UInt8(0x80) >> UInt8(bit % 8)
            if address[bit / 8] & mask != prefix[bit / 8] & mask { return false }
        }
        return true
    }

    /// `/proc/PID/net/fib_trie` (net/ipv4/fib_trie.c `fib_trie_seq_show`): a leaf's address, then its routes, of which those are our own that
    /// say LOCAL.
    mutating func addTrie(_ bytes: UnsafeRawBufferPointer) {
        var cursor = ByteCursor(bytes)
        var leaf: [UInt8]?
        while let line = cursor.line() {
            var field = ByteCursor(line)
            let word = field.word().text
            if word == "|--" {
                let parts = field.word().text.split(separator: ".").compactMap { UInt8($0) }
                leaf = parts.count == 4 ? parts : nil
            } else if word.hasPrefix("/"), let leaf, let bits = Int(word.dropFirst()), (0...32).contains(bits) {
                _ = field.word()
                guard field.word().text == "LOCAL" else { continue }
                if bits == 32 { exact.insert(leaf) } else { prefixes.append((leaf, bits)) }
            }
        }
    }

    /// `/proc/PID/net/if_inet6`: 32 hexadecimal digits first.
    mutating func addIPv6(_ bytes: UnsafeRawBufferPointer) {
        var cursor = ByteCursor(bytes)
        while let line = cursor.line() {
            let digits = Array(line.prefix(32))
            guard digits.count == 32 else { continue }
            let address = stride(from: 0, to: 32, by: 2).compactMap {
                UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
            }
            if address.count == 16 { exact.insert(address) }
        }
    }
}

extension Host {
    /// Namespaces looked into; a host with more is told of in a gap.
    private static let namespaceLimit = 64
    /// Connections whose details are asked for in one look: each takes a child of its own.
    private static let detailsLimit = 48

    private var network: NetworkTables { attached { NetworkTables() } }

    /// The network namespace of a thread. One that may not be told counts as this program's own.
    public func networkNamespace(of thread: ThreadReading) -> NetworkNamespace {
        let own = ownNetworkName
        let name = namespace("net", of: thread) ?? own
        return NetworkNamespace(name: name, directory: "\(thread.pid)/task/\(thread.tid)", isOwn: name == own)
    }

    private var ownNetworkName: String {
        // In a foreign procfs `self` may not resolve: then nothing can be compared, and all count as one.
        (try? source.link("self/ns/net").get()) ?? ""
    }

    /// The AF_UNIX sockets of a thread's network namespace; nil, with a gap, when no source tells.
    public func unixTable(of thread: ThreadReading) -> UnixTable? { unixTable(in: networkNamespace(of: thread)) }

    /// The TCP and UDP sockets of a thread's network namespace; nil, with a gap, when no source tells.
    public func internetTable(of thread: ThreadReading) -> InternetTable? { internetTable(in: networkNamespace(of: thread)) }

    public func unixTable(in namespace: NetworkNamespace) -> UnixTable? {
        guard !namespace.isOwn else { return unixTable }
        if let known = network.unix[namespace.name] { return known }
        var table: UnixTable?
        switch source.unixSockets(inNamespaceOf: namespace.directory) {
        case .success(let sockets): table = UnixTable(sockets)
        case .failure(let error):
            noteNamespace(namespace, error, "who is connected to whom over Unix sockets")
            // This file shows the namespace of its process to anybody, but no peers.
            if case .success(let bytes) = source.readTable(namespace.directory + "/net/unix") {
                table = UnixTable(bytes.withUnsafeBytes { UnixSocket.parseTable($0) })
            }
        }
        network.unix[namespace.name] = .some(table)
        return table
    }

    public func internetTable(in namespace: NetworkNamespace) -> InternetTable? {
        guard !namespace.isOwn else { return internetTable }
        if let known = network.internet[namespace.name] { return known }
        var table: InternetTable?
        switch source.internetSockets(inNamespaceOf: namespace.directory) {
        case .success(let sockets): table = InternetTable(sockets)
        case .failure:
            // The files tell all but the listeners' backlogs, and to anybody.
            var sockets: [InternetSocket] = []
            for (file, transport) in [("tcp", UInt8(6)), ("tcp6", 6), ("udp", 17), ("udp6", 17)] {
                guard case .success(let bytes) = source.readTable("\(namespace.directory)/net/\(file)") else { continue }
                sockets += bytes.withUnsafeBytes { InternetSocket.parseTable($0, transport: transport) }
            }
            if !sockets.isEmpty { table = InternetTable(sockets) }
        }
        network.internet[namespace.name] = .some(table)
        return table
    }

    private func noteNamespace(_ namespace: NetworkNamespace, _ error: ReadError, _ what: String) {
        note(
            Gap(
                what: "network namespace \(namespace.name)", why: error == .failed(1) ? "EPERM" : error.name,
                unlock: "run as root with CAP_SYS_ADMIN: entering it tells \(what)"))
    }

    /// Every network namespace that a visible process lives in, this program's own first. One pass over `/proc/*/ns/net`.
    public var networkNamespaces: [NetworkNamespace] {
        if let known = network.all { return known }
        let own = ownNetworkName
        var seen: Set<String> = [own]
        var all = [NetworkNamespace(name: own, directory: "self", isOwn: true)]
        var refused = 0
        var left = 0
        for pid in (try? processIDs().get()) ?? [] {
            switch source.link("\(pid)/ns/net") {
            case .success(let name):
                guard seen.insert(name).inserted else { continue }
                if all.count < Self.namespaceLimit {
                    all.append(NetworkNamespace(name: name, directory: "\(pid)", isOwn: false))
                } else {
                    left += 1
                }
            case .failure(.denied): refused += 1
            case .failure: break
            }
        }
        if left > 0 {
            note(Gap(what: "\(left) network namespaces", why: "more than \(Self.namespaceLimit) are not looked into", unlock: ""))
        }
        network.all = all
        return all
    }

    // MARK: Peers over TCP and UDP

    /// The sockets of this host with the reversed addresses. In the socket's own namespace there is one at most, and it is the peer. In
    /// other namespaces the same private addresses may be in use for other connections: there the counts of bytes must agree, and those
    /// that contradict are left out.
    public func internetPeers(of socket: InternetSocket, in namespace: NetworkNamespace) -> [FoundSocket] {
        if let peer = internetTable(in: namespace)?.peer(of: socket) { return [FoundSocket(socket: peer, namespace: namespace)] }
        guard !socket.remote.isLoopback, !socket.local.isLoopback else { return [] }
        let found: [FoundSocket] = networkNamespaces.filter { $0.name != namespace.name }.compactMap { other in
            internetTable(in: other)?.peer(of: socket).map { FoundSocket(socket: $0, namespace: other, ground: .addressesOnly) }
        }
        guard socket.transport == 6, !found.isEmpty, let own = tcpDetails(socket, in: namespace) else { return found }
        return found.compactMap { peer in
            guard let theirs = tcpDetails(peer.socket, in: peer.namespace) else { return peer }
            switch Self.agreement(own, theirs, inFlight: UInt64(socket.sendQueue)) {
            case .contradicts: return nil
            case .agrees: return FoundSocket(socket: peer.socket, namespace: peer.namespace, ground: .bytesAgree)
            case .unknown: return peer
            }
        }
    }

    private enum Agreement { case agrees, contradicts, unknown }

    /// What one side has had acknowledged, the other has received. Only bytes that were exchanged prove anything.
    private static func agreement(_ own: TCPDetails, _ theirs: TCPDetails, inFlight: UInt64) -> Agreement {
        guard let sent = own.bytesAcknowledged, let got = own.bytesReceived, let theirSent = theirs.bytesAcknowledged,
            let theirGot = theirs.bytesReceived
        else { return .unknown }
        let slack: UInt64 = 2  // SYN and FIN
        // Theirs was read after ours: they may have received more by then, not less.
        if sent > theirGot + slack || theirSent > got + slack { return .contradicts }
        if theirGot > sent + inFlight + slack || got > theirSent + slack + UInt64(1 << 20) { return .contradicts }
        let isExact = theirGot <= sent + slack + inFlight && got <= theirSent + slack
        return isExact && (sent > slack || got > slack) ? .agrees : .unknown
    }

    /// Who listens, or for UDP is bound, at an address, as seen from a namespace: there when the address is its own, else wherever it is.
    public func internetListeners(at endpoint: InternetSocket.Endpoint, transport: UInt8, from namespace: NetworkNamespace) -> [FoundSocket]
    {
        func found(_ place: NetworkNamespace) -> [FoundSocket] {
            (internetTable(in: place)?.listeners(at: endpoint, transport: transport) ?? []).map {
                FoundSocket(socket: $0, namespace: place, ground: place.name == namespace.name ? .sameNamespace : .addressesOnly)
            }
        }
        if endpoint.isLoopback || localAddresses(in: namespace).contains(endpoint.address) { return found(namespace) }
        return networkNamespaces.filter { $0.name != namespace.name && localAddresses(in: $0).contains(endpoint.address) }.flatMap(found)
    }

    /// Whether an address belongs to this namespace itself.
    public func isLocal(_ endpoint: InternetSocket.Endpoint, in namespace: NetworkNamespace) -> Bool {
        endpoint.isLoopback || localAddresses(in: namespace).contains(endpoint.address)
    }

    private func localAddresses(in namespace: NetworkNamespace) -> LocalAddresses {
        if let known = network.addresses[namespace.name] { return known }
        var addresses = LocalAddresses()
        // A router's table may be huge; its own addresses come with the local table, which is listed with the main one.
        if case .success(let bytes) = source.read(namespace.directory + "/net/fib_trie", limit: 4 << 20) {
            bytes.withUnsafeBytes { addresses.addTrie($0) }
        }
        if case .success(let bytes) = source.read(namespace.directory + "/net/if_inet6", limit: 1 << 20) {
            bytes.withUnsafeBytes { addresses.addIPv6($0) }
        }
        network.addresses[namespace.name] = addresses
        return addresses
    }

    /// What the kernel knows of one connection beyond the table; nil when it did not tell, and for later ones of a look.
    public func tcpDetails(_ socket: InternetSocket, in namespace: NetworkNamespace) -> TCPDetails? {
        guard network.detailsAsked < Self.detailsLimit else { return nil }
        network.detailsAsked += 1
        return try? source.tcpDetails(socket, inNamespaceOf: namespace.isOwn ? nil : namespace.directory).get()
    }

    // MARK: Unix sockets

    /// A Unix socket by its inode, in a thread's namespace or any other: sockets with a path are connected across namespaces.
    public func unixSocket(_ inode: UInt64, near namespace: NetworkNamespace) -> UnixSocket? {
        if let socket = unixTable(in: namespace)?.byInode[inode] { return socket }
        for other in networkNamespaces where other.name != namespace.name {
            if let socket = unixTable(in: other)?.byInode[inode] { return socket }
        }
        return nil
    }

    /// The listener in any namespace that has not accepted this client yet.
    public func unixListener(ofClient inode: UInt64, near namespace: NetworkNamespace) -> UnixSocket? {
        for place in [namespace] + networkNamespaces.filter({ $0.name != namespace.name }) {
            if let table = unixTable(in: place), let listener = table.listenerOfClient[inode] { return table.byInode[listener] }
        }
        return nil
    }
}
