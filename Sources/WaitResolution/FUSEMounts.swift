import Evidence
import KernelFacts
import ProcFS
import WaitModel

/// Requests to FUSE daemons. Source: fs/fuse/dev.c `request_wait_answer`, `fuse_get_req`; Documentation/filesystems/fuse/fuse.rst.
/// A waiter sleeps in S until SIGKILL is sent to it, then in D until the daemon answers or the connection is aborted.
enum FUSEMounts: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        guard let channel = thread.channel, WaitChannels.family(of: channel) == .fuse else { return nil }
        return channel.hasPrefix("fuse_dev_") ? daemonAtRest(thread, on: host) : waits(thread, kind: .fuse, on: host)
    }

    /// Whether a kernel function waits for a daemon's answer.
    static func isRequest(_ channel: String?) -> Bool {
        guard let channel, WaitChannels.family(of: channel) == .fuse else { return false }
        return !channel.hasPrefix("fuse_dev_")
    }

    private static func daemonAtRest(_ thread: BlockedThread, on host: Host) -> Wait {
        Wait(
            kind: .fuse,
            release: Release(
                .any, [Party(.outside(.newWork), role: "client", certainty: .possible, because: "whoever uses its file system")]),
            deadEnd: .idle, description: "waits for requests to the FUSE file system that it serves")
    }

    static func waits(_ thread: BlockedThread, kind: WaitKind, on host: Host) -> Wait {
        let table = host.mounts(of: thread.reading)
        if let concerned = thread.mounts(on: host).first(where: { $0.mount.isFUSE || $0.mount.type == "virtiofs" }) {
            return waits(thread, kind: kind, for: concerned.mount, file: concerned.file, atMost: concerned.certainty, on: host)
        }
        // A path through a symbolic link, a page of a mapped file, the executable, a process that has given up its descriptors.
        var candidates = table.filter(\.isFUSE)
        if thread.callName == nil, !thread.reading.stat.isExiting {
            let mapped = Set(
                host.mappings(of: thread.reading).filter { $0.inode != 0 }.map { UInt64($0.deviceMajor) << 20 | UInt64($0.deviceMinor) })
            let backing = candidates.filter { mapped.contains($0.kernelDevice) }
            if !backing.isEmpty {
                candidates = backing
                thread.cite(thread.reading.path("maps"), "maps files of " + backing.map(\.point).joined(separator: ", "))
            }
        }
        if Set(candidates.map(\.kernelDevice)).count == 1, let only = candidates.last {
            return waits(thread, kind: kind, for: only, file: nil, atMost: .inferred, on: host)
        }
        let daemons = FUSEDaemons.of(connection: nil, atMost: .possible, thread: thread, on: host)
        var wait = Wait(
            kind: kind, release: Release(.any, daemons.parties, completeness: .possible), deadEnd: daemons.deadEnd, isDemand: true,
            description: "waits for the daemon of a FUSE file system")
        wait.description +=
            thread.reading.stat.isExiting ? ", and has given up the descriptors that would tell which" : "; which one is not known"
        return wait
    }

    static func waits(
        _ thread: BlockedThread, kind: WaitKind, for mount: Mount, file: String?, atMost limit: Certainty, on host: Host
    ) -> Wait {
        thread.cite(thread.reading.path("mountinfo"), "\(mount.id) \(mount.device) \(mount.point) \(mount.type) \(mount.source)")
        let resource = host.register(FUSEDaemons.resource(mount, on: host))
        let place = "the FUSE file system at \(mount.point)"
        if mount.type == "virtiofs" {
            return Wait(
                kind: kind, resource: resource,
                release: Release(
                    .any, [Party(.outside(.unnamed), role: "server", certainty: .certain, because: "the virtual machine's host serves it")]),
                deadEnd: .external, isDemand: true,
                description: "waits for the virtual machine's host to answer about \(file ?? mount.point) (virtiofs at \(mount.point))")
        }
        let daemons = FUSEDaemons.of(connection: mount.kernelDevice, atMost: limit, thread: thread, on: host)
        return Wait(
            kind: kind, resource: resource, release: Release(.any, daemons.parties, completeness: daemons.completeness),
            deadEnd: daemons.deadEnd, isDemand: true,
            description: (kind == .pageFault ? "waits for a page" : "waits for an answer")
                + (file.map { " about \($0), on \(place)" } ?? " from \(place)")
                + (daemons.names.map { ", which \($0) serves" } ?? ""))
    }
}
