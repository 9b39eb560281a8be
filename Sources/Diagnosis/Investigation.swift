import CLinux
import Evidence
import Glibc
import ProcFS
import UserStacks
import WaitGraph
import WaitModel
import WaitResolution

/// Whom the reader asks about.
public enum Target: Sendable, Hashable {
    /// A process id or a thread id.
    case id(Int32)
    /// Name of a process (its comm, or the last part of its executable's path) or of a thread.
    case name(String)
}

/// Why a question cannot be answered at all.
public enum TargetError: Error, Sendable, Hashable {
    case noSuchID(Int32)
    case noSuchName(String)
    case procUnreadable(String, String)

    /// One line for people.
    public var message: String {
        switch self {
        case .noSuchID(let id): "no process or thread has the id \(id)"
        case .noSuchName(let name): "no process or thread is named \(name)"
        case .procUnreadable(let root, let why): "\(root) cannot be read as a procfs: \(why)"
        }
    }
}

/// One look at a host: observes the targets, resolves what they wait for, follows whoever could release them, looks a second time
/// whether all stood still meanwhile, and reduces.
public struct Investigation {
    public struct Options: Sendable {
        /// Directory of the procfs to read.
        public var procRoot = "/proc"
        /// After that many seconds what is known is answered.
        public var deadlineSeconds = 10.0
        /// Read kernel stacks of the shown threads (needs CAP_SYS_ADMIN).
        public var kernelStacks = false
        /// Read user stacks of all shown threads; without it only of those in a chain, whose own frame is worth a word.
        public var userStacks = false
        /// Directory that sorted symbol tables are kept in from run to run; nil for none.
        public var symbolCache: String?

        public init() {}
    }

    let options: Options

    public init(options: Options = Options()) { self.options = options }

    // MARK: explain

    /// Why the targets do not move; with no target, everything on the host that is held up.
    public func explain(_ targets: [Target]) throws(TargetError) -> Diagnosis {
        let host = try open()
        let selected = try select(targets, on: host)
        host.readsStacksForKinds = !targets.isEmpty && selected.count <= Self.stackedThreadLimit
        var exploration = Exploration(host: host)
        exploration.explore(from: selected)
        let waits = exploration.settled(all: !targets.isEmpty)
        let graph = WaitGraph(waits: waits)
        let findings = graph.findings(about: targets.isEmpty ? nil : Set(selected.map(\.id)))
        return report(findings, selected: targets.isEmpty ? [] : selected, exploration, waits: waits, host)
    }

    // MARK: list

    /// Every thread of the targets with its wait and where its chain ends.
    /// - Parameter samples: looks, 100 ms apart; 1 or more.
    public func list(_ targets: [Target], samples: Int = 1) throws(TargetError) -> ThreadList {
        var looks: [ThreadID: [Look]] = [:]
        var reports: [ThreadID: ThreadReport] = [:]
        var standings: [ThreadID: Standing] = [:]
        var switched: Set<ThreadID> = []
        var runCounts: [ThreadID: UInt64] = [:]
        var identity: HostIdentity?
        var gaps: [Gap] = []
        for sample in 0..<max(1, samples) {
            if sample > 0 { usleep(100_000) }
            let host = try open()
            let selected: [ThreadReading]
            do { selected = try select(targets, on: host) } catch {
                // Gone between two looks: what was seen is still an answer.
                if sample == 0 { throw error }
                break
            }
            host.readsStacksForKinds = !targets.isEmpty && selected.count <= Self.stackedThreadLimit
            var exploration = Exploration(host: host)
            exploration.explore(from: selected)
            let waits = exploration.settled(all: false)
            standings.merge(WaitGraph(waits: waits).standings(of: Set(selected.map(\.id)))) { _, last in last }
            host.prefetchExecutables(of: host.observedProcesses)
            for reading in selected {
                guard let wait = exploration.resolved[reading.id]?.wait else { continue }
                if let before = runCounts[reading.id], before != reading.runCount { switched.insert(reading.id) }
                runCounts[reading.id] = reading.runCount
                var seen = looks[reading.id] ?? []
                let look = Look(kind: wait.kind, channel: wait.channel, resource: wait.resource, state: reading.stat.state)
                if let index = seen.firstIndex(where: { $0.isSame(as: look) }) { seen[index].count += 1 } else { seen.append(look) }
                looks[reading.id] = seen
                reports[reading.id] = threadReport(reading, wait: wait, evidence: [], host)
            }
            if identity == nil { identity = hostIdentity(host) }
            gaps = gaps + gapsOf(host).filter { !gaps.contains($0) }
            host.close()
        }
        let threads = reports.values.sorted { $0.id < $1.id }.map {
            ListedThread(report: $0, looks: looks[$0.id] ?? [], moved: switched.contains($0.id), standing: standings[$0.id])
        }
        guard let identity else { throw .procUnreadable(options.procRoot, "nothing was read") }
        return ThreadList(host: identity, threads: threads, gaps: gaps)
    }

