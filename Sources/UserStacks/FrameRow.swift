/// How the caller's registers are found from one address of a function: one row of the table that call frame information
/// encodes. Source: DWARF 5 section 6.4.1.
struct FrameRow: Sendable {
    /// Where the canonical frame address is: the caller's stack pointer before the call.
    enum Base: Sendable {
        case register(Int, offset: Int64)
        case expression([UInt8])
    }

    enum Rule: Sendable {
        /// Lost; for the return address: this is where the thread begins.
        case undefined
        case sameValue
        /// Saved in memory, so many bytes from the frame address.
        case saved(Int64)
        /// Is the frame address plus so many bytes.
        case value(Int64)
        case register(Int)
        /// Saved in memory at the address that the expression gives.
        case savedAt([UInt8])
        /// Is what the expression gives.
        case valueOf([UInt8])
    }

    var base: Base
    /// Registers with a rule of their own.
    var rules: [(register: Int, rule: Rule)]
    var returnAddress: Int
    /// The frame was interrupted, not called from: its caller's program counter is exact (augmentation `S`).
    var isSignalFrame: Bool
    /// Return addresses are signed (AArch64 pointer authentication).
    var isSigned: Bool
    /// First and last address of the function, as the file counts.
    var function: Range<UInt64>

    var returnRule: Rule { rules.first { $0.register == returnAddress }?.rule ?? .sameValue }

    /// The lowest place below the frame address where a register is saved, in bytes.
    var deepestSave: Int64 {
        rules.reduce(0) { deepest, entry in
            if case .saved(let offset) = entry.rule { return min(deepest, offset) }
            return deepest
        }
    }
}

/// Carries out call frame instructions. Source: DWARF 5 section 6.4.2; LSB Core, DWARF extensions (`DW_CFA_GNU_*`).
struct FrameProgram {
    private struct State {
        var base: FrameRow.Base?
        var rules: [FrameRow.Rule?]
        var isSigned = false
    }

    /// Longest program that is carried out, in bytes; real ones have some hundreds.
    static let lengthLimit = 1 << 16
    private static let depthLimit = 32

    let common: CommonEntry
    let machine: Machine
    private var state: State
    private var initial: State
    private var remembered: [State] = []

    init(common: CommonEntry, machine: Machine) {
        self.common = common
        self.machine = machine
        state = State(base: nil, rules: [FrameRow.Rule?](repeating: nil, count: machine.registerCount))
        initial = state
    }

    /// The row for `address` of a function that begins at `function.lowerBound`; nil when the program is damaged.
    static func row(
        at address: UInt64, function: Range<UInt64>, common: CommonEntry, instructions: UnsafeRawBufferPointer, machine: Machine,
        pointer: PointerReader
    ) -> FrameRow? {
        var program = FrameProgram(common: common, machine: machine)
        let ran = common.instructions.withUnsafeBytes {
            program.run($0, from: 0, until: .max, pointer: pointer.rebased(nil))
        }
        guard ran else { return nil }
        program.initial = program.state
        guard program.run(instructions, from: function.lowerBound, until: address, pointer: pointer), let base = program.state.base else {
            return nil
        }
        var rules: [(register: Int, rule: FrameRow.Rule)] = []
        for (register, rule) in program.state.rules.enumerated() { if let rule { rules.append((register, rule)) } }
        return FrameRow(
            base: base, rules: rules, returnAddress: common.returnAddress, isSignalFrame: common.isSignalFrame,
            isSigned: program.state.isSigned, function: function)
    }

    private mutating func set(_ register: UInt64, _ rule: FrameRow.Rule?) {
        // Registers that are not followed (vector registers and the like) are left out.
        if register < UInt64(state.rules.count) { state.rules[Int(register)] = rule }
    }

    private mutating func restore(_ register: UInt64) {
        if register < UInt64(state.rules.count) { state.rules[Int(register)] = initial.rules[Int(register)] }
    }

