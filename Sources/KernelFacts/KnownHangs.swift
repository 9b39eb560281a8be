/// What must hold of a thread or its finding beside kind, function and version, for a known hang to fit (`known-hangs.tsv`).
public enum KnownHangCondition: Sendable, Hashable {
    /// The thread's state letter.
    case state(UInt8)
    /// The public name of the finding's cause.
    case cause(String)
    /// What is waited for has one of these in its label.
    case label([String])
    /// The finding has a process of each of these names.
    case processes([String])
    /// A piece of the thread's evidence has this in it.
    case evidence(String)
    /// The kernel's release text has this in it.
    case release(String)
    /// The thread has stood still for that long.
    case seconds(Double)
    /// The machine name that uname(2) gives.
    case machine(String)
    /// A futex word that is not what its waiter expected, and no time limit.
    case futexWordDiffers
    /// A waiter of a glibc condition variable all of whose group were signalled.
    case condvarPassedOver
}

/// A hang that is known, with the evidence that it leaves and a sentence about it.
public struct KnownHang: Sendable, Hashable {
    public enum Component: String, Sendable, Hashable { case linux, glibc }

    public let id: String
    /// Whose version counts; nil for any.
    public let component: Component?
    /// The versions that may have it; empty for all.
    public let versions: [VersionRange]
    /// Public names of wait kinds; empty for any.
    public let kinds: [String]
    /// One of these lists must be among channel and stack, whole; a name that ends in `*` stands for what begins so. Empty for any.
    public let functions: [[String]]
    public let calls: [String]
    public let conditions: [KnownHangCondition]
    /// A sentence without capital and full stop.
    public let text: String
    public let source: String
}

/// The signatures of `known-hangs.tsv`. Matching them is the diagnosis's part.
public enum KnownHangs {
    public static let all: [KnownHang] = {
        var all: [KnownHang] = []
        PackageResources.known_hangs_tsv.withUnsafeBufferPointer { bytes in
            Table.forEachLine(of: bytes, fieldCount: 9) { fields in
                let text = fields.map { Table.text(bytes, $0) }
                func list(_ field: String, _ separator: Character = ",") -> [String] {
                    field == "-" ? [] : field.split(separator: separator).map(String.init)
                }
                all.append(
                    KnownHang(
                        id: text[0], component: KnownHang.Component(rawValue: text[1]),
                        versions: list(text[2]).compactMap(VersionRange.init), kinds: list(text[3]),
                        functions: list(text[4]).map { list($0, "+") }, calls: list(text[5]),
                        conditions: list(text[6], ";").compactMap(condition), text: text[7], source: text[8]))
            }
        }
        return all
    }()

    static func condition(_ text: String) -> KnownHangCondition? {
        func after(_ prefix: String) -> String? { text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : nil }
        func parts(_ value: String, _ separator: Character) -> [String] { value.split(separator: separator).map(String.init) }
        if let value = after("state=") { return value.utf8.first.map(KnownHangCondition.state) }
        if let value = after("cause=") { return .cause(value) }
        if let value = after("label~") { return .label(parts(value, ",")) }
        if let value = after("process~") { return .processes(parts(value, "+")) }
        if let value = after("evidence~") { return .evidence(value) }
        if let value = after("release~") { return .release(value) }
        if let value = after("seconds>=") { return Double(value).map(KnownHangCondition.seconds) }
        if let value = after("machine=") { return .machine(value) }
        switch text {
        case "fact:futex-word-differs": return .futexWordDiffers
        case "fact:condvar-passed-over": return .condvarPassedOver
        default: return nil
        }
    }
}
