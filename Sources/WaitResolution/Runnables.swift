import Evidence
import WaitModel

/// Threads in state R: running, held back by their cgroup's CPU quota, or given no CPU by others that come first.
///
/// Since Linux 6.18 a thread beyond its quota stops on its way back to user mode, still in state R, with `task_work_run` on its stack
/// (kernel/sched/fair.c `throttle_cfs_rq_work`); before, its whole run queue was taken off the CPU. Neither moves a counter of the
/// thread, so it is watched for a moment.
enum Runnables {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait {
        guard let progress = host.cpuProgress(of: thread.reading) else { return running }
        if let wait = throttled(thread, progress, on: host) { return wait }
        if progress.wasGivenNothing, let wait = starved(thread, progress, on: host) { return wait }
        return running
    }

    private static var running: Wait { Wait(kind: .runnable, mobility: .free(.running), deadEnd: .running, description: "runs") }

    // MARK: Quota

    private static func throttled(_ thread: BlockedThread, _ progress: CPUProgress, on host: Host) -> Wait? {
        let before = host.cpuQuotas(of: thread.reading).filter { $0.throttledPeriods > 0 }
        guard let longest = before.map(\.periodMicroseconds).max() else { return nil }
        func grown() -> CPUQuota? {
            host.cpuQuotas(of: thread.reading, fresh: true).first { now in
                before.contains { $0.directory == now.directory && $0.throttledPeriods < now.throttledPeriods }
            }
        }
        var found = grown()
        if found == nil, progress.wasGivenNothing {
            // In a long period the counter stands still with the thread; then the stack tells, or that nobody else has its CPU.
            let frames = host.kernelFramesOfRunnable(thread.reading)
            if frames.first == "task_work_run" || frames.first?.hasPrefix("throttle_cfs_rq") == true {
                thread.cite(thread.reading.path("stack"), frames.prefix(2).joined(separator: " "))
                found = before.first
            } else if let processor = thread.reading.stat.processor, host.occupants(ofCPU: processor).isEmpty {
                found = before.first
            }
        }
        if found == nil {
            host.pause(seconds: min(0.25, Double(longest) * 1.2e-6))
            found = grown()
        }
        guard let quota = found else { return nil }
        let (share, period) = (milliseconds(quota.quotaMicroseconds), milliseconds(quota.periodMicroseconds))
        thread.cite(
            quota.directory + (quota.isUnified ? "/cpu.max" : "/cpu.cfs_quota_us"),
            "\(quota.quotaMicroseconds) in \(quota.periodMicroseconds) us")
        thread.cite(quota.directory + "/cpu.stat", "nr_throttled \(quota.throttledPeriods)")
        let resource = Resource(
            id: ResourceID("cpu-quota:\(quota.directory)"), kind: "cpu-quota", label: "CPU quota of cgroup \(quota.directory)",
            facts: [
                ("quotaMicroseconds", .number(Int64(clamping: quota.quotaMicroseconds))),
                ("periodMicroseconds", .number(Int64(clamping: quota.periodMicroseconds))),
                ("throttledPeriods", .number(Int64(clamping: quota.throttledPeriods))),
                ("throttledMicroseconds", .number(Int64(clamping: quota.throttledMicroseconds))),
            ])
        return Wait(
            kind: .cpuThrottled, resource: host.register(resource),
            release: Release(
                .any, [Party(.outside(.timer), role: "quota", certainty: .certain, because: "the quota is filled up every \(period) ms")]),
            mobility: .free(.throttled), deadEnd: .throttled, isDemand: true,
            description: "is ready to run, but cgroup \(quota.directory) may use a CPU for \(share) ms in each \(period) ms only")
    }

    private static func milliseconds(_ microseconds: UInt64) -> String {
        microseconds % 1000 == 0 ? "\(microseconds / 1000)" : "\(Double(microseconds) / 1000)"
    }

    // MARK: Others first

    private static func starved(_ thread: BlockedThread, _ progress: CPUProgress, on host: Host) -> Wait? {
        guard let processor = thread.reading.stat.processor else { return nil }
        let occupants = host.occupants(ofCPU: processor).filter { $0.id != thread.id }
        let ahead = occupants.filter { comesBefore($0, thread.reading) }
        // Among equals a turn may come late on a busy CPU; a second is no turn any more.
        guard !ahead.isEmpty || !occupants.isEmpty && (host.secondsSinceLastRun(thread.reading) ?? 0) >= 1 else { return nil }
        let named = ahead.isEmpty ? occupants : ahead
        let window = Int(progress.windowSeconds * 1000)
        thread.cite(thread.reading.path("schedstat"), "no time on a CPU in \(window) ms")
        for occupant in named.prefix(4) { thread.cite(occupant.path("stat"), "runs on CPU \(processor), \(classText(occupant))") }
        let who = named.prefix(2).map { "\($0.name) (\($0.pid == $0.tid ? "\($0.pid)" : "\($0.pid)/\($0.tid)"), \(classText($0)))" }
        let more = named.count > 2 ? " and \(named.count - 2) more" : ""
        return Wait(
            kind: .runnable,
            release: Release(
                .any,
                named.prefix(8).map {
                    Party(
                        .thread($0.id), role: "occupant", certainty: named.count == 1 ? .inferred : .possible,
                        because: "it runs on CPU \(processor) and is \(classText($0)); the waiting one is \(classText(thread.reading))")
                }, completeness: .inferred),
            mobility: .free(.starved), deadEnd: .starved, isDemand: true,
            description:
                "is ready to run, but CPU \(processor) is taken by " + who.joined(separator: " and ") + more
                + "; it is \(classText(thread.reading)) itself")
    }

    /// SCHED_DEADLINE before SCHED_FIFO and SCHED_RR before the others before SCHED_IDLE (kernel/sched/sched.h, the order of classes).
    private static func rank(_ thread: ThreadReading) -> Int {
        switch thread.stat.policy {
        case 6: 3
        case 1, 2: 2
        case 5: 0
        default: 1
        }
    }

    private static func comesBefore(_ other: ThreadReading, _ thread: ThreadReading) -> Bool {
        let (a, b) = (rank(other), rank(thread))
        if a != b { return a > b }
        if a == 2 { return (other.stat.realtimePriority ?? 0) > (thread.stat.realtimePriority ?? 0) }
        // Ten steps of nice are a factor of ten in CPU time (kernel/sched/core.c sched_prio_to_weight).
        return other.stat.nice + 10 <= thread.stat.nice
    }

    private static func classText(_ thread: ThreadReading) -> String {
        switch thread.stat.policy {
        case 1, 2: "real-time with priority \(thread.stat.realtimePriority ?? 0)"
        case 5: "of the idle class"
        case 6: "of the deadline class"
        default: thread.stat.nice == 0 ? "of ordinary priority" : "nice \(thread.stat.nice)"
        }
    }
}
