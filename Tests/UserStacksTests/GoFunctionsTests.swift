import Testing

@testable import UserStacks

/// The table that Go's linker writes, in the forms of Go 1.2, 1.16, 1.18 and 1.20, made by hand.
struct GoFunctionsTests {
    enum Form: UInt32, CaseIterable {
        case go12 = 0xffff_fffb
        case go116 = 0xffff_fffa
        case go118 = 0xffff_fff0
        case go120 = 0xffff_fff1
    }

    private static let text: UInt64 = 0x401000

    /// Two functions: `runtime.futex` of 0x40 bytes, which does not move the stack pointer, and `main.main` of 0x80 bytes, which moves it by
    /// 0x28 from its fifth byte on.
    static func table(_ form: Form) -> [UInt8] {
        func bytes(_ value: UInt64, _ size: Int) -> [UInt8] { (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) } }
        let names = Array("runtime.futex\0main.main\0".utf8)
        // Stack use: from -1 to 0 for 0x40 bytes; from -1 to 0 for 4 bytes, then to 0x28 for 0x7c.
        let values: [UInt8] = [0, 2, 0x40, 0, 2, 4, 0x50, 0x7c, 0]
        let (first, second): (UInt64, UInt64) = (1, 4)
        let isOld = form == .go12
        let relative = form == .go118 || form == .go120
        let size = relative ? 4 : 8
        let base = relative ? 0 : text
        var head = bytes(UInt64(form.rawValue), 4) + [0, 0, 1, 8]
        let words = isOld ? 1 : form == .go116 ? 7 : 8
        let start = 8 + words * 8
        let listSize = 5 * size
        let recordSize = size + 20
        // Old: list, records, names, values, all counted from the beginning. Newer: names, values, then list and records.
        let list: Int
        let (namesAt, valuesAt): (Int, Int)
        if isOld {
            list = start
            namesAt = list + listSize + 2 * recordSize
            valuesAt = namesAt + names.count
        } else {
            namesAt = start
            valuesAt = namesAt + names.count
            list = valuesAt + values.count
        }
        let record = isOld ? list + listSize : listSize
        func function(_ entry: UInt64, name: Int, values: UInt64) -> [UInt8] {
            bytes(base + entry, size) + bytes(UInt64(isOld ? namesAt + name : name), 4) + bytes(0, 8)
                + bytes(UInt64(isOld ? valuesAt : 0) + values, 4) + bytes(0, 4)
        }
        let functions =
            bytes(base, size) + bytes(UInt64(record), size) + bytes(base + 0x40, size) + bytes(UInt64(record + recordSize), size)
            + bytes(base + 0xc0, size) + function(0, name: 0, values: first) + function(0x40, name: 14, values: second)
        head += bytes(2, 8)
        switch form {
        case .go12: return head + functions + names + values + [UInt8](repeating: 0, count: 16)
        case .go116:
            for word in [0, namesAt, 0, 0, valuesAt, list] { head += bytes(UInt64(word), 8) }
        case .go118, .go120:
            for word in [0, Int(text), namesAt, 0, 0, valuesAt, list] { head += bytes(UInt64(word), 8) }
        }
        return head + names + values + functions
    }

    @Test(arguments: Form.allCases)
    func functions(_ form: Form) throws {
        let functions = try #require(GoFunctions(table: Self.table(form), machine: .amd64))
        #expect(functions.function(at: Self.text)?.name == "runtime.futex")
        #expect(functions.function(at: Self.text + 0x3f)?.name == "runtime.futex")
        #expect(functions.function(at: Self.text + 0x40)?.name == "main.main")
        #expect(functions.function(at: Self.text + 0x40)?.range == Self.text + 0x40..<Self.text + 0xc0)
        #expect(functions.function(at: Self.text + 0xc0) == nil)
        #expect(functions.function(at: Self.text - 1) == nil)
    }

    @Test(arguments: Form.allCases)
    func stackUse(_ form: Form) throws {
        let functions = try #require(GoFunctions(table: Self.table(form), machine: .amd64))
        for (offset, moved) in [(0x10, 0), (0x3f, 0), (0x40, 0), (0x43, 0), (0x44, 0x28), (0xbf, 0x28)] as [(UInt64, Int64)] {
            let row = try #require(functions.row(at: Self.text + offset))
            guard case .register(7, let distance) = row.base else {
                Issue.record("not by the stack pointer")
                continue
            }
            #expect(distance == moved + 8)
        }
    }

    @Test("A table that ends early or lies is refused or says less; it is never read past its end", arguments: Form.allCases)
    func damaged(_ form: Form) {
        let whole = Self.table(form)
        for count in whole.indices {
            let functions = GoFunctions(table: Array(whole[..<count]), machine: .amd64)
            _ = functions?.function(at: Self.text + 0x50)
            _ = functions?.row(at: Self.text + 0x50)
        }
        for place in whole.indices {
            for value: UInt8 in [0, 1, 0x7f, 0x80, 0xff] {
                var bytes = whole
                bytes[place] = value
                let functions = GoFunctions(table: bytes, machine: .amd64)
                for address in [0, Self.text, Self.text + 0x50, UInt64.max] {
                    _ = functions?.function(at: address)
                    _ = functions?.row(at: address)
                }
            }
        }
    }
}
