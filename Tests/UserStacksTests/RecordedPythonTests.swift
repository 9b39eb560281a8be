import Testing

@testable import UserStacks

/// Frames from recorded memory of each version's layout, whole and damaged.
@Suite struct RecordedPythonTests {
    private func words(_ stack: CPythonStack) -> [String] {
        stack.runs.flatMap(InterpretedStack.frames).map { "\($0.function ?? "?") \($0.file ?? "?"):\($0.line ?? 0)" }
    }

    @Test(arguments: 11...13) func frames(minor: Int) throws {
        let stack = try RecordedPython(minor: minor).calls().get()
        #expect(words(stack) == RecordedPython.expected)
        #expect(stack.runs.map(\.marker) == RecordedPython.markers)
        #expect(stack.runs.map(\.calls.count) == [2, 1])
        #expect(!stack.isTruncated)
    }

    @Test(arguments: 11...13) func otherThreads(minor: Int) throws {
        let python = try RecordedPython(minor: minor)
        #expect((try? python.calls(99).get()) == nil)
        // A frame that is being made is left out, as Python leaves it out.
        var young = python
        let code = UInt64(0x20_4000)
        young.put(9, at: code + UInt64(python.layout.codeFirstTraceable), size: 4)
        #expect(words(try young.calls().get()) == Array(RecordedPython.expected.dropFirst()))
    }

    /// What a frame rests on is not there: no frames at all, rather than some of them.
    @Test(arguments: 11...13) func contradictions(minor: Int) throws {
        let python = try RecordedPython(minor: minor)
        let layout = python.layout
        let frames: [UInt64] = [0x20_3800, 0x20_3900, 0x20_3A00]
        func refused(_ what: String, _ change: (inout RecordedPython) -> Void) {
            var changed = python
            change(&changed)
            #expect((try? changed.calls().get()) == nil, "\(what)")
        }
        refused("another type of code") { $0.put(RecordedPython.types.text, at: 0x20_4000 + UInt64(layout.objectType)) }
        refused("a circle") { $0.put(frames[0], at: frames[1] + UInt64(layout.framePrevious)) }
        refused("a frame of nothing") { $0.put(0x9999_0000, at: frames[0] + UInt64(layout.framePrevious)) }
        refused("an instruction outside its function") { $0.put(0x20_4000, at: frames[0] + UInt64(layout.frameInstruction)) }
        refused("an owner that runs nothing") { $0.put(2, at: frames[0] + UInt64(layout.frameOwner), size: 1) }
        refused("another thread's state") { $0.put(7, at: 0x20_3400 + UInt64(layout.nativeThreadID)) }
        refused("a broken list") { $0.put(0x20_3400, at: 0x20_3400 + UInt64(layout.threadPrevious)) }
        refused("another interpreter") { $0.put(0x20_3000, at: 0x20_3400 + UInt64(layout.threadInterpreter)) }
        refused("a list in a circle") { $0.put(0x20_3000, at: 0x20_3400 + UInt64(layout.threadNext)) }
        let other = RecordedPython(copy: python).calls(stack: 0x6000_0000..<0x6100_0000)
        #expect((try? other.get()) == nil, "another stack")
    }

    /// Damage of any byte: an answer in bounded time and memory, and of a name or a line at most what the damage made of it.
    @Test(arguments: 11...13) func fuzzed(minor: Int) throws {
        let python = try RecordedPython(minor: minor)
        var seed = UInt64(minor)
        func random() -> UInt64 {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return seed >> 33
        }
        for _ in 0..<4000 {
            var damaged = python
            for _ in 0...Int(random() % 8) {
                // Mostly where something is.
                let place = random() % 4 == 0 ? Int(random()) : 0x3000 + Int(random() % 0x1800)
                damaged.damage(place, UInt8(truncatingIfNeeded: random()))
            }
            var reads = 0
            let result = CPythonProcess(
                runtime: damaged.runtime,
                read: { address, count in
                    reads += 1
                    return damaged.read(address, count)
                }
            )
            let calls = result.calls(of: RecordedPython.thread, stack: RecordedPython.stack, read: damaged.read)
            #expect(reads < 200)
            // Nothing here is a lock; looking for one must end.
            _ = result.globalLock(waitedForBy: RecordedPython.thread, at: 0x20_0020, read: damaged.read)
            _ = result.recursiveLock(waitedForBy: RecordedPython.thread, at: 0x20_0020, stack: RecordedPython.stack, read: damaged.read)
            let lock = InterpreterLock(sort: .recursive, address: 0x20_0020, owner: nil)
            #expect(!result.isInside(lock, nativeID: RecordedPython.thread, stack: RecordedPython.stack, read: damaged.read))
            if case .success(let stack) = calls {
                let calls = stack.runs.flatMap(\.calls)
                #expect(calls.count <= CPythonProcess.frameLimit)
                #expect(stack.runs.allSatisfy { $0.marker.map(RecordedPython.stack.contains) ?? true })
                #expect(zip(stack.runs, stack.runs.dropFirst()).allSatisfy { ($0.marker ?? 0) < ($1.marker ?? .max) })
            }
        }
    }

