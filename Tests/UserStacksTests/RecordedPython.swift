@testable import UserStacks

/// The memory of a CPython process, put together by hand from the documented layout of a version: two interpreters' worth of lists, a
/// thread with two calls of the evaluation loop.
struct RecordedPython {
    static let runtimeAddress: UInt64 = 0x10_0000
    static let types = (code: UInt64(0x10_8000), text: UInt64(0x10_8200), bytes: UInt64(0x10_8400), none: UInt64(0x10_8600))
    static let thread: UInt64 = 4242
    static let stack: Range<UInt64> = 0x7000_0000..<0x7001_0000
    /// In the native frames of the inner and the outer call of the loop.
    static let markers: [UInt64] = [0x7000_0400, 0x7000_0C00]
    private static let heap: UInt64 = 0x20_0000

    let layout: CPythonLayout
    let runtime: CPythonRuntime
    private(set) var heap = [UInt8](repeating: 0, count: 0x8000)
    private(set) var control = [UInt8](repeating: 0, count: 0x2000)
    private(set) var head = [UInt8](repeating: 0, count: 0x1000)
    private var next = 0x4000

    /// Innermost first, as they are to be read.
    static let expected = ["inner app.py:11", "Worker.run.<locals>.middle app.py:21", "größe lib.py:31"]

    init(minor: Int) throws {
        switch minor {
        case 11: layout = .minor11
        case 12: layout = .minor12
        default:
            guard let own = CPythonLayout(debugOffsets: Self.debugOffsets) else { throw Failure("debug offsets") }
            layout = own
        }
        runtime = CPythonRuntime(
            layout: layout, address: Self.runtimeAddress, codeType: Self.types.code, textType: Self.types.text, bytesType: Self.types.bytes,
            none: Self.types.none)
        let interpreter = Self.heap + 0x1000
        put(interpreter, at: Self.runtimeAddress + UInt64(layout.interpretersHead))
        // Two thread states, the one that is meant last.
        let states: [UInt64] = [Self.heap + 0x3000, Self.heap + 0x3400]
        put(states[0], at: interpreter + UInt64(layout.threadsHead))
        for (index, state) in states.enumerated() {
            put(index == 0 ? 0 : states[index - 1], at: state + UInt64(layout.threadPrevious))
            put(index == 1 ? 0 : states[index + 1], at: state + UInt64(layout.threadNext))
            put(interpreter, at: state + UInt64(layout.threadInterpreter))
            put(Self.thread - 1 + UInt64(index), at: state + UInt64(layout.nativeThreadID))
        }
        let codes = [
            code(function: "inner", file: "app.py", firstLine: 10),
            code(function: "Worker.run.<locals>.middle", file: "app.py", firstLine: 20),
            code(function: "größe", file: "lib.py", firstLine: 30),
        ]
        // Innermost first; the middle one called the inner one within its loop, the outer one runs in a loop of its own.
        let frames: [UInt64] = [Self.heap + 0x3800, Self.heap + 0x3900, Self.heap + 0x3A00]
        for (index, frame) in frames.enumerated() {
            put(codes[index], at: frame + UInt64(layout.frameCode))
            put(codes[index] + UInt64(layout.codeInstructions) + 6, at: frame + UInt64(layout.frameInstruction))
        }
        put(frames[1], at: frames[0] + UInt64(layout.framePrevious))
        let state = states[1] + UInt64(layout.threadFrame)
        switch layout.chain {
        case .controlFrames(let isEntry):
            put(frames[2], at: frames[1] + UInt64(layout.framePrevious))
            for frame in frames[1...] { put(1, at: frame + UInt64(isEntry), size: 1) }
            let root = states[1] + UInt64(336)
            put(Self.markers[0], at: state)
            put(frames[0], at: Self.markers[0] + UInt64(layout.controlCurrent))
            put(Self.markers[1], at: Self.markers[0] + UInt64(layout.controlPrevious))
            put(frames[2], at: Self.markers[1] + UInt64(layout.controlCurrent))
            put(root, at: Self.markers[1] + UInt64(layout.controlPrevious))
        case .controlFrameThenEntries, .entries:
            put(Self.markers[0], at: frames[1] + UInt64(layout.framePrevious))
            put(frames[2], at: Self.markers[0] + UInt64(layout.framePrevious))
            put(Self.markers[1], at: frames[2] + UInt64(layout.framePrevious))
            for marker in Self.markers { put(3, at: marker + UInt64(layout.frameOwner), size: 1) }
            if layout.chain == .entries {
                put(frames[0], at: state)
            } else {
                put(Self.markers[0] + 0x100, at: state)
                put(frames[0], at: Self.markers[0] + 0x100 + UInt64(layout.controlCurrent))
            }
        }
        if minor == 13 { for (index, byte) in Self.debugOffsets.enumerated() { head[index] = byte } }
    }

