import ProcFS
import WaitModel

/// One cgroup of a thread, in one hierarchy.
public struct ControlGroup: Sendable, Hashable {
    public let isUnified: Bool
    /// Its path below the hierarchy's root, as `/proc/PID/cgroup` has it.
    public let path: String
    /// Its directory and those of its ancestors, innermost first, as far as they are mounted here; empty when none is.
    public let directories: [String]

    public var directory: String? { directories.first }
}

/// Whether a cgroup is frozen, and by what.
public struct FreezerState: Sendable, Hashable {
    public let group: ControlGroup
    /// Every thread of it stands frozen (or stopped): `cgroup.events` says `frozen 1`, `freezer.state` says FROZEN.
    public let isFrozen: Bool
    /// It is to be frozen, and some thread has not come to rest yet.
    public let isFreezing: Bool
    /// The cgroups, of itself and its ancestors, whose own setting asks for it; outermost first.
    public let frozenBy: [String]
}

/// A CPU quota that binds a thread.
public struct CPUQuota: Sendable, Hashable {
    /// The cgroup that sets it.
    public let directory: String
    public let isUnified: Bool
    public let quotaMicroseconds: UInt64
    public let periodMicroseconds: UInt64
    /// How many periods ended with the quota used up.
    public let throttledPeriods: UInt64
    public let throttledMicroseconds: UInt64
}

/// A memory limit that binds a thread, with what is used.
public struct MemoryLimit: Sendable, Hashable {
    public let directory: String
    public let isUnified: Bool
    public let usedBytes: UInt64
    /// `memory.high`: beyond it allocation is slowed down.
    public let highBytes: UInt64?
    /// `memory.max` or `memory.limit_in_bytes`.
    public let maximumBytes: UInt64?
    /// v1: no OOM killer; tasks wait instead.
    public let killsNobody: Bool
    public let isOutOfMemory: Bool
}

/// Cgroups of one look, each read once.
///
/// Nothing here is read for a sweep unless a thread looks as if its cgroup held it: see the families that ask. `/proc/PID/cgroup` takes
/// the kernel's cgroup mutex (kernel/cgroup/cgroup.c `proc_cgroup_show`), so all goes through the reader process.
final class ControlGroups {
    private let source: HostSource
    private(set) lazy var mounts: [ControlGroupMount] = readMounts()
    private var memberships: [ThreadID: [ControlGroupMembership]] = [:]
    private var files: [String: String?] = [:]
    private var freezers: [ControlGroup: FreezerState] = [:]

    init(_ source: HostSource) { self.source = source }

    private func readMounts() -> [ControlGroupMount] {
        // The mounts that this program sees are its own, whichever procfs it reads.
        let result = source.isProcFS ? source.readSystemFile("/proc/self/mountinfo", limit: 1 << 20) : source.read("self/mountinfo")
        guard case .success(let bytes) = result else { return [] }
        return bytes.withUnsafeBytes { ControlGroupMount.table($0) }
    }

    /// - Parameter perThread: v1 and threaded cgroups may hold the threads of a process apart.
    func memberships(of thread: ThreadReading) -> [ControlGroupMembership] {
        if let known = memberships[thread.id] { return known }
        var lines: [ControlGroupMembership] = []
        if case .success(let bytes) = source.read("\(thread.pid)/task/\(thread.tid)/cgroup") {
            lines = bytes.withUnsafeBytes { ControlGroupMembership.table($0) }
        }
        memberships[thread.id] = lines
        return lines
    }

    /// - Parameter controller: a v1 controller; nil means the unified hierarchy.
    func group(of thread: ThreadReading, _ controller: String?) -> ControlGroup? {
        guard let line = memberships(of: thread).first(where: { controller.map($0.controllers.contains) ?? $0.isUnified }) else {
            return nil
        }
        let isUnified = controller == nil
        let fitting = mounts.filter { $0.isUnified == isUnified && (controller.map($0.controllers.contains) ?? true) }
        for mount in fitting {
            if let directories = Self.directories(of: line.path, on: mount) {
                return ControlGroup(isUnified: isUnified, path: line.path, directories: directories)
            }
        }
        return ControlGroup(isUnified: isUnified, path: line.path, directories: [])
    }

