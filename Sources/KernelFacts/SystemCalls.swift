/// Instruction sets whose system call numbers are known.
public enum Architecture: String, Sendable, Hashable, CaseIterable {
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case x86_64
    case i386
    case arm64
    /// 32-bit ARM with the EABI.
    case arm

    /// From the `machine` field of uname(2). nil for an architecture without a table.
    public static func ofMachine(_ uname: String) -> Architecture? {
        switch uname {
        case "x86_64", "amd64": .x86_64
        case "i386", "i486", "i586", "i686", "x86": .i386
        case "aarch64", "aarch64_be", "arm64": .arm64
        default: uname.hasPrefix("arm") ? .arm : nil
        }
    }
}

/// Names of system calls, from the kernel's own tables (`system-calls.tsv`).
public enum SystemCalls {
    /// The name of a system call, as in `/proc/PID/task/TID/syscall`'s first field. Constant time; the table is parsed at the first call.
    /// - Returns: nil for a number that the architecture does not have, negative ones included.
    public static func name(_ number: Int32, on architecture: Architecture) -> String? {
        var number = number
        if architecture == .x86_64, number & 0x4000_0000 != 0 { number &= ~0x4000_0000 }  // __X32_SYSCALL_BIT
        let places = table[architecture.column]
        guard number >= 0, Int(number) < places.count, let place = places[Int(number)] else { return nil }
        let start = Int(place.start)
        return String(decoding: PackageResources.system_calls_tsv[start..<start + Int(place.length)], as: UTF8.self)
    }

    /// Where a name lies in the embedded bytes.
    private struct Place {
        var start: UInt32
        var length: UInt8
    }

    /// One array an architecture, indexed by number.
    private static let table: [[Place?]] = {
        var table = [[Place?]](repeating: [], count: Architecture.allCases.count)
        PackageResources.system_calls_tsv.withUnsafeBufferPointer { bytes in
            Table.forEachLine(of: bytes, fieldCount: 1 + table.count) { fields in
                let name = fields[0]
                for column in table.indices {
                    guard let number = decimal(bytes[fields[1 + column]]), number < 4096 else { continue }
                    while table[column].count <= number { table[column].append(nil) }
                    table[column][number] = Place(start: UInt32(name.lowerBound), length: UInt8(clamping: name.count))
                }
            }
        }
        return table
    }()

    private static func decimal(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Int? {
        if bytes.isEmpty || bytes.count > 6 { return nil }
        var value = 0
        for c in bytes {
            guard c >= 0x30, c <= 0x39 else { return nil }
            value = value * 10 + Int(c - 0x30)
        }
        return value
    }
}

extension Architecture {
    /// Place of its numbers among the number columns of the table.
    fileprivate var column: Int {
        switch self {
        case .x86_64: 0
        case .i386: 1
        case .arm64: 2
        case .arm: 3
        }
    }
}
