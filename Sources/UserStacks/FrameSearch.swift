/// What frame information cannot tell is searched for on the stack: the value of a lost register, and the caller of a function
/// that nothing describes.
extension StackWalk {
    /// How far above the stack pointer a frame is searched for, in bytes.
    private static let searchReach: UInt64 = 256 << 10
    /// How far a return address is searched for, in bytes.
    private static let scanReach: UInt64 = 16 << 10
    private static let candidateLimit = 64

    private enum Certainty: Int {
        /// The place is where the function's own prologue puts it.
        case derived
        /// The call before the return address goes to this function.
        case verified
        case plausible
    }

    /// Finds a lost register (the frame pointer, nearly always) by trying places from the stack pointer upwards: the frame that
    /// it would make must hold a return address behind a call to this very function, and the walk from there must reach a root.
    func search(
        for register: Int, _ row: FrameRow, _ location: CodeLocation, _ registers: Registers, _ isCallSite: Bool, _ scanned: StackProblem?,
        into frames: inout [Frame]
    ) -> End {
        let failure = End.stopped(.lostRegister(address: registers.programCounter))
        guard let stackPointer = registers[machine.stackPointer], case .saved(let returnOffset) = row.returnRule else { return failure }
        let function = row.function.lowerBound &+ location.bias
        let word = UInt64(machine.wordSize)

        /// Whether the frame that `value` makes has a return address behind a call that may be to this function.
        func judge(_ value: UInt64) -> (site: CallSite, reaches: Bool?)? {
            var trial = registers
            trial[register] = value
            guard let frameAddress = frameAddress(row, location, trial), frameAddress > stackPointer,
                frameAddress - stackPointer < Self.searchReach * 64,
                let target = memory.value(at: frameAddress &+ UInt64(bitPattern: returnOffset), size: machine.wordSize)
            else { return nil }
            let address = machine.codeAddress(target)
            guard image.isCode(address &- 1), let site = image.call(before: address) else { return nil }
            return (site, image.call(site, reaches: function))
        }

        var deepest: (frames: [Frame], end: End)?
        // The longest walk that fits and ends where frame information does (a C library without any): shown as guessed.
        var partial: (frames: [Frame], end: End)?
        func attempt(_ value: UInt64, _ certainty: Certainty) -> End? {
            var trial = registers
            trial[register] = value
            var found: [Frame] = []
            var walk = self
            walk.frameLimit = max(1, frameLimit - frames.count + 1)
            let end = walk.walk(from: trial, isCallSite: isCallSite, isGuessed: certainty != .derived, maySearch: false, into: &found)
            switch end {
            case .stopped(.noFrameInformation) where certainty != .plausible:
                if found.count > max(2, partial?.frames.count ?? 0) { partial = (found, end) }
                return nil
            // So many frames that fit together are as good as a root.
            case .stopped(let problem) where problem != .tooDeep: return nil
            case .root, .assumedRoot, .stopped:
                deepest = (found, end)
                return end
            }
        }
        func accept(_ end: End) -> End {
            if let deepest { frames.append(contentsOf: deepest.frames.dropFirst()) }
            if let scanned, case .root = end { return .assumedRoot(scanned) }
            return end
        }

        // Where the prologue says that it is.
        for size in frameSizes(row, location, registers.programCounter) where register == machine.framePointer {
            let value = stackPointer &+ size
            guard let (_, reaches) = judge(value), reaches != false else { continue }
            if let end = attempt(value, .derived) { return accept(end) }
        }
        var plausible: [UInt64] = []
        var tries = 0
        var gaps = 0
        var value = stackPointer
        while value < stackPointer &+ Self.searchReach, tries < Self.candidateLimit {
            if memory.value(at: value, size: machine.wordSize) == nil {
                gaps += 1
                if gaps > 4 { break }
                value = (value & ~0xFFF) &+ 0x1000
                continue
            }
            if let (_, reaches) = judge(value) {
                if reaches == true {
                    tries += 1
                    if let end = attempt(value, .verified) { return accept(end) }
                } else if reaches == nil, plausible.count < Self.candidateLimit {
                    plausible.append(value)
                }
            }
            value = value &+ word
        }
        for value in plausible { if let end = attempt(value, .plausible) { return accept(end) } }
        guard let partial else { return failure }
        frames.append(
            contentsOf: partial.frames.dropFirst().map { frame in
                var frame = frame
                frame.isGuessed = true
                return frame
            })
        return partial.end
    }

