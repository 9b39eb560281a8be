import KernelFacts
import WaitModel

/// What system calls wait for of their own accord. Source: the man page of each call. Names as in `system-calls.tsv`, which is the same
/// on every architecture; arm64 has no `pause`, `poll` or `select`, its C libraries use ppoll and pselect6.
enum SystemCallSorts {
    typealias Sort = (family: WaitFamily, kind: WaitKind?, usesDescriptor: Bool)

    private static let reads: Set<String> = ["read", "readv", "pread64", "preadv", "preadv2"]
    private static let writes: Set<String> = ["write", "writev", "pwrite64", "pwritev", "pwritev2"]
    private static let receives: Set<String> = ["recv", "recvfrom", "recvmsg", "recvmmsg", "recvmmsg_time64"]
    private static let sends: Set<String> = ["send", "sendto", "sendmsg", "sendmmsg"]

    /// Calls that change a file system, and therefore wait while it is frozen.
    static let changesFiles: Set<String> = writes.union([
        "open", "openat", "openat2", "creat", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2", "link",
        "linkat", "symlink", "symlinkat", "mknod", "mknodat", "truncate", "ftruncate", "truncate64", "ftruncate64", "fallocate", "chmod",
        "fchmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchown", "fchownat", "utime", "utimes", "utimensat", "futimesat", "setxattr",
        "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr", "copy_file_range", "sendfile", "sendfile64", "splice",
    ])

    /// Who does what with a descriptor.
    enum Direction { case read, write, connect, accept }

    static func direction(_ call: String) -> Direction? {
        if reads.contains(call) || receives.contains(call) { return .read }
        if writes.contains(call) || sends.contains(call) { return .write }
        switch call {
        case "connect": return .connect
        case "accept", "accept4": return .accept
        case "sendfile", "sendfile64": return .write
        default: return nil
        }
    }

    // MARK: Where a kernel function has told the family

    /// What the call makes of a family whose function serves several of its kinds; nil when it adds nothing.
    static func narrowed(_ family: WaitFamily, function: String?, _ signs: WaitSigns) -> Sort? {
        guard let call = signs.call else { return nil }
        let direction = direction(call)
        switch family {
        case .fileLock: return lock(call, signs).map { (.fileLock, $0, false) }
        case .posixQueue: return queue(call).map { (.posixQueue, $0, false) }
        case .pipe, .fifoOpen:
            if let open = opening(call, signs) { return (.fifoOpen, open, false) }
            // sendfile's source is a file; splice, tee and vmsplice wait for either side.
            guard family == .pipe, direction == .read || direction == .write else { return nil }
            return (.pipe, direction == .read ? .pipeRead : .pipeWrite, false)
        case .unix:
            switch direction {
            case .connect: return (.unix, .unixConnect, false)
            case .accept: return (.unix, .unixAccept, false)
            case .write: return (.unix, .unixSend, false)
            case .read: return (.unix, .unixReceive, false)
            case nil: return nil
            }
        case .inet, .socket:
            if let sort = signs.descriptor, sort.isSocket, sort != .socket, let own = own(call, signs) { return own }
            // Only AF_UNIX takes connections as packets from a queue (net/unix/af_unix.c unix_accept).
            if direction == .accept, function == "__skb_wait_for_more_packets" || function == "wait_for_packet" {
                return (.unix, .unixAccept, false)
            }
            return nil
        case .poll:
            guard let own = own(call, signs), own.family == .poll || own.family == .epoll else { return nil }
            return own
        default: return nil
        }
    }

    // MARK: Where nothing else tells

