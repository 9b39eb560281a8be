import Evidence
import Glibc
import KernelFacts
import ProcFS
import WaitModel

/// Why a sleeping thread's `wchan` names no function. Source: fs/proc/base.c proc_pid_wchan, arch/x86/kernel/process.c get_wchan.
enum ChannelAbsence: Sendable {
    /// The reader may look at the thread, and yet the kernel printed 0: it could not tell, as x86-64 kernels of Linux 4.14 to 5.15 with the
    /// ORC unwinder for every second wait, and some distributions' for all.
    case hiddenByKernel
    /// 0 also stands for "not permitted".
    case refused
    /// It may be either.
    case unclear

    var text: String {
        switch self {
        case .hiddenByKernel: "this kernel's wchan reads 0"
        case .refused: "wchan may not be read (another user's process)"
        case .unclear: "wchan reads 0, for want of permission or because this kernel does not tell"
        }
    }
}

extension BlockedThread {
    /// The signs that cost no further reading: what the look itself found, and the stack where `wchan` had already to be made up from it.
    private var firstSigns: WaitSigns {
        WaitSigns(
            state: reading.stat.state, channel: reading.rawChannel, stack: reading.rawChannel == nil ? kernelFrames : [], call: callName,
            arguments: call.map { call in (0..<6).map { call[$0] } } ?? [])
    }

    /// Classifies with as little reading as will do: first without the stack, then with it, at last with the descriptor.
    func classify() -> Classification {
        var signs = firstSigns
        var found = Classification(signs)
        if found.needsStack(reading), signs.stack.isEmpty, !kernelFrames.isEmpty {
            signs.stack = kernelFrames
            found = Classification(signs)
        }
        if found.kind == .unknown || found.kind == .socketOther, reading.isAsleep, let sort = descriptorSort {
            signs.descriptor = sort
            found = Classification(signs)
        }
        return found
    }

    /// Whether it is held up on its system call's way, so that the call and its descriptor say nothing of what it waits for.
    /// Reads no stack of a thread in interruptible sleep whose channel is known.
    var isHeldUpOnTheWay: Bool {
        guard reading.isAsleep, !reading.stat.isKernelThread else { return false }
        if reading.stat.state == UInt8(ascii: "D") { return classification.interruptsCall }
        if let channel = reading.channel {
            // Most threads of a host sleep in a function of which one look-up says that it is the call's own.
            guard let fact = WaitChannels.fact(of: channel), fact.family == .ambiguous || Classification.isOnTheWay(fact.family) else {
                return false
            }
        }
        return Classification(firstSigns).interruptsCall
    }

    /// What the descriptor is that the call waits on: its first argument, for splice and the like too.
    private var descriptorSort: DescriptorSort? {
        guard let callName, SystemCallSorts.direction(callName) != nil, let target = host.descriptor(int(0), of: reading) else {
            return nil
        }
        guard case .socket(let inode) = target, host.sharesNamespace("net", reading) else { return DescriptorSort(target) }
        if host.unixTable?.byInode[inode] != nil { return .unixSocket }
        switch host.internetTable?.byInode[inode]?.transport {
        case 6: return .tcpSocket
        case 17: return .udpSocket
        default: return .socket
        }
    }

    /// Whether nothing but the call and its descriptor says that it waits there. It may as well be held up on the way: in a page fault of
    /// its buffer, by seccomp, by a frozen cgroup. What memory or a table of waiters confirms (futexes, file locks) rests on more.
    func restsOnDescriptorAlone(_ kind: WaitKind) -> Bool {
        switch kind {
        case .pipeRead, .pipeWrite, .unixConnect, .unixSend, .unixReceive, .unixAccept, .tcpConnect, .tcpSend, .tcpReceive, .tcpAccept,
            .udpReceive, .netlinkReceive, .socketOther, .posixQueueSend, .posixQueueReceive, .sysvMessageSend, .sysvMessageReceive,
            .eventfdRead, .eventfdWrite, .ttyRead, .ttyWrite:
            channelAbsence != nil && !classification.restsOnKernelFunction
        default: false
        }
    }

    /// Why no channel could be read; nil when one was, and for a thread that is not asleep.
    var channelAbsence: ChannelAbsence? {
        guard reading.rawChannel == nil, reading.isAsleep, !reading.stat.isKernelThread else { return nil }
        // `syscall` needs at least the right that `wchan` does (PTRACE_MODE_ATTACH against READ).
        if reading.call != nil { return .hiddenByKernel }
        guard case .denied? = reading.callProblem else { return .unclear }
        guard let user = host.status(pid: reading.pid, tid: reading.tid)?.user, host.source.sharesPIDs else { return .unclear }
        return geteuid() != 0 && user != geteuid() ? .refused : .unclear
    }

    /// What the classification rests on, where that is not the channel; nil when it is, or when the thread is not asleep.
    var classificationEvidence: EvidenceItem? {
        guard let absence = channelAbsence else { return nil }
        let stack = kernelFrames.isEmpty ? " and the kernel stack may not be read" : ""
        let signs = classification.signs.filter { $0 != .state }
        guard !signs.isEmpty else { return EvidenceItem(source: "classification", value: "by nothing: \(absence.text)\(stack)") }
        return EvidenceItem(source: "classification", value: "by \(classification.basis): \(absence.text)\(stack)")
    }
}

extension Classification {
    /// `kernel stack and system call`
    var basis: String { signs.filter { $0 != .state || signs.count == 1 }.map(\.rawValue).joined(separator: " and ") }

    /// Whether outer functions could still narrow it, or turn it.
    fileprivate func needsStack(_ reading: ThreadReading) -> Bool {
        guard reading.isAsleep, !reading.stat.isKernelThread else { return false }
        return kind == .unknown || kind == .socketOther || !restsOnKernelFunction || family == .child && reading.systemCall == nil
            || family == .disk && function.flatMap(WaitChannels.fact(of:))?.family == .page
    }
}

extension Wait {
    /// Takes certainty back where it is not certain that the thread waits for this at all.
    mutating func doubt(_ reason: String) {
        release.completeness = min(release.completeness, .inferred)
        release.parties = release.parties.map { party in
            guard party.certainty == .certain else { return party }
            return Party(
                party.target, role: party.role, certainty: .inferred, because: party.because + "; " + reason, endsChain: party.endsChain,
                member: party.member)
        }
    }
}

extension WaitKind {
    /// Whether it is a wait of the system call's own, as resolvers conclude from the call and its descriptor.
    public var isOfTheCall: Bool {
        switch self {
        case .futexMutex, .futexRwlock, .futexCondvar, .futexJoin, .futexSemaphore, .futexBarrier, .futexOnce, .futexOther, .runtimePark,
            .sysvMessageSend, .sysvMessageReceive, .sysvSemaphore, .posixQueueSend, .posixQueueReceive, .pipeRead, .pipeWrite,
            .fifoOpenRead, .fifoOpenWrite, .unixConnect, .unixSend, .unixReceive, .unixAccept, .tcpConnect, .tcpSend, .tcpReceive,
            .tcpAccept, .udpReceive, .netlinkReceive, .socketOther, .fileLockFlock, .fileLockPOSIX, .fileLockOFD, .fileLease, .childExit,
            .vfork, .poll, .select, .epoll, .ioUring, .eventfdRead, .eventfdWrite, .signalfdRead, .timerfdRead, .inotifyRead, .signalWait,
            .pause,
            .sleep, .ttyRead, .ttyWrite:
            true
        default: false
        }
    }
}