    // MARK: Targets

    func open() throws(TargetError) -> Host {
        let source = HostSource(root: options.procRoot)
        source.deadline = MonotonicClock.now() &+ UInt64(max(0.1, options.deadlineSeconds) * 1e9)
        let host = Host(source: source)
        switch host.processIDs() {
        case .success(let pids) where !pids.isEmpty:
            if let directory = options.symbolCache, !host.stackReader.keepSymbols(in: directory) {
                host.note(
                    Gap(
                        what: "the symbol cache \(directory)", why: "it cannot be used",
                        unlock: "it must be a directory of your own that nobody else may enter (mode 700)"))
            }
            return host
        case .success: throw .procUnreadable(options.procRoot, "no process is in it")
        case .failure(let error): throw .procUnreadable(options.procRoot, error == .gone ? "no such directory" : error.name)
        }
    }

    /// The threads that the targets name. A pid means all threads of the process, a tid that is no pid only that one.
    func select(_ targets: [Target], on host: Host) throws(TargetError) -> [ThreadReading] {
        guard !targets.isEmpty else {
            let own = host.source.sharesPIDs ? getpid() : 0
            let all = ((try? host.processIDs().get()) ?? []).filter { $0 != own }
            host.observe(all)
            return host.observedProcesses.filter { !isOwnReader($0, own) }.flatMap(\.threads).sorted { $0.id < $1.id }
        }
        var chosen: [ThreadID: ThreadReading] = [:]
        for target in targets {
            switch target {
            case .id(let id):
                let threads = threads(withID: id, on: host)
                if threads.isEmpty { throw .noSuchID(id) }
                for thread in threads { chosen[thread.id] = thread }
            case .name(let name):
                let threads = threads(named: name, on: host)
                if threads.isEmpty { throw .noSuchName(name) }
                for thread in threads { chosen[thread.id] = thread }
            }
        }
        return chosen.values.sorted { $0.id < $1.id }
    }

    private func isOwnReader(_ process: ProcessReading, _ own: Int32) -> Bool {
        own != 0 && process.parent == own && process.name == "waitchain-read"
    }

    private func threads(withID id: Int32, on host: Host) -> [ThreadReading] {
        if let process = host.process(id) { return process.threads }
        guard let group = host.threadGroup(of: id), let process = host.process(group) else { return [] }
        return process.threads.filter { $0.tid == id }
    }

    private func threads(named name: String, on host: Host) -> [ThreadReading] {
        guard let pids = try? host.processIDs().get() else { return [] }
        let own = host.source.sharesPIDs ? getpid() : 0
        var matching: [Int32] = []
        for pid in pids where pid != own {
            // comm is cut at 15 bytes; the executable's own name is not.
            let comm = try? host.source.readInPlace("\(pid)/comm") { $0.text }.get()
            let trimmed = comm.map { $0.hasSuffix("\n") ? String($0.dropLast()) : $0 }
            if trimmed == name
                || (name.utf8.count > 15 && trimmed == String(decoding: name.utf8.prefix(15), as: UTF8.self)
                    && executableName(pid, host) == name)
                || executableName(pid, host) == name
            {
                matching.append(pid)
            }
        }
        if !matching.isEmpty {
            host.observe(matching)
            return matching.compactMap { host.process($0) }.flatMap(\.threads)
        }
        host.observe(pids.filter { $0 != own })
        return host.observedProcesses.flatMap(\.threads).filter { $0.name == name }
    }

    private func executableName(_ pid: Int32, _ host: Host) -> String? {
        guard let path = try? host.source.link("\(pid)/exe").get() else { return nil }
        let name = path.hasSuffix(" (deleted)") ? String(path.dropLast(10)) : path
        return name.split(separator: "/").last.map(String.init)
    }

    // MARK: Report

    private func report(
        _ findings: [Finding], selected: [ThreadReading], _ exploration: Exploration, waits: [ThreadID: Wait], _ host: Host
    ) -> Diagnosis {
        var shown = Set(selected.map(\.id))
        var processes: Set<ProcessID> = []
        for finding in findings {
            shown.formUnion(finding.victims)
            shown.formUnion(finding.chain.map(\.thread))
            shown.insert(finding.root)
            shown.formUnion(finding.members)
            if finding.kind != .rest {
                processes.formUnion(finding.victims.map(\.process))
                processes.insert(finding.root.process)
            }
        }
        processes.formUnion(selected.map(\.id.process))
        var threads: [ThreadReport] = []
        for id in shown.sorted() {
            guard let resolved = exploration.resolved[id], let wait = waits[id] else { continue }
            threads.append(
                threadReport(
                    resolved.reading, wait: wait, evidence: WaitFamilies.basicEvidence(resolved.reading, on: host) + resolved.evidence, host
                ))
        }
        addUserStacks(to: &threads, findings, exploration, host)
        noteRefused(shown.compactMap { exploration.resolved[$0]?.reading }, host)
        let used = Set(threads.compactMap(\.wait.resource))
        let resources = used.sorted().compactMap { host.resources[$0] }
        let processReports = processes.sorted().compactMap { id in host.process(id).map { SignalAnswers.report(on: $0, host) } }
        let identity = hostIdentity(host)
        let diagnosis = Diagnosis(
            host: identity, threads: threads, processes: processReports, resources: resources,
            findings: noted(findings, exploration, threads, identity: identity, host),
            gaps: gapsOf(host))
        host.close()
        return diagnosis
    }

