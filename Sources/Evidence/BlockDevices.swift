import ProcFS

/// A block device as sysfs shows it. Source: Documentation/ABI/stable/sysfs-block.
public struct BlockDevice: Sendable {
    /// `vda1`, `loop3`, `dm-0`.
    public var name: String
    /// `MAJ:MIN`.
    public var number: String
    /// Requests that the driver has been given and not finished, reads and writes; nil when it is not shown.
    public var readsInFlight: Int64?
    public var writesInFlight: Int64?
    /// What a loop device is made of, as this program would write the path.
    public var backingFile: String?
    /// The devices under a mapped or combined one (`/sys/block/dm-0/slaves`).
    public var slaves: [String]
}

extension Host {
    /// The block device with that number; nil for a file system on none (`0:N`) or when sysfs does not show it.
    public func blockDevice(major: UInt32, minor: UInt32) -> BlockDevice? {
        guard major != 0 else { return nil }
        let base = "/sys/dev/block/\(major):\(minor)"
        guard let target = try? source.systemLink(base).get() else { return nil }
        let parts = target.split(separator: "/")
        guard let name = parts.last.map(String.init) else { return nil }
        func numbers(_ file: String) -> [Int64] {
            guard let bytes = try? source.readSystemFile(base + file, limit: 256).get() else { return [] }
            return String(decoding: bytes, as: UTF8.self).split { $0 == " " || $0 == "\n" || $0 == "\t" }.compactMap { Int64($0) }
        }
        let flight = numbers("/inflight")
        var backing: String?
        // A partition's own directory has no `loop`; its disk's has.
        for place in ["/loop/backing_file", "/../loop/backing_file"] where backing == nil {
            guard let bytes = try? source.readSystemFile(base + place, limit: 4096).get() else { continue }
            var text = String(decoding: bytes, as: UTF8.self)
            while text.last == "\n" { text.removeLast() }
            if !text.isEmpty { backing = text }
        }
        return BlockDevice(
            name: name, number: "\(major):\(minor)", readsInFlight: flight.count == 2 ? flight[0] : nil,
            writesInFlight: flight.count == 2 ? flight[1] : nil, backingFile: backing,
            slaves: source.systemDirectory(base + "/slaves"))
    }

    /// The block device of that name (`vda1`, or `mapper/root` as a link of /dev).
    public func blockDevice(named name: String) -> BlockDevice? {
        guard !name.isEmpty, !name.contains("/"),
            let bytes = try? source.readSystemFile("/sys/class/block/\(name)/dev", limit: 64).get()
        else { return nil }
        let numbers = String(decoding: bytes, as: UTF8.self).split { $0 == ":" || $0 == "\n" }.compactMap { UInt32($0) }
        guard numbers.count == 2 else { return nil }
        return blockDevice(major: numbers[0], minor: numbers[1])
    }

    /// The device of a mount; file systems that span several (btrfs) name one of them as their source.
    public func blockDevice(of mount: Mount) -> BlockDevice? {
        if let device = blockDevice(major: mount.deviceMajor, minor: mount.deviceMinor) { return device }
        guard mount.source.hasPrefix("/dev/") else { return nil }
        return blockDevice(named: String(mount.source.dropFirst(5)))
    }
}
