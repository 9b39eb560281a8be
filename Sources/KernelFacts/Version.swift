/// A version of Linux or of a library, as its release text gives it: `6.1.0-9-amd64`, `6.4.0-rc5`, `2.36`.
public struct Version: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let major: Int
    public let minor: Int
    /// The third number; nil where the text has none.
    public let patch: Int?
    /// N of `-rcN`; nil for a release.
    public let candidate: Int?
    /// Whether more stands behind the numbers, as distributions append: what they took from later versions is not known, and some (Debian's
    /// ABI names) leave the third number 0 whatever it is.
    public let isDistribution: Bool

    /// nil where the text does not begin with two numbers.
    public init?(_ release: String) {
        var bytes = release.utf8[...]
        func number() -> Int? {
            let digits = bytes.prefix { $0 >= 0x30 && $0 <= 0x39 }
            guard !digits.isEmpty, digits.count < 10 else { return nil }
            bytes = bytes.dropFirst(digits.count)
            return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        }
        func take(_ text: String) -> Bool {
            guard bytes.starts(with: text.utf8) else { return false }
            bytes = bytes.dropFirst(text.utf8.count)
            return true
        }
        guard let first = number(), take("."), let second = number() else { return nil }
        (major, minor) = (first, second)
        patch = take(".") ? number() : nil
        while take(".") { _ = number() }  // Linux 2.6.32.67
        candidate = take("-rc") ? number() : nil
        isDistribution = !bytes.isEmpty && !bytes.elementsEqual("+".utf8)
    }

    public var description: String { "\(major).\(minor)" + (patch.map { ".\($0)" } ?? "") + (candidate.map { "-rc\($0)" } ?? "") }

    /// A release candidate comes before its release; a missing third number is 0.
    public static func < (a: Version, b: Version) -> Bool {
        (a.major, a.minor, a.patch ?? 0, a.candidate ?? .max) < (b.major, b.minor, b.patch ?? 0, b.candidate ?? .max)
    }
}

/// Versions from one on, up to before another.
public struct VersionRange: Sendable, Hashable {
    public let from: Version?
    public let before: Version?

    /// `4.9..6.1`, `..2.6.32`, `5.2..`; nil where it is none of these.
    init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard let gap = bytes.indices.dropLast().first(where: { bytes[$0] == 0x2E && bytes[$0 + 1] == 0x2E }) else { return nil }
        let (first, second) = (String(decoding: bytes[..<gap], as: UTF8.self), String(decoding: bytes[(gap + 2)...], as: UTF8.self))
        from = first.isEmpty ? nil : Version(first)
        before = second.isEmpty ? nil : Version(second)
        guard from != nil || before != nil, (from != nil) == !first.isEmpty, (before != nil) == !second.isEmpty else { return nil }
    }

    /// Whether the version may be one of these. Of a distribution's kernel whose third number is 0 the stable release is not known: every
    /// one of its series counts.
    public func mayContain(_ version: Version) -> Bool {
        if version.isDistribution, version.patch ?? 0 == 0, version.candidate == nil {
            func series(_ v: Version) -> (Int, Int) { (v.major, v.minor) }
            if let from, series(version) < series(from) { return false }
            guard let before else { return true }
            if series(version) == series(before) { return before.patch ?? 0 > 0 && before.candidate == nil }
            return series(version) < series(before)
        }
        if let from, version < from { return false }
        if let before, !(version < before) { return false }
        return true
    }
}
