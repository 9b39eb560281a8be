/// One mounted cgroup hierarchy, from `/proc/PID/mountinfo`. Source: proc_pid_mountinfo(5), cgroups(7).
public struct ControlGroupMount: Sendable, Hashable {
    /// The unified hierarchy (cgroup v2).
    public var isUnified: Bool
    /// Controllers of a v1 hierarchy (`freezer`, `cpu`, …), and `name=systemd` for one without any.
    public var controllers: Set<String>
    /// Where it is mounted.
    public var point: String
    /// Which cgroup is to be seen there: `/`, or a container's own.
    public var root: String

    /// Every cgroup mount of a `mountinfo` file.
    public static func table(_ bytes: UnsafeRawBufferPointer) -> [ControlGroupMount] {
        var mounts: [ControlGroupMount] = []
        var cursor = ByteCursor(bytes)
        while let line = cursor.line() {
            var field = ByteCursor(line)
            // ID, parent, device, root, mount point, options, optional fields up to a dash, type, source, super options.
            for _ in 0..<3 { _ = field.word() }
            let root = unescaped(field.word())
            let point = unescaped(field.word())
            var word = field.word()
            while !word.isEmpty, !(word.count == 1 && word[0] == 0x2D) { word = field.word() }
            let type = field.word()
            guard type.begins(with: "cgroup"), type.count == 6 || type.count == 7 && type[6] == 0x32 else { continue }
            _ = field.word()
            let options = field.word().text.split(separator: ",").map(String.init)
            let isUnified = type.count == 7
            mounts.append(
                ControlGroupMount(
                    isUnified: isUnified, controllers: isUnified ? [] : Set(options.filter { $0 != "rw" && $0 != "ro" }), point: point,
                    root: root))
        }
        return mounts
    }

    /// Blanks and backslashes stand as three octal digits (fs/proc_namespace.c `mangle`).
    private static func unescaped(_ word: UnsafeRawBufferPointer) -> String {
        guard word.contains(0x5C) else { return word.text }
        var bytes: [UInt8] = []
        var at = 0
        while at < word.count {
            if word[at] == 0x5C, at + 3 < word.count, word[at + 1...at + 3].allSatisfy({ $0 >= 0x30 && $0 < 0x38 }) {
                bytes.append((word[at + 1] - 0x30) &* 64 &+ (word[at + 2] - 0x30) &* 8 &+ (word[at + 3] - 0x30))
                at += 4
            } else {
                bytes.append(word[at])
                at += 1
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// One line of `/proc/PID/cgroup`. Source: cgroups(7).
public struct ControlGroupMembership: Sendable, Hashable {
    /// Controllers of the v1 hierarchy; empty for the unified one (`0::`).
    public var controllers: [String]
    /// The cgroup's path below the hierarchy's root, as the reader's cgroup namespace has it.
    public var path: String

    public var isUnified: Bool { controllers.isEmpty }

    public static func table(_ bytes: UnsafeRawBufferPointer) -> [ControlGroupMembership] {
        var lines: [ControlGroupMembership] = []
        var cursor = ByteCursor(bytes)
        while let line = cursor.line() {
            var field = ByteCursor(line)
            guard field.until(0x3A) != nil, let controllers = field.until(0x3A) else { continue }
            var path = UnsafeRawBufferPointer(rebasing: line[field.position...]).text
            // A cgroup that was removed while its processes live (kernel/cgroup/cgroup.c proc_cgroup_show).
            if path.hasSuffix(" (deleted)") { path.removeLast(" (deleted)".count) }
            guard path.hasPrefix("/") else { continue }
            lines.append(ControlGroupMembership(controllers: controllers.text.split(separator: ",").map(String.init), path: path))
        }
        return lines
    }
}
