import Evidence
import KernelFacts
import ProcFS

extension WaitFamilies {
    /// Reads what the resolvers will look at in the memory of many threads, in a few batches instead of one round trip a piece: the words
    /// that futex calls wait on and the structures that the arguments of other calls point to.
    public static func prefetchMemory(of readings: [ThreadReading], on host: Host) {
        guard readings.count > 2 else { return }
        var pieces: [(thread: ThreadReading, address: UInt64, count: Int)] = []
        for reading in readings where reading.isAsleep {
            guard let call = reading.systemCall, let architecture = host.architecture(of: reading),
                let name = SystemCalls.name(call.number, on: architecture)
            else { continue }
            for piece in pointers(of: name, call) where piece.address > 0x1000 && piece.count > 0 {
                pieces.append((reading, piece.address, piece.count))
            }
        }
        host.prefetchMemory(pieces)
    }

    /// What a call's arguments point to, as far as it tells what is waited for.
    private static func pointers(of name: String, _ call: SystemCall) -> [(address: UInt64, count: Int)] {
        let time = 16
        func upTo(_ limit: Int, _ value: UInt64) -> Int { Int(min(value, UInt64(limit))) }
        switch name {
        case "futex", "futex_time64":
            // The object around the word lies in its page, which is present as long as somebody sleeps on it.
            let start = max(call[0] &- min(call[0], 64), call[0] & ~0xFFF)
            return [(start, Int(call[0] - start) + 64), (call[3], call[3] < 0x10000 ? 0 : time)]
        case "futex_wait": return [(call[0] & ~0x3F, 128), (call[4], time)]
        case "nanosleep": return [(call[0], time)]
        case "clock_nanosleep", "clock_nanosleep_time64": return [(call[2], time)]
        case "poll": return [(call[0], 8 * upTo(256, call[1]))]
        case "ppoll", "ppoll_time64": return [(call[0], 8 * upTo(256, call[1])), (call[2], time)]
        case "select", "_newselect", "pselect6", "pselect6_time64":
            let count = (upTo(1024, call[0]) + 7) / 8
            return [(call[1], count), (call[2], count), (call[3], count), (call[4], time)]
        case "epoll_pwait2": return [(call[3], time)]
        case "rt_sigtimedwait": return [(call[0], 8), (call[2], time)]
        default: return []
        }
    }
}
