import KernelFacts
import WaitModel

/// What a thread waits for, as far as its state, its channel, its kernel stack, its system call and the descriptor show it together: the
/// family, the narrowest kind that they prove, and what the answer rests on. A pure function of `WaitSigns`; `docs/kernels.md` describes it.
///
/// The innermost function that the tables know decides, outer functions and the system call narrow it. Where neither channel nor stack
/// can be read, the system call and its descriptor decide, for threads in interruptible sleep only: a call's own wait is one, whereas a
/// thread in uninterruptible sleep is held up by something on the call's way (a page, a file system, a kernel lock).
struct Classification: Sendable, Hashable {
    enum Sign: String, Sendable, Hashable, CaseIterable {
        case state
        case channel = "kernel function"
        case stack = "kernel stack"
        case call = "system call"
        case descriptor
    }

    /// nil where nothing shows it.
    var family: WaitFamily?
    /// The next wider kind where the signs do not prove a narrower one, `unknown` at the widest.
    var kind: WaitKind = .unknown
    /// What it rests on.
    var signs: [Sign] = []
    /// The kernel function that decided, normalised.
    var function: String?
    /// The thread takes requests or events of that sort, and is at rest.
    var serves = false

    init(_ signs: WaitSigns) {
        if let byState = Self.byState(signs) {
            self = byState
            return
        }
        let frames = Self.frames(of: signs)
        if let inside = Self.byFrames(frames, signs) {
            self = inside
            narrow(frames, signs)
        } else if let byCall = Self.byCall(signs, inside: frames.first?.name) {
            self = byCall
        }
        widen()
    }

    private init(_ family: WaitFamily?, _ kind: WaitKind?, _ signs: [Sign], function: String? = nil, serves: Bool = false) {
        self.family = family
        self.kind = kind ?? .unknown
        self.signs = signs
        self.function = function
        self.serves = serves
    }

    /// Whether the channel or the stack decided: then the kernel says where the thread is.
    var restsOnKernelFunction: Bool { function != nil }

    /// Whether the wait is none of the system call's own: the thread is held up on the call's way, or in none. The call and its descriptor
    /// then say nothing of what is waited for.
    var interruptsCall: Bool {
        guard restsOnKernelFunction, !serves, let family else { return false }
        return Self.isOnTheWay(family)
    }

    /// Whether threads wait for such things on the way of any system call.
    static func isOnTheWay(_ family: WaitFamily) -> Bool {
        switch family {
        case .freezer, .seccomp, .fanotify, .fuse, .nfs, .networkFileSystem, .disk, .page, .pageFault, .memoryMapLock, .memoryControl,
            .inodeLock, .frozenFileSystem, .exit, .exec:
            true
        default: false
        }
    }

    // MARK: State

    private static func byState(_ signs: WaitSigns) -> Classification? {
        switch signs.state {
        case UInt8(ascii: "S"), UInt8(ascii: "D"), UInt8(ascii: "K"): return nil
        case UInt8(ascii: "R"), UInt8(ascii: "W"):
            // Since 6.18 a task out of quota is taken off its CPU on the way to user space, in state R (kernel/sched/fair.c).
            let throttled = signs.stack.contains { KernelSymbols.normalised($0) == "throttle_cfs_rq_work" }
            return throttled ? Classification(.cpu, .cpuThrottled, [.state, .stack]) : Classification(.cpu, .runnable, [.state])
        case UInt8(ascii: "T"): return Classification(.stop, .jobControlStop, [.state])
        case UInt8(ascii: "t"): return Classification(.ptrace, .ptraceStop, [.state])
        case UInt8(ascii: "Z"), UInt8(ascii: "X"), UInt8(ascii: "x"): return Classification(.exit, .zombie, [.state])
        case UInt8(ascii: "I"), UInt8(ascii: "P"): return Classification(.kernelWorker, .kernelWorker, [.state])
        default: return nil
        }
    }

    // MARK: Channel and stack

