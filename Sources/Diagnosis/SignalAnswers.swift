import Evidence
import ProcFS
import WaitModel
import WaitResolution

/// What SIGQUIT, SIGTERM and SIGKILL would do to a process. Source: signal(7), proc_pid_status(5), kernel/signal.c.
enum SignalAnswers {
    private static let asked: [(name: String, number: UInt64)] = [("SIGQUIT", 3), ("SIGTERM", 15), ("SIGKILL", 9)]

    /// Sleeps of state D that SIGKILL ends all the same (TASK_KILLABLE): kernel/fork.c `wait_for_vfork_done`, fs/exec.c `de_thread`,
    /// mm/memcontrol-v1.c `mem_cgroup_oom_synchronize`.
    private static let killable: Set<String> = [
        "kernel_clone", "_do_fork", "do_fork", "wait_for_vfork_done", "begin_new_exec", "de_thread", "mem_cgroup_oom_synchronize",
    ]

    static func report(on process: ProcessReading, _ host: Host) -> ProcessReport {
        let statuses = process.threads.compactMap { thread in
            host.status(pid: thread.pid, tid: thread.tid).map { (thread: thread, status: $0) }
        }
        let awaited = process.threads.reduce(UInt64(0)) { $0 | WaitFamilies.awaitedSignals($1, on: host) }
        let signals = statuses.isEmpty ? [] : asked.map { answer($0.name, $0.number, process, statuses, awaited: awaited, on: host) }
        return ProcessReport(
            id: process.id, name: process.name, executable: host.executable(of: process), threadCount: process.threads.count,
            signals: signals)
    }

    private static func answer(
        _ name: String, _ number: UInt64, _ process: ProcessReading, _ threads: [(thread: ThreadReading, status: Status)],
        awaited: UInt64, on host: Host
    ) -> SignalAnswer {
        let bit = UInt64(1) << (number - 1)
        func answer(_ outcome: SignalAnswer.Outcome, _ because: String) -> SignalAnswer {
            SignalAnswer(signal: name, outcome: outcome, because: because)
        }
        let count = threads.count
        let all = count == 1 ? "its only thread" : "all \(count) threads"
        if process.isZombie { return answer(.cannotAct, "it has ended already; only its parent can remove it") }
        if threads.allSatisfy({ $0.thread.stat.isExiting }) { return answer(.cannotAct, "it is ending already") }
        let accepting = threads.filter { $0.status.blocked & bit == 0 }
        let states = threads.map(\.thread.stat.state)
        if threads.contains(where: { ($0.status.pendingInProcess | $0.status.pendingInThread) & bit != 0 }) {
            if accepting.isEmpty { return answer(.pending, "sent already, and blocked in \(all) (SigBlk)") }
            if states.contains(UInt8(ascii: "T")) || states.contains(UInt8(ascii: "t")) {
                return answer(.pending, "sent already; it is delivered when the process is continued")
            }
            return answer(.pending, "sent already; no thread has come to handle it, state \(letters(states))")
        }
        if name != "SIGKILL" {
            // The kernel shows the signals of a sigwait as unblocked while it lasts.
            if awaited & bit != 0 { return answer(.caught, "a thread would take it by sigwait") }
            if threads[0].status.ignored & bit != 0 { return answer(.ignored, "the process ignores it (SigIgn)") }
            if accepting.isEmpty { return answer(.blocked, "blocked in \(all) (SigBlk)") }
        }
        if name != "SIGKILL", threads.allSatisfy({ WaitFamilies.isFrozen($0.thread, on: host) }) {
            // complete_signal (kernel/signal.c) turns a signal that just ends a process into SIGKILL, which the trap of v2 lets through.
            let ends = name == "SIGTERM" && threads[0].status.caught & bit == 0 && states.allSatisfy { $0 == UInt8(ascii: "S") }
            if !ends { return answer(.cannotAct, "its cgroup is frozen; it would wait until that is thawed") }
        }
        let able = accepting.filter {
            name == "SIGKILL" ? true : $0.thread.stat.state != UInt8(ascii: "T") && $0.thread.stat.state != UInt8(ascii: "t")
        }
        if able.isEmpty {
            let traced = accepting.contains { $0.thread.stat.state == UInt8(ascii: "t") }
            return answer(
                .cannotAct, "every thread that does not block it is \(traced ? "held by a tracer" : "stopped"); it would wait for SIGCONT")
        }
        if able.allSatisfy({ $0.thread.stat.state == UInt8(ascii: "D") }),
            name != "SIGKILL" || !able.contains(where: { killable.contains($0.thread.channel ?? "") })
        {
            return answer(.cannotAct, "every thread that could take it is in uninterruptible sleep (state D)")
        }
        if name == "SIGKILL" { return answer(.default, "it would end the process") }
        if threads[0].status.caught & bit != 0 {
            return answer(
                .caught,
                accepting.count == count
                    ? "a handler would run (SigCgt)" : "a handler would run in one of \(accepting.count) threads of \(count) (SigCgt)")
        }
        if process.id.pid == 1 { return answer(.ignored, "the kernel ignores signals without a handler for process 1") }
        return answer(.default, name == "SIGQUIT" ? "it would end the process with a core dump" : "it would end the process")
    }

    private static func letters(_ states: [UInt8]) -> String {
        Set(states).sorted().map { String(Character(UnicodeScalar($0))) }.joined(separator: ", ")
    }
}
