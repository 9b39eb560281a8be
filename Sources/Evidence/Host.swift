import Glibc
import KernelFacts
import ProcFS
import WaitModel

/// What is known of a host at one moment, read when it is first asked for and kept: threads by process, descriptors, sockets,
/// locks, queues. It records what it could not read, and never guesses.
///
/// One instance serves one thread and one look; `forget` begins another look.
public final class Host {
    public let source: HostSource
    /// The kernel's own machine name, as uname(2) says: `x86_64`, `aarch64`.
    public let machine: String
    public let architecture: Architecture?
    public let clockTicksPerSecond: Double
    public private(set) var gaps: [Gap] = []
    /// Resources that the resolvers have met.
    public private(set) var resources: [ResourceID: Resource] = [:]

    private var processes: [Int32: ProcessReading?] = [:]
    private var interned: [UInt64: String] = [:]
    private var gapKeys: Set<String> = []
    var descriptorIndexCache: DescriptorIndex?
    var unixTableCache: UnixTable??
    var internetTableCache: InternetTable??
    var lockTableCache: [FileLock]??
    var clocksCache: [Int32: (clockMilliseconds: Double, atNanoseconds: UInt64)]?
    var lastRanCache: [ThreadID: Double?] = [:]
    var mapsCache: [Int32: [MemoryMapping]] = [:]
    var childrenCache: [Int32: [(pid: Int32, group: Int32)]]?
    var linkCache: [String: String?] = [:]
    var statusCache: [Int64: Status?] = [:]
    var bootTimeCache: Double??
    var prefetchedMemory: [ThreadID: MemoryPieces] = [:]
    var compatibility: [Int32: Bool] = [:]
    private var stacksAreReadable = true
    private var kernelFramesCache: [ThreadID: [String]] = [:]
    private var attachments: [ObjectIdentifier: AnyObject] = [:]
    /// Whether user stacks may be read to tell what a futex word cannot. Off for sweeps of a whole host, where it would cost too much.
    public var readsStacksForKinds = false
    /// Whether `wchan` is read of every thread: a fifth of a look's time, and no use to whoever asks for stacks only.
    public var readsChannels = true
    /// Takes the first bytes of each thread's stack while it is observed, so that its stack costs no second round. They live for the
    /// call only, and the thread stood still while they were copied.
    public var stackTaker: ((_ thread: ThreadReading, _ copy: UnsafeRawBufferPointer) -> Void)?
    /// Bytes that it is given at most.
    public static let stackCopyBytes = 4096

    public init(source: HostSource) {
        self.source = source
        machine = Self.machine(source)
        architecture = Architecture.ofMachine(machine)
        clockTicksPerSecond = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
    }

    /// `/proc/sys/kernel/arch` (since Linux 6.1) is the observed kernel's, in a recorded tree too, and knows no personality(2).
    private static func machine(_ source: HostSource) -> String {
        let known = try? source.readInPlace("sys/kernel/arch") { bytes in
            String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
        }.get()
        if let known, !known.isEmpty { return known }
        var name = utsname()
        uname(&name)
        return withUnsafeBytes(of: &name.machine) { UnixSocket.name($0) ?? "" }
    }

    // MARK: Threads

    /// Every process id that procfs shows, ascending.
    public func processIDs() -> Result<[Int32], ReadError> { source.numbers(in: "") }

    /// Reads all threads of the processes that were not read yet.
    public func observe(_ pids: some Sequence<Int32>) {
        var work: [(pid: Int32, tid: Int32)] = []
        var seen: Set<Int32> = []
        var order: [(pid: Int32, range: Range<Int>)] = []
        for pid in pids where processes[pid] == nil && seen.insert(pid).inserted {
            let begin = work.count
            switch source.numbers(in: "\(pid)/task") {
            case .success(let tids): for tid in tids { work.append((pid, tid)) }
            case .failure: break
            }
            order.append((pid, begin..<work.count))
        }
        var readings: [RawReading?] = []
        readings.reserveCapacity(work.count)
        source.readMany(
            work,
            fill: { item in
                [
                    .directory(path: "\(source.root)/\(item.pid)/task/\(item.tid)"),
                    .keptMember(name: "schedstat", limit: 128), .member(name: "stat", limit: 1024), .member(name: "syscall", limit: 256),
                ]
                    + (stackTaker != nil
                        ? [
                            .stack(
                                directory: "\(source.root)/\(item.pid)/task/\(item.pid)", tid: item.tid, count: Self.stackCopyBytes,
                                throughFile: !source.sharesPIDs), .again(limit: 128),
                        ] : [])
                    + (readsChannels ? [.member(name: "wchan", limit: 128)] : [])
            },
            take: { item, answers in
                guard let stackTaker, answers.count >= 6 else {
                    readings.append(raw(pid: item.pid, tid: item.tid, answers))
                    return
                }
                let raw = raw(pid: item.pid, tid: item.tid, Array(answers[..<4] + answers[6...]))
                readings.append(raw)
                // A second look at the run count brackets the copy.
                guard let raw, let runs = raw.runCount, case .success(let copy) = answers[4], case .success(let bytes) = answers[5],
                    SchedulerCounters(bytes)?.runCount == runs
                else { return }
                stackTaker(reading(raw, of: ProcessID(pid: item.pid, startTicks: raw.stat.startTicks)), copy)
            })
        for (pid, range) in order {
            let raws = readings[range].compactMap { $0 }
            guard let first = raws.first else {
                processes[pid] = .some(nil)
                continue
            }
            let leader = raws.first { $0.tid == pid } ?? first
            let process = ProcessID(pid: pid, startTicks: leader.stat.startTicks)
            processes[pid] = ProcessReading(
                id: process, name: leader.stat.comm, parent: leader.stat.parent,
                threads: raws.map { reading($0, of: process) })
        }
    }

