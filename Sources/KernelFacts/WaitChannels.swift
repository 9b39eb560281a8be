/// What a kernel function waits for when a thread sleeps in it.
///
/// A family is as much as the symbol alone can tell; the system call and the descriptor narrow it.
public enum WaitFamily: String, Sendable, Hashable, CaseIterable {
    case futex
    case sysvMessages = "sysv-msg"
    case sysvSemaphores = "sysv-sem"
    case posixQueue = "posix-mq"
    case pipe
    case fifoOpen = "fifo-open"
    case unix
    case inet
    /// Some socket, of a family that the symbol does not tell.
    case socket
    case fileLock = "file-lock"
    case lease
    /// An inode's or an open file's own lock in the kernel, as path walks take it.
    case inodeLock = "inode-lock"
    case child
    case vfork
    case exec
    case stop
    case ptrace
    case freezer
    case sleep
    case pause
    case signalWait = "signal-wait"
    case poll
    case epoll
    case ioUring = "io-uring"
    case eventfd
    case signalfd
    case timerfd
    case inotify
    case fanotify
    case seccomp
    case tty
    case disk
    case fuse
    case nfs
    case pageFault = "page-fault"
    case frozenFileSystem = "fs-frozen"
    case memoryControl = "memcg"
    case cpu
    case kernelWorker = "kernel-worker"
    case exit
    /// A driver's own wait: a character device, a guest, a sensor.
    case device
    /// Used for many things: the symbol alone says nothing.
    case ambiguous
}

/// Kernel functions in which threads sleep (`wait-channels.tsv`).
public enum WaitChannels {
    /// The family of a wait channel; takes any spelling. Constant time; the table is parsed at the first call.
    /// - Returns: nil for a symbol that is not in the table, `0` included.
    public static func family(of symbol: String) -> WaitFamily? {
        table[symbol] ?? table[KernelSymbols.normalised(symbol)]
    }

    private static let table: [String: WaitFamily] = {
        var table: [String: WaitFamily] = [:]
        table.reserveCapacity(512)
        PackageResources.wait_channels_tsv.withUnsafeBufferPointer { bytes in
            Table.forEachLine(of: bytes, fieldCount: 3) { fields in
                table[Table.text(bytes, fields[0])] = WaitFamily(rawValue: Table.text(bytes, fields[1]))
            }
        }
        return table
    }()
}
