import Evidence
import ProcFS
import WaitModel

/// What is bound at a name that a thread connects or sends to. An abstract name means the one of the thread's network namespace; a path
/// means a file, whichever network namespace its socket was made in, and whatever other file has the same path in another mount
/// namespace. Source: unix(7), net/unix/af_unix.c `unix_find_abstract`, `unix_find_bsd`.
struct UnixNames {
    /// Listeners and bound datagram sockets.
    var sockets: [UnixSocket]
    /// The name leads to these and no others, as far as can be told.
    var isExact: Bool

    static func sockets(at name: String, _ thread: BlockedThread, on host: Host) -> UnixNames {
        let namespace = host.networkNamespace(of: thread.reading)
        func named(_ table: UnixTable?) -> [UnixSocket] { (table?.byName[name] ?? []).compactMap { table?.byInode[$0] } }
        let own = named(host.unixTable(in: namespace))
        guard !name.hasPrefix("@") else { return UnixNames(sockets: own, isExact: true) }
        let file = file(name, thread, on: host)
        // The file says which socket it is; the name that the socket was bound by may be another (relative, a hard link, a bind mount).
        if let file {
            let places = [namespace] + (matching(own, file).isEmpty ? host.networkNamespaces.filter { $0.name != namespace.name } : [])
            for place in places {
                let found = matching(host.unixTable(in: place)?.bound ?? [], file)
                if !found.isEmpty {
                    thread.cite(
                        "stat of \(name) as process \(thread.reading.pid) sees it",
                        "inode \(file.inode): socket " + found.prefix(4).map { "[\($0.inode)]" }.joined(separator: " "))
                    return UnixNames(sockets: found, isExact: true)
                }
            }
        }
        // Stacked file systems number their files otherwise than the sockets' files, and old kernels tell no file: the name is left.
        var candidates = own
        if candidates.isEmpty, let last = name.split(separator: "/").last.map(String.init) {
            candidates = (host.unixTable(in: namespace)?.bound ?? []).filter { $0.name == last || $0.name?.hasSuffix("/" + last) == true }
        }
        if candidates.isEmpty {
            candidates = host.networkNamespaces.filter { $0.name != namespace.name }.flatMap { named(host.unixTable(in: $0)) }
            return UnixNames(sockets: candidates, isExact: false)
        }
        return UnixNames(sockets: candidates, isExact: candidates.allSatisfy { sharesMounts($0, thread, on: host) })
    }

    private static func matching(_ sockets: [UnixSocket], _ file: (device: UInt32, inode: UInt64)) -> [UnixSocket] {
        sockets.filter { socket in
            socket.file.map { $0.device == file.device && $0.inode == UInt32(truncatingIfNeeded: file.inode) } ?? false
        }
    }

    private static func file(_ name: String, _ thread: BlockedThread, on host: Host) -> (device: UInt32, inode: UInt64)? {
        let mounts = host.namespace("mnt", of: thread.reading) ?? ""
        let key = name.hasPrefix("/") ? mounts + name : "\(thread.reading.pid) \(name)"
        let cache = host.attached { SocketFiles() }
        if let known = cache.files[key] { return known }
        let file = host.source.fileIdentity(name, of: "\(thread.reading.pid)/task/\(thread.reading.tid)")
        cache.files[key] = .some(file)
        return file
    }

    /// Somebody in the thread's own mount namespace holds the socket, so that the path most likely means the same there.
    private static func sharesMounts(_ socket: UnixSocket, _ thread: BlockedThread, on host: Host) -> Bool {
        guard let own = host.namespace("mnt", of: thread.reading) else { return false }
        let holders = host.holders(of: "socket:[\(socket.inode)]")
        return holders.isEmpty
            || holders.contains { host.process($0.pid)?.living.flatMap { host.namespace("mnt", of: $0) } == own }
    }
}

/// Paths of sockets that were looked up in this look.
private final class SocketFiles {
    var files: [String: (device: UInt32, inode: UInt64)?] = [:]
}

extension Party {
    /// The same party, no surer than that.
    func atMost(_ limit: Certainty, _ reason: String = "") -> Party {
        Party(target, role: role, certainty: min(certainty, limit), because: because + reason, endsChain: endsChain, member: member)
    }
}