    private func reading(_ raw: RawReading, of process: ProcessID) -> ThreadReading {
        ThreadReading(
            id: ThreadID(process: process, tid: raw.tid, startTicks: raw.stat.startTicks), stat: raw.stat,
            channel: raw.channel.map(KernelSymbols.normalised), rawChannel: raw.channel, call: raw.call, callProblem: raw.callProblem,
            runCount: raw.runCount, isShut: raw.isShut)
    }

    /// A process with its threads; nil when it is gone, or when the number is that of a thread. Reads it when it was not read yet.
    public func process(_ pid: Int32) -> ProcessReading? {
        if let known = processes[pid] { return known }
        // procfs answers for the number of any thread, with all threads of its process.
        if threadGroup(of: pid) == pid { observe(CollectionOfOne(pid)) } else { processes[pid] = .some(nil) }
        return processes[pid] ?? nil
    }

    /// The process that a thread belongs to; nil when there is no such thread.
    public func threadGroup(of tid: Int32) -> Int32? {
        if let group = try? source.readInPlace("\(tid)/status", { Status($0).threadGroup }).get() { return group }
        // Without `status`, only what procfs lists at its top is known to be a process.
        return (try? processIDs().get())?.contains(tid) == true ? tid : nil
    }

    /// The processes read so far.
    public var observedProcesses: [ProcessReading] { processes.values.compactMap { $0 } }

    /// The process of that identity; nil when its pid is gone or names another one now.
    public func process(_ id: ProcessID) -> ProcessReading? {
        guard let process = process(id.pid), process.id == id else { return nil }
        return process
    }

    private struct RawReading {
        let tid: Int32
        let stat: ThreadStat
        let channel: String?
        let call: SystemCallState?
        let callProblem: ReadError?
        let runCount: UInt64?
        var isShut = false
    }

    private func raw(pid: Int32, tid: Int32, _ answers: [Result<UnsafeRawBufferPointer, ReadError>]) -> RawReading? {
        guard answers.count >= 4 else { return nil }
        let statBytes: UnsafeRawBufferPointer
        switch answers[2] {
        case .success(let bytes): statBytes = bytes
        case .failure(let error):
            if error != .gone { note("/proc/\(tid)/stat", error) }
            guard error == .timedOut, let status = status(pid: pid, tid: tid), let stat = ThreadStat(status) else { return nil }
            var runs: UInt64?
            if case .success(let bytes) = answers[1] { runs = SchedulerCounters(bytes)?.runCount }
            return RawReading(tid: tid, stat: stat, channel: nil, call: nil, callProblem: .timedOut, runCount: runs, isShut: true)
        }
        guard let stat = ThreadStat(statBytes) else { return nil }
        var channel: String?
        if answers.count > 4, case .success(let bytes) = answers[4] { channel = channelName(bytes) }
        var call: SystemCallState?
        var problem: ReadError?
        switch answers[3] {
        case .success(let bytes):
            call = SystemCallState(bytes)
            if call == nil { problem = bytes.isEmpty ? .gone : .unavailable }
        case .failure(let error): problem = error
        }
        var runs: UInt64?
        if case .success(let bytes) = answers[1] { runs = SchedulerCounters(bytes)?.runCount }
        return RawReading(tid: tid, stat: stat, channel: channel, call: call, callProblem: problem, runCount: runs)
    }