    /// The directory of a cgroup and those above it up to the mount; nil when the mount does not show it.
    static func directories(of path: String, on mount: ControlGroupMount) -> [String]? {
        let parts = path.split(separator: "/")
        let root = mount.root.split(separator: "/")
        guard !parts.contains(".."), parts.starts(with: root) else { return nil }
        var below = parts.dropFirst(root.count)
        var directories: [String] = []
        while true {
            directories.append(below.reduce(mount.point) { $0 + "/" + $1 })
            if below.popLast() == nil { return directories }
        }
    }

    /// A file of a cgroup; nil when it is not there or may not be read. Kept for this look.
    func text(_ directory: String, _ file: String) -> String? {
        let path = directory + "/" + file
        if let known = files[path] { return known }
        let text = freshText(directory, file)
        files[path] = .some(text)
        return text
    }

    /// The same, read anew.
    func freshText(_ directory: String, _ file: String) -> String? {
        guard case .success(let bytes) = source.readSystemFile(directory + "/" + file) else { return nil }
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    func number(_ directory: String, _ file: String) -> UInt64? {
        text(directory, file).flatMap { UInt64($0.prefix { $0.isNumber }) }
    }

    /// The value of a `KEY NUMBER` line.
    static func value(_ key: String, in text: String?) -> UInt64? {
        for line in text?.split(separator: "\n") ?? [] {
            let words = line.split(separator: " ")
            if words.count == 2, words[0] == key { return UInt64(words[1]) }
        }
        return nil
    }

    // MARK: Freezer

    func freezer(of thread: ThreadReading, unified: Bool) -> FreezerState? {
        guard mounts.contains(where: { unified ? $0.isUnified : $0.controllers.contains("freezer") }),
            let group = group(of: thread, unified ? nil : "freezer"), let directory = group.directory
        else { return nil }
        if let known = freezers[group] { return known }
        let state: FreezerState
        if unified {
            let asks = group.directories.filter { text($0, "cgroup.freeze")?.hasPrefix("1") == true }
            let frozen = Self.value("frozen", in: text(directory, "cgroup.events")) == 1
            state = FreezerState(group: group, isFrozen: frozen, isFreezing: !frozen && !asks.isEmpty, frozenBy: asks.reversed())
        } else {
            // The state must be read for the kernel to bring it up to date (kernel/cgroup/legacy_freezer.c update_if_frozen).
            let text = text(directory, "freezer.state") ?? ""
            let asks = group.directories.filter { self.text($0, "freezer.self_freezing")?.hasPrefix("1") == true }
            state = FreezerState(
                group: group, isFrozen: text.hasPrefix("FROZEN"), isFreezing: text.hasPrefix("FREEZING"), frozenBy: asks.reversed())
        }
        freezers[group] = state
        return state
    }

    // MARK: CPU

    /// The quotas on a thread's cgroup and its ancestors, innermost first.
    func quotas(of thread: ThreadReading, fresh: Bool) -> [CPUQuota] {
        var quotas: [CPUQuota] = []
        func read(_ directory: String, _ file: String) -> String? { fresh ? freshText(directory, file) : text(directory, file) }
        for directory in group(of: thread, nil)?.directories ?? [] {
            guard let words = text(directory, "cpu.max")?.split(whereSeparator: \.isWhitespace), words.count == 2,
                let quota = UInt64(words[0]), let period = UInt64(words[1])
            else { continue }
            let stat = read(directory, "cpu.stat")
            quotas.append(
                CPUQuota(
                    directory: directory, isUnified: true, quotaMicroseconds: quota, periodMicroseconds: period,
                    throttledPeriods: Self.value("nr_throttled", in: stat) ?? 0,
                    throttledMicroseconds: Self.value("throttled_usec", in: stat) ?? 0))
        }
        for directory in group(of: thread, "cpu")?.directories ?? [] {
            // -1 for none.
            guard let quota = number(directory, "cpu.cfs_quota_us"), let period = number(directory, "cpu.cfs_period_us") else { continue }
            let stat = read(directory, "cpu.stat")
            quotas.append(
                CPUQuota(
                    directory: directory, isUnified: false, quotaMicroseconds: quota, periodMicroseconds: period,
                    throttledPeriods: Self.value("nr_throttled", in: stat) ?? 0,
                    throttledMicroseconds: (Self.value("throttled_time", in: stat) ?? 0) / 1000))
        }
        return quotas
    }

    // MARK: Memory

    /// The limited cgroups of a thread, innermost first.
    func memoryLimits(of thread: ThreadReading) -> [MemoryLimit] {
        var limits: [MemoryLimit] = []
        for directory in group(of: thread, nil)?.directories ?? [] {
            guard let used = number(directory, "memory.current") else { continue }
            let (high, maximum) = (number(directory, "memory.high"), number(directory, "memory.max"))
            guard high != nil || maximum != nil else { continue }
            limits.append(
                MemoryLimit(
                    directory: directory, isUnified: true, usedBytes: used, highBytes: high, maximumBytes: maximum, killsNobody: false,
                    isOutOfMemory: false))
        }
        for directory in group(of: thread, "memory")?.directories ?? [] {
            guard let used = number(directory, "memory.usage_in_bytes"), let maximum = number(directory, "memory.limit_in_bytes") else {
                continue
            }
            let control = text(directory, "memory.oom_control")
            let killsNobody = Self.value("oom_kill_disable", in: control) == 1
            // Without a limit the file shows the largest number of pages.
            guard maximum < 1 << 60 || killsNobody else { continue }
            limits.append(
                MemoryLimit(
                    directory: directory, isUnified: false, usedBytes: used, highBytes: nil,
                    maximumBytes: maximum < 1 << 60 ? maximum : nil,
                    killsNobody: killsNobody, isOutOfMemory: Self.value("under_oom", in: control) == 1))
        }
        return limits
    }
}

extension Host {
    private var controlGroups: ControlGroups { attached { ControlGroups(source) } }

