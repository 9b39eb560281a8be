/// Rust's two manglings. Sources: RFC 2603 (v0); rustc's `symbol_names::legacy`.
struct RustSymbol {
    // MARK: Legacy: an Itanium name that ends in a hash

    /// `_ZN…17h<16 hexadecimal digits>E`.
    static func isLegacy(_ symbol: String) -> Bool {
        let text = Array(symbol.utf8)
        guard let end = text.lastIndex(of: 0x45), end >= 24, text.starts(with: [0x5F, 0x5A, 0x4E]) else { return false }
        let hash = text[(end - 19)..<end]
        let isHexadecimal = hash.dropFirst(3).allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        return hash.starts(with: [0x31, 0x37, 0x68]) && isHexadecimal
    }

    static func legacy(_ symbol: String) -> String? {
        let text = Array(symbol.utf8)
        var at = 3
        var parts: [String] = []
        while at < text.count, text[at] != 0x45 {
            var length = 0
            while at < text.count, (0x30...0x39).contains(text[at]), length < text.count {
                length = length * 10 + Int(text[at] - 0x30)
                at += 1
            }
            guard length > 0, at + length <= text.count else { return nil }
            parts.append(unescaped(text[at..<at + length]))
            at += length
        }
        guard parts.count > 1 else { return nil }
        return parts.dropLast().joined(separator: "::")
    }

    private static let escapes: [String: String] = [
        "SP": "@", "BP": "*", "RF": "&", "LT": "<", "GT": ">", "LP": "(", "RP": ")", "C": ",",
    ]

    private static func unescaped(_ part: ArraySlice<UInt8>) -> String {
        var bytes = part
        // An underscore keeps an escape from beginning the name.
        if bytes.starts(with: [0x5F, 0x24]) { bytes = bytes.dropFirst() }
        var result = ""
        while let byte = bytes.first {
            if bytes.starts(with: [0x2E, 0x2E]) {
                result += "::"
                bytes = bytes.dropFirst(2)
            } else if byte == 0x24, let end = bytes.dropFirst().firstIndex(of: 0x24) {
                let name = String(decoding: bytes[(bytes.startIndex + 1)..<end], as: UTF8.self)
                if let text = escapes[name] {
                    result += text
                } else if name.hasPrefix("u"), let code = UInt32(name.dropFirst(), radix: 16), let scalar = Unicode.Scalar(code) {
                    result.unicodeScalars.append(scalar)
                } else {
                    result += "$" + name + "$"
                }
                bytes = bytes[(end + 1)...]
            } else {
                var run = bytes.prefix { $0 != 0x24 && $0 != 0x2E }
                if run.isEmpty { run = bytes.prefix(1) }
                result += String(decoding: run, as: UTF8.self)
                bytes = bytes.dropFirst(run.count)
            }
        }
        return result
    }

    // MARK: v0

    private let text: [UInt8]
    private var at = 0
    private var depth = 0
    private var output = ""
    private var isSilent = false
    private var hasFailed = false
    private static let depthLimit = 100
    private static let outputLimit = 2048

    private init(_ text: [UInt8]) { self.text = text }

    /// nil when it is no v0 symbol.
    static func demangled(_ symbol: String) -> String? {
        guard symbol.hasPrefix("_R") else { return nil }
        var parser = RustSymbol(Array(symbol.utf8.dropFirst(2)))
        parser.path(inValue: true)
        return parser.hasFailed || parser.output.isEmpty ? nil : parser.output
    }

    private var next: UInt8 { at < text.count ? text[at] : 0 }

    private mutating func take() -> UInt8 {
        guard at < text.count else {
            hasFailed = true
            return 0
        }
        defer { at += 1 }
        return text[at]
    }

    private mutating func skip(_ character: Character) -> Bool {
        guard let value = character.asciiValue, next == value else { return false }
        at += 1
        return true
    }

    private mutating func put(_ string: String) {
        guard !isSilent else { return }
        output += string
        if output.utf8.count > Self.outputLimit { hasFailed = true }
    }

    /// `_` is 0; digits and letters up to `_` are a number plus 1.
    private mutating func base62() -> UInt64 {
        if skip("_") { return 0 }
        // The disambiguator of a crate is a hash that fills 64 bits.
        var value: UInt64 = 0
        while !hasFailed {
            let byte = take()
            let digit: UInt64
            switch byte {
            case 0x5F: return value &+ 1
            case 0x30...0x39: digit = UInt64(byte - 0x30)
            case 0x61...0x7A: digit = UInt64(byte - 0x61) + 10
            case 0x41...0x5A: digit = UInt64(byte - 0x41) + 36
            default:
                hasFailed = true
                return 0
            }
            value = value &* 62 &+ digit
        }
        return 0
    }

    private mutating func disambiguator() -> UInt64 { skip("s") ? base62() &+ 1 : 0 }

    private mutating func identifier() -> (name: String, disambiguator: UInt64) {
        let number = disambiguator()
        let isPunycode = skip("u")
        var length = 0
        while (0x30...0x39).contains(next), length < text.count {
            length = length * 10 + Int(take() - 0x30)
        }
        _ = skip("_")
        guard length <= text.count - at else {
            hasFailed = true
            return ("", 0)
        }
        defer { at += length }
        let name = String(decoding: text[at..<at + length], as: UTF8.self)
        return (isPunycode ? "punycode{\(name)}" : name, number)
    }

