import Glibc
import ProcFS
import WaitModel

/// Every AF_UNIX socket of one network namespace.
public struct UnixTable: Sendable {
    public let byInode: [UInt64: UnixSocket]
    /// Listeners and datagram sockets by bound name.
    public let byName: [String: [UInt64]]
    /// Inode of each client that waits to be accepted, to its listener's.
    public let listenerOfClient: [UInt64: UInt64]
    /// Sockets that are connected to the one with this inode.
    public let connectedTo: [UInt64: [UInt64]]

    init(_ sockets: [UnixSocket]) {
        var byInode: [UInt64: UnixSocket] = [:]
        var byName: [String: [UInt64]] = [:]
        var clients: [UInt64: UInt64] = [:]
        var connected: [UInt64: [UInt64]] = [:]
        for socket in sockets where socket.inode != 0 {
            byInode[socket.inode] = socket
            if let name = socket.name, socket.isListening || socket.type == 2 { byName[name, default: []].append(socket.inode) }
            if socket.isListening { for client in socket.waitingClients { clients[client] = socket.inode } }
            if let peer = socket.peer { connected[peer, default: []].append(socket.inode) }
        }
        self.byInode = byInode
        self.byName = byName
        listenerOfClient = clients
        connectedTo = connected
    }
}

/// Every TCP and UDP socket of one network namespace.
public struct InternetTable: Sendable {
    public let byInode: [UInt64: InternetSocket]
    private let byEndpoints: [EndpointPair: InternetSocket]
    private let listeners: [UInt16: [InternetSocket]]

    private struct EndpointPair: Hashable {
        let transport: UInt8
        let local: InternetSocket.Endpoint
        let remote: InternetSocket.Endpoint
    }

    init(_ sockets: [InternetSocket]) {
        var byInode: [UInt64: InternetSocket] = [:]
        var pairs: [EndpointPair: InternetSocket] = [:]
        var listeners: [UInt16: [InternetSocket]] = [:]
        for socket in sockets {
            if socket.inode != 0 { byInode[socket.inode] = socket }
            if socket.remote.port != 0 {
                pairs[EndpointPair(transport: socket.transport, local: socket.local, remote: socket.remote)] = socket
            }
            if socket.transport == 6 ? socket.isListening : socket.state == 7 { listeners[socket.local.port, default: []].append(socket) }
        }
        self.byInode = byInode
        byEndpoints = pairs
        self.listeners = listeners
    }

    /// The socket at the other end, when it is on this host.
    public func peer(of socket: InternetSocket) -> InternetSocket? {
        byEndpoints[EndpointPair(transport: socket.transport, local: socket.remote, remote: socket.local)]
    }

    /// Who listens, or for UDP is bound, where `endpoint` points.
    public func listeners(at endpoint: InternetSocket.Endpoint, transport: UInt8) -> [InternetSocket] {
        (listeners[endpoint.port] ?? []).filter {
            $0.transport == transport && ($0.local.isUnspecified || $0.local.address == endpoint.address)
        }
    }
}

extension Host {
    /// The AF_UNIX sockets of this program's network namespace; nil, with a gap, when no source tells.
    public var unixTable: UnixTable? {
        if let table = unixTableCache { return table }
        let table: UnixTable?
        switch source.unixSockets() {
        case .success(let sockets): table = UnixTable(sockets)
        case .failure(let error):
            note("sock_diag AF_UNIX", error, unlock: "a kernel with CONFIG_UNIX_DIAG tells who is connected to whom")
            table = (try? source.readTable("net/unix").get()).map { bytes in
                UnixTable(bytes.withUnsafeBytes { UnixSocket.parseTable($0) })
            }
        }
        unixTableCache = .some(table)
        return table
    }

    /// The TCP and UDP sockets of this program's network namespace; nil, with a gap, when no source tells.
    public var internetTable: InternetTable? {
        if let table = internetTableCache { return table }
        let table: InternetTable?
        switch source.internetSockets() {
        case .success(let sockets): table = InternetTable(sockets)
        case .failure(let error):
            note("sock_diag AF_INET", error, unlock: "a kernel with CONFIG_INET_DIAG tells who is connected to whom")
            table = nil
        }
        internetTableCache = .some(table)
        return table
    }

