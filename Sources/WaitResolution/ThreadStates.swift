import Evidence
import ProcFS
import WaitModel

/// What the state letter alone tells: running, stopped, traced, zombie; and kernel threads.
enum ThreadStates: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        let stat = thread.reading.stat
        switch stat.state {
        case UInt8(ascii: "R"):
            return Runnables.resolve(thread, on: host)
        case UInt8(ascii: "T"):
            let status = host.status(pid: thread.reading.pid, tid: thread.reading.tid)
            if let status, status.tracer != 0 { return traced(thread, by: status.tracer, on: host) }
            return stopped(thread, on: host)
        case UInt8(ascii: "t"):
            return traced(thread, by: host.status(pid: thread.reading.pid, tid: thread.reading.tid)?.tracer ?? 0, on: host)
        case UInt8(ascii: "Z"), UInt8(ascii: "X"), UInt8(ascii: "x"):
            return ended(thread, on: host)
        default:
            guard stat.isKernelThread else { return nil }
            return KernelThreads.resolve(thread, on: host)
        }
    }

    /// Who sent the signal, nothing records; that a job in the background touched its terminal, the terminal tells.
    private static func stopped(_ thread: BlockedThread, on host: Host) -> Wait {
        let stat = thread.reading.stat
        var text = "is stopped by a signal"
        var because = "whoever sends SIGCONT"
        if let number = stat.pseudoTerminal, stat.foregroundGroup > 0, stat.foregroundGroup != stat.processGroup,
            let call = thread.callName,
            case .path(let path)? = host.descriptor(thread.int(0), of: thread.reading), path == "/dev/pts/\(number)" || path == "/dev/tty"
        {
            let isRead = call == "read" || call == "readv"
            let isWrite = call == "write" || call == "writev" || call == "ioctl"
            if isRead || isWrite {
                thread.cite(
                    thread.reading.path("stat"),
                    "process group \(stat.processGroup), the terminal's foreground group is \(stat.foregroundGroup)")
                text +=
                    ", probably \(isRead ? "SIGTTIN" : "SIGTTOU"): it is in the background and \(isRead ? "reads" : "writes to") terminal /dev/pts/\(number)"
                because = "its shell, with fg; or whoever sends SIGCONT when it is in the foreground"
            }
        }
        if host.freezer(of: thread.reading, unified: true)?.isFrozen == true { text += "; its cgroup is frozen, too" }
        return Wait(
            kind: .jobControlStop,
            release: Release(.any, [Party(.outside(.unnamed), role: "continuer", certainty: .possible, because: because)]),
            mobility: .held(.stopped), deadEnd: .stopped, description: text)
    }

    private static func traced(_ thread: BlockedThread, by tracer: Int32, on host: Host) -> Wait {
        var parties: [Party] = []
        if tracer != 0, let target = thread.process(tracer) {
            thread.cite("/proc/\(thread.reading.pid)/task/\(thread.reading.tid)/status", "TracerPid: \(tracer)")
            parties = [Party(target, role: "tracer", certainty: .certain, because: "TracerPid names it")]
        } else {
            parties = [Party(.outside(.unnamed), role: "tracer", certainty: .possible, because: "its tracer is not visible here")]
        }
        let who = tracer == 0 ? "a tracer" : "its tracer, process \(tracer)"
        return Wait(
            kind: .ptraceStop, release: Release(.any, parties), mobility: .held(.traced), deadEnd: .traced,
            description: "is stopped by \(who)")
    }

    private static func ended(_ thread: BlockedThread, on host: Host) -> Wait {
        if let process = host.process(thread.reading.id.process), !process.isZombie {
            return Wait(
                kind: .zombie, mobility: .dead, deadEnd: .idle,
                description: "has ended; \(process.threads.count - 1) other threads of its process still live")
        }
        // A tracer that is not the parent is told first (kernel/exit.c exit_notify).
        if let tracer = host.status(pid: thread.reading.pid, tid: thread.reading.tid)?.tracer, tracer != 0,
            tracer != thread.reading.stat.parent, let target = thread.process(tracer)
        {
            return Wait(
                kind: .zombie,
                release: Release(.any, [Party(target, role: "tracer", certainty: .certain, because: "its tracer has not waited for it")]),
                mobility: .dead, deadEnd: .unanswered, description: "has ended; its tracer, process \(tracer), has not waited for it")
        }
        let parent = thread.reading.stat.parent
        var parties: [Party] = []
        if parent != 0, let target = thread.process(parent) {
            parties = [Party(target, role: "parent", certainty: .certain, because: "its parent has not waited for it")]
        }
        return Wait(
            kind: .zombie, release: Release(.any, parties), mobility: .dead, deadEnd: .unanswered,
            description: parent == 0 ? "has ended" : "has ended; its parent, process \(parent), has not waited for it")
    }
}
