import Evidence
import ProcFS
import WaitModel

/// flock, POSIX and open-file-description locks. Source: flock(2), fcntl(2), proc_locks(5), fs/locks.c. `/proc/locks` ties a waiter
/// to one lock that blocks it; other holders of the file stand as lines of their own. The `lock:` lines of fdinfo say which
/// descriptors really hold a lock: the pid in `/proc/locks` is who asked for it, and may be gone.
enum FileLocks: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        let kind: FileLock.Kind
        switch thread.callName {
        case "flock": kind = .flock
        case "fcntl", "fcntl64":
            switch thread.int(1) {
            case 7, 14: kind = .posix  // F_SETLKW, F_SETLKW64
            case 38: kind = .ofd  // F_OFD_SETLKW
            default: return nil
            }
        default: return nil
        }
        let link = host.descriptorLink(thread.int(0), of: thread.reading)
        let path = link ?? "a file"
        guard let locks = host.fileLocks,
            let waiter = FileLockWaits(kind: kind, thread: thread, locks: locks, host: host).ownWait()
        else {
            return Wait(
                kind: waitKind(kind),
                release: Release(
                    .any,
                    [
                        Party(
                            .outside(.unnamed), role: "holder", certainty: .possible,
                            because: "/proc/locks does not tell which lock it waits for")
                    ]),
                deadEnd: .unknown, isDemand: true, description: "waits for a \(name(kind)) lock on \(path)")
        }
        thread.cite("/proc/locks", describe(waiter))
        return wait(for: waiter, link: link, path: path, locks, thread, on: host)
    }

    private static func wait(
        for waiter: FileLock, link: String?, path: String, _ locks: [FileLock], _ thread: BlockedThread, on host: Host
    ) -> Wait {
        let held = locks.filter { $0.waitDepth == 0 && $0.fileIdentity == waiter.fileIdentity && blocks($0, waiter) }
        let resource = Resource(
            id: ResourceID("file-lock:\(waiter.fileIdentity)"), kind: "file-lock", label: "\(name(waiter.kind)) lock on \(path)",
            facts: [
                ("path", .text(path)), ("holders", .number(Int64(held.count))),
                ("waiters", .number(Int64(locks.count { $0.waitDepth > 0 && $0.fileIdentity == waiter.fileIdentity }))),
            ])
        var wait = Wait(
            kind: waitKind(waiter.kind), resource: host.register(resource), deadEnd: .unknown, isDemand: true,
            description: "waits for \(waiter.isExclusive ? "an exclusive" : "a shared") \(name(waiter.kind)) lock on \(path)")
        var parties: [Party] = []
        var isComplete = true
        for (member, lock) in held.enumerated() {
            thread.cite("/proc/locks", describe(lock))
            let holders = holders(of: lock, link: link, thread, on: host)
            isComplete = isComplete && holders.isComplete
            parties += holders.parties(of: lock, member: member, thread, on: host)
        }
        // Behind several shared locks all must be given up; one lock that several processes share ends with any of them.
        wait.release = Release(held.count > 1 ? .all : .any, parties, completeness: isComplete ? .certain : .inferred)
        let own = parties.allSatisfy { $0.target == .process(thread.id.process) || $0.target == .thread(thread.id) }
        if !parties.isEmpty, own { wait.deadEnd = .selfHeld }
        if parties.isEmpty {
            // The kernel says that it is held, yet no process has the descriptor: it lies in an undelivered message.
            if held.isEmpty || !isComplete {
                wait.release.parties = [
                    Party(.outside(.unnamed), role: "holder", certainty: .possible, because: "the holder is not visible here")
                ]
            } else {
                wait.deadEnd = .inFlightFD
            }
        }
        let names = parties.prefix(3).compactMap { party -> String? in
            switch party.target {
            case .process(let id): host.process(id).map { "\($0.name) (\(id.pid))" }
            case .thread: "itself"
            case .outside: nil
            }
        }
        if !names.isEmpty { wait.description += ", held by " + names.joined(separator: ", ") + (parties.count > 3 ? " and others" : "") }
        return wait
    }

    // MARK: Who holds it

    struct Holders {
        var processes: [ProcessReading]
        /// The descriptor's `lock:` line confirms them, or the kernel's own rule does (POSIX locks die with their process).
        var isConfirmed: Bool
        var isComplete: Bool

        func parties(of lock: FileLock, member: Int, _ thread: BlockedThread, on host: Host) -> [Party] {
            processes.map { process in
                let several = processes.count > 1
                let certainty: Certainty = several ? .possible : isConfirmed ? .certain : .inferred
                let because =
                    lock.kind == .posix
                    ? "/proc/locks names it"
                    : isConfirmed
                        ? several ? "it shares the open file that holds the lock" : "its descriptor's fdinfo shows the lock"
                        : "/proc/locks names who took it"
                if process.id == thread.id.process, thread.isAlone {
                    return Party(
                        .thread(thread.id), role: "holder", certainty: certainty, because: "it holds the lock through another descriptor",
                        member: member)
                }
                return Party(.process(process.id), role: "holder", certainty: certainty, because: because, member: member)
            }
        }
    }

    private static func holders(of lock: FileLock, link: String?, _ thread: BlockedThread, on host: Host) -> Holders {
        if lock.kind == .posix {
            let process = lock.pid > 0 ? host.process(lock.pid) : nil
            return Holders(processes: process.map { [$0] } ?? [], isConfirmed: true, isComplete: process != nil)
        }
        return openFileHolders(of: lock, link: link, thread, on: host)
    }

    /// A flock, OFD lock or lease belongs to the open file: whoever has a descriptor of it holds it.
    static func openFileHolders(of lock: FileLock, link: String?, _ thread: BlockedThread, on host: Host) -> Holders {
        var found: [Int32: ProcessReading] = [:]
        for holder in link.map({ host.holders(of: $0) }) ?? [] where found[holder.pid] == nil {
            guard let info = host.descriptorInfo(holder), info.locks.contains(where: { same($0, lock) }),
                let process = host.process(holder.pid)
            else {
                continue
            }
            found[holder.pid] = process
        }
        if found.isEmpty, lock.pid > 0, let process = host.process(lock.pid) {
            // The file may be known there by another name (a hard link, a bind mount, another mount namespace).
            if hasLock(process, lock, on: host) {
                found[lock.pid] = process
            } else if !host.holdersAreComplete([], someFound: false), !process.isZombie {
                return Holders(processes: [process], isConfirmed: false, isComplete: false)
            }
        }
        if found.isEmpty, let pids = try? host.processIDs().get() {
            for pid in pids {
                guard let process = host.process(pid), !process.isZombie, process.living?.stat.isKernelThread == false,
                    hasLock(process, lock, on: host)
                else { continue }
                found[pid] = process
            }
        }
        return Holders(
            processes: found.values.sorted { $0.id < $1.id }, isConfirmed: true,
            isComplete: host.holdersAreComplete(Set(found.keys), someFound: !found.isEmpty))
    }

    private static func hasLock(_ process: ProcessReading, _ lock: FileLock, on host: Host) -> Bool {
        guard let thread = process.living, let numbers = try? host.source.numbers(in: "\(thread.pid)/task/\(thread.tid)/fdinfo").get()
        else {
            return false
        }
        return numbers.contains { host.descriptorInfo($0, of: thread)?.locks.contains { same($0, lock) } == true }
    }

    private static func same(_ a: FileLock, _ b: FileLock) -> Bool {
        a.kind == b.kind && a.fileIdentity == b.fileIdentity && a.isExclusive == b.isExclusive && a.start == b.start && a.end == b.end
            && a.pid == b.pid
    }

    private static func blocks(_ held: FileLock, _ waiter: FileLock) -> Bool {
        held.conflicts(with: waiter) && !(held.kind == .posix && waiter.kind == .posix && held.pid == waiter.pid)
            && held.kind != .lease && held.kind != .delegation
    }

    private static func waitKind(_ kind: FileLock.Kind) -> WaitKind {
        switch kind {
        case .flock: .fileLockFlock
        case .ofd: .fileLockOFD
        case .posix: .fileLockPOSIX
        case .lease, .delegation: .fileLease
        }
    }

    private static func name(_ kind: FileLock.Kind) -> String {
        switch kind {
        case .flock: "flock"
        case .posix: "POSIX"
        case .ofd: "open-file-description"
        case .lease, .delegation: "lease"
        }
    }

    private static func describe(_ lock: FileLock) -> String {
        let arrow = lock.waitDepth > 0 ? "-> " : ""
        return
            "\(lock.number): \(arrow)\(name(lock.kind)) \(lock.isExclusive ? "WRITE" : "READ") \(lock.pid) \(lock.fileIdentity) \(lock.start) \(lock.end.map(String.init) ?? "EOF")"
    }
}
