/// `/proc/PID/task/TID/schedstat`: three counters. Source: Documentation/scheduler/sched-stats.rst.
public struct SchedulerCounters: Sendable, Hashable {
    public var onCPUNanoseconds: UInt64
    public var waitingForCPUNanoseconds: UInt64
    /// How often it was put on a CPU. Unchanged means that it has not run since.
    public var runCount: UInt64

    public init?(_ bytes: UnsafeRawBufferPointer) {
        var cursor = ByteCursor(bytes)
        guard let on = cursor.unsigned(), let waiting = cursor.unsigned(), let runs = cursor.unsigned() else { return nil }
        onCPUNanoseconds = on
        waitingForCPUNanoseconds = waiting
        runCount = runs
    }
}

/// `/proc/PID/task/TID/sched`, the two lines that matter. Source: kernel/sched/debug.c `proc_sched_show_task`.
public struct SchedulerState: Sendable, Hashable {
    /// The runqueue clock when the thread last ran, in milliseconds (`se.exec_start`).
    public var lastRanMilliseconds: Double?
    /// Context switches, voluntary and not (`nr_switches`).
    public var switches: UInt64?

    public init(_ bytes: UnsafeRawBufferPointer) {
        var cursor = ByteCursor(bytes)
        while let line = cursor.line() {
            if line.begins(with: "se.exec_start") {
                lastRanMilliseconds = Self.value(of: line)
            } else if line.begins(with: "nr_switches") {
                switches = Self.value(of: line).map { UInt64($0) }
            }
        }
    }

    private static func value(of line: UnsafeRawBufferPointer) -> Double? {
        var cursor = ByteCursor(line)
        guard cursor.until(0x3A) != nil, let whole = cursor.unsigned() else { return nil }
        guard whole < 1 << 52 else { return nil }
        var value = Double(whole)
        if cursor.skip(0x2E) {
            let start = cursor.position
            if let fraction = cursor.unsigned() {
                var scale = 1.0
                for _ in start..<cursor.position { scale *= 10 }
                value += Double(fraction) / scale
            }
        }
        return value
    }
}
