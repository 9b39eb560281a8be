import Evidence
import KernelFacts
import ProcFS
import WaitModel

/// What one thread waits for, by one wait family: evidence in, a wait out. It does not walk chains.
public protocol WaitResolver: Sendable {
    /// nil when the thread does not wait for this family's things.
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait?
}

/// The families, in the order in which they are asked; the first that knows the wait answers. States come first, since a stopped
/// thread still shows the system call that it was stopped in; what the channel alone tells comes last.
public enum WaitFamilies {
    static let all: [any WaitResolver.Type] = [
        FrozenGroups.self,
        ThreadStates.self,
        IOUrings.self,
        SeccompNotifications.self,
        MemoryLimits.self,
        Exits.self,
        Sleeps.self,
        Futexes.self,
        MessageQueues.self,
        PollSets.self,
        FileLocks.self,
        Children.self,
        FIFOOpens.self,
        Pipes.self,
        Events.self,
        PosixQueues.self,
        SysVSemaphores.self,
        Terminals.self,
        UnixSockets.self,
        InternetSockets.self,
        ChannelOnly.self,
    ]

    /// What every thread's wait rests on: its state, channel and system call. No reading beyond the look itself.
    public static func basicEvidence(_ reading: ThreadReading, on host: Host) -> [EvidenceItem] { BlockedThread(reading, on: host).basics }

    /// The wait of one thread, with what it was told by beyond `basicEvidence`.
    public static func resolve(_ reading: ThreadReading, on host: Host) -> (wait: Wait, evidence: [EvidenceItem]) {
        let thread = BlockedThread(reading, on: host)
        for family in all {
            let cited = thread.evidence.count
            guard var wait = family.resolve(thread, on: host) else { continue }
            // Held up on the way, it does not wait for what its call and descriptor say.
            if wait.kind.isOfTheCall, thread.isHeldUpOnTheWay, wait.kind != thread.classification.kind {
                thread.uncite(beyond: cited)
                continue
            }
            if wait.kind == .socketOther, thread.classification.restsOnKernelFunction, thread.classification.family?.group == .sockets {
                wait.kind = thread.classification.kind
            }
            if thread.restsOnDescriptorAlone(wait.kind) {
                wait.doubt("where it sleeps is not shown, its call and descriptor are all there is")
            }
            RuntimeLoops.annotate(&wait, thread, on: host)
            wait.channel = thread.rawChannel
            wait.systemCall = thread.callName
            return (wait, thread.evidence)
        }
        let wait = Wait(
            kind: .unknown, channel: thread.rawChannel, systemCall: thread.callName,
            release: Release(
                .any, [Party(.outside(.unnamed), role: "unknown", certainty: .possible, because: "nothing tells what it waits for")]),
            deadEnd: .unknown, description: thread.unknownDescription)
        return (wait, thread.evidence)
    }
}

/// One thread as the resolvers see it: its reading, its system call by name, and the evidence that they cite.
public final class BlockedThread {
    public let reading: ThreadReading
    let host: Host
    /// The architecture of its system call numbers: a 32-bit program on a 64-bit kernel has its own.
    public let architecture: Architecture?
    /// Name of the system call that it is in, without regard to restarts; nil when it is in none or may not be read.
    public let callName: String?
    /// That call with its arguments.
    let call: SystemCall?
    /// The kernel function that it sleeps in, as the kernel prints it, and where that was read.
    let rawChannel: String?
    private let channelSource: String
    /// The same, normalised.
    let channel: String?
    /// The kernel functions that it is in, normalised, innermost first; empty without the privilege to read them.
    private(set) lazy var kernelFrames = host.kernelFrames(of: reading).map(KernelSymbols.normalised)
    /// What state, channel, stack, system call and descriptor show together.
    private(set) lazy var classification = classify()
    /// What the families cite beyond channel and system call, which `basics` cites when a thread is shown.
    public private(set) var evidence: [EvidenceItem] = []

