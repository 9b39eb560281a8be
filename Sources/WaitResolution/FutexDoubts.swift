import Evidence
import Glibc
import ProcFS

/// Signs in memory that a futex waiter was passed over. They decide nothing: known hangs are told by them.
public struct FutexDoubts: Sendable, Hashable {
    /// The word no longer has the value that the thread waits for, and no time limit will make it look: FUTEX_WAIT would return EAGAIN now
    /// (kernel/futex/waitwake.c futex_wait_setup).
    public var wordDiffers = false
    /// The word belongs to a group of a glibc condition variable in which nobody is left to be signalled, and no signal is there to take.
    public var isPassedOver = false

    public init() {}
}

extension WaitFamilies {
    /// Looks three times, some milliseconds apart: a word that changes belongs to a lock in use.
    public static func futexDoubts(_ reading: ThreadReading, on host: Host) -> FutexDoubts {
        let thread = BlockedThread(reading, on: host)
        var doubts = FutexDoubts()
        guard let call = FutexCall(thread), call.isPlainWait, !call.hasLimit else { return doubts }
        func word() -> UInt32? { thread.memory(call.address, 4).flatMap { $0.count == 4 ? $0.u32(0) : nil } }
        guard let first = word() else { return doubts }
        if first != call.value {
            doubts.wordDiffers = (0..<2).allSatisfy { _ in
                usleep(5000)
                return word() == first
            }
        }
        if call.value == 0, first == 0 {
            let base = call.address &- (call.address % 8 == 4 ? 44 : 40)
            let look = { thread.memory(base, 48).map { CondvarGroups.isPassedOver($0, group: call.address % 8 == 4 ? 1 : 0) } == true }
            if look() {
                usleep(5000)
                doubts.isPassedOver = look()
            }
        }
        return doubts
    }
}

/// glibc's condition variable from 2.25 to 2.40: {u64 wseq; u64 g1_start; u32 g_refs[2]; u32 g_size[2]; u32 g1_orig_size; u32 wrefs;
/// u32 g_signals[2]}. Source: sysdeps/nptl/bits/thread-shared-types.h, nptl/pthread_cond_wait.c. Waiters come in two groups; bit 0 of wseq
/// says which is G2, the one that is not signalled yet. `g_size` counts those of G1 that are still to be signalled.
enum CondvarGroups {
    /// Whether a waiter of that group (the index of the word in `g_signals`) sleeps although all of its group were signalled.
    static func isPassedOver(_ bytes: [UInt8], group: Int) -> Bool {
        guard bytes.count >= 48, group == 0 || group == 1 else { return false }
        let waiters = bytes.u32(36) >> 3
        guard (1...9999).contains(waiters) else { return false }
        let (sequence, start) = (bytes.u64(0) >> 1, bytes.u64(8) >> 1)
        guard sequence > 0, start <= sequence, sequence - start < 1 << 32 else { return false }
        let isSecondGroup = Int(bytes.u64(0) & 1) == group
        return !isSecondGroup && bytes.u32(24 + 4 * group) == 0 && bytes.u32(40 + 4 * group) == 0
    }
}
