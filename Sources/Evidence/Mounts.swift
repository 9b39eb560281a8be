import ProcFS

extension Host {
    /// What a thread's process sees mounted, in the order of mounting; empty when it may not be read. Through the reader process: the
    /// list waits for mounts that are under way.
    public func mounts(of thread: ThreadReading) -> [Mount] {
        let cache = attached { MountCache() }
        // All processes of one mount namespace and one root see the same.
        let key = namespace("mnt", of: thread).map { $0 + (rootDirectory(of: thread) ?? "?") } ?? "\(thread.pid)"
        if let known = cache.tables[key] { return known }
        let mounts = readMounts("\(thread.pid)/task/\(thread.tid)/mountinfo")
        cache.tables[key] = mounts
        return mounts
    }

    /// What this program itself sees mounted.
    public var ownMounts: [Mount] {
        let cache = attached { MountCache() }
        if let known = cache.tables["self"] { return known }
        let mounts = readMounts("self/mountinfo")
        cache.tables["self"] = mounts
        return mounts
    }

    private func readMounts(_ path: String) -> [Mount] {
        switch source.read(path, limit: 4 << 20) {
        case .success(let bytes): return bytes.withUnsafeBytes { Mount.table($0) }
        case .failure(let error):
            note("/proc/" + path, error)
            return []
        }
    }

    /// Root directory of a thread's process, as this program would write it.
    public func rootDirectory(of thread: ThreadReading) -> String? { try? source.link("\(thread.pid)/task/\(thread.tid)/root").get() }

    /// fdinfo of a descriptor that serves other threads. Through the reader process: a fanotify group's takes a lock.
    public func descriptorDetails(_ holder: DescriptorHolder) -> DescriptorDetails? {
        guard let thread = process(holder.pid)?.living else { return nil }
        let path = "\(thread.pid)/task/\(thread.tid)/fdinfo/\(holder.descriptor)"
        switch source.read(path, limit: 1 << 20) {
        case .success(let bytes): return bytes.withUnsafeBytes { DescriptorDetails($0) }
        case .failure(let error):
            note("/proc/" + path, error)
            return nil
        }
    }
}

extension [Mount] {
    /// The mount that a path lies on, by its longest prefix; of mounts at one place the last one. The path must be absolute and as the
    /// mounts' own process writes it; links in it are not followed, so this is an inference.
    public func containing(_ path: String) -> Mount? {
        var best: Mount?
        for mount in self where mount.point == "/" || path == mount.point || path.hasPrefix(mount.point + "/") {
            if mount.point.utf8.count >= (best?.point.utf8.count ?? 0) { best = mount }
        }
        return best
    }
}

private final class MountCache {
    var tables: [String: [Mount]] = [:]
}