    /// false when an instruction is unknown or cut off.
    private mutating func run(_ bytes: UnsafeRawBufferPointer, from start: UInt64, until end: UInt64, pointer: PointerReader) -> Bool {
        guard bytes.count <= Self.lengthLimit else { return false }
        var cursor = BinaryCursor(bytes)
        var location = start
        let code = common.codeAlignment
        let data = common.dataAlignment
        while !cursor.isAtEnd {
            let byte = cursor.u8()
            let low = UInt64(byte & 0x3f)
            switch byte >> 6 {
            case 1: location = location &+ low &* code
            case 2: set(low, .saved(Int64(bitPattern: cursor.uleb()) &* data))
            case 3: restore(low)
            default:
                switch byte {
                case 0x00: break
                case 0x01: location = pointer.read(&cursor, encoding: common.pointerEncoding) ?? location
                case 0x02: location = location &+ UInt64(cursor.u8()) &* code
                case 0x03: location = location &+ UInt64(cursor.u16()) &* code
                case 0x04: location = location &+ UInt64(cursor.u32()) &* code
                case 0x05:
                    let register = cursor.uleb()
                    set(register, .saved(Int64(bitPattern: cursor.uleb()) &* data))
                case 0x06: restore(cursor.uleb())
                case 0x07: set(cursor.uleb(), .undefined)
                case 0x08: set(cursor.uleb(), .sameValue)
                case 0x09:
                    let register = cursor.uleb()
                    set(register, .register(Int(truncatingIfNeeded: cursor.uleb() & 0xFFFF)))
                case 0x0a:
                    guard remembered.count < Self.depthLimit else { return false }
                    remembered.append(state)
                case 0x0b:
                    guard let last = remembered.popLast() else { return false }
                    state = last
                case 0x0c:
                    let register = cursor.uleb()
                    state.base = .register(Int(register & 0xFFFF), offset: Int64(bitPattern: cursor.uleb()))
                case 0x0d:
                    guard case .register(_, let offset) = state.base else { return false }
                    state.base = .register(Int(cursor.uleb() & 0xFFFF), offset: offset)
                case 0x0e:
                    guard case .register(let register, _) = state.base else { return false }
                    state.base = .register(register, offset: Int64(bitPattern: cursor.uleb()))
                case 0x0f: state.base = .expression(Array(cursor.slice(cursor.uleb())))
                case 0x10:
                    let register = cursor.uleb()
                    set(register, .savedAt(Array(cursor.slice(cursor.uleb()))))
                case 0x11:
                    let register = cursor.uleb()
                    set(register, .saved(cursor.sleb() &* data))
                case 0x12:
                    let register = cursor.uleb()
                    state.base = .register(Int(register & 0xFFFF), offset: cursor.sleb() &* data)
                case 0x13:
                    guard case .register(let register, _) = state.base else { return false }
                    state.base = .register(register, offset: cursor.sleb() &* data)
                case 0x14:
                    let register = cursor.uleb()
                    set(register, .value(Int64(bitPattern: cursor.uleb()) &* data))
                case 0x15:
                    let register = cursor.uleb()
                    set(register, .value(cursor.sleb() &* data))
                case 0x16:
                    let register = cursor.uleb()
                    set(register, .valueOf(Array(cursor.slice(cursor.uleb()))))
                case 0x1d: location = location &+ cursor.u64() &* code
                // DW_CFA_AARCH64_negate_ra_state_with_pc, DW_CFA_AARCH64_negate_ra_state.
                case 0x2c, 0x2d: if machine == .arm64 { state.isSigned.toggle() } else { return false }
                case 0x2e: _ = cursor.uleb()
                case 0x2f:
                    let register = cursor.uleb()
                    set(register, .saved(0 &- (Int64(bitPattern: cursor.uleb()) &* data)))
                default: return false
                }
            }
            if cursor.hasFailed { return false }
            if location > end { return true }
        }
        return true
    }
}
