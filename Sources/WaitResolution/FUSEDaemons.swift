import Evidence
import ProcFS
import WaitModel

/// Who answers the requests of a FUSE file system: whoever holds the descriptor of /dev/fuse that serves its connection.
struct FUSEDaemons {
    var parties: [Party]
    var deadEnd: Cause
    var completeness: Certainty
    /// `sshfs (4711)`, for people.
    var names: String?

    /// - Parameters:
    ///   - connection: the kernel's number of the file system's device; nil when it is not known which file system it is.
    ///   - limit: how sure it is that this file system is the one.
    static func of(connection: UInt64?, atMost limit: Certainty, thread: BlockedThread, on host: Host) -> FUSEDaemons {
        let holders = host.holders(of: "/dev/fuse")
        let details = holders.map { ($0, host.descriptorDetails($0)?.fuseConnection) }
        var chosen = holders
        var limit = limit
        var what = "a FUSE connection"
        if let connection, details.contains(where: { $0.1 != nil }) {
            chosen = details.filter { $0.1 == connection }.map(\.0)
            what = "FUSE connection \(name(connection))"
            for holder in chosen.prefix(4) {
                thread.cite("/proc/\(holder.pid)/fdinfo/\(holder.descriptor)", "fuse_connection: \(connection)")
            }
        } else {
            // Kernels before 6.16 do not say which connection a descriptor serves.
            limit = min(limit, .inferred)
            if connection == nil { chosen = details.contains { $0.1 != nil } ? details.filter { $0.1 != nil }.map(\.0) : holders }
        }
        let counterparts = Counterparts(chosen, of: thread, on: host)
        let parties = counterparts.parties(role: "daemon", what: what, thread: thread).map { party -> Party in
            guard case .process(let id) = party.target else { return party }
            let isItself = id == thread.id.process && thread.isAlone
            return Party(
                isItself ? .thread(thread.id) : party.target, role: party.role, certainty: min(party.certainty, limit),
                because: isItself ? "it serves the file system itself" : party.because, causeAtRest: .unanswered, member: party.member)
        }
        let deadEnd: Cause = counterparts.isEmpty ? .unknown : counterparts.deadEnd(of: thread, on: host)
        let named = counterparts.others.prefix(3).map { "\($0.name) (\($0.id.pid))" }
        return FUSEDaemons(
            parties: parties.isEmpty
                ? [Party(.outside(.unnamed), role: "daemon", certainty: .possible, because: "no process that serves it is visible here")]
                : parties,
            deadEnd: deadEnd == .inFlightFD ? .unknown : deadEnd, completeness: min(counterparts.completeness, limit),
            names: named.isEmpty ? (counterparts.includesOwn ? "its own process" : nil) : named.joined(separator: ", "))
    }

    /// The name under which /sys/fs/fuse/connections shows it: the device number of its file system.
    static func name(_ connection: UInt64) -> String { "\(connection)" }

    /// The file system as an object that all who wait for it share.
    static func resource(_ mount: Mount, on host: Host) -> Resource {
        var facts: [(key: String, value: FactValue)] = [
            ("mountPoint", .text(mount.point)), ("type", .text(mount.type)), ("source", .text(mount.source)),
            ("connection", .number(Int64(clamping: mount.kernelDevice))),
        ]
        if let bytes = try? host.source.readSystemFile("/sys/fs/fuse/connections/\(mount.kernelDevice)/waiting", limit: 32).get() {
            if let count = bytes.withUnsafeBytes({ bytes in
                var cursor = ByteCursor(bytes)
                return cursor.unsigned()
            }) {
                facts.append(("requestsWaiting", .number(Int64(clamping: count))))
            }
        }
        return Resource(
            id: ResourceID("fuse:\(mount.device)"), kind: "fuse-mount", label: "FUSE file system at \(mount.point)", facts: facts)
    }
}

extension Mount {
    /// A FUSE file system with a daemon in user space (virtiofs is served by the virtual machine's host).
    var isFUSE: Bool { type == "fuse" || type == "fuseblk" || type.hasPrefix("fuse.") || type.hasPrefix("fuseblk.") }
    var isNFS: Bool { type == "nfs" || type == "nfs4" }
    /// Served by another host or by the hypervisor.
    var isRemote: Bool { isNFS || ["cifs", "smb3", "smbfs", "ceph", "9p", "afs", "virtiofs", "lustre", "ncpfs", "coda"].contains(type) }
}
