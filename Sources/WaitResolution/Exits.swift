import Evidence
import WaitModel

/// Threads that are ending, and threads that wait for their fellows to end: `execve` among several threads, a core dump in progress, the
/// first process of a pid namespace. Source: fs/exec.c `de_thread`, fs/coredump.c `coredump_wait`, kernel/exit.c
/// `coredump_task_exit`, kernel/pid_namespace.c `zap_pid_ns_processes`.
enum Exits: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        guard thread.reading.isAsleep, !thread.reading.stat.isKernelThread, let channel = thread.channel else { return nil }
        switch channel {
        // `de_thread` is taken in by its caller, on most kernels.
        case "de_thread", "begin_new_exec", "flush_old_exec", "setup_new_exec":
            guard thread.callName == nil || thread.callName == "execve" || thread.callName == "execveat" else { return nil }
            return exec(thread, on: host)
        case "coredump_wait": return dumperWaits(thread, on: host)
        case "do_coredump", "vfs_coredump", "coredump_task_exit", "wait_for_dump_helpers", "dump_emit", "do_exit", "exit_mm":
            return dump(thread, channel, on: host)
        case "do_wait", "kernel_wait4", "zap_pid_ns_processes": return lastOfNamespace(thread, on: host)
        case "exit_aio", "io_uring_cancel_generic", "io_wq_put_and_exit": return outstanding(thread)
        default:
            guard thread.reading.stat.dumpsCore, channel.hasPrefix("pipe_") || channel.hasSuffix("pipe_write") else { return nil }
            return dumperWrites(thread, on: host)
        }
    }

    // MARK: execve

    private static func exec(_ thread: BlockedThread, on host: Host) -> Wait {
        let others = living(in: thread, on: host)
        let path = thread.callName == "execve" ? thread.string(thread.argument(0)) : nil
        return Wait(
            kind: .execWait, resource: fellows(thread, others.count, on: host),
            release: Release(.all, others.map { fellow($0, "it is a thread of the process that executes a program, and must end first") }),
            isDemand: true,
            description: "executes \(path.map { "\($0)" } ?? "a program"), and waits for \(count(others)) of its process to end")
    }

    // MARK: Core dumps

    /// The dumping thread waits until its fellows have come to rest.
    private static func dumperWaits(_ thread: BlockedThread, on host: Host) -> Wait {
        let others = living(in: thread, on: host).filter { !restsForDump($0, on: host) }
        return Wait(
            kind: .unknown, resource: fellows(thread, others.count, on: host),
            release: Release(
                .all, others.map { fellow($0, "the core dump begins only when it has come to rest") }, completeness: .inferred),
            isDemand: true, description: "is ending with a core dump, and waits for \(count(others)) of its process to come to rest")
    }

    private static func dump(_ thread: BlockedThread, _ channel: String, on host: Host) -> Wait? {
        switch channel {
        case "wait_for_dump_helpers", "dump_emit": return dumperWrites(thread, on: host)
        case "do_coredump", "vfs_coredump":
            return restsForDump(thread.reading, on: host) ? nil : dumperWaits(thread, on: host)
        default: break
        }
        // A thread that waits in do_exit while a core is dumped: which thread writes it, PF_DUMPCORE tells.
        guard let process = host.process(thread.reading.id.process) else { return nil }
        let dumpers = process.threads.filter { $0.id != thread.id && $0.stat.dumpsCore && $0.isAsleep }
        guard channel == "coredump_task_exit" || !dumpers.isEmpty else { return nil }
        let flagged = dumpers.isEmpty ? process.threads.filter { $0.id != thread.id && $0.isAsleep } : dumpers
        return Wait(
            kind: .unknown,
            release: Release(
                .any,
                flagged.map {
                    Party(
                        .thread($0.id), role: "dumper", certainty: dumpers.count == 1 ? .certain : .possible,
                        because: dumpers.count == 1 ? "it writes the core dump (PF_DUMPCORE)" : "one of its fellows writes the core dump")
                }, completeness: .inferred),
            isDemand: true, description: "is ending, and waits until its process's core dump is written")
    }

    /// The dump goes into a pipe to a program that the kernel started (`core_pattern` with a bar). The kernel itself holds the write end.
    private static func dumperWrites(_ thread: BlockedThread, on host: Host) -> Wait {
        // Children of kthreadd's workers, with the read end as standard input, and nobody with a write end.
        let readers = helperCandidates(on: host)
        let parties = readers.map {
            Party(
                .process($0.id), role: "core dump handler", certainty: readers.count == 1 ? .inferred : .possible,
                because: "the kernel started it, and its input is a pipe that no process writes to")
        }
        return Wait(
            kind: .unknown,
            release: Release(
                .any,
                parties.isEmpty
                    ? [Party(.outside(.unnamed), role: "core dump handler", certainty: .possible, because: "whatever takes the core dump")]
                    : parties, completeness: .inferred),
            isDemand: true, description: "is ending, and writes its core dump to a handler")
    }

    private static func helperCandidates(on host: Host) -> [ProcessReading] {
        host.children(of: 2).compactMap { host.process($0) }.filter { process in
            guard let living = process.living, !living.stat.isKernelThread, case .pipe(let inode)? = host.descriptor(0, of: living) else {
                return false
            }
            return !host.holders(of: "pipe:[\(inode)]").contains { host.descriptorInfo($0)?.canWrite == true }
        }
    }

    private static func restsForDump(_ reading: ThreadReading, on host: Host) -> Bool {
        reading.channel == "coredump_task_exit" || reading.channel == "do_exit" || reading.channel == "exit_mm"
    }

    // MARK: The first process of a pid namespace

    private static func lastOfNamespace(_ thread: BlockedThread, on host: Host) -> Wait? {
        let reading = thread.reading
        guard reading.stat.isExiting || thread.channel == "zap_pid_ns_processes",
            let status = host.status(pid: reading.pid, tid: reading.tid), status.namespaceIDs.count > 1 || reading.pid == 1
        else { return nil }
        let own = host.namespace("pid", of: reading)
        var members = host.children(of: reading.pid)
        if own != nil {
            // Those that entered from outside have a parent elsewhere.
            for pid in (try? host.processIDs().get()) ?? [] where pid != reading.pid && !members.contains(pid) {
                if let other = host.status(pid: pid, tid: pid), other.namespaceIDs.count >= status.namespaceIDs.count,
                    let process = host.process(pid), let living = process.living, host.namespace("pid", of: living) == own
                {
                    members.append(pid)
                }
            }
        }
        let living = members.sorted().compactMap { host.process($0) }.filter { !$0.isZombie }
        thread.cite("/proc/*/status (NSpid)", "\(living.count) processes left in the pid namespace")
        return Wait(
            kind: .childExit,
            resource: host.register(
                Resource(
                    id: ResourceID("pid-namespace:\(own ?? "\(reading.pid)")"), kind: "pid-namespace",
                    label: "the pid namespace of process \(reading.pid)", facts: [("processes", .number(Int64(living.count)))])),
            release: Release(
                .all,
                living.map {
                    Party(
                        .process($0.id), role: "member", certainty: .certain,
                        because: "the first process of a pid namespace waits for all the others to end")
                }, completeness: own == nil ? .inferred : .certain),
            deadEnd: .unknown, isDemand: true,
            description: "is ending as the first process of its pid namespace, and waits for "
                + (living.count == 1 ? "\(living[0].name) (\(living[0].id.pid))" : "its \(living.count) processes") + " to end")
    }

    private static func outstanding(_ thread: BlockedThread) -> Wait {
        Wait(
            kind: .unknown,
            release: Release(
                .any, [Party(.outside(.device), role: "device", certainty: .possible, because: "the requests that it has under way")]),
            isDemand: true, description: "is ending, and waits for its outstanding I/O requests")
    }

    // MARK: Fellows

    private static func living(in thread: BlockedThread, on host: Host) -> [ThreadReading] {
        (host.process(thread.reading.id.process)?.threads ?? []).filter {
            $0.id != thread.id && $0.stat.state != UInt8(ascii: "Z") && $0.stat.state != UInt8(ascii: "X")
        }
    }

    private static func fellow(_ thread: ThreadReading, _ because: String) -> Party {
        Party(.thread(thread.id), role: "fellow thread", certainty: .certain, because: because)
    }

    private static func count(_ threads: [ThreadReading]) -> String {
        threads.count == 1 ? "the other thread \(threads[0].name) (\(threads[0].tid))" : "\(threads.count) other threads"
    }

    private static func fellows(_ thread: BlockedThread, _ count: Int, on host: Host) -> ResourceID {
        host.register(
            Resource(
                id: ResourceID("threads:\(thread.reading.pid)"), kind: "threads", label: "the threads of process \(thread.reading.pid)",
                facts: [("threads", .number(Int64(count)))]))
    }
}
