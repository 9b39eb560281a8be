import Evidence
import ProcFS
import WaitModel

/// Sockets that are neither Unix nor TCP or UDP: netlink by its table, the rest by family, so that a reader knows at least what it is.
enum OtherSockets: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        guard let call = SocketCall(thread, on: host) else { return nil }
        let reading = thread.reading
        thread.cite("/proc/\(reading.pid)/fd/\(call.descriptor)", "socket:[\(call.inode)]")
        var wait: Wait
        if let netlink = NetlinkSockets.table(of: thread, on: host).first(where: { $0.inode == call.inode }) {
            wait = NetlinkSockets.wait(netlink, call, thread, on: host)
        } else {
            let family = family(call, thread, on: host)
            let ready = family.readiness(call.inode, call.action, thread, on: host)
            let verb =
                switch call.action {
                case .receive: "waits for data on "
                case .send: "sends on "
                case .connect: "connects "
                case .accept: "waits for a client on "
                }
            wait = Wait(
                kind: .socketOther, resource: host.register(ready.resource),
                release: Release(.any, ready.parties, completeness: ready.completeness), deadEnd: ready.deadEnd,
                isDemand: call.action == .send || call.action == .connect, description: verb + ready.text)
        }
        wait.heedSocketTimeLimit(
            thread, descriptor: call.descriptor, sends: call.action == .send || call.action == .connect, on: host)
        return wait
    }

    /// For a member of a poll set.
    static func readiness(_ inode: UInt64, _ descriptor: Int32, reads: Bool, _ thread: BlockedThread, on host: Host, member: Int)
        -> Readiness
    {
        if let netlink = NetlinkSockets.table(of: thread, on: host).first(where: { $0.inode == inode }) {
            return NetlinkSockets.readiness(netlink, thread, on: host, member: member)
        }
        let family = SocketFamily.byTable(inode, thread, on: host) ?? SocketFamily(name: nil)
        return family.readiness(inode, reads ? .receive : .send, thread, on: host, member: member)
    }

    private static func family(_ call: SocketCall, _ thread: BlockedThread, on host: Host) -> SocketFamily {
        if let known = SocketFamily.byTable(call.inode, thread, on: host) { return known }
        switch host.source.socketIdentity(pid: thread.reading.pid, descriptor: call.descriptor) {
        case .success(let identity):
            thread.cite(
                "getsockopt(SO_DOMAIN, SO_PROTOCOL) of /proc/\(thread.reading.pid)/fd/\(call.descriptor)",
                "family \(identity.family) type \(identity.type) protocol \(identity.transport)")
            return SocketFamily(identity)
        case .failure(let error):
            host.note(
                "the family of socket [\(call.inode)]", error,
                unlock: "run as root with CAP_SYS_PTRACE: only the socket itself tells it (pidfd_getfd, Linux 5.6)")
            return SocketFamily(name: nil)
        }
    }
}

/// What a socket is, in words.
struct SocketFamily {
    /// `packet socket`, `raw socket`; nil when it could not be told.
    var name: String?
    /// It takes what comes from the network or the machine, not from one program.
    var isOutside = true
    var family: Int32 = 0
    var hasPeer = false

    init(name: String?) { self.name = name }