    struct Frame {
        let name: String
        let fact: ChannelFact?
        let sign: Sign
    }

    /// The functions from where it sleeps outwards. `wchan` goes before a stack that does not have it: it may be an inlined one.
    private static func frames(of signs: WaitSigns) -> [Frame] {
        var frames = signs.stack.map { Frame($0, .stack) }
        if let channel = signs.channel {
            let name = KernelSymbols.normalised(channel)
            if let index = frames.firstIndex(where: { $0.name == name }) {
                frames[index] = Frame(channel, .channel)
            } else {
                frames.insert(Frame(channel, .channel), at: 0)
            }
        }
        return frames
    }

    private static func byFrames(_ frames: [Frame], _ signs: WaitSigns) -> Classification? {
        // Frames that only put threads to sleep, for whomever.
        let start = frames.firstIndex { $0.fact?.family != .ambiguous && ($0.fact != nil || !KernelSymbols.isScheduler($0.name)) }
        if let special = special(frames[..<(start ?? frames.endIndex)], frames, signs) { return special }
        guard let start else { return nil }
        var inner: Frame?
        for (index, frame) in frames.enumerated() where index >= start {
            guard let fact = frame.fact, fact.family != .ambiguous else { continue }
            switch fact.place {
            case .any: inner = frame
            case .here where index == start: inner = frame
            case .here, .outer, .names: continue
            }
            break
        }
        if let outer = frames.first(where: { $0.fact?.place == .outer }),
            inner.map({ [.child, .pipe].contains($0.fact?.family) }) ?? true
        {
            inner = outer
        }
        guard let inner, let fact = inner.fact else { return nil }
        return Classification(
            fact.family, fact.kind.flatMap(WaitKind.init(rawValue:)), [inner.sign], function: inner.name, serves: fact.serves)
    }

    /// Functions that serve several purposes, told apart by what stands around them.
    private static func special(_ passed: ArraySlice<Frame>, _ frames: [Frame], _ signs: WaitSigns) -> Classification? {
        func passes(_ names: String...) -> Frame? { passed.first { names.contains($0.name) } }
        // do_freezer_trap is inlined here; the other stops that get_signal makes have state letters of their own.
        if let frame = passes("get_signal", "get_signal_to_deliver") {
            return Classification(.freezer, .frozen, [.state, frame.sign], function: frame.name)
        }
        // A per-CPU semaphore is a frozen file system's or the one that forks and moves between cgroups share (fs/super.c, kernel/cgroup).
        if let frame = passes("percpu_rwsem_wait", "__percpu_down_read", "percpu_down_read") {
            if frames.contains(where: { fileSystemWriters.contains($0.name) }) {
                return Classification(.frozenFileSystem, .filesystemFrozen, [frame.sign, .stack], function: frame.name)
            }
            if frames.count == 1, let call = signs.call, SystemCallSorts.changesFiles.contains(call) {
                return Classification(.frozenFileSystem, .filesystemFrozen, [frame.sign, .call], function: frame.name)
            }
            return nil
        }
        return nil
    }

    /// Entries of what changes a file system, each of which waits in `sb_start_write` (inlined) while it is frozen.
    private static let fileSystemWriters: Set<String> = [
        "vfs_write", "sys_write", "vfs_writev", "do_writev", "do_pwritev", "vfs_iter_write", "do_iter_write", "__kernel_write",
        "kernel_write",
        "path_openat", "do_sys_openat2", "do_sys_open", "mnt_want_write", "mnt_want_write_file", "vfs_fallocate", "do_truncate",
        "do_sys_ftruncate", "vfs_truncate", "do_unlinkat", "do_mkdirat", "do_rmdir", "do_mknodat", "do_symlinkat", "do_linkat",
        "do_renameat2", "filename_create", "vfs_copy_file_range", "vfs_clone_file_range", "aio_write", "io_write", "do_page_mkwrite",
        "ext4_page_mkwrite", "filemap_page_mkwrite", "xfs_filemap_page_mkwrite", "__xfs_filemap_fault", "touch_atime", "file_update_time",
        "sb_start_write", "__sb_start_write", "file_start_write", "sb_start_pagefault", "do_splice", "do_splice_from",
        "iter_file_splice_write",
        "xfs_trans_alloc", "ext4_evict_inode", "setxattr", "do_fchmodat", "chmod_common", "do_fchownat",
    ]

