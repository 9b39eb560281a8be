import WaitModel

/// Go: its threads (Ms) run whichever goroutine can run. A goroutine that waits is no thread, so what it waits for is not to be seen
/// here. Source: src/runtime/proc.go (stopm, findRunnable, stoplockedm, startlockedm, sysmon, templateThread, gcstopm), lock_futex.go.
extension LanguageRuntime {
    private static let noGoroutine = "waits for a goroutine that can run (what Go's goroutines wait for is not visible from outside)"

    static let go = LanguageRuntime(
        rows: [
            row("runtime.sysmon", "waits for its next round as Go's watcher thread (sysmon)", .idle),
            row("runtime.templateThread", "waits to start threads for Go's runtime", .idle),
            row(
                "runtime.stoplockedm",
                "waits for the goroutine that keeps this thread; what that waits for inside Go is not visible from outside"),
            row("runtime.startlockedm", noGoroutine, .idle),
            row("runtime.findRunnable", noGoroutine, .idle),
            row("runtime.findrunnable", noGoroutine, .idle),
            row("runtime.exitsyscall", noGoroutine, .idle),
            row("runtime.schedule", noGoroutine, .idle, part: .outer),
            row("runtime.timerproc", "waits for the next timer of Go's runtime", .idle),
            row("runtime.gcstopm", "waits for Go's garbage collector to let threads run again", .runtimeInternal),
            row("runtime.stopTheWorld", "waits for the other threads of its Go program to stop", .runtimeInternal),
            row("runtime.forEachP", "waits for the other threads of its Go program to reach a safe point", .runtimeInternal),
            row("runtime.lock2", "waits for a lock of Go's runtime", .runtimeInternal),
            row("runtime.lockWithRank", "waits for a lock of Go's runtime", .runtimeInternal),
            row("os/signal.signal_recv", "waits for a signal to hand to its goroutines (Go)", .idle),
            row("runtime.mPark", "is parked by Go's runtime", part: .inner),
            row("runtime.stopm", noGoroutine, .idle, part: .inner),
            row("runtime.note", "is parked by Go's runtime", part: .inner),
            row("runtime.futexsleep", "is parked by Go's runtime", part: .inner),
        ],
        owns: { function, _ in function?.hasPrefix("runtime.") ?? false })
}
