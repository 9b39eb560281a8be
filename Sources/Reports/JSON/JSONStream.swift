/// Writes a document as JSON, with members in the order of their declaration and a newline at the end: the outer levels on lines of their own,
/// each element of a list (a thread, a finding) on one line.
///
/// FoundationEssentials' encoder builds the whole document in memory first, which for 10,000 threads takes seconds and hundreds of megabytes;
/// this one appends to one buffer. It relies on values that encode themselves depth first, as synthesised conformances do.
public func jsonBytes(_ document: some Encodable) throws -> [UInt8] {
    let sink = JSONSink()
    try sink.write(document)
    sink.bytes.append(UInt8(ascii: "\n"))
    return sink.bytes
}

/// The buffer, and the containers that are open in it.
final class JSONSink {
    private struct Level {
        let closing: UInt8
        var isEmpty = true
    }

    var bytes: [UInt8] = []
    private var levels: [Level] = []
    /// Containers at this depth and deeper are written on one line.
    private let inlineDepth = 3

    /// Writes one value, and closes what it opened.
    func write(_ value: some Encodable) throws {
        let depth = levels.count
        let start = bytes.count
        try value.encode(to: JSONStreamEncoder(sink: self))
        while levels.count > depth { close() }
        if bytes.count == start { text("{}") }
    }

    func open(_ opening: UInt8, _ closing: UInt8) {
        bytes.append(opening)
        levels.append(Level(closing: closing))
    }

    private func close() {
        guard let level = levels.popLast() else { return }
        if !level.isEmpty && levels.count + 1 < inlineDepth { newLine(levels.count) }
        bytes.append(level.closing)
    }

    /// Makes room for the next member or element of the innermost container.
    func separate() {
        guard !levels.isEmpty else { return }
        let isFirst = levels[levels.count - 1].isEmpty
        levels[levels.count - 1].isEmpty = false
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        if levels.count < inlineDepth { newLine(levels.count) } else if !isFirst { bytes.append(UInt8(ascii: " ")) }
    }

    func key(_ name: String) {
        separate()
        string(name)
        text(": ")
    }

    func text(_ text: String) { bytes.append(contentsOf: text.utf8) }

    /// A number that JSON knows; infinities and NaN become null.
    func number(_ value: Double) { text(value.isFinite ? "\(value)" : "null") }

    /// A string literal. Beside what JSON demands, DEL and the C1 controls are escaped, since people look at JSON on terminals too.
    func string(_ value: String) {
        bytes.append(UInt8(ascii: "\""))
        if value.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) {
            bytes.append(contentsOf: value.utf8)
        } else {
            for scalar in value.unicodeScalars { escaped(scalar) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private func escaped(_ scalar: Unicode.Scalar) {
        switch scalar.value {
        case 0x22: text("\\\"")
        case 0x5c: text("\\\\")
        case 0x0a: text("\\n")
        case 0x0d: text("\\r")
        case 0x09: text("\\t")
        case 0..<0x20, 0x7f..<0xa0:
            let digits = String(scalar.value, radix: 16)
            text("\\u" + String(repeating: "0", count: 4 - digits.count) + digits)
        default: bytes.append(contentsOf: UTF8.encode(scalar).map(Array.init) ?? [])
        }
    }

    private func newLine(_ depth: Int) {
        bytes.append(UInt8(ascii: "\n"))
        for _ in 0..<depth { text("  ") }
    }
}
