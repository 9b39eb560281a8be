import Evidence
import KernelFacts
import WaitModel

/// What `Classification` shows, for threads of which their own family's resolver knew nothing more: the answer without privileges, on old
/// kernels and on architectures whose objects cannot be read. It names a kind only where the signs prove it, and parties only where they
/// are public; and it says what the answer rests on.
enum ChannelOnly: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        let found = thread.classification
        guard let family = found.family, family != .ambiguous else { return nil }
        // Where its control group may be read, that decides, and it has been asked already.
        if found.kind == .frozen, host.knowsControlGroups(of: thread.reading) { return nil }
        if thread.channelAbsence == nil {
            thread.cite("classification", "by \(found.basis)" + (found.function.map { ": \($0)" } ?? ""))
        }
        if found.kind == .childExit, thread.callName == nil { return Children.byChannel(thread, on: host) }
        let (outside, deadEnd, mobility) = ending(found)
        let because =
            found.function.map { "the kernel function \($0) is all that is known" } ?? "its \(found.basis) is all that is known"
        return Wait(
            kind: found.kind,
            release: Release(.any, [Party(.outside(outside), role: "unknown", certainty: .possible, because: because)]),
            mobility: mobility, deadEnd: deadEnd, isDemand: !found.serves && demands.contains(found.kind),
            description: text(found, family, thread))
    }

    private static let demands: Set<WaitKind> = [
        .sysvMessageSend, .posixQueueSend, .pipeWrite, .unixConnect, .unixSend, .tcpConnect, .tcpSend, .fileLockFlock, .fileLockPOSIX,
        .fileLockOFD, .fileLease, .inodeLock, .diskIO, .fuse, .nfs, .filesystemFrozen, .seccompNotify, .pageFault, .memoryThrottled,
        .memcgOOM, .frozen, .execWait, .vfork,
    ]

    private static func ending(_ found: Classification) -> (Outside, Cause, Mobility) {
        if found.serves { return (.newWork, .idle, .waiting) }
        return switch found.kind {
        case .sleep: (.timer, .sleeping, .free(.sleeping))
        case .diskIO: (.device, .diskIO, .waiting)
        case .nfs: (.network, .external, .waiting)
        case .filesystemFrozen: (.unnamed, .filesystemFrozen, .waiting)
        case .memcgOOM, .memoryThrottled: (.unnamed, .memoryLimit, .waiting)
        case .frozen: (.unnamed, .frozen, .held(.frozen))
        case .poll, .select, .epoll, .unixAccept, .tcpAccept, .pause, .signalWait, .signalfdRead, .inotifyRead, .kernelWorker,
            .sysvMessageReceive, .posixQueueReceive:
            (.newWork, .idle, .waiting)
        case .ttyRead: (.person, .idle, .waiting)
        case .udpReceive, .netlinkReceive: (.network, .idle, .waiting)
        case .timerfdRead: (.timer, .timer, .waiting)
        default:
            switch found.family {
            case .networkFileSystem: (.network, .external, .waiting)
            case .device: (.device, .unknown, .waiting)
            default: (.unnamed, .unknown, .waiting)
            }
        }
    }

    private static func text(_ found: Classification, _ family: WaitFamily, _ thread: BlockedThread) -> String {
        let place = found.function.map { " (in kernel function \($0))" } ?? ""
        // Told by the call alone, it is what such a call usually waits for.
        let doubt = found.restsOnKernelFunction || found.signs == [.state] ? "" : ", as far as its \(found.basis) shows"
        if found.serves, let words = serving(family) { return words + doubt }
        return (words(found.kind) ?? words(family).map { $0 + place } ?? "waits\(place)") + doubt
    }

    private static func serving(_ family: WaitFamily) -> String? {
        switch family {
        case .fuse: "waits for requests of the file system that it serves (FUSE)"
        case .pageFault: "waits for page faults that it serves (userfaultfd)"
        case .fanotify: "reads file events (fanotify)"
        case .seccomp: "waits for system calls that it decides about (seccomp)"
        default: nil
        }
    }

    private static func words(_ kind: WaitKind) -> String? {
        switch kind {
        case .sleep: "sleeps"
        case .futexOther: "waits on a futex"
        case .pipeRead: "reads from a pipe"
        case .pipeWrite: "writes to a full pipe"
        case .fifoOpenRead: "opens a FIFO for reading and waits for a writer"
        case .fifoOpenWrite: "opens a FIFO for writing and waits for a reader"
        case .sysvMessageSend: "sends to a System V message queue"
        case .sysvMessageReceive: "waits for a message on a System V message queue"
        case .sysvSemaphore: "waits for a System V semaphore"
        case .posixQueueSend: "sends to a full POSIX message queue"
        case .posixQueueReceive: "waits for a message on a POSIX message queue"
        case .unixConnect: "connects to a Unix socket"
        case .unixSend: "sends to a Unix socket"
        case .unixReceive: "waits for data on a Unix socket"
        case .unixAccept: "waits for a client on a Unix socket"
        case .tcpConnect: "connects over TCP"
        case .tcpSend: "sends over TCP"
        case .tcpReceive: "waits for data over TCP"
        case .tcpAccept: "waits for a client over TCP"
        case .udpReceive: "waits for a datagram over UDP"
        case .netlinkReceive: "waits for a message of the kernel (netlink)"
        case .socketOther: "waits on a socket"
        case .fileLockFlock: "waits for a flock"
        case .fileLockPOSIX: "waits for a POSIX record lock"
        case .fileLockOFD: "waits for an open-file-description lock"
        case .fileLease: "opens a file and waits until whoever has a lease on it gives it up"
        case .inodeLock: "waits for a lock on a directory or an open file inside the kernel"
        case .diskIO: "waits for a disk or another block device"
        case .filesystemFrozen: "waits until a file system is thawed"
        case .fuse: "waits for the program that serves a file system (FUSE)"
        case .nfs: "waits for an NFS server"
        case .pageFault: "waits for a page of its memory"
        case .childExit: "waits for a child to end"
        case .vfork: "has called vfork and waits until its child has called exec or ended"
        case .execWait: "is in execve and waits until its other threads have ended"
        case .frozen: "is frozen by its cgroup"
        case .poll, .select, .epoll: "waits for any of several descriptors (\(kind.rawValue))"
        case .ioUring: "waits for completions (io_uring)"
        case .eventfdRead: "reads from an eventfd"
        case .eventfdWrite: "writes to a full eventfd"
        case .signalfdRead: "reads signals from a signalfd"
        case .timerfdRead: "reads a timer (timerfd)"
        case .inotifyRead: "reads file events (inotify)"
        case .fanotify: "waits for leave to use a file (fanotify)"
        case .seccompNotify: "waits for leave to carry out a system call (seccomp)"
        case .pause, .signalWait: "waits for a signal"
        case .ttyRead: "waits for input from a terminal"
        case .ttyWrite: "writes to a terminal, which takes no more"
        case .memoryThrottled: "is slowed down because memory is short"
        case .memcgOOM: "waits because its cgroup is out of memory"
        case .kernelWorker: "is a kernel thread at rest"
        default: nil
        }
    }

    /// For families of which the signs prove no kind.
    private static func words(_ family: WaitFamily) -> String? {
        switch family {
        case .posixQueue: "waits on a POSIX message queue"
        case .pipe: "waits on a pipe"
        case .fifoOpen: "opens a FIFO and waits for the other end"
        case .fileLock: "waits for a file lock"
        case .page: "waits for a page of a file that is being read or written"
        case .networkFileSystem: "waits for a network or cluster file system"
        case .memoryMapLock: "waits for the lock of an address space"
        case .aio: "waits for completions (io_getevents)"
        case .device: "waits for a device"
        case .exit: "is ending, and waits on the way"
        case .ptrace: "waits for a thread that it traces"
        case .tty: "waits on a terminal"
        case .poll: "waits for any of several descriptors"
        default: nil
        }
    }
}