    // MARK: Narrowing

    /// What the first known function leaves open, outer functions decide, then the system call.
    private mutating func narrow(_ frames: [Frame], _ signs: WaitSigns) {
        if kind == .unknown || family == .page, let family {
            let outer = frames.drop { $0.name != function }.dropFirst()
            for frame in outer {
                guard let fact = frame.fact, let refined = Self.refinement(of: family, by: fact) else { continue }
                self.family = refined
                if let kind = fact.kind.flatMap(WaitKind.init(rawValue:)) { self.kind = kind }
                serves = serves || fact.serves
                if !self.signs.contains(.stack) { self.signs.append(.stack) }
                if self.kind != .unknown || refined == .networkFileSystem { break }
            }
            if family == .page, outer.contains(where: { $0.fact?.family == .disk }) {
                (self.family, kind) = (.disk, .diskIO)
                if !self.signs.contains(.stack) { self.signs.append(.stack) }
            }
        }
        if kind == .unknown, let family, let narrowed = SystemCallSorts.narrowed(family, function: function, signs) {
            (self.family, kind) = (narrowed.family, narrowed.kind ?? .unknown)
            self.signs.append(.call)
            if narrowed.usesDescriptor { self.signs.append(.descriptor) }
        }
    }

    /// The family that an outer function makes of an inner one's; nil when it says nothing of it.
    private static func refinement(of family: WaitFamily, by fact: ChannelFact) -> WaitFamily? {
        switch family {
        case .socket: [.unix, .inet, .socket].contains(fact.family) ? fact.family : nil
        case .pipe: [.pipe, .fifoOpen].contains(fact.family) ? fact.family : nil
        case .page: fact.place != .here && [.fuse, .nfs, .networkFileSystem].contains(fact.family) ? fact.family : nil
        default: fact.family == family ? family : nil
        }
    }

    /// Gives a kind that nothing narrowed the next wider one of its family.
    private mutating func widen() {
        guard kind == .unknown else { return }
        switch family {
        case .futex: kind = .futexOther
        case .unix, .inet, .socket: kind = .socketOther
        default: break
        }
    }

    // MARK: System call and descriptor

    private static func byCall(_ signs: WaitSigns, inside frame: String?) -> Classification? {
        guard let call = signs.call, let found = SystemCallSorts.own(call, signs) else { return nil }
        // A known function that serves several purposes leaves only those.
        if let frame, let served = purposes[frame], !served.contains(found.family) { return nil }
        let serves = signs.descriptor.map { [.fuseDevice, .userfaultfd, .fanotify].contains($0) } ?? false
        return Classification(
            found.family, found.kind, found.usesDescriptor ? [.call, .descriptor] : [.call], serves: found.usesDescriptor && serves)
    }

    /// What the functions that serve several purposes serve (kernel/sched/wait.c, fs/eventfd.c, fs/timerfd.c, include/linux/freezer.h).
    private static let purposes: [String: Set<WaitFamily>] = [
        "wait_woken": [.inet, .socket, .tty, .inotify, .fanotify],
        "do_wait_intr_irq": [.eventfd, .timerfd, .signalfd, .fuse], "do_wait_intr": [.eventfd, .timerfd, .fuse],
        "freezable_schedule": [.futex, .sleep, .poll, .epoll, .signalWait, .unix, .socket],
        "rt_mutex_schedule": [.futex],
    ]
}

extension Classification.Frame {
    fileprivate init(_ symbol: String, _ sign: Classification.Sign) {
        name = KernelSymbols.normalised(symbol)
        fact = WaitChannels.fact(of: name)
        self.sign = sign
    }
}