    /// All memory the same: every pointer leads to where it stands.
    @Test(arguments: 11...13) func everyWordLeadsSomewhere(minor: Int) throws {
        let python = try RecordedPython(minor: minor)
        for value in [0x20_0000, 0x20_3400, 0x7000_0400, UInt64.max, 1, 0x0101_0101_0101_0101] {
            var word = Bytes()
            while word.bytes.count < 4096 { word.add(value) }
            let page = word.bytes
            let result = CPythonProcess(runtime: python.runtime, read: { _, _ in page }).calls(
                of: value, stack: RecordedPython.stack, read: { _, _ in page })
            #expect((try? result.get())?.runs.isEmpty ?? true)
        }
    }

    @Test func debugOffsets() {
        let whole = RecordedPython.debugOffsets
        #expect(whole.count == CPythonLayout.debugOffsetsSize)
        #expect(CPythonLayout(debugOffsets: whole) != nil)
        #expect(CPythonLayout(debugOffsets: Array(whole.dropLast())) == nil)
        func changed(_ field: Int, _ value: UInt64) -> CPythonLayout? {
            var bytes = whole
            for index in 0..<8 { bytes[field * 8 + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
            return CPythonLayout(debugOffsets: bytes)
        }
        #expect(changed(0, 0) == nil)  // no cookie
        #expect(changed(1, 0x030E_00F0) == nil)  // 3.14
        #expect(changed(2, 1) == nil)  // free-threaded
        for field in [19, 23, 25, 28, 29, 31, 33, 35, 43, 45, 68, 70] {
            #expect(changed(field, .max) == nil)
            #expect(changed(field, 1 << 40) == nil)
        }
        #expect(changed(43, 4) == nil)
    }

    /// Where runs go among native calls.
    @Test func positions() {
        func place(_ stackPointer: UInt64, _ flags: String = "") -> InterpretedStack.Place {
            InterpretedStack.Place(
                stackPointer: stackPointer, isGuessed: flags.contains("g"), isInterpreter: !flags.contains("x"), isLoop: flags.contains("l")
            )
        }
        let call = CPythonStack.Call(
            code: CPythonCode(
                head: CPythonCodeHead(instructions: 0, unitCount: 1, firstTraceable: 0, bytes: []), function: "f", file: "f.py",
                firstLine: 1,
                lineTable: []), unit: 0, instruction: 0)
        func positions(_ markers: [UInt64?], _ places: [InterpretedStack.Place], isComplete: Bool = true) -> [String]? {
            InterpretedStack.positions(
                of: markers.map { CPythonStack.Run(calls: [call], marker: $0) }, among: places, isComplete: isComplete
            )?.map { "\($0.index)\($0.replaces ? "!" : "")" }
        }
        let places = [place(100, "x"), place(200, "l"), place(300), place(400, "l"), place(500, "x")]
        #expect(positions([250, 450], places) == ["1!", "3!"])
        #expect(positions([350], places) == ["2"])
        #expect(positions([150], places) == nil)  // in code of another file
        #expect(positions([50], places) == nil)  // below the stack pointer
        #expect(positions([450, 250], places) == nil)  // out of order
        #expect(positions([250, nil], places) == ["1!", "3"])
        #expect(positions([250, 700], places, isComplete: false) == ["1!", "5"])
        #expect(positions([150], [place(100, "xg"), place(200, "g")]) == ["0"])
        #expect(positions([], []) == [])
    }
}

extension RecordedPython {
    init(copy: RecordedPython) { self = copy }

    func calls(stack: Range<UInt64>) -> Result<CPythonStack, InterpreterProblem> {
        CPythonProcess(runtime: runtime, read: read).calls(of: Self.thread, stack: stack, read: read)
    }
}
