import Glibc

/// Names of compiled languages as people wrote them. Symbols come from files of any origin, so their length is bounded.
enum Demangling {
    private static let limit = 2048

    /// The symbol itself where no rule applies.
    static func readable(_ symbol: String) -> String {
        guard symbol.utf8.count <= limit else { return symbol }
        var (name, suffix) = (symbol, "")
        // What compilers append to clones: .cold, .isra.0, .constprop.0, .part.0, .llvm.123
        if !symbol.hasPrefix("$s"), let dot = symbol.utf8.firstIndex(of: 0x2E), symbol.hasPrefix("_Z") || symbol.hasPrefix("_R") {
            if !symbol.hasPrefix("_ZN") || !RustSymbol.isLegacy(symbol) {
                name = String(symbol[..<dot])
                suffix = symbol.contains(".cold") ? " [cold]" : ""
            }
        }
        if name.hasPrefix("_R") { return RustSymbol.demangled(name).map { $0 + suffix } ?? symbol }
        if name.hasPrefix("_Z") {
            if RustSymbol.isLegacy(name) { return RustSymbol.legacy(name) ?? symbol }
            return cxx(name).map { $0 + suffix } ?? symbol
        }
        if name.hasPrefix("$s") || name.hasPrefix("$S") || name.hasPrefix("_$s") || name.hasPrefix("$e") { return swift(name) ?? symbol }
        return symbol
    }

    // MARK: C++ and Swift, by their own runtimes

    @_silgen_name("__cxa_demangle")
    private static func cxaDemangle(
        _ name: UnsafePointer<CChar>, _ output: UnsafeMutablePointer<CChar>?, _ length: UnsafeMutablePointer<Int>?,
        _ status: UnsafeMutablePointer<Int32>?
    ) -> UnsafeMutablePointer<CChar>?

    /// References to earlier parts of a name that are followed. Each can double the result: a name made for it would fill memory.
    private static let referenceLimit = 40

    private static func cxx(_ symbol: String) -> String? {
        let text = Array(symbol.utf8)
        let references = text.indices.dropLast().count {
            (text[$0] == 0x53 || text[$0] == 0x54) && (text[$0 + 1] == 0x5F || text[$0 + 1] < 0x5B)
        }
        guard references <= referenceLimit else { return nil }
        guard let text = cxaDemangle(symbol, nil, nil, nil) else { return nil }
        defer { free(text) }
        return String(cString: text)
    }

    @_silgen_name("swift_demangle")
    private static func swiftDemangle(
        _ name: UnsafePointer<CChar>, _ length: Int, _ output: UnsafeMutablePointer<CChar>?, _ outputLength: UnsafeMutablePointer<Int>?,
        _ flags: UInt32
    ) -> UnsafeMutablePointer<CChar>?

    private static func swift(_ symbol: String) -> String? {
        guard let text = swiftDemangle(symbol, symbol.utf8.count, nil, nil, 0) else { return nil }
        defer { free(text) }
        return shortened(String(cString: text))
    }

    /// Leaves out what the optimizer did and the name of the standard library.
    private static func shortened(_ name: String) -> String {
        var name = name
        let prefixes = [
            "generic specialization <", "function signature specialization <", "generic not re-abstracted specialization <", "merged ",
        ]
        while let prefix = prefixes.first(where: { name.hasPrefix($0) }) {
            if prefix.hasSuffix("<") {
                guard let end = name.range(ofText: "> of ") else { break }
                name = String(name[end...])
            } else {
                name = String(name.dropFirst(prefix.count))
            }
        }
        var short = ""
        var rest = name[...]
        while let at = rest.range(ofText: "Swift.") {
            let before = rest.utf8.index(at, offsetBy: -6)
            let last = rest[..<before].last
            let isName = last?.isLetter == true || last?.isNumber == true
            short += rest[..<(isName ? at : before)]
            rest = rest[at...]
        }
        return short + rest
    }
}

extension StringProtocol {
    /// Index after the first occurrence of `text`.
    fileprivate func range(ofText text: StaticString) -> Index? {
        let count = text.utf8CodeUnitCount
        var at = utf8.startIndex
        while let end = utf8.index(at, offsetBy: count, limitedBy: utf8.endIndex) {
            if utf8[at..<end].elementsEqual(UnsafeBufferPointer(start: text.utf8Start, count: count)) { return end }
            guard at < utf8.endIndex else { return nil }
            at = utf8.index(after: at)
        }
        return nil
    }
}
