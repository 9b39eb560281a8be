import Evidence
import KernelFacts
import ProcFS
import WaitModel

/// Opening a file on which somebody has a lease. Source: fcntl(2) F_SETLEASE, fs/locks.c `__break_lease`. The holder is told by a signal and has
/// /proc/sys/fs/lease-break-time seconds; then the kernel takes the lease away, so this is no deadlock unless that time is 0.
enum Leases: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        guard let channel = thread.channel, WaitChannels.family(of: channel) == .lease else { return nil }
        let path = FileCalls.path(thread, on: host)
        let locks = host.fileLocks ?? []
        let breaking = blocker(of: thread, in: locks)
        let leases = breaking.map { [$0] } ?? locks.filter { $0.waitDepth == 0 && isLease($0) && $0.isBreaking }
        for lease in leases.prefix(4) {
            thread.cite("/proc/locks", "\(lease.number): LEASE BREAKING \(lease.pid) \(lease.fileIdentity)")
        }
        let limit = breakTime(host)
        var parties: [Party] = []
        var isComplete = true
        for lease in leases {
            let holders = FileLocks.openFileHolders(of: lease, link: path, thread, on: host)
            isComplete = isComplete && holders.isComplete
            parties += holders.processes.map { process in
                let isSure = breaking != nil && holders.processes.count == 1 && holders.isConfirmed
                return Party(
                    .process(process.id), role: "holder",
                    certainty: isSure ? .certain : leases.count == 1 && holders.processes.count == 1 ? .inferred : .possible,
                    because: holders.isConfirmed ? "its descriptor's fdinfo shows the lease" : "/proc/locks names who took the lease",
                    causeAtRest: .unanswered)
            }
        }
        if let limit, limit > 0 {
            thread.cite("/proc/sys/fs/lease-break-time", "\(limit)")
        }
        if parties.isEmpty {
            parties = [Party(.outside(.unnamed), role: "holder", certainty: .possible, because: "the lease's holder is not visible here")]
        }
        let names = parties.compactMap { party -> String? in
            guard case .process(let id) = party.target else { return nil }
            return host.process(id).map { "\($0.name) (\(id.pid))" }
        }
        var resource: ResourceID?
        if let lease = leases.first, leases.count == 1 {
            resource = host.register(
                Resource(
                    id: ResourceID("lease:\(lease.fileIdentity)"), kind: "file-lease", label: "lease on \(path ?? "a file")",
                    facts: [("path", .text(path ?? "unknown")), ("breakTimeSeconds", .number(Int64(limit ?? 0)))]))
        }
        let timed = limit.map { $0 > 0 } ?? true
        return Wait(
            kind: .fileLease, timeoutSeconds: timed ? limit.map { Double($0) } : nil, resource: resource,
            release: Release(.any, parties, completeness: isComplete ? .certain : .inferred),
            mobility: timed ? .free(.timer) : .waiting, deadEnd: .unknown, isDemand: true,
            description: "opens \(path ?? "a file") and waits until its lease is given up"
                + (names.isEmpty ? "" : " by \(names.prefix(3).joined(separator: ", "))")
                + (timed && limit != nil ? "; the kernel takes it away after \(limit ?? 0) seconds" : ""))
    }

    private static func isLease(_ lock: FileLock) -> Bool { lock.kind == .lease || lock.kind == .delegation }

    /// The lease under which the thread's process stands as a waiter: waiters follow the lock that blocks them, with its number.
    private static func blocker(of thread: BlockedThread, in locks: [FileLock]) -> FileLock? {
        let waits = locks.filter { $0.waitDepth > 0 && isLease($0) && $0.pid == thread.reading.pid }
        guard let number = waits.first?.number, waits.allSatisfy({ $0.number == number }) else { return nil }
        return locks.first { $0.waitDepth == 0 && $0.number == number && isLease($0) }
    }

    private static func breakTime(_ host: Host) -> UInt64? {
        try? host.source.readInPlace("sys/fs/lease-break-time") { bytes in
            var cursor = ByteCursor(bytes)
            return cursor.unsigned()
        }.get()
    }
}