    init(_ reading: ThreadReading, on host: Host) {
        self.reading = reading
        self.host = host
        let own = host.architecture(of: reading)
        architecture = own
        // A kernel thread is in no system call, whatever number procfs prints for it.
        let plain = reading.stat.isKernelThread ? nil : reading.systemCall
        let name = plain.flatMap { call in own.flatMap { SystemCalls.name(call.number, on: $0) } }
        if let plain, let name, let unpacked = PackedCalls.unpack(name, plain, of: reading, on: host) {
            (callName, call) = unpacked
        } else {
            (callName, call) = (name, plain)
        }
        if let raw = reading.rawChannel {
            (rawChannel, channel, channelSource) = (raw, reading.channel, reading.path("wchan"))
        } else {
            let fromStack = host.channelFromStack(of: reading)
            (rawChannel, channel, channelSource) = (fromStack, fromStack.map(KernelSymbols.normalised), reading.path("stack"))
        }
    }

    var id: ThreadID { reading.id }
    /// Bytes of a pointer and of a `long` in the target.
    var wordSize: Int { architecture == .i386 || architecture == .arm ? 4 : 8 }

    func argument(_ index: Int) -> UInt64 { call?[index] ?? 0 }
    /// An argument that is a C `int`.
    func int(_ index: Int) -> Int32 { Int32(truncatingIfNeeded: argument(index)) }

    func cite(_ source: String, _ value: String) { evidence.append(EvidenceItem(source: source, value: value)) }

    /// Takes back what a family cited whose answer is not given.
    func uncite(beyond count: Int) { evidence.removeLast(evidence.count - count) }

    /// State, channel and system call stand under every claim.
    var basics: [EvidenceItem] {
        var items = [EvidenceItem(source: reading.path("stat"), value: "state \(Character(UnicodeScalar(reading.stat.state)))")]
        if let rawChannel { items.append(EvidenceItem(source: channelSource, value: rawChannel)) }
        if let classificationEvidence { items.append(classificationEvidence) }
        if let call, let callName {
            let arguments = (0..<6).map { "0x" + String(call[$0], radix: 16) }.joined(separator: " ")
            items.append(EvidenceItem(source: reading.path("syscall"), value: "\(callName)(\(arguments))"))
        } else if case .outside = reading.call {
            items.append(EvidenceItem(source: reading.path("syscall"), value: "in no system call"))
        } else if let problem = reading.callProblem, problem != .gone {
            items.append(EvidenceItem(source: reading.path("syscall"), value: problem.name))
        }
        return items
    }

    var unknownDescription: String {
        let hidden =
            if case .refused? = channelAbsence { "for something that this user may not see" } else {
                "in a place that the kernel does not show"
            }
        let place = rawChannel.map { "in kernel function \($0)" } ?? hidden
        return "waits \(place)" + (callName.map { ", system call \($0)" } ?? "")
    }

    // MARK: Memory

    func memory(_ address: UInt64, _ count: Int) -> [UInt8]? { host.memory(of: reading, at: address, count: count) }

    /// A NUL-terminated string in the target, up to 4096 bytes.
    func string(_ address: UInt64) -> String? {
        guard let bytes = memory(address, 4096), let end = bytes.firstIndex(of: 0) else { return nil }
        return String(decoding: bytes[..<end], as: UTF8.self)
    }

    /// A `struct timespec` (or with `microseconds` a `struct timeval`) in the target, in seconds.
    func seconds(at address: UInt64, microseconds: Bool = false) -> Double? {
        guard address != 0, let bytes = memory(address, 2 * wordSize), bytes.count == 2 * wordSize else { return nil }
        let whole = Double(bytes.word(0, wordSize))
        return whole + Double(bytes.word(wordSize, wordSize)) / (microseconds ? 1e6 : 1e9)
    }

    // MARK: Parties

    /// Whether the thread is the only one of its process.
    var isAlone: Bool { host.process(reading.id.process)?.threads.count == 1 }

    /// A party: another process, or the own one, of which then another thread must act.
    func process(_ pid: Int32) -> PartyTarget? { host.process(pid).map { .process($0.id) } }
}

extension [UInt8] {
    /// A signed number of 4 or 8 bytes in the machine's order; 0 beyond the end.
    func word(_ offset: Int, _ size: Int) -> Int64 {
        size == 4 ? Int64(Int32(bitPattern: u32(offset))) : Int64(bitPattern: u64(offset))
    }

    /// 0 beyond the end.
    func u32(_ offset: Int) -> UInt32 {
        guard offset >= 0, offset + 4 <= count else { return 0 }
        return withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
    }

    /// 0 beyond the end.
    func u64(_ offset: Int) -> UInt64 {
        guard offset >= 0, offset + 8 <= count else { return 0 }
        return withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
    }
}
