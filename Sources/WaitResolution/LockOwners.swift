import Evidence
import Glibc
import KernelFacts
import ProcFS
import WaitModel

/// Who the thread id in a lock is. C libraries store the id that gettid() gives, that of the innermost pid namespace. A number proves
/// nothing by itself: its thread may have ended, another may have been given it, or the lock is a copy that fork made.
enum LockOwner {
    /// A thread of the waiter's own process.
    case fellow(ThreadReading)
    /// A thread of another process that maps the same memory.
    case stranger(ThreadReading)
    /// A thread of the parent, whose memory the process still uses: between vfork and exec.
    case lender(ThreadReading)
    /// The owner has ended, and its number was given to a thread that began after the waiter had gone to sleep.
    case reused(ThreadReading)
    /// The memory was copied by fork while a thread of the parent held the lock.
    case copied(Certainty)
    case exited(Certainty)
    /// It may be a thread of a process that cannot be seen.
    case hidden
}

enum LockOwners {
    /// PID_MAX_LIMIT of include/linux/threads.h.
    static let largestTID: UInt32 = 4 << 20

    /// - Parameter isShared: the lock is used by several processes.
    static func find(_ tid: UInt32, _ call: FutexCall, _ thread: BlockedThread, on host: Host) -> LockOwner {
        let number = Int32(clamping: tid)
        if let owner = host.thread(ofInnermostID: number, in: thread.id.process) {
            // Only the first thread of a process stays when it has ended.
            if owner.stat.state == UInt8(ascii: "Z") || owner.stat.state == UInt8(ascii: "X") { return .exited(.certain) }
            return beganLater(owner, than: thread, on: host) ? .reused(owner) : .fellow(owner)
        }
        if let shared = call.sharedPlace(thread, on: host) {
            if let owner = sharedOwner(number, mapping: shared, thread, on: host) {
                return beganLater(owner, than: thread, on: host) ? .reused(owner) : .stranger(owner)
            }
            return host.processesMayBeHidden ? .hidden : .exited(.certain)
        }
        return missing(number, thread, on: host)
    }

    /// Whether a thread began after another had gone to sleep, by more than the clocks may differ.
    private static func beganLater(_ owner: ThreadReading, than waiter: BlockedThread, on host: Host) -> Bool {
        guard owner.id.startTicks > waiter.id.startTicks, host.source.isLive, let asleep = host.secondsSinceLastRun(waiter.reading) else {
            return false
        }
        var now = timespec()
        guard clock_gettime(CLOCK_BOOTTIME, &now) == 0 else { return false }
        let age = Double(now.tv_sec) + Double(now.tv_nsec) / 1e9 - Double(owner.id.startTicks) / host.clockTicksPerSecond
        // The runqueue's clock leaves out stolen time, so that sleep appears shorter than it was: that errs on the safe side.
        return age + 0.5 + asleep / 20 < asleep
    }

    // MARK: Owners that are no threads of the process

    /// The owner of a private lock is no thread of the process: gone, or never one.
    private static func missing(_ number: Int32, _ thread: BlockedThread, on host: Host) -> LockOwner {
        guard let process = host.process(thread.id.process) else { return .exited(.inferred) }
        let own = host.status(pid: process.id.pid, tid: process.living?.tid ?? process.id.pid)
        let leader = host.status(pid: process.id.pid, tid: process.id.pid)?.innermostID ?? process.id.pid
        let depth = own?.namespaceIDs.count ?? 1
        if number == leader { return .exited(.certain) }
        let parent = host.process(process.parent)
        let parentDepth = parent.flatMap { host.status(pid: $0.id.pid, tid: $0.living?.tid ?? $0.id.pid)?.namespaceIDs.count }
        // The parent's memory was copied, so its numbers count, in its own namespace.
        if let parent, let original = host.thread(ofInnermostID: number, in: parent.id), original.id.startTicks <= process.id.startTicks {
            if isInVfork(parent, on: host) { return .lender(original) }
            return .copied(parentDepth == depth ? .certain : .inferred)
        }
        // The first process of a namespace: numbers of the parent's namespace and of its own cannot be told apart.
        if leader == 1, depth > 1 { return .exited(.inferred) }
        let hasWrapped = hasWrapped(process, leader: leader, depth: depth, on: host)
        // Numbers rise: a lower one than the process's own is older than the process.
        if number < leader { return hasWrapped ? .exited(.inferred) : .copied(depth == 1 ? .certain : .inferred) }
        return .exited(hasWrapped ? .inferred : .certain)
    }

    /// Whether a thread of the process waits for a child that it made by vfork (kernel/fork.c wait_for_vfork_done).
    private static func isInVfork(_ process: ProcessReading, on host: Host) -> Bool {
        process.threads.contains { thread in
            guard thread.isAsleep, let call = thread.systemCall, let architecture = host.architecture(of: thread) else { return false }
            return ["vfork", "clone", "clone3"].contains(SystemCalls.name(call.number, on: architecture) ?? "")
        }
    }

    /// Whether numbers have begun again from the lowest since the process began.
    private static func hasWrapped(_ process: ProcessReading, leader: Int32, depth: Int, on host: Host) -> Bool {
        if process.threads.contains(where: { (depth == 1 ? $0.tid : leader) < leader }) { return true }
        guard depth == 1 else { return false }
        // The last field of loadavg is the number that was given last (fs/proc/loadavg.c).
        guard let line = try? host.source.readInPlace("loadavg", { $0.text }).get(),
            let last = line.split(whereSeparator: { $0 == " " || $0 == "\n" }).last.flatMap({ Int32($0) })
        else { return true }
        return last < leader
    }

