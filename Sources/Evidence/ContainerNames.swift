/// A container's name as its cgroup path tells it: engine and short id, and for Kubernetes the pod.
///
/// Sources: Docker's and Podman's cgroup drivers (`cgroupfs` and `systemd`), CRI-O and containerd's CRI plugin, kubelet's
/// `pkg/kubelet/cm` (pod cgroup names), systemd.unit(5) for escaping, lxc's `lxc.cgroup.dir`.
public struct ContainerName: Sendable, Hashable, CustomStringConvertible {
    /// `docker`, `containerd`, `cri-o`, `podman`, `lxc`, `nspawn`, or `container` where the path does not tell.
    public var engine: String
    /// The id's first 12 digits, or a name.
    public var id: String
    /// Kubernetes: the pod's uid.
    public var podUID: String?

    /// `docker:1a2b3c4d5e6f`, `cri-o:1a2b3c4d5e6f pod:6f1c…`.
    public var description: String { "\(engine):\(id)" + (podUID.map { " pod:\($0)" } ?? "") }

    /// nil for a path that is no container's: a systemd unit, a session, the root.
    /// - Complexity: O(length of the path).
    public init?(cgroupPath path: String) {
        let parts = path.split(separator: "/").map(String.init)
        var pod: String?
        for (place, part) in parts.enumerated() {
            if let uid = Self.podUID(part) { pod = uid }
            // `lxc.payload.NAME` since lxc 4, `lxc/NAME` before.
            if let name = Self.suffix(of: part, after: "lxc.payload.") ?? Self.suffix(of: part, after: "lxc.payload-") {
                (engine, id, podUID) = ("lxc", name, nil)
                return
            }
            if part == "lxc", place + 1 < parts.count {
                (engine, id, podUID) = ("lxc", parts[place + 1], nil)
                return
            }
            if part.hasPrefix("systemd-nspawn@"), part.hasSuffix(".service") {
                (engine, id, podUID) = ("nspawn", String(part.dropFirst("systemd-nspawn@".count).dropLast(".service".count)), nil)
                return
            }
            if part.hasPrefix("machine-"), part.hasSuffix(".scope"), !part.hasPrefix("machine-qemu") {
                (engine, id, podUID) = ("nspawn", Self.unescaped(part.dropFirst("machine-".count).dropLast(".scope".count)), nil)
                return
            }
            guard let (engine, id) = Self.container(part, below: parts[..<place]) else { continue }
            (self.engine, self.id, podUID) = (engine, String(id.prefix(12)), pod)
            return
        }
        return nil
    }

    /// `docker-ID.scope`, `crio-ID`, `cri-containerd-ID.scope`, `libpod-ID.scope`, `NAMESPACE:cri-containerd:ID`, or a bare id.
    private static func container(_ part: String, below parents: ArraySlice<String>) -> (engine: String, id: String)? {
        var bare = part[...]
        for end in [".scope", ".service"] where bare.hasSuffix(end) { bare = bare.dropLast(end.count) }
        // runc with the systemd driver outside a slice: `system.slice:cri-containerd:ID`.
        if let colon = bare.lastIndex(of: ":"), isID(bare[bare.index(after: colon)...]) {
            let rest = bare[..<colon]
            let engine = rest.split(separator: ":").last.flatMap { engines[String($0)] } ?? "container"
            return (engine, String(bare[bare.index(after: colon)...]))
        }
        if let dash = bare.lastIndex(of: "-"), isID(bare[bare.index(after: dash)...]) {
            let name = String(bare[..<dash])
            // conmon watches a container from outside.
            guard !name.hasSuffix("conmon") else { return nil }
            guard let engine = engines[name] else { return nil }
            return (engine, String(bare[bare.index(after: dash)...]))
        }
        guard isID(bare) else { return nil }
        // The cgroupfs driver: the engine stands above, in a directory of its own.
        for parent in parents.reversed() {
            if let engine = engines[parent] { return (engine, String(bare)) }
            if parent.hasPrefix("libpod_parent") || parent.hasPrefix("machine.slice") { return ("podman", String(bare)) }
        }
        return ("container", String(bare))
    }

    private static let engines = [
        "docker": "docker", "crio": "cri-o", "cri-containerd": "containerd", "containerd": "containerd", "nerdctl": "containerd",
        "libpod": "podman", "podman": "podman", "actions_job": "docker", "garden": "garden", "default": "containerd",
        "k8s.io": "containerd", "moby": "docker", "buildkit": "docker", "ecs": "docker",
    ]

    /// 64 hexadecimal digits, as all of these engines name containers.
    private static func isID(_ text: Substring) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 || $0 >= 0x61 && $0 <= 0x66 }
    }

    /// `pod6f1c…` (cgroupfs), `kubepods-besteffort-pod6f1c_….slice` (systemd, where dashes became underscores).
    private static func podUID(_ part: String) -> String? {
        var bare = part[...]
        if bare.hasSuffix(".slice") {
            guard bare.hasPrefix("kubepods") else { return nil }
            bare = bare.dropLast(".slice".count)
            guard let dash = bare.lastIndex(of: "-") else { return nil }
            bare = bare[bare.index(after: dash)...]
        }
        guard bare.hasPrefix("pod") else { return nil }
        let uid = bare.dropFirst(3)
        let digits = uid.utf8.count { $0 >= 0x30 && $0 <= 0x39 || $0 >= 0x61 && $0 <= 0x66 }
        guard digits == 32, uid.utf8.count == 32 || uid.utf8.count == 36 else { return nil }
        return String(uid.map { $0 == "_" ? "-" : $0 })
    }

    private static func suffix(of part: String, after prefix: String) -> String? {
        part.hasPrefix(prefix) && part.count > prefix.count ? String(part.dropFirst(prefix.count)) : nil
    }

    /// systemd writes `\x2d` for a dash within a name.
    private static func unescaped(_ text: Substring) -> String {
        var result: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == 0x5C, rest.first == 0x78, rest.count >= 3,
                let value = UInt8(String(decoding: rest.dropFirst().prefix(2), as: UTF8.self), radix: 16)
            else {
                result.append(byte)
                continue
            }
            result.append(value)
            rest = rest.dropFirst(3)
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The innermost systemd unit of a path: `sshd.service`, `session-4.scope`; nil where there is none.
    public static func systemdUnit(cgroupPath path: String) -> String? {
        path.split(separator: "/").last { $0.hasSuffix(".service") || $0.hasSuffix(".scope") }.map { unescaped($0) }
    }
}