    /// What a call waits for of its own accord, with its descriptor where that decides; nil for calls that may wait for many things, and
    /// for a thread in uninterruptible sleep: what holds that up is not the call's own.
    static func own(_ call: String, _ signs: WaitSigns) -> Sort? {
        guard signs.state == UInt8(ascii: "S") else {
            // The parent of a vfork sleeps uninterruptibly or killably, which `stat` shows alike.
            switch call {
            case "vfork": return (.vfork, .vfork, false)
            case "clone": return signs.arguments.first.map { $0 & 0x4000 != 0 } == true ? (.vfork, .vfork, false) : nil  // CLONE_VFORK
            case "exit", "exit_group": return (.exit, nil, false)
            default: return nil
            }
        }
        switch call {
        case "futex", "futex_time64", "futex_waitv", "futex_wait": return (.futex, .futexOther, false)
        case "msgsnd": return (.sysvMessages, .sysvMessageSend, false)
        case "msgrcv": return (.sysvMessages, .sysvMessageReceive, false)
        case "semop", "semtimedop", "semtimedop_time64": return (.sysvSemaphores, .sysvSemaphore, false)
        case "poll", "ppoll", "ppoll_time64": return (.poll, .poll, false)
        case "select", "_newselect", "pselect6", "pselect6_time64": return (.poll, .select, false)
        case "epoll_wait", "epoll_pwait", "epoll_pwait2": return (.epoll, .epoll, false)
        case "io_uring_enter": return (.ioUring, .ioUring, false)
        case "io_getevents", "io_pgetevents", "io_pgetevents_time64": return (.aio, nil, false)
        case "nanosleep", "clock_nanosleep", "clock_nanosleep_time64": return (.sleep, .sleep, false)
        case "pause": return (.pause, .pause, false)
        case "rt_sigsuspend", "sigsuspend", "rt_sigtimedwait", "rt_sigtimedwait_time64": return (.signalWait, .signalWait, false)
        case "wait4", "waitid", "waitpid": return (.child, .childExit, false)
        case "tee", "vmsplice": return (.pipe, nil, false)
        case "getrandom", "syslog": return (.device, nil, false)
        case "exit", "exit_group": return (.exit, nil, false)
        default: break
        }
        if let kind = lock(call, signs) { return (.fileLock, kind, false) }
        if let kind = queue(call) { return (.posixQueue, kind, false) }
        return onDescriptor(call, signs)
    }

    private static func onDescriptor(_ call: String, _ signs: WaitSigns) -> Sort? {
        guard let direction = direction(call) else { return nil }
        let onlySockets = direction == .connect || direction == .accept || receives.contains(call) || sends.contains(call)
        guard let sort = signs.descriptor else { return onlySockets ? (.socket, nil, false) : nil }
        let isRead = direction == .read
        switch sort {
        case .pipe: return (.pipe, isRead ? .pipeRead : .pipeWrite, true)
        case .unixSocket:
            let kind: WaitKind =
                switch direction {
                case .read: .unixReceive
                case .write: .unixSend
                case .connect: .unixConnect
                case .accept: .unixAccept
                }
            return (.unix, kind, true)
        case .tcpSocket:
            let kind: WaitKind =
                switch direction {
                case .read: .tcpReceive
                case .write: .tcpSend
                case .connect: .tcpConnect
                case .accept: .tcpAccept
                }
            return (.inet, kind, true)
        case .udpSocket: return (.inet, isRead ? .udpReceive : nil, true)
        case .netlinkSocket: return (.socket, isRead ? .netlinkReceive : nil, true)
        case .socket: return (.socket, nil, true)
        case .eventfd: return (.eventfd, isRead ? .eventfdRead : .eventfdWrite, true)
        case .terminal: return (.tty, isRead ? .ttyRead : .ttyWrite, true)
        case .timerfd: return isRead ? (.timerfd, .timerfdRead, true) : nil
        case .signalfd: return isRead ? (.signalfd, .signalfdRead, true) : nil
        case .inotify: return isRead ? (.inotify, .inotifyRead, true) : nil
        case .fanotify: return isRead ? (.fanotify, .fanotify, true) : nil
        case .userfaultfd: return isRead ? (.pageFault, .pageFault, true) : nil
        case .fuseDevice: return isRead ? (.fuse, .fuse, true) : nil
        case .device: return (.device, nil, true)
        case .epoll, .ioUring, .seccomp, .path: return nil
        }
    }

    private static func lock(_ call: String, _ signs: WaitSigns) -> WaitKind? {
        switch call {
        case "flock": return .fileLockFlock
        case "fcntl", "fcntl64":
            // F_SETLKW is 7, F_SETLKW64 of 32-bit programs 14, F_OFD_SETLKW 38 (asm-generic/fcntl.h).
            switch signs.int(1) {
            case 7, 14: return .fileLockPOSIX
            case 38: return .fileLockOFD
            default: return nil
            }
        default: return nil
        }
    }

    private static func queue(_ call: String) -> WaitKind? {
        switch call {
        case "mq_timedsend", "mq_timedsend_time64": .posixQueueSend
        case "mq_timedreceive", "mq_timedreceive_time64": .posixQueueReceive
        default: nil
        }
    }

    /// The direction in which a FIFO is opened, from the flags of open(2).
    private static func opening(_ call: String, _ signs: WaitSigns) -> WaitKind? {
        let flags: Int32?
        switch call {
        case "openat": flags = signs.int(2)
        case "open": flags = signs.int(1)
        case "creat": flags = 1
        default: return nil
        }
        switch flags.map({ $0 & 3 }) {
        case 0: return .fifoOpenRead
        case 1: return .fifoOpenWrite
        default: return nil
        }
    }
}
