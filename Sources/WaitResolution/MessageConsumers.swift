import Evidence
import ProcFS
import WaitModel

/// Which thread of the last receiver's process takes messages out of a queue. Nothing names it for sure; these say it:
///
/// - the kernel's last receiver is a thread id when that thread slept for its message;
/// - a thread that sends to the queue itself is not the one that empties it, unless it is the only one;
/// - the consumer has run when the queue was last received from, and not since, for it would have taken a message;
/// - a thread at rest (in a sleep, a signal wait, a poll without work) would take messages if that were its work.
enum MessageConsumers {
    static func parties(_ process: ProcessReading, _ queue: MessageQueue, _ thread: BlockedThread, on host: Host) -> [Party] {
        func party(_ reading: ThreadReading, _ because: String) -> Party {
            Party(.thread(reading.id), role: "consumer", certainty: .inferred, because: because)
        }
        let base = "last process to receive from this queue (lrpid)"
        let whole = Party(.process(process.id), role: "consumer", certainty: .inferred, because: base)
        let others = process.threads.filter { $0.id != thread.id }
        // `LastUser` has seen that the thread of that number is not younger than the queue's last use.
        if queue.lastReceiver != process.id.pid, let named = process.threads.first(where: { $0.tid == queue.lastReceiver }) {
            return [party(named, "last thread to receive from this queue (lrpid)")]
        }
        let candidates = others.filter { !isSending($0, to: queue.id, like: thread, on: host) }
        guard candidates.count > 1 else {
            guard let only = candidates.first else { return [whole] }
            return [
                party(only, base + "; " + (others.count == 1 ? "it has no other thread" : "its other threads send to the queue themselves"))
            ]
        }
        let busy = candidates.filter { !isAtRest($0, on: host) }
        let fitting = candidates.filter { hasStoodSince(queue.lastReceiveSeconds, $0, on: host) }
        if busy.count == 1 {
            if fitting.contains(where: { $0.id == busy[0].id }) {
                return [
                    party(
                        busy[0],
                        base + "; of its threads only this one is not at rest, and it last ran when the queue was last received from")
                ]
            }
            return [party(busy[0], base + "; of its threads only this one is not at rest"), hedge(process)]
        }
        let both = fitting.filter { candidate in busy.isEmpty || busy.contains { $0.id == candidate.id } }
        if both.count == 1 {
            return [party(both[0], base + "; of its threads this one last ran when the queue was last received from"), hedge(process)]
        }
        return [whole]
    }

    /// Where the signs are weak, any other thread of the process counts too, so that no verdict rests on the choice.
    private static func hedge(_ process: ProcessReading) -> Party {
        Party(.process(process.id), role: "consumer", certainty: .possible, because: "any other thread of the last process to receive")
    }

    private static func hasStoodSince(_ receiveSeconds: Int64, _ reading: ThreadReading, on host: Host) -> Bool {
        guard let seconds = host.secondsSinceLastRun(reading), reading.stat.state != UInt8(ascii: "R") else { return false }
        // Queue times are whole seconds; the clock behind `seconds` errs by about a hundredth.
        let margin = 1.6 + 0.02 * seconds
        return abs(Host.wallClock() - seconds - (Double(receiveSeconds) + 0.5)) <= margin
    }

    private static func isSending(_ reading: ThreadReading, to id: Int32, like thread: BlockedThread, on host: Host) -> Bool {
        let other = BlockedThread(reading, on: host)
        return other.callName == "msgsnd" && other.int(0) == id
            && host.namespace("ipc", of: reading) == host.namespace("ipc", of: thread.reading)
    }

    /// By its system call: in a wait for time, for signals, for any of several descriptors, for a client, or on a futex that is no lock.
    private static func isAtRest(_ reading: ThreadReading, on host: Host) -> Bool {
        let other = BlockedThread(reading, on: host)
        switch other.callName {
        case "nanosleep", "clock_nanosleep", "rt_sigtimedwait", "rt_sigsuspend", "pause", "poll", "ppoll", "select", "pselect6",
            "epoll_wait", "epoll_pwait", "epoll_pwait2", "accept", "accept4", "restart_syscall":
            return true
        case "futex":
            guard let call = FutexCall(other) else { return true }
            return !call.isPriorityInheriting && call.value != 2 && call.value & 0x8000_0000 == 0
        default:
            return false
        }
    }
}
