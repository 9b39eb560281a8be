import Testing

@testable import UserStacks

/// Frame information made by hand, walked over memory made by hand: what cannot be run here.
@Suite struct RecordedStackTests {
    private static let base: UInt64 = 0x5555_0000_0000
    private static let stack: UInt64 = 0x7fff_0000_1000

    private func names(_ frames: [StackWalk.Frame], _ image: ProcessImage) -> [String] {
        frames.map { frame in
            image.location(of: frame.codeAddress).flatMap {
                $0.module.symbols.symbol(at: frame.codeAddress - $0.bias, functionStart: nil)?.name
            } ?? "?"
        }
    }

    /// leaf (32 bytes) ← signed (48 bytes, its return address signed) ← framed (by x29) ← first (return address undefined).
    private func arm() -> (elf: SmallELF, memory: [UInt8]) {
        var elf = SmallELF()
        let common = elf.common(codeAlignment: 4, dataAlignment: 0x78, returnAddress: 30, instructions: [0x0c, 31, 0])
        elf.function("leaf", 0x1000..<0x1040, common: common, instructions: [0x41, 0x0e, 32, 0x9d, 4, 0x9e, 3])
        elf.function("signed", 0x1040..<0x1080, common: common, instructions: [0x41, 0x2d, 0x41, 0x0e, 48, 0x9d, 6, 0x9e, 5])
        elf.function("framed", 0x1080..<0x10c0, common: common, instructions: [0x41, 0x0e, 64, 0x9d, 8, 0x9e, 7, 0x41, 0x0d, 29])
        elf.function("first", 0x10c0..<0x1100, common: common, instructions: [0x07, 30])
        // bl instructions before the return addresses, so that a search recognises them.
        func call(at place: Int, to target: Int) {
            let instruction = UInt32(0x9400_0000) | UInt32(truncatingIfNeeded: (target - place) / 4) & 0x03FF_FFFF
            withUnsafeBytes(of: instruction.littleEndian) { elf.code.replaceSubrange(place - 0x1000..<place - 0x1000 + 4, with: $0) }
        }
        call(at: 0x105c, to: 0x1000)
        call(at: 0x109c, to: 0x1040)
        call(at: 0x10dc, to: 0x1080)
        var memory = Bytes()
        let framed = Self.stack + 32 + 48
        for value in [Self.stack + 32, Self.base + 0x1060, 0, 0] { memory.add(value) }
        // The saved return address carries a signature in its upper bits.
        for value in [framed, (Self.base + 0x10a0) | 0x00a5_0000_0000_0000, 0, 0, 0, 0] { memory.add(value) }
        for value in [framed + 64, Self.base + 0x10e0, 0, 0, 0, 0, 0, 0] { memory.add(value) }
        for _ in 0..<16 { memory.add(UInt64(0)) }
        return (elf, memory.bytes)
    }

    @Test func armWithSignedReturnAddresses() throws {
        let (elf, memory) = arm()
        let image = try elf.image(at: Self.base, machine: .arm64)
        let walk = StackWalk(image: image, memory: StackMemory(start: Self.stack, bytes: memory), machine: .arm64)
        let (frames, end) = walk.walk(stackPointer: Self.stack, programCounter: Self.base + 0x1020)
        #expect(names(frames, image) == ["leaf", "signed", "framed", "first"])
        #expect(frames[2].programCounter == Self.base + 0x10a0)
        guard case .root = end else { throw Failure("\(end)") }
    }

    @Test func armSearchesForLostFramePointer() throws {
        let (elf, memory) = arm()
        let image = try elf.image(at: Self.base, machine: .arm64)
        // Blocked in `framed` itself: its x29 is nowhere saved.
        let start = Self.stack + 80
        let walk = StackWalk(image: image, memory: StackMemory(start: start, bytes: Array(memory[80...])), machine: .arm64)
        let (frames, end) = walk.walk(stackPointer: start, programCounter: Self.base + 0x10a0)
        #expect(names(frames, image) == ["framed", "first"])
        guard case .root = end else { throw Failure("\(end)") }
    }

