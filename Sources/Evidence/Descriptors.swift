import Glibc
import ProcFS
import WaitModel

/// What a descriptor refers to, as its link in procfs says. Nothing is opened or followed.
public enum DescriptorTarget: Sendable, Hashable {
    case pipe(UInt64)
    case socket(UInt64)
    /// `anon_inode:[eventpoll]` and the like; the name without brackets.
    case anonymous(String)
    /// A path: a file, a FIFO, a terminal, a directory.
    case path(String)

    public init(link: String) {
        func number(_ prefix: String) -> UInt64? {
            guard link.hasPrefix(prefix), link.hasSuffix("]") else { return nil }
            return UInt64(link.dropFirst(prefix.count).dropLast())
        }
        if let inode = number("pipe:[") {
            self = .pipe(inode)
        } else if let inode = number("socket:[") {
            self = .socket(inode)
        } else if link.hasPrefix("anon_inode:") {
            var name = link.dropFirst("anon_inode:".count)
            if name.hasPrefix("["), name.hasSuffix("]") { name = name.dropFirst().dropLast() }
            self = .anonymous(String(name))
        } else {
            self = .path(link)
        }
    }
}

/// One open descriptor of a process.
public struct DescriptorHolder: Sendable, Hashable {
    public let pid: Int32
    public let descriptor: Int32
}

/// Who holds what: one pass over `/proc/*/fd`, made only when a wait needs it. 16 bytes a descriptor.
struct DescriptorIndex {
    private let rows: [(hash: UInt64, pid: Int32, descriptor: Int32)]
    /// Every socket, once for each descriptor.
    let sockets: [DescriptorHolder]
    /// Processes whose descriptors may not be read, or whose kernel does not answer.
    let refused: Set<Int32>

    /// O(n log n) in the number of descriptors on the host.
    init(_ source: HostSource, pids: [Int32]) {
        var rows: [(hash: UInt64, pid: Int32, descriptor: Int32)] = []
        var sockets: [DescriptorHolder] = []
        var refused: Set<Int32> = []
        var found: Set<Int32> = []
        func add(_ pid: Int32, _ descriptor: Int32, _ link: UnsafeRawBufferPointer) {
            found.insert(pid)
            rows.append((Self.hash(link), pid, descriptor))
            if link.first == 0x73 { sockets.append(DescriptorHolder(pid: pid, descriptor: descriptor)) }
        }
        var empty: [Int32] = []
        source.forEachDescriptor(
            in: pids.map { ($0, "\($0)/fd") }, add,
            end: { pid, problem in
                switch problem {
                case .denied, .timedOut: refused.insert(pid)
                case nil where !found.contains(pid), .gone: empty.append(pid)
                default: break
                }
            })
        // The leader may have ended before its threads: then only they still show the descriptors.
        var threads: [(item: Int32, path: String)] = []
        for pid in empty {
            guard case .success(let tids) = source.numbers(in: "\(pid)/task"), tids.count > 1 else { continue }
            if let tid = tids.first(where: { $0 != pid }) { threads.append((pid, "\(pid)/task/\(tid)/fd")) }
        }
        source.forEachDescriptor(in: threads, add, end: { _, _ in })
        self.sockets = sockets
        self.refused = refused
        rows.sort { ($0.hash, $0.pid, $0.descriptor) < ($1.hash, $1.pid, $1.descriptor) }
        self.rows = rows
    }

    /// O(log n).
    func holders(of link: String) -> [DescriptorHolder] {
        var link = link
        let wanted = link.withUTF8 { Self.hash(UnsafeRawBufferPointer($0)) }
        var low = 0
        var high = rows.count
        while low < high {
            let middle = (low + high) / 2
            if rows[middle].hash < wanted { low = middle + 1 } else { high = middle }
        }
        var holders: [DescriptorHolder] = []
        while low < rows.count, rows[low].hash == wanted {
            holders.append(DescriptorHolder(pid: rows[low].pid, descriptor: rows[low].descriptor))
            low += 1
        }
        return holders
    }

    private static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash
    }
}

extension Host {
    /// Directory of a thread below the procfs root. Its own, not its leader's: a leader that has ended shows nothing.
    func directory(of thread: ThreadReading) -> String { "\(thread.pid)/task/\(thread.tid)" }

    private func cachedLink(_ path: String) -> String? {
        if let known = linkCache[path] { return known }
        let result = source.link(path)
        if case .failure(let error) = result { note("/proc/" + path, error) }
        let link = try? result.get()
        linkCache[path] = .some(link)
        return link
    }

    /// Reads what the first arguments of many threads' calls refer to, for `descriptor(_:of:)` to find: most are descriptors.
    public func prefetchDescriptors(of threads: [ThreadReading]) {
        var paths: [String] = []
        for thread in threads where thread.isAsleep {
            guard let call = thread.systemCall, call[0] < 1 << 20 else { continue }
            let path = "\(directory(of: thread))/fd/\(call[0])"
            if linkCache[path] == nil { paths.append(path) }
        }
        prefetchLinks(paths)
    }

    /// Reads the executables of many processes, for `executable(of:)` to find.
    public func prefetchExecutables(of processes: [ProcessReading]) {
        prefetchLinks(
            processes.compactMap { process in
                guard let thread = process.living, !thread.stat.isKernelThread, !process.isZombie else { return nil }
                return "\(directory(of: thread))/exe"
            })
    }

    private func prefetchLinks(_ paths: [String]) {
        guard paths.count > 2 else { return }
        source.readMany(
            paths, fill: { [.link(path: source.root + "/" + $0)] },
            take: { path, answers in
                switch answers.first {
                case .success(let bytes): linkCache[path] = .some(bytes.text)
                case .failure(.gone): linkCache[path] = .some(nil)
                default: break
                }
            })
    }

