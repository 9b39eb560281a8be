import Evidence
import KernelFacts

/// What procfs shows of one thread's wait, as far as it shows it: all that `Classification` goes by.
struct WaitSigns: Sendable {
    /// State letter, as `stat` has it.
    var state: UInt8
    /// `wchan` in any spelling; nil for `0` and where it may not be read.
    var channel: String?
    /// Kernel functions in any spelling, innermost first; empty where they may not be read.
    var stack: [String] = []
    /// Name of the system call; nil outside of any, and where it may not be read.
    var call: String?
    /// Its arguments; fewer than six where they were not all read.
    var arguments: [UInt64] = []
    /// What the descriptor is that the call waits on; nil where that is not known.
    var descriptor: DescriptorSort?

    func int(_ index: Int) -> Int32? { index < arguments.count ? Int32(truncatingIfNeeded: arguments[index]) : nil }
}

/// What a descriptor is, as far as it decides what a read or a write of it waits for.
enum DescriptorSort: Sendable, Hashable {
    case pipe
    case unixSocket, tcpSocket, udpSocket, netlinkSocket
    /// A socket of a family that is not known.
    case socket
    case eventfd, timerfd, signalfd, inotify, fanotify, userfaultfd, epoll, ioUring, seccomp
    case terminal
    /// `/dev/fuse`: its holder serves a file system.
    case fuseDevice
    case device
    /// A file, a FIFO or a directory: the link does not tell which.
    case path

    init(_ target: DescriptorTarget) {
        switch target {
        case .pipe: self = .pipe
        case .socket: self = .socket
        case .anonymous(let name):
            switch name {
            case "eventfd": self = .eventfd
            case "timerfd": self = .timerfd
            case "signalfd": self = .signalfd
            case "inotify": self = .inotify
            case "fanotify", "[fanotify]": self = .fanotify
            case "userfaultfd", "[userfaultfd]": self = .userfaultfd
            case "eventpoll": self = .epoll
            case "io_uring", "[io_uring]": self = .ioUring
            case "seccomp notify": self = .seccomp
            default: self = .device
            }
        case .path(let path):
            switch path {
            case "/dev/fuse": self = .fuseDevice
            case "/dev/console", "/dev/ptmx", "/dev/pts/ptmx": self = .terminal
            case "inotify": self = .inotify  // before Linux 2.6.33 the link had no prefix
            default:
                if path.hasPrefix("/dev/pts/") || path.hasPrefix("/dev/tty") {
                    self = .terminal
                } else {
                    self = path.hasPrefix("/dev/") && !path.hasPrefix("/dev/shm/") && !path.hasPrefix("/dev/mqueue/") ? .device : .path
                }
            }
        }
    }

    var isSocket: Bool {
        switch self {
        case .unixSocket, .tcpSocket, .udpSocket, .netlinkSocket, .socket: true
        default: false
        }
    }
}
