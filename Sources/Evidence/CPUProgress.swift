import Glibc
import ProcFS
import WaitModel

/// What a runnable thread was given in a short while of watching.
public struct CPUProgress: Sendable, Hashable {
    public let windowSeconds: Double
    /// It was runnable in every look, and was never on a CPU.
    public let wasGivenNothing: Bool
}

/// The runnable threads of one look, watched together: `schedstat` counts the time on a CPU (kernel/sched/fair.c `update_curr`, at
/// least at each tick). The time spent waiting in a run queue is counted only when the wait ends, so it tells nothing here.
final class CPUWatch {
    /// Looks after the first, in milliseconds from the first. Most threads have run by the first of them.
    private static let looks: [Int] = [5, 20, 60, 150]

    private let source: HostSource
    private var known: [ThreadID: CPUProgress] = [:]

    init(_ source: HostSource) { self.source = source }

    func progress(of thread: ThreadReading, among others: () -> [ThreadReading]) -> CPUProgress? {
        if let progress = known[thread.id] { return progress }
        guard source.isLive else { return nil }
        watch([thread] + others().filter { known[$0.id] == nil && $0.id != thread.id })
        return known[thread.id]
    }

    /// Complexity: O(threads), and up to 150 ms where one of them stands still.
    private func watch(_ threads: [ThreadReading]) {
        let begin = MonotonicClock.now()
        var open: [(thread: ThreadReading, onCPU: UInt64)] = []
        for thread in threads {
            if let onCPU = onCPU(thread) {
                open.append((thread, onCPU))
            } else {
                known[thread.id] = CPUProgress(windowSeconds: 0, wasGivenNothing: false)
            }
        }
        for look in Self.looks where !open.isEmpty && MonotonicClock.now() < source.deadline {
            let elapsed = Int((MonotonicClock.now() - begin) / 1_000_000)
            if look > elapsed { usleep(UInt32(look - elapsed) * 1000) }
            let window = Double(MonotonicClock.now() - begin) / 1e9
            open.removeAll { entry in
                if onCPU(entry.thread) == entry.onCPU, isRunnable(entry.thread) { return false }
                known[entry.thread.id] = CPUProgress(windowSeconds: window, wasGivenNothing: false)
                return true
            }
        }
        let window = Double(MonotonicClock.now() - begin) / 1e9
        for entry in open { known[entry.thread.id] = CPUProgress(windowSeconds: window, wasGivenNothing: window > 0.1) }
    }

    private func onCPU(_ thread: ThreadReading) -> UInt64? {
        try? source.readInPlace("\(thread.pid)/task/\(thread.tid)/schedstat") { SchedulerCounters($0)?.onCPUNanoseconds }.get()
    }

    private func isRunnable(_ thread: ThreadReading) -> Bool {
        let stat = try? source.readInPlace("\(thread.pid)/task/\(thread.tid)/stat") { ThreadStat($0) }.get()
        return stat?.state == UInt8(ascii: "R") && stat?.startTicks == thread.id.startTicks
    }
}

extension Host {
    private var cpuWatch: CPUWatch { attached { CPUWatch(source) } }

    /// Whether a runnable thread gets a CPU; nil where that cannot be watched. All runnable threads known so far are watched at once.
    public func cpuProgress(of thread: ThreadReading) -> CPUProgress? {
        cpuWatch.progress(of: thread) { observedProcesses.flatMap(\.threads).filter { $0.stat.state == UInt8(ascii: "R") } }
    }

    /// The threads that run on a CPU now: runnable, last seen there, and given time while they were watched. Looks at the state of every
    /// thread on the host, and observes the processes of those that fit.
    public func occupants(ofCPU processor: Int32) -> [ThreadReading] {
        var tasks: [(pid: Int32, tid: Int32)] = []
        for pid in (try? processIDs().get()) ?? [] where pid != getpid() {
            for tid in (try? source.numbers(in: "\(pid)/task").get()) ?? [] { tasks.append((pid, tid)) }
        }
        var fitting: Set<Int32> = []
        source.readMany(
            tasks, fill: { [.file(path: "\(source.root)/\($0.pid)/task/\($0.tid)/stat", limit: 1024)] },
            take: { task, answers in
                if case .success(let bytes)? = answers.first, let stat = ThreadStat(bytes), stat.state == UInt8(ascii: "R"),
                    stat.processor == processor
                {
                    fitting.insert(task.pid)
                }
            })
        observe(fitting.sorted())
        let runnable = fitting.compactMap { process($0) }.flatMap(\.threads).filter {
            $0.stat.state == UInt8(ascii: "R") && $0.stat.processor == processor
        }
        return runnable.filter { cpuProgress(of: $0)?.wasGivenNothing == false }.sorted { $0.id < $1.id }
    }

    /// The kernel functions of a thread that is runnable but not running; empty without the privilege.
    public func kernelFramesOfRunnable(_ thread: ThreadReading) -> [String] {
        guard case .success(let bytes) = source.read("\(thread.pid)/task/\(thread.tid)/stack", limit: 16384) else { return [] }
        return bytes.withUnsafeBytes { KernelStack.functions($0) }
    }

    /// Waits for `seconds`, or until the deadline of this look.
    public func pause(seconds: Double) {
        guard source.isLive, MonotonicClock.now() < source.deadline else { return }
        usleep(UInt32(max(0, min(seconds, 1)) * 1e6))
    }
}
