import Evidence
import ProcFS

/// Which wait for a file lock is a thread's own.
///
/// `/proc/locks` shows waits by process (flock, POSIX) or by nobody (OFD), and before Linux 5.13 only those that stand directly behind a held
/// lock (fs/locks.c `locks_show`; waiters have queued behind waiters since 5.0). So a wait is told by its process, its file and its range, and
/// one that is not shown is made up from the call's own arguments.
struct FileLockWaits {
    let kind: FileLock.Kind
    let thread: BlockedThread
    let locks: [FileLock]
    let host: Host

    /// The thread's wait; nil when its file or its range cannot be told.
    func ownWait() -> FileLock? {
        let files = identities()
        let range = kind == .flock ? (start: UInt64(0), end: UInt64?.none) : self.range()
        let waiting = locks.filter { $0.waitDepth > 0 && $0.kind == kind && (kind == .ofd || $0.pid == thread.reading.pid) }
        let fitting = waiting.filter { wait in
            (files.isEmpty || files.contains(wait.fileIdentity)) && (range.map { $0.start == wait.start && $0.end == wait.end } ?? true)
        }
        // Alike but for their number: any of them stands for all.
        if let first = fitting.first, fitting.allSatisfy({ isAlike($0, first) }) {
            // Where nothing tells the file, another thread's wait could be taken for this one's.
            if !files.isEmpty || (kind != .ofd && waiting.count == 1 && thread.isAlone) { return first }
        }
        guard fitting.isEmpty, files.count == 1, let file = files.first, let range, let isExclusive = isExclusive(),
            let model = locks.first(where: { $0.fileIdentity == file })
        else { return nil }
        return FileLock(
            waitingFor: model, kind: kind, isExclusive: isExclusive, pid: kind == .ofd ? -1 : thread.reading.pid, start: range.start,
            end: range.end)
    }

    private func isAlike(_ a: FileLock, _ b: FileLock) -> Bool {
        a.fileIdentity == b.fileIdentity && a.isExclusive == b.isExclusive && a.start == b.start && a.end == b.end
    }

    /// The file of the thread's descriptor as `/proc/locks` names files; empty when nothing tells it.
    private func identities() -> Set<String> {
        let descriptor = thread.int(0)
        if let inode = host.inode(ofDescriptor: descriptor, thread.reading) {
            let files = Set(locks.filter { $0.inode == inode }.map(\.fileIdentity))
            if !files.isEmpty { return files }
        }
        // Before Linux 5.14, and on overlays: whoever holds a lock has it in the fdinfo of a descriptor of the same mount and path.
        guard let link = host.descriptorLink(descriptor, of: thread.reading),
            let mount = host.descriptorInfo(descriptor, of: thread.reading)?.mountID
        else { return [] }
        var files: Set<String> = []
        for holder in host.holders(of: link) {
            guard let info = host.descriptorInfo(holder), info.mountID == mount else { continue }
            files.formUnion(info.locks.map(\.fileIdentity))
        }
        return files
    }

    /// `struct flock {short type, short whence, off_t start, off_t length, pid}`; on i386 the 64-bit fields follow at once. nil when it cannot
    /// be read, or counts from elsewhere than the beginning of the file.
    private func range() -> (start: UInt64, end: UInt64?)? {
        guard let bytes = structure(), bytes.u32(0) >> 16 == 0 else { return nil }
        let first = startOffset
        let (start, length) = (bytes.u64(first), Int64(bitPattern: bytes.u64(first + 8)))
        if length == 0 { return (start, nil) }
        if length > 0 { return (start, start &+ UInt64(length) &- 1) }
        // A negative length: the bytes before the start.
        let before = UInt64(length.magnitude)
        return start >= before && start > 0 ? (start - before, start - 1) : nil
    }

    private var startOffset: Int { thread.architecture == .i386 ? 4 : 8 }

    private func structure() -> [UInt8]? {
        guard let bytes = thread.memory(thread.argument(2), 24), bytes.count == 24 else { return nil }
        return bytes
    }

    /// LOCK_EX (2) of flock, F_WRLCK (1) of fcntl.
    private func isExclusive() -> Bool? {
        if kind == .flock { return thread.int(1) & 2 != 0 }
        return structure().map { $0.u32(0) & 0xffff == 1 }
    }
}
