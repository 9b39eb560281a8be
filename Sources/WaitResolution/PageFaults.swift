import Evidence
import KernelFacts
import ProcFS
import WaitModel

/// Threads that wait for a page of their own memory, in no system call or in one that copies from or to that page. Source: mm/memory.c
/// `handle_mm_fault`, fs/userfaultfd.c, mm/filemap.c `filemap_fault`. The faulting address is shown nowhere.
///
/// Asked before the families of system calls: what such a thread's call would wait for is not what it waits for now.
enum PageFaults: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        guard let channel = thread.channel, !thread.reading.stat.isKernelThread, let family = WaitChannels.family(of: channel) else {
            return nil
        }
        switch family {
        case .pageFault where channel.hasPrefix("userfaultfd_"): return handlerAtRest()
        case .pageFault:
            return channel == "handle_userfault" ? userfault(thread, on: host) : Disks.waits(thread, kind: .pageFault, on: host)
        case .disk, .page, .fuse, .nfs, .networkFileSystem:
            guard isFault(thread) else { return nil }
            if thread.kernelFrames.contains("do_swap_page") { return swap(thread, on: host) }
            if FUSEMounts.isRequest(channel) { return FUSEMounts.waits(thread, kind: .pageFault, on: host) }
            return mappedFile(thread, on: host)
        default:
            return nil
        }
    }

    /// By the kernel stack; without it only a thread in no system call at all can be told to fault.
    private static func isFault(_ thread: BlockedThread) -> Bool {
        if thread.reading.stat.isExiting { return false }
        if !thread.kernelFrames.isEmpty {
            // `get_user_pages` on another process's memory is that process's page, not this thread's own.
            return thread.kernelFrames.contains { $0 == "handle_mm_fault" || $0 == "filemap_fault" || $0 == "do_swap_page" }
        }
        if case .outside = thread.reading.call { return true }
        return false
    }

    // MARK: userfaultfd

    private static func userfault(_ thread: BlockedThread, on host: Host) -> Wait {
        // Every waiter is counted by the descriptor that must resolve its fault, so one without faults is not the one.
        var serving: [(holder: DescriptorHolder, faults: UInt64)] = []
        for holder in host.holders(of: "anon_inode:[userfaultfd]") {
            guard let details = host.descriptorDetails(holder) else { continue }
            if let faults = details.openFaults ?? details.pendingFaults, faults > 0 { serving.append((holder, faults)) }
        }
        // Where several have faults, the process itself and its relatives are likelier than strangers.
        let near = serving.filter { isRelative($0.holder.pid, thread, on: host) }
        let isNarrowed = Set(serving.map(\.holder.pid)).count > 1 && !near.isEmpty && near.count < serving.count
        if isNarrowed { serving = near }
        let counterparts = Counterparts(serving.map(\.holder), of: thread, on: host)
        for entry in serving.prefix(4) {
            thread.cite("/proc/\(entry.holder.pid)/fdinfo/\(entry.holder.descriptor)", "\(entry.faults) page faults wait to be resolved")
        }
        // By elimination: the only descriptor on the host with a fault must be the one, unless it lies in an undelivered message.
        let isProven = serving.count == 1 && !isNarrowed && counterparts.isComplete && host.socketsCarryingDescriptors.isEmpty
        let parties = counterparts.parties(role: "handler", what: "a userfaultfd with unresolved faults", thread: thread).map { party in
            Party(
                party.target, role: party.role, certainty: isProven ? party.certainty : min(party.certainty, .inferred),
                because: party.because,
                causeAtRest: .unanswered, member: party.member)
        }
        let names = counterparts.others.prefix(3).map { "\($0.name) (\($0.id.pid))" }
        let who =
            names.isEmpty
            ? (counterparts.includesOwn ? "another thread of its own process" : "a userfaultfd handler") : names.joined(separator: ", ")
        var resource: ResourceID?
        if serving.count == 1, let only = serving.first {
            resource = host.register(
                Resource(
                    id: ResourceID("userfaultfd:\(only.holder.pid):\(only.holder.descriptor)"), kind: "userfaultfd",
                    label: "userfaultfd \(only.holder.descriptor) of process \(only.holder.pid)",
                    facts: [("openFaults", .number(Int64(clamping: only.faults)))]))
        }
        return Wait(
            kind: .pageFault, resource: resource,
            release: Release(
                .any,
                parties.isEmpty
                    ? [
                        Party(
                            .outside(.unnamed), role: "handler", certainty: .possible,
                            because: "no userfaultfd with open faults is visible here")
                    ]
                    : parties, completeness: isProven ? counterparts.completeness : min(counterparts.completeness, .inferred)),
            deadEnd: counterparts.includesOwn && counterparts.others.isEmpty ? .unanswered : .unknown, isDemand: true,
            description: "touched a page of memory that \(who) must supply (userfaultfd)"
                + (thread.callName.map { ", within the system call \($0)" } ?? ""))
    }

    private static func handlerAtRest() -> Wait {
        Wait(
            kind: .pageFault,
            release: Release(
                .any, [Party(.outside(.newWork), role: "client", certainty: .possible, because: "whoever touches memory that it supplies")]),
            deadEnd: .idle, description: "waits for page faults that it serves (userfaultfd)")
    }

    private static func isRelative(_ pid: Int32, _ thread: BlockedThread, on host: Host) -> Bool {
        pid == thread.reading.pid || host.process(pid)?.parent == thread.reading.pid
            || host.process(thread.reading.id.process)?.parent == pid
    }

    // MARK: Files and swap

    private static func swap(_ thread: BlockedThread, on host: Host) -> Wait {
        thread.cite(thread.reading.path("stack"), "do_swap_page")
        return Wait(
            kind: .pageFault,
            release: Release(
                .any, [Party(.outside(.device), role: "swap", certainty: .certain, because: "the page comes back from swap")]),
            deadEnd: .diskIO, description: "waits for a page of its memory to come back from swap")
    }

    /// Which mapped file the page belongs to is not shown; where all that are mapped lie on one file system, it is that.
    private static func mappedFile(_ thread: BlockedThread, on host: Host) -> Wait {
        let table = host.mounts(of: thread.reading)
        let mapped = Set(
            host.mappings(of: thread.reading).filter { $0.inode != 0 }.map { UInt64($0.deviceMajor) << 20 | UInt64($0.deviceMinor) })
        let mounts = table.filter { mapped.contains($0.kernelDevice) }
        // A daemon or a server that does not answer is the likelier, where libraries lie on a disk that works.
        let slow = mounts.filter { $0.isFUSE || $0.isRemote }
        let devices = Set((slow.isEmpty ? mounts : slow).map(\.kernelDevice))
        if devices.count == 1, let only = (slow.isEmpty ? mounts : slow).last {
            return Disks.waits(thread, kind: .pageFault, mount: only, on: host)
        }
        return Wait(
            kind: .pageFault,
            release: Release(
                .any, [Party(.outside(.device), role: "device", certainty: .possible, because: "which mapped file it is, is not known")],
                completeness: .possible),
            deadEnd: .diskIO, description: "waits for a page of a file that it has mapped")
    }
}