    /// Bytes between the stack pointer and the frame pointer that the function's first instructions set up
    /// (`mov %rsp,%rbp; push …; sub $n,%rsp`). Empty when it aligns the stack, or looks otherwise.
    private func frameSizes(_ row: FrameRow, _ location: CodeLocation, _ counter: UInt64) -> [UInt64] {
        let start = row.function.lowerBound
        guard machine != .arm64 else { return [0] }
        let into = counter &- location.bias &- start
        let code = location.module.file.bytes(at: start, count: Int(min(into, 160)))
        let move: [[UInt8]] = machine == .amd64 ? [[0x48, 0x89, 0xE5], [0x48, 0x8B, 0xEC]] : [[0x89, 0xE5], [0x8B, 0xEC]]
        let prefix: [UInt8] = machine == .amd64 ? [0x48] : []
        let moves = (0..<min(32, code.count)).first { at in move.contains { code[at...].starts(with: $0) } }
        guard let moved = moves else { return [] }
        let word = UInt64(machine.wordSize)
        // What lies below the saved frame pointer.
        let saved = UInt64(max(0, -row.deepestSave)) &- min(UInt64(max(0, -row.deepestSave)), 2 * word)
        var sizes: [UInt64] = []
        for at in moved..<max(moved, code.count - 4 - prefix.count) where prefix.isEmpty || code[at] == prefix[0] {
            let (operation, operand) = (code[at + prefix.count], code[at + prefix.count + 1])
            let immediate = at + prefix.count + 2
            if operation == 0x83 || operation == 0x81, operand == 0xE4 { return [] }
            if operation == 0x83, operand == 0xEC, code[immediate] < 0x80 { sizes.append(UInt64(code[immediate])) }
            if operation == 0x81, operand == 0xEC, immediate + 4 <= code.count {
                let wide = UInt64(code[immediate]) | UInt64(code[immediate + 1]) << 8 | UInt64(code[immediate + 2]) << 16
                if code[immediate + 3] == 0 { sizes.append(wide) }
            }
            if sizes.count >= 2 { break }
        }
        if saved == 0 { return sizes.isEmpty ? [0] : sizes }
        return sizes.isEmpty ? [saved] : sizes.map { $0 + saved } + sizes
    }

    // MARK: Functions without frame information

    /// The caller of a function that nothing describes: by a return address on the stack whose call goes to the function, by the
    /// frame pointer, or by the first return address there is.
    func searchedCaller(of codeAddress: UInt64, _ registers: Registers, _ location: CodeLocation?) -> Registers? {
        guard let stackPointer = registers[machine.stackPointer] else { return nil }
        let word = UInt64(machine.wordSize)
        let function = location.flatMap { location in
            location.module.symbols.symbol(at: codeAddress &- location.bias, functionStart: nil).map { $0.start &+ location.bias }
        }
        func caller(_ place: UInt64, _ target: UInt64) -> Registers {
            Registers(machine: machine, stackPointer: place &+ word, programCounter: target)
        }
        var first: Registers?
        if location != nil {
            var place = stackPointer
            while place < stackPointer &+ Self.scanReach, let value = memory.value(at: place, size: machine.wordSize) {
                let target = machine.codeAddress(value)
                if image.isCode(target &- 1), image.location(of: target &- 1) != nil, let site = image.call(before: target) {
                    if let function, image.call(site, reaches: function) == true { return caller(place, target) }
                    if first == nil { first = caller(place, target) }
                }
                place = place &+ word
            }
        }
        if let pointer = registers[machine.framePointer], pointer >= stackPointer, pointer - stackPointer < Self.searchReach,
            let outer = memory.value(at: pointer, size: machine.wordSize), outer > pointer || outer == 0,
            let target = memory.value(at: pointer &+ word, size: machine.wordSize).map(machine.codeAddress),
            image.isCode(target &- 1),
            // An interpreter made at run time returns to places that no call is before.
            location == nil || image.call(before: target) != nil
        {
            var caller = Registers(machine: machine, stackPointer: pointer &+ 2 * word, programCounter: target)
            caller[machine.framePointer] = outer
            return caller
        }
        return first
    }
}
