import Glibc

/// CLOCK_MONOTONIC.
public enum MonotonicClock {
    /// Nanoseconds since boot, suspended time left out.
    public static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
