/// `/proc/PID/fdinfo/FD`. Source: proc_pid_fdinfo(5), fs/proc/fd.c and each file system's `show_fdinfo`.
public struct DescriptorInfo: Sendable, Hashable {
    /// Flags of open(2); the low two bits are the access mode.
    public var flags: UInt64 = 0
    public var mountID: Int32?
    /// Since Linux 5.14.
    public var inode: UInt64?
    /// Locks that this open file holds (since Linux 3.8), as in `/proc/locks`.
    public var locks: [FileLock] = []
    /// Members of an epoll set.
    public var epollMembers: [EpollMember] = []
    /// `scm_fds`: descriptors that lie in this socket's receive queue; since Linux 5.13.
    public var descriptorsInFlight: UInt64?
    public var eventfdID: Int64?
    public var eventfdCount: UInt64?
    /// timerfd `it_value` is not (0, 0).
    public var timerArmed: Bool?
    /// An eventfd that gives one at a time (EFD_SEMAPHORE); shown since Linux 6.1 or so.
    public var eventfdIsSemaphore: Bool?
    /// Files that an inotify watches: how many, and the first of them by inode and device as fdinfo prints them.
    public var inotifyWatches = 0
    public var firstWatch: (inode: UInt64, device: UInt64)? { watchInode.flatMap { inode in watchDevice.map { (inode, $0) } } }
    private var watchInode: UInt64?
    private var watchDevice: UInt64?
    /// signalfd's mask; bit n-1 stands for signal n.
    public var signalMask: UInt64?
    /// A terminal master's number: its other side is `/dev/pts/NUMBER`.
    public var terminalIndex: Int32?
    /// The process that a pidfd names.
    public var pidfdTarget: Int32?

    public struct EpollMember: Sendable, Hashable {
        public var descriptor: Int32
        /// EPOLL* flags.
        public var events: UInt32
    }

    public var canRead: Bool { flags & 3 != 1 && !isPathOnly }
    public var canWrite: Bool { flags & 3 != 0 && !isPathOnly }
    /// O_PATH: names a file without opening it, so it is no end of a pipe and holds no lock.
    public var isPathOnly: Bool { flags & 0o10000000 != 0 }
    /// O_NONBLOCK, where the architecture has it at 04000 (all but MIPS, PA-RISC, Alpha and SPARC).
    public var isNonBlocking: Bool { flags & 0o4000 != 0 }

    public init(_ bytes: UnsafeRawBufferPointer) {
        var cursor = ByteCursor(bytes)
        while let line = cursor.line() {
            var field = ByteCursor(line)
            guard let key = field.until(0x3A) else { continue }
            if key.begins(with: "flags") {
                flags = field.unsigned(base: 8) ?? 0
            } else if key.begins(with: "mnt_id") {
                mountID = field.int32()
            } else if key.count == 3, key.begins(with: "ino") {
                inode = field.unsigned()
            } else if key.count == 4, key.begins(with: "lock") {
                if let lock = FileLock(UnsafeRawBufferPointer(rebasing: line[field.position...])) { locks.append(lock) }
            } else if key.begins(with: "tfd") {
                guard let fd = field.int32(), let colon = field.until(0x3A), colon.begins(with: " events"),
                    let events = field.unsigned(base: 16)
                else { continue }
                epollMembers.append(EpollMember(descriptor: fd, events: UInt32(truncatingIfNeeded: events)))
            } else if key.begins(with: "scm_fds") {
                descriptorsInFlight = field.unsigned()
            } else if key.begins(with: "eventfd-id") {
                eventfdID = field.signed()
            } else if key.begins(with: "eventfd-count") {
                eventfdCount = field.unsigned(base: 16)
            } else if key.begins(with: "eventfd-semaphore") {
                eventfdIsSemaphore = field.unsigned() == 1
            } else if key.begins(with: "inotify wd") {
                inotifyWatches += 1
                guard watchInode == nil else { continue }
                _ = field.word()
                if field.until(0x3A)?.begins(with: " ino") == true { watchInode = field.unsigned(base: 16) }
                if field.until(0x3A)?.begins(with: " sdev") == true { watchDevice = field.unsigned(base: 16) }
            } else if key.begins(with: "it_value") {
                field.skipBlanks()
                guard field.skip(0x28), let seconds = field.unsigned(), field.skip(0x2C), let nanoseconds = field.unsigned() else {
                    continue
                }
                timerArmed = seconds != 0 || nanoseconds != 0
            } else if key.begins(with: "sigmask") {
                signalMask = field.unsigned(base: 16)
            } else if key.begins(with: "tty-index") {
                terminalIndex = field.int32()
            } else if key.begins(with: "Pid") {
                pidfdTarget = field.int32()
            }
        }
    }
}
