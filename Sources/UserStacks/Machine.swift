/// An architecture as call frame information sees it: how wide a word is, and which DWARF register is which.
/// Sources: System V ABI AMD64 3.6.2 and i386 2.4.2, DWARF for the Arm 64-bit Architecture 4.1.
enum Machine: Sendable, Hashable {
    case amd64
    case i386
    case arm64

    /// From `e_machine`.
    init?(elf machine: UInt16) {
        switch machine {
        case 62: self = .amd64
        case 3: self = .i386
        case 183: self = .arm64
        default: return nil
        }
    }

    var wordSize: Int { self == .i386 ? 4 : 8 }
    /// DWARF registers that are followed.
    var registerCount: Int {
        switch self {
        case .amd64: 17
        case .i386: 9
        case .arm64: 32
        }
    }
    var stackPointer: Int {
        switch self {
        case .amd64: 7
        case .i386: 4
        case .arm64: 31
        }
    }
    var framePointer: Int {
        switch self {
        case .amd64: 6
        case .i386: 5
        case .arm64: 29
        }
    }

    /// Registers that a function must give back as it found them, as a set of bits. The others are unknown in its caller.
    var calleeSaved: UInt64 {
        switch self {
        case .amd64: 0b1111_0000_0100_1000  // rbx rbp r12-r15
        case .i386: 0b1110_1000  // ebx ebp esi edi
        case .arm64: 0x3FF8_0000 | 1 << 30  // x19-x29, and x30 in a leaf
        }
    }

    /// An address as the program counter has it: AArch64 keeps a signature in the upper bits of a return address.
    func codeAddress(_ value: UInt64) -> UInt64 {
        switch self {
        case .amd64: value
        case .i386: value & 0xFFFF_FFFF
        case .arm64: value & 0x0000_FFFF_FFFF_FFFF
        }
    }
}

/// The registers of one frame, as far as they are known.
struct Registers: Sendable {
    var programCounter: UInt64
    private var values: [UInt64]
    private var known: UInt64 = 0

    init(machine: Machine, stackPointer: UInt64, programCounter: UInt64) {
        self.programCounter = programCounter
        values = [UInt64](repeating: 0, count: machine.registerCount)
        self[machine.stackPointer] = stackPointer
        // Where the program counter is a register of its own, expressions may name it (the linkage table's do).
        switch machine {
        case .amd64: self[16] = programCounter
        case .i386: self[8] = programCounter
        case .arm64: break
        }
    }

    subscript(register: Int) -> UInt64? {
        get { register >= 0 && register < values.count && known >> UInt64(register) & 1 == 1 ? values[register] : nil }
        set {
            guard register >= 0, register < values.count else { return }
            if let newValue {
                values[register] = newValue
                known |= 1 << UInt64(register)
            } else {
                known &= ~(1 << UInt64(register))
            }
        }
    }

    /// Forgets all registers outside the set.
    mutating func keep(_ set: UInt64) { known &= set }
}
