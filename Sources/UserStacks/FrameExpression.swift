/// Evaluates DWARF expressions over registers and memory. Source: DWARF 5 section 2.5.
struct FrameExpression {
    let machine: Machine
    let registers: Registers
    let memory: StackMemory
    /// What is added to an address of the file to have one of the process.
    let bias: UInt64

    /// Operations that are carried out at most, so that a loop ends.
    private static let stepLimit = 2000
    private static let depthLimit = 64

    /// The value on top of the stack at the end. nil when something is unknown, unreadable or not a value.
    func value(of code: [UInt8], initial: UInt64? = nil) -> UInt64? {
        code.withUnsafeBytes { run($0, initial: initial) }
    }

    private func run(_ code: UnsafeRawBufferPointer, initial: UInt64?) -> UInt64? {
        var stack: [UInt64] = []
        if let initial { stack.append(initial) }
        var cursor = BinaryCursor(code)
        var steps = 0
        while !cursor.isAtEnd {
            steps += 1
            guard steps <= Self.stepLimit, stack.count <= Self.depthLimit else { return nil }
            let operation = cursor.u8()
            switch operation {
            case 0x03: stack.append(cursor.unsigned(size: machine.wordSize) &+ bias)
            case 0x08: stack.append(UInt64(cursor.u8()))
            case 0x09: stack.append(UInt64(bitPattern: Int64(Int8(bitPattern: cursor.u8()))))
            case 0x0a: stack.append(UInt64(cursor.u16()))
            case 0x0b: stack.append(UInt64(bitPattern: Int64(Int16(bitPattern: cursor.u16()))))
            case 0x0c: stack.append(UInt64(cursor.u32()))
            case 0x0d: stack.append(UInt64(bitPattern: Int64(Int32(bitPattern: cursor.u32()))))
            case 0x0e, 0x0f: stack.append(cursor.u64())
            case 0x10: stack.append(cursor.uleb())
            case 0x11: stack.append(UInt64(bitPattern: cursor.sleb()))
            case 0x30...0x4f: stack.append(UInt64(operation - 0x30))
            case 0x70...0x8f:
                guard let base = registers[Int(operation - 0x70)] else { return nil }
                stack.append(base &+ UInt64(bitPattern: cursor.sleb()))
            case 0x92:
                guard let base = registers[Int(cursor.uleb() & 0xFFFF)] else { return nil }
                stack.append(base &+ UInt64(bitPattern: cursor.sleb()))
            case 0x12...0x17, 0x06, 0x94: guard shuffle(operation, &stack, &cursor) else { return nil }
            case 0x19, 0x1f, 0x20, 0x23: guard unary(operation, &stack, &cursor) else { return nil }
            case 0x1a...0x1e, 0x21, 0x22, 0x24...0x27, 0x29...0x2e: guard binary(operation, &stack) else { return nil }
            case 0x28, 0x2f:
                let distance = Int(Int16(bitPattern: cursor.u16()))
                if operation == 0x28 {
                    guard let condition = stack.popLast() else { return nil }
                    if condition == 0 { continue }
                }
                let target = cursor.position + distance
                guard target >= 0, target <= code.count else { return nil }
                cursor.position = target
            case 0x96: break
            default: return nil
            }
            if cursor.hasFailed { return nil }
        }
        guard let top = stack.last else { return nil }
        return machine.wordSize == 4 ? top & 0xFFFF_FFFF : top
    }

    private func shuffle(_ operation: UInt8, _ stack: inout [UInt64], _ cursor: inout BinaryCursor) -> Bool {
        func pick(_ depth: Int) -> Bool {
            guard depth < stack.count else { return false }
            stack.append(stack[stack.count - 1 - depth])
            return true
        }
        switch operation {
        case 0x12: return pick(0)
        case 0x13: return stack.popLast() != nil
        case 0x14: return pick(1)
        case 0x15: return pick(Int(cursor.u8()))
        case 0x16:
            guard stack.count >= 2 else { return false }
            stack.swapAt(stack.count - 1, stack.count - 2)
        case 0x17:
            guard stack.count >= 3, let top = stack.popLast() else { return false }
            stack.insert(top, at: stack.count - 2)
        default:
            // deref, deref_size
            let size = operation == 0x06 ? machine.wordSize : Int(cursor.u8())
            guard let address = stack.popLast(), let word = memory.value(at: address, size: size) else { return false }
            stack.append(word)
        }
        return true
    }

    private func unary(_ operation: UInt8, _ stack: inout [UInt64], _ cursor: inout BinaryCursor) -> Bool {
        guard let value = stack.popLast() else { return false }
        switch operation {
        case 0x19: stack.append(Int64(bitPattern: value) < 0 ? 0 &- value : value)
        case 0x1f: stack.append(0 &- value)
        case 0x20: stack.append(~value)
        default: stack.append(value &+ cursor.uleb())
        }
        return true
    }

    private func binary(_ operation: UInt8, _ stack: inout [UInt64]) -> Bool {
        guard let right = stack.popLast(), let left = stack.popLast() else { return false }
        let (a, b) = (Int64(bitPattern: left), Int64(bitPattern: right))
        let result: UInt64
        switch operation {
        case 0x1a: result = left & right
        case 0x1b:
            guard b != 0 else { return false }
            result = UInt64(bitPattern: a.dividedReportingOverflow(by: b).partialValue)
        case 0x1c: result = left &- right
        case 0x1d:
            guard right != 0 else { return false }
            result = left % right
        case 0x1e: result = left &* right
        case 0x21: result = left | right
        case 0x22: result = left &+ right
        case 0x24: result = right < 64 ? left << right : 0
        case 0x25: result = right < 64 ? left >> right : 0
        case 0x26: result = UInt64(bitPattern: a >> Int64(min(right, 63)))
        case 0x27: result = left ^ right
        case 0x29: result = a == b ? 1 : 0
        case 0x2a: result = a >= b ? 1 : 0
        case 0x2b: result = a > b ? 1 : 0
        case 0x2c: result = a <= b ? 1 : 0
        case 0x2d: result = a < b ? 1 : 0
        default: result = a != b ? 1 : 0
        }
        stack.append(result)
        return true
    }
}