    /// nil for "0" (hidden, unknown, or not asleep) and for an empty file. Names are shared: a host has few of them.
    private func channelName(_ bytes: UnsafeRawBufferPointer) -> String? {
        guard let first = bytes.first, first != 0x30, first != 0x0A else { return nil }
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        if let name = interned[hash] { return name }
        var name = bytes.text
        while name.last?.isNewline == true { name.removeLast() }
        interned[hash] = name
        return name
    }

    /// The kernel functions that a sleeping thread is in, innermost first, as the kernel prints them; empty when it runs, and without the
    /// privilege (CAP_SYS_ADMIN in the first user namespace). Read once a look.
    public func kernelFrames(of thread: ThreadReading) -> [String] {
        guard stacksAreReadable, thread.isAsleep, !thread.isShut else { return [] }
        if let known = kernelFramesCache[thread.id] { return known }
        var frames: [String] = []
        switch source.read("\(thread.pid)/task/\(thread.tid)/stack", limit: 16384) {
        case .success(let bytes): frames = bytes.withUnsafeBytes { KernelStack.functions($0) }
        case .failure(let error):
            // Refused once is refused for all: it is a capability of the reader, not of the target.
            if case .denied = error, !thread.stat.isKernelThread, thread.pid != 1 { stacksAreReadable = false }
        }
        kernelFramesCache[thread.id] = frames
        return frames
    }

    /// The kernel function that a sleeping thread is in, from its kernel stack: where `wchan` reads `0`, as some kernels' does for
    /// half of all waits, the first frame outside the scheduler says the same. nil without the privilege.
    public func channelFromStack(of thread: ThreadReading) -> String? {
        guard !thread.stat.isKernelThread else { return nil }
        return kernelFrames(of: thread).first { !KernelSymbols.isScheduler($0) }
    }

    // MARK: Standing still

    /// Reads the run counts again and returns the threads that have run, changed or ended since they were observed.
    public func moved(among threads: [ThreadReading]) -> Set<ThreadID> {
        var moved: Set<ThreadID> = []
        source.readMany(
            threads,
            fill: { thread in
                [
                    .directory(path: "\(source.root)/\(thread.pid)/task/\(thread.tid)"),
                    .member(name: thread.runCount != nil ? "schedstat" : "status", limit: 4096), .member(name: "stat", limit: 1024),
                ]
            },
            take: { thread, answers in
                if thread.isShut, answers.count == 3, case .success(let bytes) = answers[1],
                    SchedulerCounters(bytes)?.runCount == thread.runCount
                {
                    return
                }
                guard answers.count == 3, case .success(let statBytes) = answers[2], let stat = ThreadStat(statBytes),
                    stat.startTicks == thread.id.startTicks, stat.state == thread.stat.state
                else {
                    moved.insert(thread.id)
                    return
                }
                if let before = thread.runCount {
                    guard case .success(let bytes) = answers[1], SchedulerCounters(bytes)?.runCount == before else {
                        moved.insert(thread.id)
                        return
                    }
                } else if stat.userTicks != thread.stat.userTicks || stat.systemTicks != thread.stat.systemTicks {
                    // No run counts in this kernel: CPU time is all there is to compare.
                    moved.insert(thread.id)
                }
            })
        return moved
    }

    // MARK: What could not be read

    /// Notes once what could not be read. A thing that is gone is no gap.
    public func note(_ what: String, _ error: ReadError, unlock: String? = nil) {
        guard error != .gone, error != .notPresent else { return }
        let advice: String
        switch error {
        case .denied: advice = unlock ?? "run as root or with CAP_SYS_PTRACE"
        case .timedOut: advice = unlock ?? "the target holds what the kernel needs to answer; try again when it has moved"
        default: advice = unlock ?? ""
        }
        note(Gap(what: what, why: error.name, unlock: advice))
    }

    public func note(_ gap: Gap) {
        guard gapKeys.insert(gap.what).inserted else { return }
        gaps.append(gap)
    }

    // MARK: What modules to the right keep with a look

    /// The one object of its type that belongs to this look; made when it is first asked for, dropped by `close`.
    public func attached<T: AnyObject>(_ make: () -> T) -> T {
        let key = ObjectIdentifier(T.self)
        if let known = attachments[key] as? T { return known }
        let made = make()
        attachments[key] = made
        return made
    }

    /// Ends the reader processes, and drops what was attached: it may hold this look in turn.
    public func close() {
        stackTaker = nil
        attachments.removeAll()
        source.close()
    }

    // MARK: Resources

    public func register(_ resource: Resource) -> ResourceID {
        resources[resource.id] = resource
        return resource.id
    }
}