    /// AF_… and IPPROTO_…, as include/linux/socket.h and include/uapi/linux/in.h number them.
    init(_ identity: SocketIdentity) {
        family = identity.family
        let inet = identity.family == 2 || identity.family == 10
        switch (identity.family, identity.transport) {
        case (1, _): (name, isOutside) = ("Unix socket", false)
        case (_, 262) where inet: (name, hasPeer) = ("MPTCP connection", true)
        case (_, 132) where inet: (name, hasPeer) = ("SCTP socket", true)
        case (_, 136) where inet: name = "UDP-Lite socket"
        case (_, 33) where inet: (name, hasPeer) = ("DCCP socket", true)
        case (_, 6) where inet: (name, hasPeer) = ("TCP socket", true)
        case (_, 17) where inet: name = "UDP socket"
        case (_, 1) where inet, (_, 58) where inet: name = "ICMP socket"
        case (2, let number), (10, let number): name = "raw IP socket of protocol \(number)"
        case (16, _): name = "netlink socket"
        case (17, _): name = "packet socket"
        case (15, _): name = "IPsec key socket (PF_KEY)"
        case (21, _): (name, hasPeer) = ("RDS socket", true)
        case (29, _): name = "CAN socket"
        case (30, _): (name, hasPeer) = ("TIPC socket", true)
        case (31, _): (name, hasPeer) = ("Bluetooth socket", true)
        case (33, _): name = "RxRPC socket"
        case (38, _): (name, isOutside) = ("kernel crypto socket (AF_ALG)", false)
        case (40, _): (name, hasPeer) = ("vsock connection to the hypervisor or another machine", true)
        case (41, _): name = "KCM socket"
        case (42, _): name = "Qualcomm IPC router socket"
        case (43, _): (name, hasPeer) = ("SMC socket", true)
        case (44, _): name = "XDP socket"
        default: name = "socket of address family \(identity.family)"
        }
    }

    /// By the tables that list sockets of one family with their inodes, of the thread's own network namespace; readable without privilege.
    static func byTable(_ inode: UInt64, _ thread: BlockedThread, on host: Host) -> SocketFamily? {
        // The inode is the last column of `packet` (net/packet/af_packet.c), the tenth of the tcp-like ones (net/ipv4/raw.c, ping.c).
        let tables: [(file: String, column: Int?, name: String)] = [
            ("packet", nil, "packet socket"), ("raw", 9, "raw IP socket"), ("raw6", 9, "raw IP socket"), ("icmp", 9, "ICMP socket"),
            ("icmp6", 9, "ICMP socket"), ("udplite", 9, "UDP-Lite socket"), ("udplite6", 9, "UDP-Lite socket"),
        ]
        let cache = host.attached { FamilyTables() }
        let namespace = host.networkNamespace(of: thread.reading)
        let known: [UInt64: String]
        if let cached = cache.byNamespace[namespace.name] {
            known = cached
        } else {
            var all: [UInt64: String] = [:]
            for table in tables {
                guard case .success(let bytes) = host.source.readTable("\(namespace.directory)/net/\(table.file)") else { continue }
                for line in bytes.split(separator: 0x0A).dropFirst() {
                    let fields = line.split(separator: 0x20, omittingEmptySubsequences: true)
                    let field = table.column.map { $0 < fields.count ? fields[$0] : [] } ?? fields.last ?? []
                    if let number = UInt64(String(decoding: field, as: UTF8.self)) { all[number] = table.name }
                }
            }
            cache.byNamespace[namespace.name] = all
            known = all
        }
        return known[inode].map { SocketFamily(name: $0) }
    }

    func readiness(_ inode: UInt64, _ action: SocketCall.Action, _ thread: BlockedThread, on host: Host, member: Int = 0) -> Readiness {
        let label = name.map { "\($0) [\(inode)]" } ?? "socket [\(inode)]"
        let outside: Outside = name == nil || !isOutside ? .unnamed : action == .accept ? .newWork : .network
        let because =
            name == nil
            ? "who uses the other side is not known"
            : hasPeer ? "the other side of \(label) is not shown by this kernel's tables" : "whatever arrives for it"
        let atRest = name != nil && !hasPeer && action == .receive || action == .accept
        return Readiness(
            parties: [Party(.outside(outside), role: "peer", certainty: .possible, because: because, member: member)],
            deadEnd: atRest ? .idle : isOutside && name != nil ? .external : .unknown, isDemand: false,
            resource: Resource(id: ResourceID("socket:[\(inode)]"), kind: "socket", label: label), text: label, completeness: .inferred)
    }
}

private final class FamilyTables {
    var byNamespace: [String: [UInt64: String]] = [:]
}