    /// Whether the control groups of a thread may be read.
    public func knowsControlGroups(of thread: ThreadReading) -> Bool { !controlGroups.memberships(of: thread).isEmpty }

    /// Whether the cgroup of a thread is frozen, by the unified hierarchy's freezer or that of v1; nil when there is none here.
    public func freezer(of thread: ThreadReading, unified: Bool) -> FreezerState? { controlGroups.freezer(of: thread, unified: unified) }

    /// The CPU quotas that bind a thread, innermost first.
    /// - Parameter fresh: read the counters anew.
    public func cpuQuotas(of thread: ThreadReading, fresh: Bool = false) -> [CPUQuota] {
        controlGroups.quotas(of: thread, fresh: fresh)
    }

    /// The memory limits that bind a thread, innermost first.
    public func memoryLimits(of thread: ThreadReading) -> [MemoryLimit] { controlGroups.memoryLimits(of: thread) }

    /// The container that a thread lives in, as `docker:1a2b3c4d5e6f`; nil for the host's own. Reads `/proc/PID/cgroup`.
    public func container(of thread: ThreadReading) -> ContainerName? {
        let lines = controlGroups.memberships(of: thread)
        return lines.sorted { $0.path.utf8.count > $1.path.utf8.count }.lazy.compactMap { ContainerName(cgroupPath: $0.path) }.first
    }

    /// The systemd unit that a thread belongs to, as `sshd.service`.
    public func systemdUnit(of thread: ThreadReading) -> String? {
        let lines = controlGroups.memberships(of: thread)
        let line = lines.first { $0.controllers == ["name=systemd"] && $0.path != "/" } ?? lines.first { $0.isUnified }
        return line.flatMap { ContainerName.systemdUnit(cgroupPath: $0.path) }
    }
}
