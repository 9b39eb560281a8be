/// Walks one stack from its innermost frame outwards.
struct StackWalk {
    struct Frame {
        var programCounter: UInt64
        var stackPointer: UInt64
        /// The address that says which code runs: the one before a return address, which may be the next function's first.
        var codeAddress: UInt64
        var isGuessed: Bool
        var isSignalFrame = false
        /// First address of the function by frame information, as the file counts.
        var functionStart: UInt64?
    }

    enum End {
        case root
        /// It came to the thread's first function, by return addresses that were searched for.
        case assumedRoot(StackProblem)
        case stopped(StackProblem)
    }

    let image: ProcessImage
    let memory: StackMemory
    let machine: Machine
    /// Frames at most.
    var frameLimit = 10_000
    var budget = Budget()

    /// Frames that trials may still walk, all searches of a reader together: a hostile stack must not make them go on for ever.
    final class Budget {
        var frames = 2_000_000
    }

    /// Functions that a thread or a program begins with.
    static let rootNames: Set<String> = [
        "_start", "_start_c", "clone3", "__clone3", "__clone", "clone", "start_thread", "__libc_start_main", "start", "__start_context",
    ]

    func walk(stackPointer: UInt64, programCounter: UInt64) -> (frames: [Frame], end: End) {
        let registers = Registers(machine: machine, stackPointer: stackPointer, programCounter: programCounter)
        var frames: [Frame] = []
        let end = walk(from: registers, isCallSite: false, isGuessed: false, maySearch: true, into: &frames)
        return (frames, end)
    }

    /// - Parameters:
    ///   - isCallSite: the program counter is a return address.
    ///   - maySearch: a lost register may be searched for.
    func walk(from start: Registers, isCallSite: Bool, isGuessed: Bool, maySearch: Bool, into frames: inout [Frame]) -> End {
        var registers = start
        var isCallSite = isCallSite
        var isGuessed = isGuessed
        var scanned: StackProblem?
        while true {
            let counter = registers.programCounter
            if counter == 0 { return scanned.map { .assumedRoot($0) } ?? .root }
            guard frames.count < frameLimit else { return .stopped(.tooDeep) }
            if !maySearch {
                budget.frames -= 1
                if budget.frames < 0 { return .stopped(.lostRegister(address: counter)) }
            }
            let codeAddress = isCallSite ? counter &- 1 : counter
            var frame = Frame(
                programCounter: counter, stackPointer: registers[machine.stackPointer] ?? 0, codeAddress: codeAddress, isGuessed: isGuessed)
            let location = image.location(of: codeAddress)
            // A first function that was never called: its address was put on the stack as if it had been.
            if isCallSite, isRootEntry(counter) {
                frame.codeAddress = counter
                frames.append(frame)
                return scanned.map { .assumedRoot($0) } ?? .root
            }
            // What lies outside is damaged, or on another stack: such a value is no frame.
            if isCallSite, location == nil, !image.isCode(codeAddress) { return .stopped(.unknownCode(address: counter)) }
            if let location, let table = location.module.goTable {
                switch goStep(table, location, codeAddress, registers) {
                case .notGo: break
                case .caller(let caller):
                    frames.append(frame)
                    registers = caller
                    isCallSite = true
                    continue
                case .root:
                    frames.append(frame)
                    return scanned.map { .assumedRoot($0) } ?? .root
                case .stopped(let problem):
                    frames.append(frame)
                    return .stopped(problem)
                }
            }
            let row = location.flatMap { $0.module.frames.row(at: codeAddress &- $0.bias) }
            guard let location, let row else {
                if let interrupted = trampoline(registers) {
                    frame.isSignalFrame = true
                    frame.codeAddress = counter
                    frames.append(frame)
                    registers = interrupted
                    isCallSite = false
                    continue
                }
                frames.append(frame)
                if let location, isRoot(codeAddress, location) { return scanned.map { .assumedRoot($0) } ?? .root }
                guard let found = searchedCaller(of: codeAddress, registers, location) else {
                    return .stopped(
                        location.map { .noFrameInformation(module: $0.module.name, address: counter) } ?? .unknownCode(address: counter))
                }
                scanned = scanned ?? .scanned(module: location?.module.name ?? "code made at run time")
                registers = found
                isCallSite = true
                isGuessed = true
                continue
            }
            frame.functionStart = row.function.lowerBound
            frame.isSignalFrame = row.isSignalFrame
            if row.isSignalFrame { frame.codeAddress = counter }
            frames.append(frame)
            switch step(row, location, registers) {
            case .root: return scanned.map { .assumedRoot($0) } ?? .root
            case .failed(let problem): return .stopped(problem)
            case .caller(let caller):
                registers = caller
                isCallSite = !row.isSignalFrame
            case .lost(let register):
                guard maySearch else { return .stopped(.lostRegister(address: counter)) }
                return search(for: register, row, location, registers, isCallSite, scanned, into: &frames)
            }
        }
    }

    /// Whether an address is the very first of a function that a thread or a coroutine begins with. Asked only where the code
    /// before it is no call, which is rare.
    private func isRootEntry(_ address: UInt64) -> Bool {
        guard image.isCode(address), image.call(before: address) == nil, let location = image.location(of: address) else { return false }
        return location.module.symbols.symbol(at: address &- location.bias, functionStart: nil).map {
            $0.start == address &- location.bias && Self.rootNames.contains($0.name)
        } ?? false
    }

    private func isRoot(_ address: UInt64, _ location: CodeLocation) -> Bool {
        location.module.symbols.symbol(at: address &- location.bias, functionStart: nil).map { Self.rootNames.contains($0.name) } ?? false
    }

