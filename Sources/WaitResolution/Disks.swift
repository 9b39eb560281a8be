import Evidence
import KernelFacts
import ProcFS
import WaitModel

/// Waits for a block device, or for what stands in for one. Source: block/blk-core.c, mm/filemap.c `folio_wait_bit_common`, fs/jbd2. The device
/// follows from the mount of the file; a loop device's leads on to the mount of its backing file, which may be a FUSE daemon's.
enum Disks: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        guard let channel = thread.channel, isDevice(WaitChannels.family(of: channel)) else { return nil }
        // The kernel stack may show whose page it is where no mount is known.
        if thread.mounts(on: host).isEmpty {
            if thread.classification.kind == .fuse { return FUSEMounts.waits(thread, kind: .fuse, on: host) }
            if WaitChannels.family(of: channel) == .page, thread.classification.kind != .diskIO { return nil }
        }
        return waits(thread, kind: .diskIO, on: host)
    }

    /// A kernel thread that waits for a device is not at rest: writeback, a journal, a loop device's worker.
    static func isBlockedKernelThread(_ thread: BlockedThread) -> Bool {
        guard thread.reading.stat.state == UInt8(ascii: "D"), let channel = thread.channel else { return false }
        return isDevice(WaitChannels.family(of: channel))
    }

    /// A page that is locked or written back is mostly one that a device, or what stands in for it, has not delivered.
    private static func isDevice(_ family: WaitFamily?) -> Bool { family == .disk || family == .page }

    static func waits(_ thread: BlockedThread, kind: WaitKind, mount known: Mount? = nil, on host: Host) -> Wait {
        var file: String?
        var mount = known
        var certainty: Certainty = known == nil ? .certain : .inferred
        if mount == nil, let concerned = thread.mounts(on: host).first(where: { !memory.contains($0.mount.type) }) {
            (mount, certainty, file) = (concerned.mount, concerned.certainty, concerned.file)
        }
        if let mount {
            if mount.isFUSE {
                // A page that is under way from a daemon: another thread asked for it.
                return FUSEMounts.waits(
                    thread, kind: kind == .diskIO ? .fuse : kind, for: mount, file: file, atMost: min(certainty, .inferred), on: host)
            }
            if mount.isRemote {
                return NetworkMounts.wait(
                    kind: kind == .pageFault ? kind : mount.isNFS ? .nfs : .unknown, for: mount, certainty, thread, on: host)
            }
            thread.cite(thread.reading.path("mountinfo"), "\(mount.id) \(mount.device) \(mount.point) \(mount.type) \(mount.source)")
        }
        let device =
            mount.flatMap { host.blockDevice(of: $0) } ?? deviceOfKernelThread(thread, on: host) ?? deviceItself(file, thread, on: host)
        guard let device else { return unknownDevice(thread, kind: kind, mount: mount, file: file, on: host) }
        return waits(thread, kind: kind, for: device, mount: mount, file: file, certainty, on: host)
    }

    private static func waits(
        _ thread: BlockedThread, kind: WaitKind, for device: BlockDevice, mount: Mount?, file: String?, _ certainty: Certainty,
        on host: Host
    ) -> Wait {
        let stack = DeviceStack(device, thread: thread, on: host)
        for layer in stack.layers {
            if let reads = layer.readsInFlight, let writes = layer.writesInFlight {
                thread.cite("/sys/dev/block/\(layer.number)/inflight", "\(reads) reads, \(writes) writes")
            }
            if let backing = layer.backingFile { thread.cite("/sys/dev/block/\(layer.number)/loop/backing_file", backing) }
        }
        var parties: [Party] = []
        var deadEnd: Cause = .diskIO
        var completeness = certainty
        var tail = ""
        if let journal = journalThread(thread, device, on: host) {
            parties = [
                Party(
                    .process(journal.id), role: "journal", certainty: min(certainty, .inferred),
                    because: "it writes the journal of \(device.name)")
            ]
            tail = ", whose journal \(journal.name) (\(journal.id.pid)) writes"
        } else if let end = stack.end, end.isFUSE {
            let daemons = FUSEDaemons.of(connection: end.kernelDevice, atMost: .inferred, thread: thread, on: host)
            parties = daemons.parties
            deadEnd = daemons.deadEnd
            completeness = min(completeness, daemons.completeness)
            tail = ", on the FUSE file system at \(end.point)" + (daemons.names.map { ", which \($0) serves" } ?? "")
        } else if let end = stack.end, end.isRemote {
            parties = [Party(.outside(.network), role: "server", certainty: min(certainty, .inferred), because: "it serves \(end.point)")]
            deadEnd = .external
            tail = ", on \(end.source) at \(end.point)"
        } else {
            parties = [Party(.outside(.device), role: "device", certainty: certainty, because: "the file system lies on it")]
        }
        let name = stack.layers.last?.name ?? device.name
        let through = stack.layers.compactMap { layer in layer.backingFile.map { "\(layer.name), which is the file \($0)" } }
        var description = kind == .pageFault ? "waits for a page from " : "waits for "
        description += through.isEmpty ? "block device \(name)" : "block device " + through.joined(separator: ", on ")
        if let file { description += ", for \(file)" }
        if stack.layers.allSatisfy({ $0.readsInFlight == 0 && $0.writesInFlight == 0 }), parties.first?.role == "device" {
            description += " (the device has no request under way: one is held back, or another thread has the page)"
        }
        return Wait(
            kind: kind, resource: host.register(stack.resource(mount: mount)), release: Release(.any, parties, completeness: completeness),
            deadEnd: deadEnd, isDemand: parties.first?.role != "device", description: description + tail)
    }

    private static func unknownDevice(_ thread: BlockedThread, kind: WaitKind, mount: Mount?, file: String?, on host: Host) -> Wait {
        // sync, umount, a file system without a device of its own: whatever is busy now.
        let busy = host.source.systemDirectory("/sys/block").compactMap { host.blockDevice(named: $0) }.filter {
            ($0.readsInFlight ?? 0) + ($0.writesInFlight ?? 0) > 0
        }
        if mount == nil, busy.count == 1, let only = busy.first {
            return waits(thread, kind: kind, for: only, mount: nil, file: file, .inferred, on: host)
        }
        var description = kind == .pageFault ? "waits for a page of memory from a device" : "waits for a disk or another block device"
        if let mount { description += ", for \(file ?? "a file") on the \(mount.type) file system at \(mount.point)" }
        if !busy.isEmpty { description += "; busy now: " + busy.prefix(5).map(\.name).joined(separator: ", ") }
        return Wait(
            kind: kind,
            release: Release(
                .any, [Party(.outside(.device), role: "device", certainty: .possible, because: "which device is not known")],
                completeness: .possible),
            deadEnd: .diskIO, description: description)
    }

    // MARK: Which device

    /// Kernel threads carry their device in their name: `jbd2/vda1-8`, `kworker/u8:1+loop0`, `kworker/u8:2+flush-7:0`, `xfsaild/vda1`.
    private static func deviceOfKernelThread(_ thread: BlockedThread, on host: Host) -> BlockDevice? {
        guard thread.reading.stat.isKernelThread else { return nil }
        let name = thread.reading.name
        guard let mark = name.lastIndex(where: { $0 == "+" || $0 == "/" }) else { return host.blockDevice(named: name) }
        var rest = name[name.index(after: mark)...]
        if rest.hasPrefix("flush-") {
            let numbers = rest.dropFirst(6).split(separator: ":").compactMap { UInt32($0) }
            return numbers.count == 2 ? host.blockDevice(major: numbers[0], minor: numbers[1]) : nil
        }
        if name.hasPrefix("jbd2/"), let dash = rest.lastIndex(of: "-") { rest = rest[..<dash] }
        return host.blockDevice(named: String(rest))
    }

    /// The device is opened itself, without a file system.
    private static func deviceItself(_ file: String?, _ thread: BlockedThread, on host: Host) -> BlockDevice? {
        let path =
            file
            ?? FileCalls.references(thread, on: host).lazy.compactMap { reference -> String? in
                switch reference {
                case .path(let path): path
                case .descriptor(let number): host.descriptorLink(number, of: thread.reading)
                }
            }.first
        guard let path, path.hasPrefix("/dev/") else { return nil }
        return host.blockDevice(named: String(path.dropFirst(5)))
    }

    /// The kernel thread that commits the journal that the thread waits for (fs/jbd2/journal.c `kjournald2`, named `jbd2/DEVICE-…`).
    private static func journalThread(_ thread: BlockedThread, _ device: BlockDevice, on host: Host) -> ProcessReading? {
        guard let channel = thread.channel, journalWaits.contains(channel), !thread.reading.stat.isKernelThread else { return nil }
        return host.children(of: 2).lazy.compactMap { pid -> ProcessReading? in
            // A name is cut at 15 bytes.
            guard let process = host.process(pid), process.name.hasPrefix("jbd2/") else { return nil }
            let name = process.name.dropFirst(5)
            return name.hasPrefix(device.name + "-") || (process.name.utf8.count == 15 && device.name.hasPrefix(name)) ? process : nil
        }.first
    }

    private static let journalWaits: Set<String> = [
        "jbd2_log_wait_commit", "jbd2_complete_transaction", "start_this_handle", "wait_transaction_locked", "do_get_write_access",
        "add_transaction_credits", "__jbd2_log_wait_for_space",
    ]

    private static let memory: Set<String> = ["proc", "sysfs", "cgroup", "cgroup2", "devtmpfs", "tmpfs", "devpts", "debugfs", "tracefs"]
}