    /// `_Py_DebugOffsets` as CPython 3.13.0 has it on 64-bit Linux.
    static let debugOffsets: [UInt8] = {
        var bytes = Bytes(bytes: Array("xdebugpy".utf8))
        let fields: [UInt64] = [
            0x030D_00F0, 0,  // version, free_threaded
            283320, 608, 632,  // runtime state
            4000, 3272, 3264, 3344, 0, 0, 0, 0, 16, 0, 0, 0, 0,  // interpreter state; small, to fit the recorded memory
            304, 0, 8, 16, 72, 152, 160, 240, 24,  // thread state
            80, 8, 0, 56, 72, 70,  // frame
            208, 112, 120, 128, 136, 68, 52, 96, 104, 200,  // code object
            16, 8,  // object
            416, 24, 88, 168,  // type
            32, 24, 16, 40, 24, 16, 48, 32, 40, 24, 16, 32, 16, 24,  // tuple, list, dict, float, long
            40, 16, 32,  // bytes
            64, 32, 16, 40,  // text
            200, 100,
        ]
        for field in fields { bytes.add(field) }
        return bytes.bytes
    }()

    // MARK: Objects

    private mutating func room(_ count: Int) -> UInt64 {
        defer { next += (count + 15) / 16 * 16 }
        return Self.heap + UInt64(next)
    }

    private mutating func code(function: String, file: String, firstLine: UInt64) -> UInt64 {
        let units: UInt64 = 8
        let address = room(layout.codeInstructions + Int(units) * 2)
        put(Self.types.code, at: address + UInt64(layout.objectType))
        put(units, at: address + UInt64(layout.variableSize))
        put(firstLine, at: address + UInt64(layout.codeFirstLine), size: 4)
        put(1, at: address + UInt64(layout.codeFirstTraceable), size: 4)
        let (name, path) = (text(function), text(file))
        put(name, at: address + UInt64(layout.codeQualifiedName))
        put(path, at: address + UInt64(layout.codeFilename))
        // Two units on the first line, six on the next.
        let table: [UInt8] = [0x80 | 10 << 3 | 1, 0, 1, 0x80 | 11 << 3 | 5, 0, 1]
        let contents = room(layout.bytesContents + table.count)
        put(Self.types.bytes, at: contents + UInt64(layout.objectType))
        put(UInt64(table.count), at: contents + UInt64(layout.variableSize))
        for (index, byte) in table.enumerated() { put(UInt64(byte), at: contents + UInt64(layout.bytesContents + index), size: 1) }
        put(contents, at: address + UInt64(layout.codeLineTable))
        return address
    }

    private mutating func text(_ text: String) -> UInt64 {
        let scalars = Array(text.unicodeScalars)
        let isASCII = scalars.allSatisfy(\.isASCII)
        let address = room(layout.compactContents + scalars.count)
        put(Self.types.text, at: address + UInt64(layout.objectType))
        put(UInt64(scalars.count), at: address + UInt64(layout.textLength))
        put(1 << 2 | 1 << 5 | (isASCII ? 1 << 6 : 0), at: address + UInt64(layout.textState), size: 4)
        let start = address + UInt64(isASCII ? layout.asciiContents : layout.compactContents)
        for (index, scalar) in scalars.enumerated() { put(UInt64(scalar.value), at: start + UInt64(index), size: 1) }
        return address
    }

    // MARK: Memory

    mutating func put(_ value: UInt64, at address: UInt64, size: Int = 8) {
        for index in 0..<size {
            let byte = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
            let at = address + UInt64(index)
            if Self.stack.contains(at) {
                control[Int(at - Self.stack.lowerBound)] = byte
            } else if at >= Self.heap {
                heap[Int(at - Self.heap)] = byte
            } else {
                head[Int(at - Self.runtimeAddress)] = byte
            }
        }
    }

    /// Sets one byte somewhere in it.
    mutating func damage(_ place: Int, _ byte: UInt8) {
        let place = place % (heap.count + control.count + head.count)
        if place < heap.count {
            heap[place] = byte
        } else if place < heap.count + control.count {
            control[place - heap.count] = byte
        } else {
            head[place - heap.count - control.count] = byte
        }
    }

    func read(_ address: UInt64, _ count: Int) -> [UInt8]? {
        for (start, bytes) in [(Self.heap, heap), (Self.stack.lowerBound, control), (Self.runtimeAddress, head)]
        where address >= start && address < start + UInt64(bytes.count) {
            return bytes.slice(address - start, count)
        }
        return nil
    }

    func calls(_ thread: UInt64 = Self.thread) -> Result<CPythonStack, InterpreterProblem> {
        CPythonProcess(runtime: runtime, read: read).calls(of: thread, stack: Self.stack, read: read)
    }
}
