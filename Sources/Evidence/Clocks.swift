import Glibc
import ProcFS
import WaitModel

extension Host {
    /// How long a thread has not run, in seconds, from one look.
    ///
    /// `se.exec_start` is its runqueue's clock when it last ran; the same clock now is read by running on that CPU. Such clocks
    /// leave out interrupts and stolen time, so the figure is approximate, by about a hundredth of itself. nil when the kernel
    /// does not show `sched` or the CPU cannot be run on.
    public func secondsSinceLastRun(_ thread: ThreadReading) -> Double? {
        if let known = lastRanCache[thread.id] { return known }
        let seconds = measureSecondsSinceLastRun(thread)
        lastRanCache[thread.id] = .some(seconds)
        return seconds
    }

    private func measureSecondsSinceLastRun(_ thread: ThreadReading) -> Double? {
        guard source.isLive, let cpu = thread.stat.processor else { return nil }
        if clocksCache == nil {
            let count = Int32(clamping: sysconf(Int32(_SC_NPROCESSORS_CONF)))
            clocksCache = source.runqueueClocks(cpus: Array(0..<max(1, min(count, 1024))))
        }
        guard let clock = clocksCache?[cpu],
            case .success(let state) = source.readInPlace("\(directory(of: thread))/sched", { SchedulerState($0) }),
            let last = state.lastRanMilliseconds
        else { return nil }
        let elapsed = Double(MonotonicClock.now() - clock.atNanoseconds) / 1e9
        let seconds = max(0, (clock.clockMilliseconds - last) / 1000 + elapsed)
        // A thread cannot have stood longer than it lives: a value before its start is of a clock that was never set.
        guard let age = secondsSinceStart(thread) else { return seconds }
        return seconds > age + 1 ? nil : min(seconds, age)
    }

    /// Seconds since a thread began, by CLOCK_BOOTTIME, which its start time counts by.
    private func secondsSinceStart(_ thread: ThreadReading) -> Double? {
        var now = timespec()
        guard clock_gettime(CLOCK_BOOTTIME, &now) == 0 else { return nil }
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9 - Double(thread.id.startTicks) / clockTicksPerSecond
    }

    /// Seconds since 1970 at which the host booted: the difference of two clocks, to a millisecond, or `btime` of `/proc/stat`, which is cut to
    /// seconds.
    public var bootTime: Double? {
        if let known = bootTimeCache { return known }
        var time: Double?
        var sinceBoot = timespec()
        if source.isLive, clock_gettime(CLOCK_BOOTTIME, &sinceBoot) == 0 {
            time = Self.wallClock() - Double(sinceBoot.tv_sec) - Double(sinceBoot.tv_nsec) / 1e9
        } else if case .success(let bytes) = source.readTable("stat") {
            bytes.withUnsafeBytes { bytes in
                var cursor = ByteCursor(bytes)
                while let line = cursor.line() {
                    var field = ByteCursor(line)
                    guard field.word().text == "btime" else { continue }
                    time = field.unsigned().map { Double($0) }
                    return
                }
            }
        }
        bootTimeCache = .some(time)
        return time
    }

    /// Seconds since 1970 at which a process began.
    public func startTime(of process: ProcessID) -> Double? { startTime(ofTicks: process.startTicks) }

    /// The same of a thread, by its own start.
    public func startTime(ofTicks ticks: UInt64) -> Double? { bootTime.map { $0 + Double(ticks) / clockTicksPerSecond } }

    /// Seconds since 1970 now.
    public static func wallClock() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