    /// `/proc/locks`; nil, with a gap, when it may not be read.
    public var fileLocks: [FileLock]? {
        if let locks = lockTableCache { return locks }
        let locks: [FileLock]?
        switch source.readTable("locks") {
        case .success(let bytes): locks = bytes.withUnsafeBytes { FileLock.table($0) }
        case .failure(let error):
            note("/proc/locks", error)
            locks = nil
        }
        lockTableCache = .some(locks)
        return locks
    }

    /// One System V message queue of this program's ipc namespace. Read anew each time: nothing else ties it to a look.
    public func messageQueue(id: Int32) -> MessageQueue? {
        let result = source.messageQueue(id: id)
        if case .success(let queue) = result { return queue }
        // No permission to stat the queue, or a recorded tree: the table has all but the limit.
        switch source.readTable("sysvipc/msg") {
        case .success(let bytes): return bytes.withUnsafeBytes { MessageQueue.table($0) }.first { $0.id == id }
        case .failure(let error):
            note(
                error == .gone
                    ? Gap(what: "/proc/sysvipc/msg", why: "not there", unlock: "a kernel with CONFIG_SYSVIPC")
                    : Gap(what: "/proc/sysvipc/msg", why: error.name, unlock: "run as root"))
            return nil
        }
    }

    /// `status` of a thread; nil when it is gone.
    public func status(pid: Int32, tid: Int32) -> Status? {
        let key = Int64(pid) << 32 | Int64(tid)
        if let status = statusCache[key] { return status }
        let status = try? source.readInPlace("\(pid)/task/\(tid)/status") { Status($0) }.get()
        statusCache[key] = .some(status)
        return status
    }

    /// The mappings of a process, through the reader process; empty when they may not be read.
    public func mappings(of thread: ThreadReading) -> [MemoryMapping] {
        if let known = mapsCache[thread.pid] { return known }
        let mappings: [MemoryMapping]
        switch source.read("\(directory(of: thread))/maps", limit: 8 << 20) {
        case .success(let bytes): mappings = bytes.withUnsafeBytes { MemoryMapping.table($0) }
        case .failure(let error):
            note(thread.path("maps"), error)
            mappings = []
        }
        mapsCache[thread.pid] = mappings
        return mappings
    }

    /// A thread's memory; nil, with a gap where that is worth saying, when it cannot be read.
    public func memory(of thread: ThreadReading, at address: UInt64, count: Int) -> [UInt8]? {
        if let bytes = prefetchedMemory[thread.id]?.bytes(at: address, count: count) { return bytes }
        switch source.memory(pid: thread.pid, tid: thread.tid, address: address, count: count) {
        case .success(let bytes): return bytes
        case .failure(let error):
            if error != .failed(EFAULT) { note("memory of \(thread.pid)", error) }
            return nil
        }
    }

    /// Reads pieces of memory of many threads at once, for `memory(of:at:count:)` to find. What cannot be read is left out: it is tried
    /// again, and noted, when it is asked for.
    public func prefetchMemory(_ pieces: [(thread: ThreadReading, address: UInt64, count: Int)]) {
        source.readMany(
            pieces,
            fill: { piece in
                [
                    .memory(
                        directory: "\(source.root)/\(piece.thread.pid)/task/\(piece.thread.tid)", tid: piece.thread.tid,
                        address: piece.address,
                        count: piece.count, throughFile: !source.sharesPIDs)
                ]
            },
            take: { piece, answers in
                guard case .success(let bytes)? = answers.first, !bytes.isEmpty else { return }
                prefetchedMemory[piece.thread.id, default: MemoryPieces()].add(piece.address, Array(bytes))
            })
    }

    /// Children of a process, ascending, zombies too.
    /// - Parameter group: only those of this process group.
    public func children(of pid: Int32, group: Int32? = nil) -> [Int32] {
        if childrenCache == nil {
            var map: [Int32: [(pid: Int32, group: Int32)]] = [:]
            let pids = (try? processIDs().get()) ?? []
            source.readMany(
                pids, fill: { [.file(path: "\(source.root)/\($0)/stat", limit: 1024)] },
                take: { child, answers in
                    if case .success(let bytes)? = answers.first, let stat = ThreadStat(bytes) {
                        map[stat.parent, default: []].append((child, stat.processGroup))
                    }
                })
            childrenCache = map
        }
        return (childrenCache?[pid] ?? []).filter { group == nil || $0.group == group }.map(\.pid)
    }
}
