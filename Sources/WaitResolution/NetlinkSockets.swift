import Evidence
import ProcFS
import WaitModel

/// Netlink: a program talks with the kernel, or listens to what it announces. Source: netlink(7), net/netlink/af_netlink.c
/// `netlink_seq_show`; `/proc/PID/net/netlink` shows the namespace of PID.
struct NetlinkSocket: Sendable, Hashable {
    /// NETLINK_…: 0 route, 15 uevent, …
    var family: UInt32
    /// The address that the program chose, mostly its pid; 0 for unbound.
    var port: UInt32
    /// Multicast groups that it listens to, the first 32.
    var groups: UInt32
    var unreadBytes: UInt64
    var drops: UInt64
    var inode: UInt64

    static func table(_ bytes: UnsafeRawBufferPointer) -> [NetlinkSocket] {
        var cursor = ByteCursor(bytes)
        var sockets: [NetlinkSocket] = []
        while let line = cursor.line() {
            var field = ByteCursor(line)
            _ = field.word()  // the kernel's address of it, or zeros
            guard let family = field.unsigned(), let port = field.unsigned(), let groups = field.unsigned(base: 16),
                let unread = field.unsigned(), field.unsigned() != nil
            else { continue }
            _ = (field.word(), field.word())
            guard let drops = field.unsigned(), let inode = field.unsigned() else { continue }
            sockets.append(
                NetlinkSocket(
                    family: UInt32(truncatingIfNeeded: family), port: UInt32(truncatingIfNeeded: port),
                    groups: UInt32(truncatingIfNeeded: groups), unreadBytes: unread, drops: drops, inode: inode))
        }
        return sockets
    }

    /// include/uapi/linux/netlink.h.
    var familyName: String {
        let names: [UInt32: String] = [
            0: "route", 2: "user", 3: "firewall", 4: "socket diagnosis", 5: "netfilter log", 6: "IPsec", 7: "SELinux", 8: "iSCSI",
            9: "audit",
            10: "routing look-up", 11: "connector", 12: "netfilter", 13: "old IPv6 firewall", 14: "DECnet", 15: "uevent", 16: "generic",
            18: "SCSI transport", 19: "eCryptfs", 20: "RDMA", 21: "crypto", 22: "SMC",
        ]
        return names[family] ?? "protocol \(family)"
    }
}

enum NetlinkSockets {
    static func table(of thread: BlockedThread, on host: Host) -> [NetlinkSocket] {
        let namespace = host.networkNamespace(of: thread.reading)
        let cache = host.attached { NetlinkTables() }
        if let known = cache.byNamespace[namespace.name] { return known }
        let sockets: [NetlinkSocket]
        switch host.source.readTable(namespace.directory + "/net/netlink") {
        case .success(let bytes): sockets = bytes.withUnsafeBytes { NetlinkSocket.table($0) }
        case .failure(let error):
            host.note("/proc/\(namespace.directory)/net/netlink", error)
            sockets = []
        }
        cache.byNamespace[namespace.name] = sockets
        return sockets
    }

    static func wait(_ socket: NetlinkSocket, _ call: SocketCall, _ thread: BlockedThread, on host: Host) -> Wait {
        let ready = readiness(socket, thread, on: host)
        let receives = call.action == .receive
        return Wait(
            kind: receives ? .netlinkReceive : .socketOther, resource: host.register(ready.resource),
            release: Release(.any, ready.parties, completeness: .inferred), deadEnd: receives ? ready.deadEnd : .unknown,
            isDemand: !receives, description: (receives ? "waits for " : "sends on ") + ready.text)
    }

    static func readiness(_ socket: NetlinkSocket, _ thread: BlockedThread, on host: Host, member: Int = 0) -> Readiness {
        thread.cite(
            "/proc/\(thread.reading.pid)/net/netlink",
            "protocol \(socket.family) portid \(socket.port) groups \(String(socket.groups, radix: 16)) rmem \(socket.unreadBytes) drops \(socket.drops)"
        )
        var parties: [Party] = []
        // NETLINK_USERSOCK alone carries messages between programs.
        if socket.family == 2 {
            let others = table(of: thread, on: host).filter { $0.family == 2 && $0.inode != socket.inode && $0.inode != 0 }
            let counterparts = Counterparts(others.flatMap { host.holders(of: "socket:[\($0.inode)]") }, of: thread, on: host)
            parties = counterparts.others.map {
                Party(
                    .process($0.id), role: "sender", certainty: .possible, because: "it has a netlink socket of the same protocol",
                    member: member)
            }
        }
        parties.append(
            Party(
                .outside(socket.family == 2 ? .newWork : .device), role: socket.family == 2 ? "sender" : "kernel", certainty: .possible,
                because: socket.family == 2 ? "whoever sends to it" : "the kernel, when it has something to tell", member: member))
        return Readiness(
            parties: parties, deadEnd: .idle, isDemand: false,
            resource: Resource(
                id: ResourceID("netlink:[\(socket.inode)]"), kind: "netlink-socket",
                label: "netlink \(socket.familyName) socket [\(socket.inode)]",
                facts: [
                    ("protocol", .text(socket.familyName)), ("portID", .number(Int64(socket.port))),
                    ("unreadBytes", .number(Int64(clamping: socket.unreadBytes))), ("drops", .number(Int64(clamping: socket.drops))),
                ]),
            text: socket.family == 2
                ? "a message from another program on netlink user socket [\(socket.inode)]"
                : "news from the kernel on netlink \(socket.familyName) socket [\(socket.inode)]",
            completeness: .inferred)
    }
}

private final class NetlinkTables {
    var byNamespace: [String: [NetlinkSocket]] = [:]
}
