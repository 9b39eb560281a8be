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
    /// Completions of io_submit(2), whatever they are on.
    case aio
    case eventfd
    case signalfd
    case timerfd
    case inotify
    case fanotify
    case seccomp
    case tty
    case disk
    /// A page of a file that is being read or written; which file system does it, outer frames tell.
    case page
    case fuse
    case nfs
    /// A network or cluster file system other than NFS.
    case networkFileSystem = "network-fs"
    case pageFault = "page-fault"
    /// The lock of an address space's memory map.
    case memoryMapLock = "mmap-lock"
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

extension WaitFamily {
    /// Families that wait for one another's sort of thing, as `docs/wait-kinds.md` groups the kinds.
    public enum Group: String, Sendable, Hashable, CaseIterable {
        case futex, ipc, pipes, sockets, files, processes, several, events, terminal, none, kernel, device
    }

    /// nil where the symbol says nothing.
    public var group: Group? {
        switch self {
        case .futex: .futex
        case .sysvMessages, .sysvSemaphores, .posixQueue: .ipc
        case .pipe, .fifoOpen: .pipes
        case .unix, .inet, .socket: .sockets
        case .fileLock, .lease, .inodeLock, .disk, .page, .fuse, .nfs, .networkFileSystem, .pageFault, .memoryMapLock, .frozenFileSystem:
            .files
        case .child, .vfork, .exec, .stop, .ptrace, .freezer, .exit: .processes
        case .poll, .epoll, .ioUring, .aio: .several
        case .sleep, .pause, .signalWait, .eventfd, .signalfd, .timerfd, .inotify, .fanotify, .seccomp: .events
        case .tty: .terminal
        case .memoryControl, .cpu: Group.none
        case .kernelWorker: .kernel
        case .device: .device
        case .ambiguous: nil
        }
    }
}

/// What one kernel function tells (a row of `wait-channels.tsv`).
public struct ChannelFact: Sendable, Hashable {
    /// Where in a stack the function tells something.
    public enum Place: String, Sendable, Hashable {
        /// Wherever it stands, if no frame further in is known.
        case any
        /// Only where the thread sleeps in it: further out it is on the way to many things.
        case here
        /// Also over a known frame further in that serves many purposes.
        case outer
        /// It names the file system whose page is waited for.
        case names
    }

    public let family: WaitFamily
    /// The public name of the kind that the function shows by itself; nil where system call or outer frames must tell.
    public let kind: String?
    public let place: Place
    /// The thread takes requests or events of that sort, and is at rest.
    public let serves: Bool
}

/// Kernel functions in which threads sleep, or through which they came there (`wait-channels.tsv`).
public enum WaitChannels {
    /// The family of a wait channel; takes any spelling. Constant time; the table is parsed at the first call.
    /// - Returns: nil for a symbol that is not in the table, `0` included.
    public static func family(of symbol: String) -> WaitFamily? { fact(of: symbol)?.family }

    /// What a function tells; takes any spelling. A name of its own goes before the longest beginning that fits.
    /// Constant time for a name in the table, O(beginnings in the table) for others.
    public static func fact(of symbol: String) -> ChannelFact? {
        if let known = table.names[symbol] { return known }
        let name = KernelSymbols.normalised(symbol)
        return table.names[name] ?? table.beginnings.first { name.utf8.starts(with: $0.beginning.utf8) }?.fact
    }

    private struct Facts: Sendable {
        var names: [String: ChannelFact] = [:]
        /// The longest first.
        var beginnings: [(beginning: String, fact: ChannelFact)] = []
    }

    private static let table: Facts = {
        var table = Facts()
        table.names.reserveCapacity(1024)
        PackageResources.wait_channels_tsv.withUnsafeBufferPointer { bytes in
            Table.forEachLine(of: bytes, fieldCount: 6) { fields in
                let symbol = Table.text(bytes, fields[0])
                let kind = Table.text(bytes, fields[2])
                guard let family = WaitFamily(rawValue: Table.text(bytes, fields[1])),
                    let place = ChannelFact.Place(rawValue: Table.text(bytes, fields[3]))
                else { return }
                let fact = ChannelFact(
                    family: family, kind: kind == "-" ? nil : kind, place: place, serves: Table.text(bytes, fields[4]) == "serves")
                if symbol.utf8.last == 0x2A {
                    table.beginnings.append((String(symbol.dropLast()), fact))
                } else {
                    table.names[symbol] = fact
                }
            }
        }
        table.beginnings.sort { ($1.beginning.utf8.count, $0.beginning) < ($0.beginning.utf8.count, $1.beginning) }
        return table
    }()
}
