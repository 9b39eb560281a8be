import Glibc

/// A System V message queue that this process made and removes.
struct MessageQueue: Sendable {
    /// What the story's queue holds, whatever the kernel's default (kernel.msgmnb) is here.
    static let byteLimit = 16384

    let id: CInt

    /// Makes a queue. The corresponding C function is `msgget`.
    ///
    /// - Parameter key: the queue's key, or `nil` for IPC_PRIVATE. A queue that has this key already is an error, not shared.
    init(key: CInt?) throws {
        id = msgget(key ?? IPC_PRIVATE, IPC_CREAT | IPC_EXCL | 0o600)
        guard id >= 0 else { throw SystemCallError("msgget", key.map { "key \($0)" } ?? "IPC_PRIVATE") }
        do {
            try limitBytes()
        } catch {
            remove()
            throw error
        }
    }

    /// Removes the queue; whoever sleeps in it wakes with EIDRM. The corresponding C function is `msgctl(IPC_RMID)`.
    func remove() {
        msgctl(id, IPC_RMID, nil)
    }

    enum SendResult {
        case sent
        /// Only without waiting: the queue is full.
        case full
        /// A signal came, or the queue is gone.
        case ended
    }

    /// Appends a message; waits while the queue is full, unless `waits` is false. The corresponding C function is `msgsnd`.
    @discardableResult
    func send(_ message: DeviceMessage, waits: Bool = true) -> SendResult {
        let typed = MessageQueue.type + message.encoded
        let code = typed.withUnsafeBytes { msgsnd(id, $0.baseAddress, DeviceMessage.byteCount, waits ? 0 : IPC_NOWAIT) }
        if code == 0 { return .sent }
        return errno == EAGAIN ? .full : .ended
    }

    /// Takes the oldest message, and waits for one. `nil` when a signal came or the queue is gone.
    /// The corresponding C function is `msgrcv`.
    func receive() -> DeviceMessage? {
        var buffer = [UInt8](repeating: 0, count: MemoryLayout<CLong>.size + DeviceMessage.byteCount)
        let count = buffer.withUnsafeMutableBytes { msgrcv(id, $0.baseAddress, DeviceMessage.byteCount, 0, 0) }
        guard count == DeviceMessage.byteCount else { return nil }
        return DeviceMessage(decoding: buffer.dropFirst(MemoryLayout<CLong>.size))
    }

    private static let type = withUnsafeBytes(of: CLong(1)) { Array($0) }

    private func limitBytes() throws {
        var status = msqid_ds()
        guard msgctl(id, IPC_STAT, &status) == 0 else { throw SystemCallError("msgctl", "IPC_STAT") }
        guard status.msg_qbytes > MessageQueue.byteLimit else { return }
        status.msg_qbytes = UInt(MessageQueue.byteLimit)
        guard msgctl(id, IPC_SET, &status) == 0 else { throw SystemCallError("msgctl", "IPC_SET") }
    }
}
