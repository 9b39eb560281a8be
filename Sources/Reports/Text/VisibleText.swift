/// Text from a host with everything that could steer a terminal, forge a line or turn text around made visible: control characters,
/// line and paragraph separators, bidirectional controls, invisible joiners. A newline becomes `\n`, an escape `\x1b`.
///
/// Thread and socket names are whatever a program chose; see "Terminal escape injection" (CWE-150).
func visible(_ text: String, ascii: Bool = false) -> String {
    if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) { return text }
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar.value {
        case 0x0a: result += "\\n"
        case 0x0d: result += "\\r"
        case 0x09: result += "\\t"
        case 0..<0x20, 0x7f..<0xa0: result += "\\x" + hexadecimal(scalar.value, 2)
        case 0xad, 0x61c, 0x180e, 0x200b...0x200f, 0x2028...0x202e, 0x2060...0x206f, 0xfeff, 0xfff9...0xfffb, 0xe0000...0xe007f:
            result += "\\u{" + hexadecimal(scalar.value, 4) + "}"
        case 0x20..<0x7f: result.unicodeScalars.append(scalar)
        default: if ascii { result += asciiStandIn(scalar) } else { result.unicodeScalars.append(scalar) }
        }
    }
    return result
}

private func asciiStandIn(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "…": "..."
    case "–", "—": "-"
    case "→": "->"
    case "≥": ">="
    case "\u{a0}": "\u{a0}"
    default: "?"
    }
}

private func hexadecimal(_ value: UInt32, _ digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
}

/// Columns that text takes on a terminal: two for East Asian wide characters and emoji, none for combining marks.
func columns(_ text: String) -> Int {
    if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
    return text.unicodeScalars.reduce(0) { sum, scalar in
        switch scalar.value {
        case 0x300...0x36f, 0xfe00...0xfe0f, 0x20d0...0x20ff: sum
        case 0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f, 0xff00...0xff60,
            0xffe0...0xffe6, 0x1f300...0x1f64f, 0x1f900...0x1f9ff, 0x20000...0x3fffd:
            sum + 2
        default: sum + 1
        }
    }
}
