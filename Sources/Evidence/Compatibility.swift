import KernelFacts
import ProcFS

extension Host {
    /// The architecture whose system call numbers a thread uses. A 32-bit program on a 64-bit kernel has a stack below 4 GiB and
    /// an auxiliary vector of 8-byte entries (fs/proc/base.c prints `auxv` as the program got it).
    public func architecture(of thread: ThreadReading) -> Architecture? {
        guard let native = architecture else { return nil }
        let stackPointer: UInt64
        switch thread.call {
        case .inside(let call): stackPointer = call.stackPointer
        case .outside(let pointer, _): stackPointer = pointer
        default: return native
        }
        guard stackPointer < 1 << 32, stackPointer != 0, native == .x86_64 || native == .arm64 else { return native }
        if compatibility[thread.pid] == nil {
            guard case .success(let vector) = source.read(thread.path("auxv").dropFirst("/proc/".count).description, limit: 1024) else {
                return native
            }
            // Entries are (type, value); the types are small, so in a 64-bit vector every second 32-bit word of a type is 0.
            let is64 = vector.withUnsafeBytes { bytes in
                stride(from: 0, to: min(bytes.count, 128) - 15, by: 16).allSatisfy { bytes.load32(at: $0 + 4) == 0 }
            }
            compatibility[thread.pid] = !is64
        }
        guard compatibility[thread.pid] == true else { return native }
        return native == .x86_64 ? .i386 : .arm
    }
}
