/// `/proc/PID/fdinfo/FD` of an io_uring. Source: io_uring/fdinfo.c `io_uring_show_fdinfo`; what it prints varies by version.
public struct IOUringInfo: Sendable, Hashable {
    /// Submission entries that were ever queued, modulo 2^32.
    public var submissionTail: UInt32?
    /// Number of submission entries, less one.
    public var submissionMask: UInt32?
    /// The thread that polls the submission queue; nil when there is none.
    public var pollingThread: Int32?
    /// Opcodes of requests that wait for their descriptor to become ready.
    public var pendingOpcodes: [UInt8] = []
    /// The kernel lists such requests at all (since Linux 5.11 or so).
    public var listsPending = false

    public init(_ bytes: UnsafeRawBufferPointer) {
        var cursor = ByteCursor(bytes)
        while let line = cursor.line() {
            var field = ByteCursor(line)
            field.skipBlanks()
            let rest = UnsafeRawBufferPointer(rebasing: line[field.position...])
            if rest.begins(with: "op=") {
                var number = ByteCursor(rest, at: 3)
                if listsPending, let opcode = number.unsigned(), pendingOpcodes.count < 4096 {
                    pendingOpcodes.append(UInt8(truncatingIfNeeded: opcode))
                }
                continue
            }
            guard let key = field.until(0x3A) else { continue }
            if key.begins(with: "SqTail") {
                submissionTail = field.unsigned().map { UInt32(truncatingIfNeeded: $0) }
            } else if key.begins(with: "SqMask") {
                submissionMask = field.unsigned(base: 16).map { UInt32(truncatingIfNeeded: $0) }
            } else if key.count == 8, key.begins(with: "SqThread") {
                pollingThread = field.int32().flatMap { $0 > 0 ? $0 : nil }
            } else if key.begins(with: "PollList") {
                listsPending = true
            } else if key.begins(with: "CqOverflowList") {
                return
            }
        }
    }
}