    /// The stacks of the threads in the shown chains: where a thread stands in its own program is half of the answer.
    private func addUserStacks(to threads: inout [ThreadReport], _ findings: [Finding], _ exploration: Exploration, _ host: Host) {
        let chained = Set(findings.filter { $0.kind != .rest }.flatMap { $0.chain.prefix(Self.chainStackLimit).map(\.thread) })
        let chosen = threads.indices.filter { options.userStacks || chained.contains(threads[$0].id) }
        let readings = chosen.compactMap { exploration.resolved[threads[$0].id]?.reading }
        guard !readings.isEmpty, readings.count == chosen.count else { return }
        for (index, stack) in zip(chosen, host.stackReader.stacks(of: readings)) { threads[index].userStack = stack }
    }

    /// Of more targeted threads no stacks are read to tell kinds apart.
    private static let stackedThreadLimit = 1000

    /// Links of one chain whose stacks are read unasked.
    private static let chainStackLimit = 32

    /// Says of which shown threads the system call or the channel may not be read: what they wait for rests on less then.
    func noteRefused(_ shown: [ThreadReading], _ host: Host) {
        let ordered = shown.sorted { $0.id < $1.id }
        func note(_ file: String, _ refused: [ThreadReading], _ unlock: String) {
            guard let first = refused.first else { return }
            let more = refused.count > 1 ? " and of \(refused.count - 1) more threads" : ""
            host.note(Gap(what: first.path(file) + more, why: "EACCES", unlock: unlock))
        }
        note(
            "syscall",
            ordered.filter {
                if case .denied = $0.callProblem { true } else { false }
            }, "run as root or with CAP_SYS_PTRACE")
        guard host.readsChannels else { return }
        note(
            "wchan",
            ordered.filter { $0.rawChannel == nil && $0.isAsleep && !$0.stat.isKernelThread && host.channelFromStack(of: $0) == nil },
            "run as root with all capabilities: wchan reads 0, and then only the kernel stack names the place")
    }

    private func threadReport(_ reading: ThreadReading, wait: Wait, evidence: [EvidenceItem], _ host: Host) -> ThreadReport {
        let process = host.process(reading.pid)
        let container = (process?.living).flatMap { host.container(of: $0) }
        let stack = options.kernelStacks ? kernelStack(of: reading, host) : []
        return ThreadReport(
            id: reading.id, process: process?.name ?? reading.name, thread: reading.name,
            executable: process.flatMap { host.executable(of: $0) },
            state: reading.stat.state, container: container?.description,
            blockedSeconds: wait.kind == .runnable || reading.stat.state == UInt8(ascii: "Z") ? nil : host.secondsSinceLastRun(reading),
            wait: wait,
            kernelStack: stack, evidence: evidence)
    }

    func kernelStack(of reading: ThreadReading, _ host: Host) -> [String] {
        switch host.source.read("\(reading.pid)/task/\(reading.tid)/stack", limit: 16384) {
        case .success(let bytes): return bytes.withUnsafeBytes { KernelStack.functions($0) }
        case .failure(let error):
            host.note("/proc/PID/stack", error, unlock: "run as root (CAP_SYS_ADMIN in the first user namespace)")
            return []
        }
    }

    func hostIdentity(_ host: Host) -> HostIdentity {
        var name = utsname()
        uname(&name)
        func field<T>(_ value: T) -> String { withUnsafeBytes(of: value) { UnixSocket.name($0) ?? "" } }
        func line(_ path: String) -> String? {
            guard let text = try? host.source.readInPlace(path, { $0.text }).get() else { return nil }
            return text.hasSuffix("\n") ? String(text.dropLast()) : text
        }
        let live = host.source.isProcFS
        return HostIdentity(
            hostname: live ? field(name.nodename) : line("sys/kernel/hostname") ?? "",
            kernelRelease: line("sys/kernel/osrelease") ?? field(name.release),
            machine: host.machine, bootID: line("sys/kernel/random/boot_id") ?? "",
            observedAtMilliseconds: Int64(Host.wallClock() * 1000), source: options.procRoot == "/proc" ? "live" : options.procRoot)
    }

    func gapsOf(_ host: Host) -> [Gap] {
        var gaps = host.gaps
        if host.source.abandonedReads > 0 {
            gaps.append(
                Gap(
                    what: "\(host.source.abandonedReads) reads", why: "did not answer in time",
                    unlock: "what they would have told is missing above; a target held what the kernel needs to answer"))
        }
        return gaps
    }
}
