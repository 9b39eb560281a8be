import Evidence
import ProcFS
import WaitModel

/// Waits for completions of an io_uring, and its workers. Source: io_uring_enter(2), io_uring/io_uring.c `io_cqring_wait`.
///
/// The kernel shows the opcodes of requests that wait for their descriptor (`PollList` in fdinfo), not the descriptors. Those stand in the
/// submission entries, which stay until they are overwritten, answered or not: so nobody behind them is ever certain.
enum IOUrings: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        // PF_IO_WORKER (include/linux/sched.h): its `syscall` is a copy of its maker's registers.
        if thread.reading.stat.flags & 0x10 != 0, !thread.reading.stat.isKernelThread { return worker(thread) }
        guard thread.callName == "io_uring_enter", thread.reading.isAsleep else { return nil }
        // Waits below other functions are those of a request that is carried out in place.
        if let channel = thread.channel, !["io_cqring_wait", "io_cqring_wait_schedule", "sys_io_uring_enter"].contains(channel) {
            return nil
        }
        return completions(thread, on: host)
    }

    private static func worker(_ thread: BlockedThread) -> Wait? {
        let resting: Set<String> = ["io_wq_worker", "io_wqe_worker", "io_sq_thread"]
        guard let channel = thread.channel, resting.contains(channel) else { return nil }
        return Wait(
            kind: .kernelWorker,
            release: Release(.any, [Party(.outside(.newWork), role: "request", certainty: .possible, because: "the next request")]),
            deadEnd: .idle, description: "is an io_uring worker at rest")
    }

    private static func completions(_ thread: BlockedThread, on host: Host) -> Wait {
        let wanted = thread.int(2)
        let flags = thread.argument(3)
        let ring = flags & 1 << 4 != 0 ? onlyRing(of: thread, on: host) : thread.int(0)
        var parties: [Party] = []
        var texts: [String] = []
        var pending = 0
        var stale = false
        if let ring, let info = host.ioUring(ring, of: thread.reading) {
            let entries = host.submissionEntries(ring: ring, info, of: thread.reading)
            let chosen = entries.map { candidates($0, info) } ?? []
            pending = info.pendingOpcodes.count
            stale = !info.listsPending || chosen.count > pending
            if info.listsPending {
                thread.cite(
                    "\(thread.reading.path("fdinfo"))/\(ring)",
                    "PollList: opcodes " + info.pendingOpcodes.prefix(16).map { "\($0)" }.joined(separator: " "))
            }
            for (ordinal, entry) in chosen.prefix(64).enumerated() {
                for ready in MemberKinds.readiness(
                    entry.descriptor, reads: entry.reads, writes: entry.writes, thread, on: host, member: ordinal)
                {
                    texts.append(ready.text)
                    parties += ready.parties.map {
                        Party(
                            $0.target, role: $0.role, certainty: min($0.certainty, stale ? .possible : .inferred),
                            because: $0.because + "; that the request is still under way is read off the ring's memory",
                            endsChain: $0.endsChain,
                            member: ordinal)
                    }
                }
            }
            if entries?.contains(where: { $0.opcode == 11 || $0.opcode == 15 }) == true {
                parties.append(
                    Party(
                        .outside(.timer), role: "timer", certainty: .possible, because: "a timeout was among the requests",
                        member: chosen.count))
            }
        }
        if parties.isEmpty {
            parties.append(
                Party(
                    .outside(.unnamed), role: "request", certainty: .possible,
                    because: ring == nil ? "which ring it is may not be read" : "no request under way is to be seen"))
        }
        let what =
            texts.isEmpty ? "" : ": " + texts.prefix(3).joined(separator: "; ") + (texts.count > 3 ? " and \(texts.count - 3) more" : "")
        let name = ring.map { "io_uring \($0)" } ?? "an io_uring"
        var wait = Wait(
            kind: .ioUring,
            resource: host.register(
                Resource(
                    id: ResourceID("io-uring:\(thread.reading.pid):\(ring.map { "\($0)" } ?? "?")"), kind: "io-uring",
                    label: "\(name) of process \(thread.reading.pid)",
                    facts: [("pendingRequests", .number(Int64(pending))), ("completionsWanted", .number(Int64(wanted)))])),
            release: Release(.any, parties, completeness: .inferred), deadEnd: .idle,
            description: "waits for \(wanted) completion\(wanted == 1 ? "" : "s") of \(name)" + what)
        // IORING_ENTER_EXT_ARG: struct io_uring_getevents_arg {u64 sigmask; u32 size; u32 pad; u64 ts}.
        if flags & 1 << 3 != 0, let argument = thread.memory(thread.argument(4), 24), argument.count == 24, argument.u64(16) != 0,
            let bytes = thread.memory(argument.u64(16), 16), bytes.count == 16
        {
            wait.timeoutSeconds = Double(Int64(bitPattern: bytes.u64(0))) + Double(bytes.u64(8)) / 1e9
            wait.mobility = .free(.timer)
            wait.deadEnd = .timer
        }
        return wait
    }

    /// A registered ring is given by its index in a table that is not shown.
    private static func onlyRing(of thread: BlockedThread, on host: Host) -> Int32? {
        let rings = host.holders(of: "anon_inode:[io_uring]").filter { $0.pid == thread.reading.pid }
        return rings.count == 1 ? rings[0].descriptor : nil
    }

    private struct Candidate: Hashable {
        let descriptor: Int32
        let reads: Bool
        let writes: Bool
    }

    /// The descriptors of entries whose operation is among those under way.
    private static func candidates(_ entries: [SubmissionEntry], _ info: IOUringInfo) -> [Candidate] {
        var chosen: [Candidate] = []
        let pending = Set(info.pendingOpcodes)
        for entry in entries where !entry.usesRegisteredFile && entry.descriptor >= 0 {
            if info.listsPending, !pending.contains(entry.opcode) { continue }
            let candidate: Candidate
            switch entry.opcode {
            // READV, READ_FIXED, RECVMSG, ACCEPT, READ, RECV, READ_MULTISHOT
            case 1, 4, 10, 13, 22, 27, 49: candidate = Candidate(descriptor: entry.descriptor, reads: true, writes: false)
            // WRITEV, WRITE_FIXED, SENDMSG, CONNECT, WRITE, SEND, SPLICE, SEND_ZC, SENDMSG_ZC
            case 2, 5, 9, 16, 23, 26, 30, 47, 48: candidate = Candidate(descriptor: entry.descriptor, reads: false, writes: true)
            case 6: candidate = Candidate(descriptor: entry.descriptor, reads: entry.events & 0x43 != 0, writes: entry.events & 4 != 0)
            default: continue
            }
            if !chosen.contains(candidate) { chosen.append(candidate) }
        }
        return chosen
    }
}
