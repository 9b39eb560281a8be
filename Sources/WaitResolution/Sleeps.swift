import Evidence
import WaitModel

/// Sleeps, `pause` and waits for a signal.
enum Sleeps: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        switch thread.callName {
        case "nanosleep", "clock_nanosleep", "clock_nanosleep_time64":
            let seconds: Double?
            var text = "sleeps"
            if thread.callName == "nanosleep" {
                seconds = thread.seconds(at: thread.argument(0))
            } else {
                // TIMER_ABSTIME: the argument is a moment, not a length.
                seconds = thread.int(1) & 1 == 0 ? thread.seconds(at: thread.argument(2)) : nil
                if thread.int(1) & 1 != 0 { text = "sleeps until a set time" }
            }
            return Wait(
                kind: .sleep, timeoutSeconds: seconds, release: timer, mobility: .free(.sleeping), deadEnd: .sleeping, description: text)
        case "restart_syscall" where thread.classification.family == .sleep:
            return Wait(kind: .sleep, release: timer, mobility: .free(.sleeping), deadEnd: .sleeping, description: "sleeps")
        case "pause":
            return signal(.pause, "waits for any signal (pause)")
        case "rt_sigsuspend", "sigsuspend":
            // The mask holds the signals that stay blocked; any other with a handler ends the wait. It stands in memory only for the new call.
            if thread.callName == "rt_sigsuspend", let mask = mask(thread, 0) {
                thread.cite(
                    "memory \(thread.reading.pid):0x\(String(thread.argument(0), radix: 16))", "blocked 0x\(String(mask, radix: 16))")
                let awaited = ~mask & handled(thread, on: host)
                return signal(
                    .signalWait,
                    awaited == 0
                        ? "waits for a signal that ends it (sigsuspend; of those that it lets through it handles none)"
                        : "waits for \(SignalName.words(awaited)) (sigsuspend)")
            }
            return signal(.signalWait, "waits for a signal (sigsuspend)")
        case "rt_sigtimedwait", "rt_sigtimedwait_time64":
            let awaited = mask(thread, 0)
            if let awaited {
                thread.cite(
                    "memory \(thread.reading.pid):0x\(String(thread.argument(0), radix: 16))", "awaited 0x\(String(awaited, radix: 16))")
            }
            var wait = signal(.signalWait, "waits for \(awaited.map(SignalName.words) ?? "a signal") (sigwait)")
            if thread.argument(2) != 0 {
                wait.timeoutSeconds = thread.seconds(at: thread.argument(2))
                wait.mobility = .free(.timer)
            }
            return wait
        default:
            return nil
        }
    }

    /// A sigset_t of the kernel, in the target; bit n-1 stands for signal n.
    private static func mask(_ thread: BlockedThread, _ argument: Int) -> UInt64? {
        guard let bytes = thread.memory(thread.argument(argument), 8), bytes.count == 8 else { return nil }
        return bytes.u64(0)
    }

    /// The signals that a process has handlers for, and those that end it whatever it does.
    private static func handled(_ thread: BlockedThread, on host: Host) -> UInt64 {
        guard let status = host.status(pid: thread.reading.pid, tid: thread.reading.tid) else { return ~0 }
        return status.caught
    }

    private static var timer: Release {
        Release(.any, [Party(.outside(.timer), role: "timer", certainty: .certain, because: "the sleep has an end")])
    }

    private static func signal(_ kind: WaitKind, _ text: String) -> Wait {
        Wait(
            kind: kind,
            release: Release(.any, [Party(.outside(.unnamed), role: "signaller", certainty: .possible, because: "whoever sends a signal")]),
            deadEnd: .idle, description: text)
    }
}

extension WaitFamilies {
    /// The signals that a thread waits for in sigwait; bit n-1 stands for signal n. 0 when it is in no such call.
    public static func awaitedSignals(_ reading: ThreadReading, on host: Host) -> UInt64 {
        let thread = BlockedThread(reading, on: host)
        guard let call = thread.callName, call.hasPrefix("rt_sigtimedwait"), let set = thread.memory(thread.argument(0), 8) else {
            return 0
        }
        return set.u64(0)
    }
}
