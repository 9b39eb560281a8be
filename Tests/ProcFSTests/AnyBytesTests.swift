import Foundation
import Testing

@testable import ProcFS

@Suite struct AnyBytesTests {
    /// Bytes of this very process and host: what the parsers meet every day.
    static let real: [[UInt8]] = {
        var all =
            [
                "stat", "status", "schedstat", "sched", "syscall", "stack", "maps", "fdinfo/0", "net/unix", "task/self/stat",
            ].map { "/proc/self/\($0)" } + [
                "/proc/locks", "/proc/sysvipc/msg", "/proc/1/stat", "/proc/2/stat", "/proc/2/status", "/proc/2/stack",
            ]
        all = all.filter { FileManager.default.isReadableFile(atPath: $0) }
        return all.compactMap { path in
            guard let file = fopen(path, "r") else { return nil }
            defer { fclose(file) }
            var bytes = [UInt8](repeating: 0, count: 4096)
            return Array(bytes[..<fread(&bytes, 1, bytes.count, file)])
        } + [UnixSocketTests.answer, InternetSocketTests.answer]
    }()

    @Test(arguments: EveryParser.allCases) func cutAtEveryByte(_ parser: EveryParser) {
        for bytes in Self.real {
            bytes.withUnsafeBytes { whole in
                for end in 0...min(whole.count, 1500) { parser.run(UnsafeRawBufferPointer(rebasing: whole[..<end])) }
            }
        }
    }

    @Test(arguments: EveryParser.allCases) func randomBytes(_ parser: EveryParser) {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0..<200, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            bytes.withUnsafeBytes { _ = parser.run($0) }
        }
    }

    @Test(arguments: EveryParser.allCases) func realBytesWithErrors(_ parser: EveryParser) {
        var generator = SystemRandomNumberGenerator()
        for original in Self.real where !original.isEmpty {
            for _ in 0..<100 {
                var bytes = original
                for _ in 0..<4 {
                    bytes[Int.random(in: 0..<bytes.count, using: &generator)] =
                        [0, 0x0A, 0x20, 0x28, 0x29, 0x2D, 0x39, 0x3A, 0xFF].randomElement(using: &generator) ?? 0
                }
                bytes.withUnsafeBytes { _ = parser.run($0) }
            }
        }
    }

    @Test func numbersAtTheEdge() {
        func signed(_ text: String) -> Int64? {
            parse(text) {
                var cursor = ByteCursor($0)
                return cursor.signed()
            }
        }
        func hex(_ text: String) -> UInt64? {
            parse(text) {
                var cursor = ByteCursor($0)
                return cursor.unsigned(base: 16)
            }
        }
        #expect(signed("9223372036854775807") == .max && signed("9223372036854775808") == nil && signed("-9223372036854775807") == -.max)
        #expect(signed("-") == nil && signed("") == nil && signed("+1") == nil)
        #expect(hex("0xffffffffffffffff") == .max && hex("10000000000000000") == nil && hex("0x") == nil && hex("0XaF") == 0xaf)
    }
}
