import Evidence
import ProcFS
import WaitModel

/// A system call that blocks on one socket: which descriptor, and what for.
struct SocketCall {
    enum Action { case receive, send, connect, accept }

    let name: String
    let action: Action
    let descriptor: Int32
    let inode: UInt64

    private static let receives: Set<String> = ["read", "readv", "recvfrom", "recvmsg", "recvmmsg", "recvmmsg_time64", "recv"]
    private static let sends: Set<String> = ["write", "writev", "sendto", "sendmsg", "sendmmsg", "send", "sendfile", "sendfile64"]

    /// nil when the thread is in no such call, or when it is on no socket.
    init?(_ thread: BlockedThread, on host: Host) {
        guard let call = thread.callName else { return nil }
        name = call
        func socket(_ descriptor: Int32) -> UInt64? {
            guard case .socket(let inode)? = host.descriptor(descriptor, of: thread.reading) else { return nil }
            return inode
        }
        switch call {
        case "connect": action = .connect
        case "accept", "accept4": action = .accept
        case "splice":
            // splice(in, offset, out, …): one side is a pipe, and may be what it waits for.
            guard let channel = thread.channel, !channel.contains("pipe"), channel != "wait_for_space" else { return nil }
            if let inode = socket(thread.int(2)) {
                (action, descriptor, self.inode) = (.send, thread.int(2), inode)
            } else if let inode = socket(thread.int(0)) {
                (action, descriptor, self.inode) = (.receive, thread.int(0), inode)
            } else {
                return nil
            }
            return
        case _ where Self.receives.contains(call): action = .receive
        case _ where Self.sends.contains(call): action = .send
        default: return nil
        }
        guard let inode = socket(thread.int(0)) else { return nil }
        (descriptor, self.inode) = (thread.int(0), inode)
    }

    /// The address argument of connect and sendto, or of sendmsg's header, in the target's memory.
    func explicitAddress(_ thread: BlockedThread) -> (address: UInt64, length: Int)? {
        switch name {
        case "connect": return (thread.argument(1), Int(thread.int(2)))
        case "sendto" where thread.argument(4) != 0: return (thread.argument(4), Int(thread.int(5)))
        case "sendmsg", "sendmmsg":
            guard let header = thread.memory(thread.argument(1), thread.wordSize + 4) else { return nil }
            let address = thread.wordSize == 8 ? header.u64(0) : UInt64(header.u32(0))
            return address == 0 ? nil : (address, Int(header.u32(thread.wordSize)))
        default: return nil
        }
    }
}

extension Counterparts {
    /// `postgres (4711), nginx (12)`: who holds the other end, for a sentence.
    var names: String {
        let listed = others.prefix(3).map { "\($0.name) (\($0.id.pid))" }.joined(separator: ", ")
        if !listed.isEmpty { return listed + (others.count > 3 ? " and others" : "") }
        return includesOwn ? "its own process" : isComplete ? "an undelivered message" : "a process that may not be looked at"
    }
}

/// `2,048 bytes`, for a sentence.
func bytesText(_ count: some BinaryInteger) -> String {
    let digits = String(count)
    var text = ""
    for (index, digit) in digits.enumerated() {
        if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
        text.append(digit)
    }
    return text + (count == 1 ? " byte" : " bytes")
}