/// A device, and what it is made of, down to a real device or to a mount that something else serves.
struct DeviceStack {
    private(set) var layers: [BlockDevice]
    /// The mount of the lowest loop device's backing file.
    private(set) var end: Mount?

    init(_ device: BlockDevice, thread: BlockedThread, on host: Host) {
        layers = [device]
        var next: BlockDevice? = device
        // Loops over loops are possible; more than a few are not made on purpose.
        while let here = next, layers.count < 6 {
            next = nil
            if let backing = here.backingFile {
                // Whoever set it up wrote the path: in most cases in this mount namespace, or in that of whoever uses it. A kernel thread
                // has none of its own, so those of the processes that were looked at stand for it.
                let users =
                    thread.reading.stat.isKernelThread
                    ? host.observedProcesses.sorted { $0.id < $1.id }.compactMap(\.living).filter { !$0.stat.isKernelThread }.prefix(64)
                    : [thread.reading]
                let seen = [host.ownMounts] + users.map { host.mounts(of: $0) }
                end = seen.compactMap { $0.containing(backing) }.max { $0.point.utf8.count < $1.point.utf8.count }
                next = end.flatMap { host.blockDevice(of: $0) }
            } else if here.slaves.count == 1 {
                next = host.blockDevice(named: here.slaves[0])
            }
            if let next, !layers.contains(where: { $0.number == next.number }) { layers.append(next) } else { next = nil }
        }
    }

    func resource(mount: Mount?) -> Resource {
        let device = layers[0]
        var facts: [(key: String, value: FactValue)] = [("device", .text(device.number))]
        if let reads = device.readsInFlight { facts.append(("readsInFlight", .number(reads))) }
        if let writes = device.writesInFlight { facts.append(("writesInFlight", .number(writes))) }
        if let backing = device.backingFile { facts.append(("backingFile", .text(backing))) }
        if let end { facts.append(("backingMount", .text("\(end.type) at \(end.point)"))) }
        if !device.slaves.isEmpty { facts.append(("madeOf", .text(device.slaves.joined(separator: " ")))) }
        if layers.count > 1 { facts.append(("layers", .text(layers.map(\.name).joined(separator: " on ")))) }
        if let mount { facts.append(("mountPoint", .text(mount.point))) }
        return Resource(id: ResourceID("disk:\(device.name)"), kind: "block-device", label: "block device \(device.name)", facts: facts)
    }
}
