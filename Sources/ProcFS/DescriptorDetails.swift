/// What the fdinfo of descriptors that serve other threads says: a FUSE daemon's, a userfaultfd, a fanotify group.
/// Sources: fs/fuse/dev.c `fuse_dev_show_fdinfo` (since Linux 6.16), fs/userfaultfd.c `userfaultfd_show_fdinfo`,
/// fs/notify/fdinfo.c.
public struct DescriptorDetails: Sendable, Hashable {
    /// The connection that a descriptor of /dev/fuse serves, as the kernel's device number of its file system.
    public var fuseConnection: UInt64?
    /// Page faults of a userfaultfd that were not read yet, and those that were not resolved yet, these included.
    public var pendingFaults: UInt64?
    public var openFaults: UInt64?
    /// Flags of fanotify_init(2).
    public var fanotifyFlags: UInt64?
    public var fanotifyMarks: [FanotifyMark] = []

    public struct FanotifyMark: Sendable, Hashable {
        public enum Subject: Sendable, Hashable {
            case inode(UInt64, device: UInt64)
            case mount(UInt64)
            case fileSystem(device: UInt64)
        }
        public var subject: Subject
        public var mask: UInt64

        /// FAN_OPEN_PERM, FAN_ACCESS_PERM, FAN_OPEN_EXEC_PERM, FAN_PRE_ACCESS (include/uapi/linux/fanotify.h): the kernel waits for an answer.
        public var asksForPermission: Bool { mask & 0x0017_0000 != 0 }
    }

    /// Whether the group may be asked for permission at all: FAN_CLASS_CONTENT or FAN_CLASS_PRE_CONTENT.
    public var answersPermission: Bool { (fanotifyFlags ?? 0) & 0xc != 0 }

    public init(_ bytes: UnsafeRawBufferPointer) {
        var cursor = ByteCursor(bytes)
        while let line = cursor.line() {
            if line.begins(with: "fanotify ") {
                readFanotify(line)
                continue
            }
            var field = ByteCursor(line)
            guard let key = field.until(0x3A) else { continue }
            if key.begins(with: "fuse_connection") {
                fuseConnection = field.unsigned()
            } else if key.count == 7, key.begins(with: "pending") {
                pendingFaults = field.unsigned()
            } else if key.count == 5, key.begins(with: "total") {
                openFaults = field.unsigned()
            }
        }
    }

    /// `fanotify flags:9 event-flags:0`, `fanotify ino:2b sdev:fe00000 mflags:0 mask:10000 …`, `fanotify mnt_id:1f …`, `fanotify sdev:…`;
    /// all numbers are hexadecimal.
    private mutating func readFanotify(_ line: UnsafeRawBufferPointer) {
        var inode: UInt64?
        var device: UInt64?
        var mount: UInt64?
        var mask: UInt64?
        var cursor = ByteCursor(line, at: 9)
        while true {
            let word = cursor.word()
            guard !word.isEmpty else { break }
            var field = ByteCursor(word)
            guard let key = field.until(0x3A), let value = field.unsigned(base: 16) else { continue }
            if key.count == 5, key.begins(with: "flags") {
                fanotifyFlags = value
            } else if key.count == 3, key.begins(with: "ino") {
                inode = value
            } else if key.begins(with: "sdev") {
                device = value
            } else if key.begins(with: "mnt_id") {
                mount = value
            } else if key.count == 4, key.begins(with: "mask") {
                mask = value
            }
        }
        guard let mask else { return }
        if let mount {
            fanotifyMarks.append(FanotifyMark(subject: .mount(mount), mask: mask))
        } else if let device {
            fanotifyMarks.append(
                FanotifyMark(subject: inode.map { .inode($0, device: device) } ?? .fileSystem(device: device), mask: mask))
        }
    }
}