    // MARK: One step by frame information

    enum Step {
        case caller(Registers)
        case root
        /// The frame address depends on a register that is not known.
        case lost(Int)
        case failed(StackProblem)
    }

    /// The canonical frame address; nil when a register that it depends on is unknown or memory is missing.
    func frameAddress(_ row: FrameRow, _ location: CodeLocation, _ registers: Registers) -> UInt64? {
        switch row.base {
        case .register(let register, let offset):
            return registers[register].map { $0 &+ UInt64(bitPattern: offset) }
        case .expression(let code):
            return expression(location, registers).value(of: code)
        }
    }

    private func expression(_ location: CodeLocation, _ registers: Registers) -> FrameExpression {
        FrameExpression(machine: machine, registers: registers, memory: memory, bias: location.bias)
    }

    private func step(_ row: FrameRow, _ location: CodeLocation, _ registers: Registers) -> Step {
        if case .undefined = row.returnRule { return .root }
        let counter = registers.programCounter
        guard let frameAddress = frameAddress(row, location, registers) else {
            switch row.base {
            case .register(let register, _): return .lost(register)
            case .expression(let code):
                if let base = code.first, base >= 0x70, base <= 0x8f, registers[Int(base - 0x70)] == nil {
                    return .lost(Int(base - 0x70))
                }
                return .failed(.lostRegister(address: counter))
            }
        }
        let stackPointer = registers[machine.stackPointer] ?? 0
        if !row.isSignalFrame {
            // A call pushes its return address on x86; elsewhere a leaf may use no stack at all.
            guard frameAddress > stackPointer || (machine == .arm64 && frameAddress == stackPointer) else {
                return .failed(.inconsistent(address: counter))
            }
        }
        var caller = registers
        if !row.isSignalFrame { caller.keep(machine.calleeSaved) }
        caller[machine.stackPointer] = frameAddress
        var returnAddress: UInt64?
        var hasReturnRule = false
        for (register, rule) in row.rules {
            let value = value(rule, register, frameAddress, location, registers)
            if register == row.returnAddress {
                hasReturnRule = true
                returnAddress = value
                if value == nil, case .saved(let offset) = rule {
                    return .failed(.memory(address: frameAddress &+ UInt64(bitPattern: offset)))
                }
            }
            caller[register] = value
        }
        if !hasReturnRule { returnAddress = registers[row.returnAddress] }
        guard let returnAddress else { return .failed(.lostRegister(address: counter)) }
        caller.programCounter = machine.codeAddress(returnAddress)
        if caller.programCounter == counter, caller[machine.stackPointer] == stackPointer {
            return .failed(.inconsistent(address: counter))
        }
        return .caller(caller)
    }

    private func value(
        _ rule: FrameRow.Rule, _ register: Int, _ frameAddress: UInt64, _ location: CodeLocation, _ registers: Registers
    ) -> UInt64? {
        switch rule {
        case .undefined: return nil
        case .sameValue: return registers[register]
        case .saved(let offset): return memory.value(at: frameAddress &+ UInt64(bitPattern: offset), size: machine.wordSize)
        case .value(let offset): return frameAddress &+ UInt64(bitPattern: offset)
        case .register(let other): return registers[other]
        case .savedAt(let code):
            return expression(location, registers).value(of: code, initial: frameAddress).flatMap {
                memory.value(at: $0, size: machine.wordSize)
            }
        case .valueOf(let code): return expression(location, registers).value(of: code, initial: frameAddress)
        }
    }

    // MARK: Signal trampolines without frame information

    /// The interrupted registers, when the code is the return from a signal handler.
    /// Sources: arch/x86/include/uapi/asm/sigcontext.h, arch/arm64/include/uapi/asm/sigcontext.h.
    private func trampoline(_ registers: Registers) -> Registers? {
        guard let stackPointer = registers[machine.stackPointer] else { return nil }
        let counter = registers.programCounter
        func word(_ offset: UInt64) -> UInt64? { memory.value(at: stackPointer &+ offset, size: 8) }
        switch machine {
        case .amd64:
            let code = image.code(before: counter &+ 9, count: 9)
            let isReturn = code == [0x48, 0xC7, 0xC0, 15, 0, 0, 0, 0x0F, 0x05] || code.starts(with: [0xB8, 15, 0, 0, 0, 0x0F, 0x05])
            guard isReturn else { return nil }
            // ucontext: flags, link, stack_t; then r8-r15 rdi rsi rbp rbx rdx rax rcx rsp rip.
            guard let pointer = word(40 + 15 * 8), let target = word(40 + 16 * 8) else { return nil }
            var interrupted = Registers(machine: machine, stackPointer: pointer, programCounter: target)
            for (index, register) in [8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2].enumerated() {
                interrupted[register] = word(40 + UInt64(index) * 8)
            }
            return interrupted
        case .arm64:
            // mov x8, #139; svc #0
            guard image.code(before: counter &+ 8, count: 8) == [0x68, 0x11, 0x80, 0xD2, 0x01, 0, 0, 0xD4] else { return nil }
            // siginfo (128), then ucontext: flags, link, stack_t, mask (128), padding to 16, fault address, x0-x30, sp, pc.
            let first: UInt64 = 128 + 176 + 8
            guard let pointer = word(first + 31 * 8), let target = word(first + 32 * 8) else { return nil }
            var interrupted = Registers(machine: machine, stackPointer: pointer, programCounter: machine.codeAddress(target))
            for register in 0..<31 { interrupted[register] = word(first + UInt64(register) * 8) }
            return interrupted
        case .i386: return nil
        }
    }
}