    /// What a thread's descriptor refers to; nil when it is closed or may not be read.
    public func descriptor(_ number: Int32, of thread: ThreadReading) -> DescriptorTarget? {
        cachedLink("\(directory(of: thread))/fd/\(number)").map(DescriptorTarget.init(link:))
    }

    /// The link text itself.
    public func descriptorLink(_ number: Int32, of thread: ThreadReading) -> String? {
        cachedLink("\(directory(of: thread))/fd/\(number)")
    }

    public func descriptorInfo(_ number: Int32, of thread: ThreadReading) -> DescriptorInfo? {
        let path = "\(directory(of: thread))/fdinfo/\(number)"
        // An epoll set's takes the lock that its own waiter may hold while its memory is missing (fs/eventpoll.c `ep_show_fdinfo`).
        guard descriptorLink(number, of: thread) == "anon_inode:[eventpoll]" else {
            return try? source.readInPlace(path) { DescriptorInfo($0) }.get()
        }
        let result = source.read(path, limit: 1 << 20)
        if case .failure(let error) = result { note("/proc/" + path, error) }
        return (try? result.get())?.withUnsafeBytes { DescriptorInfo($0) }
    }

    public func descriptorInfo(_ holder: DescriptorHolder) -> DescriptorInfo? {
        guard let thread = process(holder.pid)?.living else { return nil }
        return descriptorInfo(holder.descriptor, of: thread)
    }

    /// Path of a process's executable, as the link says.
    public func executable(of process: ProcessReading) -> String? {
        guard let thread = process.living, !thread.stat.isKernelThread, !process.isZombie else { return nil }
        return cachedLink("\(directory(of: thread))/exe")
    }

    public func workingDirectory(of thread: ThreadReading) -> String? { cachedLink("\(directory(of: thread))/cwd") }

    /// A namespace's identity, as `ipc:[4026531839]`; nil when it may not be read.
    public func namespace(_ kind: String, of thread: ThreadReading) -> String? { cachedLink("\(directory(of: thread))/ns/\(kind)") }

    /// Whether a thread lives in this program's own namespace of that kind. Unreadable counts as the same.
    public func sharesNamespace(_ kind: String, _ thread: ThreadReading) -> Bool {
        guard let own = cachedLink("self/ns/\(kind)"), let theirs = namespace(kind, of: thread) else { return true }
        return own == theirs
    }

    private var descriptorIndex: DescriptorIndex {
        if let index = descriptorIndexCache { return index }
        let index = DescriptorIndex(source, pids: (try? processIDs().get()) ?? [])
        descriptorIndexCache = index
        return index
    }

    /// Every descriptor on the host with this link text, ours left out.
    public func holders(of link: String) -> [DescriptorHolder] { descriptorIndex.holders(of: link) }

    /// The sockets in whose receive queue descriptors lie that nobody has taken out (`scm_fds` in fdinfo, since Linux 5.13).
    /// O(sockets of the host); asked only when a descriptor's other end is held by no process.
    public var socketsCarryingDescriptors: [DescriptorHolder] {
        descriptorIndex.sockets.filter { (descriptorInfo($0)?.descriptorsInFlight ?? 0) > 0 }
    }

    /// Whether the known holders of an object are all that there can be, as far as descriptors are handed down by fork.
    ///
    /// Processes that may not be looked at could hold anything; but a descriptor comes to them from a relative, so those that are neither
    /// parent nor child of a known holder are left out of account. (One that was sent over a socket to a stranger whom we may not
    /// look at escapes this.) When no holder is known at all, every such process counts.
    /// - Parameter known: the processes seen to hold either end, the waiting one among them.
    public func holdersAreComplete(_ known: Set<Int32>, someFound: Bool) -> Bool {
        if processesMayBeHidden { return false }
        let refused = descriptorIndex.refused
        let all = showsAllProcesses
        guard !refused.isEmpty || !all else { return true }
        let isComplete =
            someFound
            && known.allSatisfy { pid in
                let parent = process(pid)?.parent ?? 0
                // Without a parent here, its parent is in an outer pid namespace.
                return (all || parent != 0) && !refused.contains(parent) && !children(of: pid).contains { refused.contains($0) }
            }
        if !isComplete {
            note(
                all
                    ? Gap(
                        what: "/proc/PID/fd of \(refused.count) processes", why: "EACCES",
                        unlock: "run as root with all capabilities: who else holds a pipe, socket or file is not known without it")
                    : Gap(
                        what: "processes outside this pid namespace", why: "they do not show in \(source.root)",
                        unlock: "run waitchain on the host itself: who else holds a pipe, socket or file is not known here"))
        }
        return isComplete
    }

    /// Whether the procfs belongs to the first pid namespace (its inode is fixed: PROC_PID_INIT_INO, include/linux/proc_ns.h).
    /// Without namespaces in the kernel there is only one.
    private var showsAllProcesses: Bool {
        guard source.isProcFS else { return true }
        // Of process 1 only a reader with its capabilities is told; this program is in the namespace of its own procfs.
        guard let link = cachedLink(source.sharesPIDs ? "self/ns/pid" : "1/ns/pid") else { return true }
        return link == "pid:[4026531836]"
    }

    /// Whether procfs shows this user only its own processes (mount option hidepid).
    public var processesMayBeHidden: Bool {
        guard source.isProcFS, geteuid() != 0 else { return false }
        return process(1) == nil
    }
}

extension Host {
    /// The inode number of an open file, from fdinfo (`ino:`, since Linux 5.14); nil on older kernels.
    public func inode(ofDescriptor number: Int32, _ thread: ThreadReading) -> UInt64? { descriptorInfo(number, of: thread)?.inode }
}
