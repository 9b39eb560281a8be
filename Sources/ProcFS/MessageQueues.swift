/// One line of `/proc/sysvipc/msg`, of the reader's ipc namespace. Source: sysvipc(7), ipc/msg.c `sysvipc_msg_proc_show`.
public struct MessageQueue: Sendable, Hashable {
    public var key: Int64
    public var id: Int32
    public var bytes: UInt64
    public var messages: UInt64
    /// Last process to send to and to receive from it; 0 when nobody did. In the reader's pid namespace.
    public var lastSender: Int32
    public var lastReceiver: Int32
    public var lastSendSeconds: Int64
    public var lastReceiveSeconds: Int64
    /// `msg_qbytes`, the limit of bytes and, too, of messages. Only msgctl(IPC_STAT) tells it.
    public var bytesLimit: UInt64?

    init?(_ line: UnsafeRawBufferPointer) {
        var cursor = ByteCursor(line)
        guard let key = cursor.signed(), let id = cursor.int32(), cursor.unsigned() != nil, let bytes = cursor.unsigned(),
            let messages = cursor.unsigned(), let sender = cursor.int32(), let receiver = cursor.int32()
        else { return nil }
        for _ in 0..<4 { guard cursor.unsigned() != nil else { return nil } }
        guard let sent = cursor.signed(), let received = cursor.signed() else { return nil }
        self.key = Int64(UInt32(truncatingIfNeeded: key))  // key_t is shown as a signed number
        self.id = id
        self.bytes = bytes
        self.messages = messages
        lastSender = sender
        lastReceiver = receiver
        lastSendSeconds = sent
        lastReceiveSeconds = received
    }

    public init(
        key: Int64, id: Int32, bytes: UInt64, messages: UInt64, lastSender: Int32, lastReceiver: Int32, lastSendSeconds: Int64,
        lastReceiveSeconds: Int64, bytesLimit: UInt64?
    ) {
        self.key = key
        self.id = id
        self.bytes = bytes
        self.messages = messages
        self.lastSender = lastSender
        self.lastReceiver = lastReceiver
        self.lastSendSeconds = lastSendSeconds
        self.lastReceiveSeconds = lastReceiveSeconds
        self.bytesLimit = bytesLimit
    }

    public static func table(_ bytes: UnsafeRawBufferPointer) -> [MessageQueue] {
        var cursor = ByteCursor(bytes)
        var queues: [MessageQueue] = []
        while let line = cursor.line() { if let queue = MessageQueue(line) { queues.append(queue) } }
        return queues
    }
}