    /// The thread that stores `tid` as its id and maps the same file: first the one of that number here, then, for other pid
    /// namespaces, every process that maps it.
    private static func sharedOwner(_ number: Int32, mapping: MemoryMapping, _ thread: BlockedThread, on host: Host) -> ThreadReading? {
        func maps(_ process: ProcessReading) -> Bool {
            guard let living = process.living else { return false }
            return host.mappings(of: living).contains {
                $0.inode == mapping.inode && $0.deviceMajor == mapping.deviceMajor && $0.deviceMinor == mapping.deviceMinor && $0.isShared
            }
        }
        if let status = host.status(pid: number, tid: number), let group = status.threadGroup, status.innermostID == number,
            let process = host.process(group), maps(process), let owner = process.threads.first(where: { $0.tid == number })
        {
            return owner
        }
        guard let pids = try? host.processIDs().get() else { return nil }
        for pid in pids {
            guard let status = host.status(pid: pid, tid: pid), status.namespaceIDs.count > 1, let process = host.process(pid),
                maps(process),
                let owner = host.thread(ofInnermostID: number, in: process.id)
            else { continue }
            return owner
        }
        return nil
    }
}

/// A lock that records its owner's thread id, as far as it is understood, and the wait for it.
struct OwnedLock {
    /// The lock's name in a sentence: `robust mutex`.
    let noun: String
    /// A process has one of them.
    var isTheOnlyOne = false
    var kind = WaitKind.futexMutex
    /// What becomes of it when its owner dies: robust and priority-inheriting locks pass on.
    var passesOn = false
    /// How sure it is that the word belongs to such a lock, and so that the number is its owner.
    var certainty = Certainty.certain
    /// Why the number is the owner.
    var because = "the lock's owner field is its thread id"
    /// Address of the lock itself, where the word is not its first.
    var address: UInt64?
    /// What follows the lock's description: ` to read`.
    var purpose = ""
    var facts: [(key: String, value: FactValue)] = []

    func wait(owner tid: UInt32, _ call: FutexCall, _ thread: BlockedThread, on host: Host) -> Wait? {
        let owner = LockOwners.find(tid, call, thread, on: host)
        // Memory that merely looks like a lock, with a number in it that is nobody's: not a lock.
        if certainty != .certain {
            switch owner {
            case .fellow, .stranger, .lender: break
            case .reused, .copied, .exited, .hidden: return nil
            }
        }
        thread.cite("memory \(thread.reading.pid):0x\(String(address ?? call.address, radix: 16))", "owner of the \(noun) is thread \(tid)")
        var wait = Wait(
            kind: kind,
            resource: call.register(
                kind: kind == .futexRwlock ? "rwlock" : "mutex", label: noun, at: address, thread, on: host,
                facts: [("ownerTid", .number(Int64(tid)))] + facts),
            release: Release(.any, [], onDeath: passesOn ? .released : .kept), deadEnd: .unknown, isDemand: true)
        let lead = "waits for \(article) \(noun)\(purpose)"
        switch owner {
        case .fellow(let owner):
            wait.release.parties = [Party(.thread(owner.id), role: "owner", certainty: certainty, because: because)]
            wait.description =
                owner.id == thread.id ? "\(lead) that it holds itself" : "\(lead) that thread \(owner.name) (\(owner.tid)) holds"
        case .stranger(let owner):
            wait.release.parties = [
                Party(.thread(owner.id), role: "owner", certainty: certainty, because: because + ", and its process maps the same memory")
            ]
            let process = host.process(owner.pid)?.name ?? "process"
            wait.description = "waits for a shared \(noun)\(purpose) that \(process)/\(owner.name) (\(owner.tid)) holds"
        case .lender(let owner):
            wait.release.parties = [
                Party(
                    .thread(owner.id), role: "owner", certainty: min(certainty, .inferred),
                    because: because + ", and the process uses its parent's memory until it calls exec")
            ]
            wait.description = "\(lead) of its parent's, that thread \(owner.name) (\(owner.tid)) holds"
        case .reused(let heir):
            wait.deadEnd = .ownerExited
            wait.release.completeness = .inferred
            wait.description =
                "\(lead) whose owner, thread \(tid), has exited; the thread that has this number now (\(heir.name)) began later than the wait"
        case .copied(let certainty):
            wait.deadEnd = .ownerNotInProcess
            wait.release.completeness = certainty
            wait.description = "\(lead) that was copied by fork while thread \(tid) of the parent held it"
        case .exited(let certainty):
            wait.deadEnd = .ownerExited
            wait.release.completeness = certainty
            let kind = call.sharedPlace(thread, on: host) == nil ? lead : "waits for a shared \(noun)\(purpose)"
            wait.description = "\(kind) whose owner, thread \(tid), has exited"
        case .hidden:
            wait.release.parties = [
                Party(.outside(.unnamed), role: "owner", certainty: .possible, because: "thread \(tid), which is not visible here, owns it")
            ]
            wait.description = "waits for a shared \(noun)\(purpose) that thread \(tid) owns, which is not visible here"
        }
        return wait
    }

    /// The same lock without an owner's number in it.
    func unnamed(_ call: FutexCall, _ thread: BlockedThread, on host: Host, because: String, _ text: String) -> Wait {
        Futexes.nobodyNamed(
            kind, call.register(kind: kind == .futexRwlock ? "rwlock" : "mutex", label: noun, at: address, thread, on: host, facts: facts),
            role: "owner", because: because, isDemand: true, text)
    }

    private var article: String { isTheOnlyOne ? "the" : "aeiou".contains(noun.first ?? "x") ? "an" : "a" }
}
