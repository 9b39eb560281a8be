import ProcFS
import WaitModel

extension Host {
    /// What the kernel log says about who holds the lock that a thread waits for now: the newest report that was made during this very
    /// wait. nil where the kernel wrote none (it does so for waits of `hung_task_timeout_secs`, 120 s), or when the log may not be read.
    public func hungTaskReport(about thread: ThreadReading) -> HungTaskReport? {
        // The log numbers tasks as the first pid namespace does (PROC_PID_INIT_INO, include/linux/proc_ns.h).
        if source.isProcFS, (try? source.link("self/ns/pid").get()) != "pid:[4026531836]" { return nil }
        let cache = attached { KernelLogCache() }
        if cache.reports == nil {
            switch source.hungTaskReports() {
            case .success(let reports): cache.reports = reports
            case .failure(let error):
                if error != .gone {
                    note("/dev/kmsg", error, unlock: "run as root (kernel.dmesg_restrict): the kernel log may name a lock's owner")
                }
                cache.reports = []
            }
        }
        let named = (cache.reports ?? []).last { $0.waiter.tid == thread.tid && $0.waiter.name == thread.name }
        guard let named else { return nil }
        guard source.isLive else { return named }
        // Written while this wait lasted, not during an earlier one, and not about an earlier bearer of the number.
        guard let waited = secondsSinceLastRun(thread) else { return nil }
        let age = Double(MonotonicClock.now()) / 1e9 - Double(named.atMicroseconds) / 1e6
        return age <= waited + 1 ? named : nil
    }

    /// The thread that a report names as the owner, when it still is that thread.
    public func owner(in report: HungTaskReport) -> ThreadReading? {
        guard let group = threadGroup(of: report.owner.tid),
            let thread = process(group)?.threads.first(where: { $0.tid == report.owner.tid }), thread.name == report.owner.name
        else { return nil }
        let began = Double(thread.id.startTicks) / clockTicksPerSecond
        return !source.isLive || began <= Double(report.atMicroseconds) / 1e6 + 1 ? thread : nil
    }
}

private final class KernelLogCache {
    var reports: [HungTaskReport]?
}
