import Evidence
import WaitModel

/// System calls that a seccomp filter hands to a supervisor for an answer (SECCOMP_RET_USER_NOTIF, since Linux 5.0). Source:
/// kernel/seccomp.c `seccomp_do_user_notification`. The supervisor has `anon_inode:seccomp notify`; of which filter, nothing shows.
enum SeccompNotifications: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        guard thread.channel == "seccomp_do_user_notification" || thread.channel == "seccomp_do_user_notification_exit" else { return nil }
        let holders = host.holders(of: "anon_inode:seccomp notify") + host.holders(of: "anon_inode:[seccomp notify]")
        // A filter with a request that was not taken polls readable, one whose answer is awaited writable: the others are not this one.
        let busy = holders.filter { holder in
            guard case .success(let events) = host.source.readiness(pid: holder.pid, descriptor: holder.descriptor) else { return true }
            return events & 0x5 != 0
        }
        let counterparts = Counterparts(busy.isEmpty ? holders : busy, of: thread, on: host)
        let count = counterparts.others.count + (counterparts.includesOwn ? 1 : 0)
        var parties = counterparts.others.map { process in
            Party(
                .process(process.id), role: "supervisor", certainty: count == 1 && counterparts.isComplete ? .inferred : .possible,
                because: count == 1
                    ? "the only process with a seccomp request to answer; of which filter it is, the kernel does not show"
                    : "one of \(count) processes with a seccomp request to answer; of which filter, the kernel does not show",
                endsChain: isElsewhere(process, on: host) ? .unanswered : nil)
        }
        if counterparts.includesOwn {
            parties.append(
                Party(
                    .process(thread.id.process), role: "supervisor", certainty: .possible,
                    because: "its own process has a seccomp notification descriptor"))
        }
        if !counterparts.isComplete { parties.append(Counterparts.invisible(role: "supervisor", member: 0)) }
        if parties.isEmpty {
            parties.append(
                Party(
                    .outside(.unnamed), role: "supervisor", certainty: .possible,
                    because: "no process that is to be seen has a seccomp notification descriptor"))
        }
        for holder in holders.prefix(4) { thread.cite("/proc/\(holder.pid)/fd/\(holder.descriptor)", "anon_inode:seccomp notify") }
        let call = thread.callName ?? "a system call"
        return Wait(
            kind: .seccompNotify,
            resource: host.register(
                Resource(
                    id: ResourceID("seccomp:\(thread.reading.pid):\(thread.reading.tid)"), kind: "seccomp-notification",
                    label: "the seccomp request of \(thread.reading.name) (\(thread.reading.tid))",
                    facts: [("call", .text(call))])),
            release: Release(.any, parties, completeness: .inferred), deadEnd: .unanswered, isDemand: true,
            description: "has called \(call), which its seccomp filter lets a supervisor decide")
    }

    /// A supervisor that is busy, asleep or at rest elsewhere, though a request lies there: nothing seen holds it up.
    private static func isElsewhere(_ process: ProcessReading, on host: Host) -> Bool {
        process.threads.contains { thread in
            if thread.stat.state == UInt8(ascii: "R") { return true }
            guard thread.isAsleep else { return false }
            let blocked = BlockedThread(thread, on: host)
            guard FrozenGroups.resolve(blocked, on: host) == nil, let call = blocked.callName else { return false }
            return restingCalls.contains(call)
        }
    }

    private static let restingCalls: Set<String> = [
        "nanosleep", "clock_nanosleep", "clock_nanosleep_time64", "pause", "poll", "ppoll", "select", "pselect6", "epoll_wait",
        "epoll_pwait",
        "epoll_pwait2", "ioctl", "rt_sigtimedwait", "rt_sigsuspend", "accept", "accept4", "wait4", "waitid",
    ]
}
