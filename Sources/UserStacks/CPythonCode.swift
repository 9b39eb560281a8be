/// Where the instructions of a code object are.
struct CPythonCodeHead {
    /// Address of the first; two bytes a code unit.
    var instructions: UInt64
    var unitCount: Int
    /// Code units before the first that a tracer is told of: a frame that has not come so far is being made.
    var firstTraceable: Int
    /// The object as far as its members go.
    var bytes: [UInt8]

    /// The code unit that an instruction pointer stands at; nil outside the function.
    func unit(at instruction: UInt64) -> Int? {
        // 3.11 and 3.12 point one unit before the first instruction when nothing has run.
        let distance = Int64(bitPattern: instruction &- instructions)
        guard distance % 2 == 0, distance >= -2, distance < Int64(unitCount) * 2 else { return nil }
        return Int(distance / 2)
    }
}

/// What a code object says of the function that was compiled into it.
struct CPythonCode {
    var head: CPythonCodeHead
    /// `co_qualname`: `Worker.run.<locals>.step`.
    var function: String
    /// `co_filename`, as the compiler was given it.
    var file: String
    var firstLine: Int
    var lineTable: [UInt8]

    func line(ofUnit unit: Int) -> Int? { CPythonLines.line(ofUnit: unit, in: lineTable, firstLine: firstLine) }
}

/// Reads objects of CPython. An object is believed only when its type pointer is the interpreter's own type of that name.
struct CPythonObjects {
    let runtime: CPythonRuntime
    let memory: InterpreterMemory

    private static let nameLimit = 4096
    private static let lineTableLimit = 512 << 10
    private static let unitLimit = 16 << 20

    private var layout: CPythonLayout { runtime.layout }

    /// What of a code object says where a frame stands in it; nil when there is none at the address.
    func head(at address: UInt64) -> CPythonCodeHead? {
        guard address % 8 == 0, let bytes = memory.bytes(at: address, count: layout.codeSize),
            bytes.number(at: layout.objectType, size: 8) == runtime.codeType
        else { return nil }
        let count = bytes.number(at: layout.variableSize, size: 8)
        let traceable = Int32(truncatingIfNeeded: bytes.number(at: layout.codeFirstTraceable, size: 4))
        guard (1...UInt64(Self.unitLimit)).contains(count), traceable >= 0 else { return nil }
        return CPythonCodeHead(
            instructions: address &+ UInt64(layout.codeInstructions), unitCount: Int(count), firstTraceable: Int(traceable), bytes: bytes)
    }

    func code(_ head: CPythonCodeHead) -> CPythonCode? {
        let firstLine = Int32(truncatingIfNeeded: head.bytes.number(at: layout.codeFirstLine, size: 4))
        guard firstLine >= 0, let function = text(at: head.bytes.number(at: layout.codeQualifiedName, size: 8)), !function.isEmpty,
            let file = text(at: head.bytes.number(at: layout.codeFilename, size: 8)),
            let table = contents(at: head.bytes.number(at: layout.codeLineTable, size: 8))
        else { return nil }
        return CPythonCode(head: head, function: function, file: file, firstLine: Int(firstLine), lineTable: table)
    }

    /// A `str` in its compact form, as the compiler makes them.
    private func text(at address: UInt64) -> String? {
        guard let head = memory.bytes(at: address, count: layout.asciiContents),
            head.number(at: layout.objectType, size: 8) == runtime.textType
        else { return nil }
        let length = head.number(at: layout.textLength, size: 8)
        // interned:2, kind:3, compact:1, ascii:1 in all three versions.
        let state = head.number(at: layout.textState, size: 4)
        let kind = Int(state >> 2 & 7)
        guard length <= UInt64(Self.nameLimit), state >> 5 & 1 == 1, [1, 2, 4].contains(kind) else { return nil }
        let isASCII = state >> 6 & 1 == 1
        guard !isASCII || kind == 1 else { return nil }
        if length == 0 { return "" }
        let start = address &+ UInt64(isASCII ? layout.asciiContents : layout.compactContents)
        guard let bytes = memory.bytes(at: start, count: Int(length) * kind) else { return nil }
        var scalars = String.UnicodeScalarView()
        for index in 0..<Int(length) {
            let value = UInt32(bytes.number(at: index * kind, size: kind))
            guard !isASCII || value < 0x80 else { return nil }
            // Lone surrogates stand for bytes of a path that were no UTF-8.
            scalars.append(Unicode.Scalar(value) ?? "\u{FFFD}")
        }
        return String(scalars)
    }

    /// A `bytes`; empty when it is longer than is read.
    private func contents(at address: UInt64) -> [UInt8]? {
        guard let head = memory.bytes(at: address, count: layout.bytesContents),
            head.number(at: layout.objectType, size: 8) == runtime.bytesType
        else { return nil }
        let length = head.number(at: layout.variableSize, size: 8)
        guard length > 0, length <= UInt64(Self.lineTableLimit) else { return length < 1 << 40 ? [] : nil }
        return memory.bytes(at: address &+ UInt64(layout.bytesContents), count: Int(length)) ?? []
    }
}
