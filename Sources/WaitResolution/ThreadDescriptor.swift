import Evidence
import KernelFacts

/// glibc's `struct pthread`, as far as it tells whose it is: the thread's id, and the structure's own address (header.self) by which one
/// can be told from other memory. Source: nptl/descr.h, sysdeps/{x86_64,i386}/nptl/tls.h; the same from glibc 2.4 to 2.41.
enum ThreadDescriptor {
    private static func layout(_ thread: BlockedThread) -> (tid: UInt64, ownAddress: UInt64)? {
        switch thread.architecture {
        case .x86_64: (0x2d0, 0x10)
        case .i386: (0x68, 0x8)
        default: nil
        }
    }

    /// Whether `address` is the `tid` field of a thread's descriptor.
    static func holdsTID(at address: UInt64, _ thread: BlockedThread) -> Bool {
        guard let layout = layout(thread), address > layout.tid else { return false }
        return isDescriptor(address - layout.tid, layout.ownAddress, thread)
    }

    /// The thread id in the descriptor at `address`; nil when none is there.
    static func tid(ofDescriptorAt address: UInt64, _ thread: BlockedThread) -> UInt32? {
        guard let layout = layout(thread), address > 0x10000, address % 16 == 0, isDescriptor(address, layout.ownAddress, thread) else {
            return nil
        }
        return thread.memory(address + layout.tid, 4)?.u32(0)
    }

    private static func isDescriptor(_ address: UInt64, _ ownAddress: UInt64, _ thread: BlockedThread) -> Bool {
        guard let bytes = thread.memory(address + ownAddress, thread.wordSize), bytes.count == thread.wordSize else { return false }
        return (thread.wordSize == 8 ? bytes.u64(0) : UInt64(bytes.u32(0))) == address
    }
}
