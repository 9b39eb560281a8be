import Evidence
import ProcFS

/// 32-bit C libraries reach sockets and System V IPC through two calls that carry which one is meant as their first argument.
/// Source: socketcall(2), ipc(2), net/socket.c, ipc/syscall.c.
enum PackedCalls {
    /// The call that is meant, with its own arguments in their own order; nil for a call that is not packed, or whose arguments cannot
    /// be read.
    static func unpack(_ name: String, _ call: SystemCall, of reading: ThreadReading, on host: Host) -> (name: String?, call: SystemCall?)?
    {
        switch name {
        case "socketcall":
            guard let meant = sockets[call[0]] else { return nil }
            guard let bytes = host.memory(of: reading, at: call[1], count: 24), bytes.count >= 4 * meant.arguments else { return nil }
            return (meant.name, with((0..<meant.arguments).map { UInt64(bytes.u32($0 * 4)) }, call))
        case "ipc":
            // ipc(call, first, second, third, ptr, fifth)
            switch call[0] & 0xffff {
            case 1: return ("semop", with([call[1], call[4], call[2]], call))
            case 4: return ("semtimedop", with([call[1], call[4], call[2], call[5]], call))
            case 11: return ("msgsnd", with([call[1], call[4], call[2], call[3]], call))
            // The older form packs the buffer and the type into a structure; the queue is the same.
            case 12: return ("msgrcv", with([call[1], call[4], call[2], 0, call[3]], call))
            default: return nil
            }
        default: return nil
        }
    }

    private static func with(_ arguments: [UInt64], _ call: SystemCall) -> SystemCall {
        SystemCall(number: call.number, arguments: arguments, stackPointer: call.stackPointer, programCounter: call.programCounter)
    }

    private static let sockets: [UInt64: (name: String, arguments: Int)] = [
        3: ("connect", 3), 5: ("accept", 3), 9: ("send", 4), 10: ("recv", 4), 11: ("sendto", 6), 12: ("recvfrom", 6), 16: ("sendmsg", 3),
        17: ("recvmsg", 3), 18: ("accept4", 4), 19: ("recvmmsg", 5), 20: ("sendmmsg", 4),
    ]
}
