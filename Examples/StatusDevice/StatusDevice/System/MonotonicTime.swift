import Glibc

/// Seconds on the clock that nobody sets (CLOCK_MONOTONIC).
func monotonicSeconds() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
}

/// Sleeps once, and returns early when a signal handler ran. The corresponding C function is `nanosleep`.
func sleepOnce(seconds: Double) {
    var duration = timespec(seconds: seconds)
    nanosleep(&duration, nil)
}

extension timespec {
    init(seconds: Double) {
        let whole = seconds.rounded(.down)
        self.init(tv_sec: Int(whole), tv_nsec: Int((seconds - whole) * 1e9))
    }
}

extension timeval {
    init(seconds: Double) {
        let whole = seconds.rounded(.down)
        self.init(tv_sec: Int(whole), tv_usec: Int((seconds - whole) * 1e6))
    }
}
