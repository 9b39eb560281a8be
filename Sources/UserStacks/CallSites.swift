/// Recognises the call instruction before a return address.
/// Sources: Intel SDM volume 2, `CALL` and `JMP`; Arm ARM C6.2, `BL` and `BLR`.
enum CallSite: Hashable {
    /// To a fixed address.
    case direct(UInt64)
    /// Through the pointer at an address (`call *slot(%rip)`).
    case slot(UInt64)
    /// Through a register or memory that is not known.
    case indirect

    /// Bytes before a return address that are looked at.
    static let reach = 8

    /// - Parameters:
    ///   - code: the bytes before the return address, ending with it.
    ///   - address: the return address, in the same counting as the result.
    init?(endingAt address: UInt64, code: [UInt8], machine: Machine) {
        let n = code.count
        func byte(_ back: Int) -> UInt8 { back <= n ? code[n - back] : 0 }
        func word(_ back: Int) -> UInt32 {
            UInt32(byte(back)) | UInt32(byte(back - 1)) << 8 | UInt32(byte(back - 2)) << 16 | UInt32(byte(back - 3)) << 24
        }
        switch machine {
        case .arm64:
            guard n >= 4, address % 4 == 0 else { return nil }
            let instruction = word(4)
            if instruction & 0xFC00_0000 == 0x9400_0000 {
                let offset = Int64(Int32(bitPattern: instruction << 6) >> 6) * 4
                self = .direct(address &- 4 &+ UInt64(bitPattern: offset))
            } else if instruction & 0xFFFF_FC1F == 0xD63F_0000 || instruction & 0xFEFF_F800 == 0xD63F_0800 {
                self = .indirect
            } else {
                return nil
            }
        case .amd64, .i386:
            if n >= 5, byte(5) == 0xE8 {
                let target = address &+ UInt64(bitPattern: Int64(Int32(bitPattern: word(4))))
                self = .direct(machine == .i386 ? target & 0xFFFF_FFFF : target)
                return
            }
            if n >= 6, byte(6) == 0xFF, byte(5) == 0x15 {
                let displacement = UInt64(bitPattern: Int64(Int32(bitPattern: word(4))))
                self = .slot(machine == .i386 ? displacement & 0xFFFF_FFFF : address &+ displacement)
                return
            }
            // FF /2 with all lengths of its operand.
            for length in 2...7 where length <= n && byte(length) == 0xFF {
                let operand = byte(length - 1)
                guard operand & 0x38 == 0x10 else { continue }
                let hasIndex = operand & 7 == 4
                let size: Int
                switch operand >> 6 {
                case 3: size = 2
                case 1: size = hasIndex ? 4 : 3
                case 2: size = hasIndex ? 7 : 6
                default: size = operand & 7 == 5 ? 6 : hasIndex ? (length >= 3 && byte(length - 2) & 7 == 5 ? 7 : 3) : 2
                }
                if size == length {
                    self = .indirect
                    return
                }
            }
            return nil
        }
    }

    /// Where a stub of the procedure linkage table takes its target from: `jmp *slot(%rip)`, with or without `endbr64`.
    static func slot(ofStub code: [UInt8], at address: UInt64, machine: Machine) -> UInt64? {
        guard machine == .amd64 else { return nil }
        var at = 0
        if code.starts(with: [0xF3, 0x0F, 0x1E, 0xFA]) { at = 4 }
        if at < code.count, code[at] == 0xF2 { at += 1 }
        guard at + 6 <= code.count, code[at] == 0xFF, code[at + 1] == 0x25 else { return nil }
        let raw = UInt32(code[at + 2]) | UInt32(code[at + 3]) << 8 | UInt32(code[at + 4]) << 16 | UInt32(code[at + 5]) << 24
        return address &+ UInt64(at + 6) &+ UInt64(bitPattern: Int64(Int32(bitPattern: raw)))
    }
}
