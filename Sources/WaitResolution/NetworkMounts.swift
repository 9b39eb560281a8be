import Evidence
import Glibc
import KernelFacts
import ProcFS
import WaitModel

/// Waits for a file server: NFS first of all. Source: nfs(5), fs/nfs, net/sunrpc/sched.c `rpc_wait_bit_killable`. Which server follows from
/// the mount; the state of its connection from INET_DIAG. The server is another host: the chain ends there.
enum NetworkMounts: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        guard let channel = thread.channel, let family = WaitChannels.family(of: channel), family == .nfs || family == .networkFileSystem
        else { return nil }
        let isNFS = family == .nfs
        let table = host.mounts(of: thread.reading)
        let wanted: (Mount) -> Bool = { isNFS ? $0.isNFS : $0.isRemote && !$0.isNFS }
        var mount = thread.mounts(on: host).first { wanted($0.mount) }.map { ($0.mount, $0.certainty) }
        let all = table.filter(wanted)
        if mount == nil, Set(all.map(\.device)).count == 1, let only = all.last { mount = (only, .inferred) }
        guard let (mount, certainty) = mount else {
            return Wait(
                kind: isNFS ? .nfs : .unknown,
                release: Release(
                    .any, [Party(.outside(.network), role: "server", certainty: .possible, because: "which server is not known")],
                    completeness: .possible),
                deadEnd: .external, isDemand: true,
                description: isNFS ? "waits for an NFS server" : "waits for the server of a network file system")
        }
        return wait(kind: isNFS ? .nfs : .unknown, for: mount, certainty, thread, on: host)
    }

    static func wait(kind: WaitKind, for mount: Mount, _ certainty: Certainty, _ thread: BlockedThread, on host: Host) -> Wait {
        thread.cite(thread.reading.path("mountinfo"), "\(mount.id) \(mount.device) \(mount.point) \(mount.type) \(mount.source)")
        let server = server(of: mount)
        var facts: [(key: String, value: FactValue)] = [
            ("mountPoint", .text(mount.point)), ("type", .text(mount.type)), ("source", .text(mount.source)), ("server", .text(server)),
        ]
        if let transport = mount.option("proto") { facts.append(("transport", .text(transport))) }
        if let version = mount.option("vers") { facts.append(("version", .text(version))) }
        var state: String?
        if let address = mount.option("addr"), mount.isNFS, mount.option("proto")?.hasPrefix("udp") != true,
            let socket = connection(to: address, port: mount.option("port").flatMap { UInt16($0) } ?? 2049, on: host)
        {
            state = Self.stateName(socket.state)
            thread.cite(
                "sock_diag TCP to \(address)",
                "\(state ?? "?"), \(socket.sendQueue) bytes not acknowledged, \(socket.receiveQueue) not read")
            facts.append(("connection", .text(state ?? "?")))
            facts.append(("unacknowledgedBytes", .number(Int64(socket.sendQueue))))
        }
        // `hard`, the default, repeats for ever; `soft` gives up after some time (nfs(5)).
        let isSoft = mount.superOptions.split(separator: ",").contains { $0 == "soft" || $0 == "softerr" }
        if mount.isNFS { facts.append(("givesUp", .flag(isSoft))) }
        return Wait(
            kind: kind,
            resource: host.register(
                Resource(
                    id: ResourceID("\(mount.isNFS ? "nfs" : mount.type):\(mount.source)"), kind: "network-mount",
                    label: "\(mount.type) \(mount.source) at \(mount.point)", facts: facts)),
            release: Release(
                .any, [Party(.outside(.network), role: "server", certainty: certainty, because: "it serves \(mount.point)")],
                completeness: certainty),
            deadEnd: .external, isDemand: true,
            description: "waits for the \(mount.isNFS ? "NFS" : mount.type) server \(server), which serves \(mount.point)"
                + (state.map { " (its TCP connection is \($0))" } ?? ""))
    }

    private static func server(of mount: Mount) -> String {
        if mount.source.hasPrefix("//") { return String(mount.source.dropFirst(2).prefix { $0 != "/" }) }
        // `server:/export`, `[fe80::1]:/export`
        if let end = mount.source.range(ofText: ":/") { return String(mount.source[..<end]) }
        return mount.option("addr") ?? mount.source
    }

    private static func connection(to address: String, port: UInt16, on host: Host) -> InternetSocket? {
        guard let bytes = bytes(of: address) else { return nil }
        return host.internetTable?.byInode.values.filter {
            $0.transport == 6 && $0.remote.port == port && $0.remote.address == bytes
        }.min { $0.inode < $1.inode }
    }

    private static func bytes(of address: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, address, &bytes) == 1 { return Array(bytes[..<4]) }
        return inet_pton(AF_INET6, address, &bytes) == 1 ? bytes : nil
    }

    private static func stateName(_ state: UInt8) -> String {
        let names = [
            1: "established", 2: "being opened", 3: "being opened", 4: "closing", 5: "closing", 6: "closing", 7: "closed", 8: "closing",
            9: "closing", 10: "listening", 11: "closing",
        ]
        return names[Int(state)] ?? "in state \(state)"
    }
}

extension String {
    /// Where `text` first stands.
    fileprivate func range(ofText text: String) -> String.Index? {
        indices.first { self[$0...].hasPrefix(text) }
    }
}
