import ProcFS

/// One entry of a submission queue, as it was written there.
public struct SubmissionEntry: Sendable, Hashable {
    public let opcode: UInt8
    /// An index into the ring's registered files, not a descriptor (IOSQE_FIXED_FILE).
    public let usesRegisteredFile: Bool
    public let descriptor: Int32
    /// For POLL_ADD its events.
    public let events: UInt32
}

extension Host {
    public func ioUring(_ descriptor: Int32, of thread: ThreadReading) -> IOUringInfo? {
        try? source.readInPlace("\(directory(of: thread))/fdinfo/\(descriptor)") { IOUringInfo($0) }.get()
    }

    /// The entries that were written to a ring so far; older ones may be overwritten, and those that were answered stay. Read from the
    /// target's own mapping of them (offset IORING_OFF_SQES, include/uapi/linux/io_uring.h).
    public func submissionEntries(ring descriptor: Int32, _ info: IOUringInfo, of thread: ThreadReading) -> [SubmissionEntry]? {
        guard let tail = info.submissionTail, let mask = info.submissionMask, mask < 1 << 15,
            let inode = descriptorInfo(descriptor, of: thread)?.inode,
            let mapping = mappings(of: thread).first(where: {
                $0.fileOffset == 0x1000_0000 && $0.inode == inode && $0.path?.contains("io_uring") == true
            })
        else { return nil }
        let count = min(Int(tail), Int(mask) + 1)
        guard count > 0 else { return [] }
        // struct io_uring_sqe: u8 opcode, u8 flags, u16 ioprio, s32 fd, …, u32 op_flags at 28; 64 bytes.
        guard let bytes = memory(of: thread, at: mapping.start, count: count * 64) else { return nil }
        func u32(_ at: Int) -> UInt32 {
            UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2]) << 16 | UInt32(bytes[at + 3]) << 24
        }
        return stride(from: 0, to: bytes.count - 63, by: 64).map {
            SubmissionEntry(
                opcode: bytes[$0], usesRegisteredFile: bytes[$0 + 1] & 1 != 0, descriptor: Int32(bitPattern: u32($0 + 4)),
                events: u32($0 + 28))
        }
    }
}
