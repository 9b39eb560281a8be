import Testing

@testable import UserStacks

@Suite struct PythonLineTests {
    /// Entries by hand, one of each form of Objects/locations.md.
    private static let table: [UInt8] = [
        0x80 | 15 << 3 | 0,  // no line, one unit
        0x80 | 10 << 3 | 1, 0, 4,  // this line, two units
        0x80 | 0 << 3 | 0, 0x12,  // short form: same line, one unit
        0x80 | 11 << 3 | 2, 4, 9,  // next line, three units
        0x80 | 12 << 3 | 0, 4, 9,  // two lines on, one unit
        0x80 | 13 << 3 | 7, 5,  // two lines back (5 = 2 << 1 | 1), eight units
        0x80 | 14 << 3 | 0, 0x40 | 0x14, 0x0A, 0, 1, 2,  // long: 330 lines on (660 = 10 << 6 | 20)
    ]

    @Test(
        arguments: [
            (0, nil), (1, 100), (2, 100), (3, 100), (4, 101), (6, 101), (7, 103), (8, 101), (15, 101), (16, 431), (17, nil), (-1, nil),
        ] as [(Int, Int?)]) func everyForm(unit: Int, line: Int?)
    {
        #expect(CPythonLines.line(ofUnit: unit, in: Self.table, firstLine: 100) == line)
    }

    @Test func truncatedAnywhere() {
        for count in 0...Self.table.count {
            for unit in -2...20 {
                let line = CPythonLines.line(ofUnit: unit, in: Array(Self.table[..<count]), firstLine: 100)
                if let line { #expect(line == CPythonLines.line(ofUnit: unit, in: Self.table, firstLine: 100)) }
            }
        }
    }

    @Test func garbage() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let table = (0..<Int.random(in: 0...40, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let line = CPythonLines.line(ofUnit: Int.random(in: -1...100, using: &generator), in: table, firstLine: Int(Int32.max))
            if let line { #expect(line > 0) }
        }
        #expect(CPythonLines.line(ofUnit: 1 << 40, in: [UInt8](repeating: 0xFF, count: 512 << 10), firstLine: 1) == nil)
    }

    @Test(
        arguments: [
            ("/usr/lib/python3.11/threading.py", "threading.py"),
            ("/opt/py/lib/python3.13t/concurrent/futures/thread.py", "concurrent/futures/thread.py"),
            ("<frozen runpy>", "runpy"), ("/usr/lib/python311.zip/queue.py", "queue.py"), ("/usr/lib64/python3.12/queue.py", "queue.py"),
            ("/usr/lib/python3/dist-packages/app.py", nil), ("/srv/venv/lib/python3.11/site-packages/app/queue.py", nil),
            ("/home/me/python3.11/app.py", nil), ("/srv/app.py", nil), ("<string>", nil), ("app.py", nil), ("", nil),
            ("/lib/python3.11", nil),
        ] as [(String, String?)]) func standardLibrary(file: String, module: String?)
    {
        #expect(PythonLibrary.module(file) == module)
    }
}