    private mutating func nested(_ body: (inout RustSymbol) -> Void) {
        depth += 1
        defer { depth -= 1 }
        if depth > Self.depthLimit { hasFailed = true }
        if hasFailed { return }
        body(&self)
    }

    private mutating func backReference(_ body: (inout RustSymbol) -> Void) {
        let start = at - 1
        let target = base62()
        if target >= UInt64(start) { hasFailed = true }
        if hasFailed { return }
        // In silence nothing is printed: no need to follow, and no way to be kept busy by references to references.
        if isSilent { return }
        let saved = at
        at = Int(target)
        nested(body)
        at = saved
    }

    private mutating func path(inValue: Bool) {
        nested { parser in
            switch parser.take() {
            case 0x43: parser.put(parser.identifier().name)  // C
            case 0x4D:  // M
                parser.implementation()
                parser.put("<")
                parser.type()
                parser.put(">")
            case 0x58, 0x59:  // X, Y
                if parser.text[parser.at - 1] == 0x58 { parser.implementation() }
                parser.put("<")
                parser.type()
                parser.put(" as ")
                parser.path(inValue: false)
                parser.put(">")
            case 0x4E:  // N
                let space = parser.take()
                parser.path(inValue: inValue)
                let (name, number) = parser.identifier()
                switch space {
                case 0x43: parser.put("::{closure\(name.isEmpty ? "" : ":" + name)#\(number)}")
                case 0x53: parser.put("::{shim\(name.isEmpty ? "" : ":" + name)#\(number)}")
                default: if !name.isEmpty { parser.put("::" + name) }
                }
            case 0x49:  // I
                parser.path(inValue: inValue)
                parser.put(inValue ? "::<" : "<")
                parser.list { $0.genericArgument() }
                parser.put(">")
            case 0x42: parser.backReference { $0.path(inValue: inValue) }
            default: parser.hasFailed = true
            }
        }
    }

    /// The place of an `impl`: parsed, not printed.
    private mutating func implementation() {
        _ = disambiguator()
        let wasSilent = isSilent
        isSilent = true
        path(inValue: false)
        isSilent = wasSilent
    }

    private mutating func list(_ separator: String = ", ", _ body: (inout RustSymbol) -> Void) {
        var count = 0
        while !hasFailed, !skip("E") {
            if count > 0 { put(separator) }
            body(&self)
            count += 1
        }
    }

    private mutating func genericArgument() {
        if skip("L") { put(base62() == 0 ? "'_" : "'a") } else if skip("K") { constant() } else { type() }
    }

    private static let basic: [UInt8: String] = Dictionary(
        uniqueKeysWithValues: zip(
            "abcdefhijlmnopstuvxyz".utf8,
            [
                "i8", "bool", "char", "f64", "str", "f32", "u8", "isize", "usize", "i32", "u32", "i128", "u128", "_", "i16", "u16", "()",
                "...", "i64", "u64", "!",
            ]))

    private mutating func type() {
        nested { parser in
            let tag = parser.take()
            if let name = Self.basic[tag] { return parser.put(name) }
            switch tag {
            case 0x41:  // A
                parser.put("[")
                parser.type()
                parser.put("; ")
                parser.constant()
                parser.put("]")
            case 0x53:  // S
                parser.put("[")
                parser.type()
                parser.put("]")
            case 0x54:  // T
                parser.put("(")
                parser.list { $0.type() }
                parser.put(")")
            case 0x52, 0x51:  // R, Q
                parser.put("&")
                if parser.skip("L") { _ = parser.base62() }
                if tag == 0x51 { parser.put("mut ") }
                parser.type()
            case 0x50, 0x4F:  // P, O
                parser.put(tag == 0x50 ? "*const " : "*mut ")
                parser.type()
            case 0x46: parser.function()  // F
            case 0x44: parser.dynamic()  // D
            case 0x42: parser.backReference { $0.type() }
            default:
                if parser.hasFailed { return }
                parser.at -= 1
                parser.path(inValue: false)
            }
        }
    }

    private mutating func function() {
        if skip("G") { _ = base62() }
        if skip("U") { put("unsafe ") }
        if skip("K") {
            put("extern \"")
            if skip("C") { put("C") } else { put(identifier().name) }
            put("\" ")
        }
        put("fn(")
        list { $0.type() }
        put(")")
        if !skip("u") {
            put(" -> ")
            type()
        }
    }

    private mutating func dynamic() {
        if skip("G") { _ = base62() }
        put("dyn ")
        list(" + ") { parser in
            parser.path(inValue: false)
            while !parser.hasFailed, parser.skip("p") {
                parser.put("<" + parser.identifier().name + " = ")
                parser.type()
                parser.put(">")
            }
        }
        if skip("L") { _ = base62() }
    }

    private mutating func constant() {
        nested { parser in
            if parser.skip("p") { return parser.put("_") }
            if parser.skip("B") { return parser.backReference { $0.constant() } }
            let type = parser.take()
            guard Self.basic[type] != nil else {
                parser.hasFailed = true
                return
            }
            if parser.skip("n") { parser.put("-") }
            var digits: [UInt8] = []
            while !parser.hasFailed, !parser.skip("_") { digits.append(parser.take()) }
            let hex = String(decoding: digits, as: UTF8.self)
            if type == 0x62 { return parser.put(hex == "1" ? "true" : "false") }
            parser.put(UInt64(hex, radix: 16).map(String.init) ?? "0x" + hex)
        }
    }
}
