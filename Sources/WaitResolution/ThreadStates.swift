import Evidence
import ProcFS
import WaitModel

/// What the state letter alone tells: running, stopped, traced, zombie; and kernel threads.
enum ThreadStates: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        let stat = thread.reading.stat
        if thread.reading.isShut, thread.reading.isAsleep { return shut(thread) }
        switch stat.state {
        case UInt8(ascii: "R"):
            return Wait(kind: .runnable, mobility: .free(.running), deadEnd: .running, description: "runs")
        case UInt8(ascii: "T"):
            let status = host.status(pid: thread.reading.pid, tid: thread.reading.tid)
            if let status, status.tracer != 0 { return traced(thread, by: status.tracer, on: host) }
            return Wait(
                kind: .jobControlStop,
                release: Release(
                    .any, [Party(.outside(.unnamed), role: "continuer", certainty: .possible, because: "whoever sends SIGCONT")]),
                mobility: .held(.stopped), deadEnd: .stopped, description: "is stopped by a signal")
        case UInt8(ascii: "t"):
            return traced(thread, by: host.status(pid: thread.reading.pid, tid: thread.reading.tid)?.tracer ?? 0, on: host)
        case UInt8(ascii: "Z"), UInt8(ascii: "X"), UInt8(ascii: "x"):
            return ended(thread, on: host)
        default:
            guard stat.isKernelThread, !Disks.isBlockedKernelThread(thread) else { return nil }
            return Wait(kind: .kernelWorker, mobility: .free(.idle), deadEnd: .idle, description: "is a kernel thread at rest")
        }
    }

    /// The kernel keeps every reader of `stat`, `wchan` and `syscall` waiting while the process holds the lock under which it takes on a
    /// new program (signal->exec_update_lock, fs/exec.c `begin_new_exec`); nothing else does, where `status` answers.
    private static func shut(_ thread: BlockedThread) -> Wait {
        thread.cite(thread.reading.path("stat"), "does not answer")
        return Wait(
            kind: .unknown,
            release: Release(
                .any,
                [Party(.outside(.unnamed), role: "unknown", certainty: .possible, because: "the kernel does not tell what it waits for")],
                completeness: .possible),
            deadEnd: .unknown, isDemand: true,
            description: "is most likely in the middle of execve: the kernel does not let anybody read what it waits for")
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