    @Test func armSignalTrampoline() throws {
        let (elf, memory) = arm()
        let trampoline: UInt64 = 0x7ffe_0000_0000
        let code: [UInt8] = [0x68, 0x11, 0x80, 0xD2, 0x01, 0, 0, 0xD4] + [UInt8](repeating: 0, count: 4088)
        let image = try elf.image(at: Self.base, machine: .arm64, memory: [trampoline: code])
        var frame = Bytes()
        frame.pad(to: 128 + 176 + 8)
        for register in 0..<31 { frame.add(register == 30 ? Self.base + 0x1060 : UInt64(register)) }
        frame.add(Self.stack)
        frame.add(Self.base + 0x1020)
        frame.pad(to: 4096)
        let signalStack: UInt64 = 0x7ffd_0000_0000
        let all = StackMemory(start: signalStack, bytes: frame.bytes) { address, count in
            address >= Self.stack ? memory.slice(address - Self.stack, count) : nil
        }
        let (frames, end) = StackWalk(image: image, memory: all, machine: .arm64).walk(
            stackPointer: signalStack, programCounter: trampoline)
        #expect(names(frames, image) == ["?", "leaf", "signed", "framed", "first"])
        #expect(frames[0].isSignalFrame)
        guard case .root = end else { throw Failure("\(end)") }
    }

    @Test func truncatedMemoryIsSaid() throws {
        let (elf, memory) = arm()
        let image = try elf.image(at: Self.base, machine: .arm64)
        for count in stride(from: 0, to: 144, by: 8) {
            let walk = StackWalk(image: image, memory: StackMemory(start: Self.stack, bytes: Array(memory[..<count])), machine: .arm64)
            let (_, end) = walk.walk(stackPointer: Self.stack, programCounter: Self.base + 0x1020)
            if case .root = end, count < 96 { Issue.record("complete with \(count) bytes") }
        }
    }

    @Test func rememberedStatesAndExpressions() throws {
        var elf = SmallELF(machine: 62)
        let common = elf.common(codeAlignment: 1, dataAlignment: 0x78, returnAddress: 16, instructions: [0x0c, 7, 8, 0x90, 1])
        // push %rbx … pop %rbx; ret; then again as after the push.
        elf.function(
            "early_exit", 0x1000..<0x1100, common: common, instructions: [0x41, 0x0e, 16, 0x83, 2, 0x0a, 0x50, 0x0e, 8, 0xc3, 0x41, 0x0b])
        // As linkers describe the linkage table: CFA = rsp + 8 + ((rip & 15) >= 11) << 3.
        elf.function(
            "table", 0x1100..<0x1200, common: common, instructions: [0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22])
        elf.function("first", 0x1200..<0x1300, common: common, instructions: [0x07, 16])
        let image = try elf.image(at: Self.base, machine: .amd64)
        var memory = Bytes()
        for value in [0x1111, Self.base + 0x110c, 0x2222, Self.base + 0x1210, 0, 0] { memory.add(value) }
        func walk(_ counter: UInt64, _ offset: UInt64) -> [String] {
            let stack = StackMemory(start: Self.stack, bytes: memory.bytes)
            let (frames, _) = StackWalk(image: image, memory: stack, machine: .amd64).walk(
                stackPointer: Self.stack + offset, programCounter: Self.base + counter)
            return names(frames, image)
        }
        #expect(walk(0x1001, 0) == ["early_exit", "table", "first"])
        #expect(walk(0x1011, 8) == ["early_exit", "table", "first"])
        #expect(walk(0x1012, 0) == ["early_exit", "table", "first"])
        // Before its second push the table's frame is a word shorter.
        #expect(walk(0x1105, 24) == ["table", "first"])
    }

    @Test func circlesEnd() throws {
        var elf = SmallELF(machine: 62)
        // CFA is the stack pointer itself: no progress.
        let common = elf.common(codeAlignment: 1, dataAlignment: 0x78, returnAddress: 16, instructions: [0x0c, 7, 0, 0x90, 0])
        elf.function("circle", 0x1000..<0x1100, common: common, instructions: [])
        let image = try elf.image(at: Self.base, machine: .amd64)
        var memory = Bytes()
        memory.add(Self.base + 0x1010)
        let (frames, end) = StackWalk(image: image, memory: StackMemory(start: Self.stack, bytes: memory.bytes), machine: .amd64).walk(
            stackPointer: Self.stack, programCounter: Self.base + 0x1010)
        #expect(frames.count == 1)
        guard case .stopped(.inconsistent) = end else { throw Failure("\(end)") }
    }
}
