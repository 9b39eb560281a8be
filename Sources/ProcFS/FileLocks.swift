/// One line of `/proc/locks`, or of a descriptor's `lock:`. Source: proc_locks(5), fs/locks.c `lock_get_status`.
public struct FileLock: Sendable, Hashable {
    public enum Kind: Sendable, Hashable { case flock, posix, ofd, lease, delegation }

    /// Ties waiters to the lock that blocks them.
    public var number: UInt64
    /// 0 for a lock that is held; 1 and more for `->` lines, deeper ones queue behind shallower ones.
    public var waitDepth: Int
    public var kind: Kind
    /// WRITE (or UNLCK of a breaking lease) as against READ.
    public var isExclusive: Bool
    /// A lease that its holder was asked to give up.
    public var isBreaking: Bool
    /// Who asked for it, in the reader's pid namespace; -1 for OFD locks, 0 when outside the namespace.
    public var pid: Int32
    public var deviceMajor: UInt32
    public var deviceMinor: UInt32
    /// 0 where the kernel shows `<none>`.
    public var inode: UInt64
    public var start: UInt64
    /// nil for EOF.
    public var end: UInt64?

    /// `MAJ:MIN:INODE`, the identity that all who lock the file agree on.
    public var fileIdentity: String { "\(deviceMajor):\(deviceMinor):\(inode)" }

    public init?(_ line: UnsafeRawBufferPointer) {
        var cursor = ByteCursor(line)
        guard let number = cursor.unsigned(), cursor.skip(0x3A) else { return nil }
        self.number = number
        waitDepth = 0
        // One blank more for each level: "1: -> FLOCK", "1:  -> FLOCK".
        let afterColon = cursor.position
        var word = cursor.word()
        if word.begins(with: "->") {
            let blanks = cursor.position - 2 - afterColon
            waitDepth = max(1, blanks)
            word = cursor.word()
        }
        if word.begins(with: "FLOCK") {
            kind = .flock
        } else if word.begins(with: "POSIX") || word.begins(with: "ACCESS") {
            kind = .posix
        } else if word.begins(with: "OFDLCK") {
            kind = .ofd
        } else if word.begins(with: "LEASE") {
            kind = .lease
        } else if word.begins(with: "DELEG") {
            kind = .delegation
        } else {
            return nil
        }
        isBreaking = cursor.word().begins(with: "BREAKING")
        let mode = cursor.word()
        isExclusive = mode.begins(with: "WRITE") || mode.begins(with: "RW") || (isBreaking && mode.begins(with: "UNLCK"))
        guard let pid = cursor.int32() else { return nil }
        self.pid = pid
        cursor.skipBlanks()
        if cursor.peek == 0x3C {  // "<none>:0"
            _ = cursor.word()
            deviceMajor = 0
            deviceMinor = 0
            inode = 0
        } else {
            guard let major = cursor.unsigned(base: 16), cursor.skip(0x3A), let minor = cursor.unsigned(base: 16), cursor.skip(0x3A),
                let inode = cursor.unsigned()
            else { return nil }
            deviceMajor = UInt32(truncatingIfNeeded: major)
            deviceMinor = UInt32(truncatingIfNeeded: minor)
            self.inode = inode
        }
        guard let start = cursor.unsigned() else { return nil }
        self.start = start
        end = cursor.unsigned()
    }

    /// A wait that the kernel does not show, on the file of a lock that it does.
    public init(waitingFor lock: FileLock, kind: Kind, isExclusive: Bool, pid: Int32, start: UInt64, end: UInt64?) {
        number = lock.number
        waitDepth = 1
        self.kind = kind
        self.isExclusive = isExclusive
        isBreaking = false
        self.pid = pid
        deviceMajor = lock.deviceMajor
        deviceMinor = lock.deviceMinor
        inode = lock.inode
        self.start = start
        self.end = end
    }

    /// Every lock and every waiter of `/proc/locks`, in the kernel's order: a waiter follows the lock that blocks it.
    public static func table(_ bytes: UnsafeRawBufferPointer) -> [FileLock] {
        var cursor = ByteCursor(bytes)
        var locks: [FileLock] = []
        while let line = cursor.line() { if let lock = FileLock(line) { locks.append(lock) } }
        return locks
    }

    /// Whether two locks of one file cannot be held together.
    public func conflicts(with other: FileLock) -> Bool {
        guard isExclusive || other.isExclusive else { return false }
        guard kind.family == other.kind.family else { return false }
        return start <= (other.end ?? .max) && other.start <= (end ?? .max)
    }
}

extension FileLock.Kind {
    /// flock(2) locks, record locks and leases do not see each other.
    fileprivate var family: Int {
        switch self {
        case .flock: 0
        case .posix, .ofd: 1
        case .lease, .delegation: 2
        }
    }
}
