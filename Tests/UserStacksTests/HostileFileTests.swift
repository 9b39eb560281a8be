import Glibc
import ProcFS
import Testing

@testable import UserStacks

/// Files that lie: bounded time, no trap.
@Suite struct HostileFileTests {
    static let real: [UInt8] = {
        guard let scratch = try? Scratch(),
            let program = try? scratch.compile(TestPrograms.callChain, with: ["gcc -O1 -gdwarf-5 -pthread -w"])
        else { return [] }
        return contents(program)
    }()

    static func contents(_ path: String) -> [UInt8] {
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let got = fread(&buffer, 1, buffer.count, file)
            if got == 0 { return bytes }
            bytes += buffer[..<got]
        }
    }

    /// Everything that is done with a file.
    private func exercise(_ bytes: [UInt8]) {
        guard let file = ElfFile({ bytes.slice($0, $1) }) else { return }
        _ = file.buildID
        _ = file.codeAddress(ofOffset: 0x1000)
        let frames = FrameTable(file: file)
        let symbols = Symbols(file: file, openDebugFile: { nil })
        let lines = LineTable(file: file)
        for address in stride(from: UInt64(0x1000), to: 0x1800, by: 37) {
            _ = frames.row(at: address)
            _ = symbols.symbol(at: address, functionStart: nil)
            _ = lines.line(at: address)
            _ = file.bytes(at: address, count: 16)
        }
    }

    private func seconds(_ body: () -> Void) -> Double {
        let start = MonotonicClock.now()
        body()
        return Double(MonotonicClock.now() - start) / 1e9
    }

    @Test(.enabled(if: !real.isEmpty)) func truncated() {
        var end = 0
        while end < Self.real.count {
            exercise(Array(Self.real[..<end]))
            end += end < 128 ? 1 : 97
        }
    }

    @Test(.enabled(if: !real.isEmpty)) func headersWithHugeNumbers() {
        let sections = Int(Self.real[40..<48].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
        let places = Array(16..<64) + Array(64..<64 + 56 * 12) + Array(sections..<min(Self.real.count, sections + 64 * 30))
        for at in stride(from: 0, to: places.count, by: 3) {
            for value: [UInt8] in [[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], [0, 0, 0, 0, 0, 0, 0, 0], [0xFF], [0, 0, 0, 4]] {
                var bytes = Self.real
                for (index, byte) in value.enumerated() where places[at] + index < bytes.count { bytes[places[at] + index] = byte }
                #expect(seconds { exercise(bytes) } < 5)
            }
        }
    }

    @Test(.enabled(if: !real.isEmpty)) func randomDamage() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<400 {
            var bytes = Self.real
            for _ in 0..<Int.random(in: 1..<60, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            #expect(seconds { exercise(bytes) } < 5)
        }
    }

    /// Damage where the parsers look: frame information, lines, symbols.
    @Test(
        .enabled(if: !real.isEmpty),
        arguments: [".eh_frame", ".eh_frame_hdr", ".debug_line", ".debug_line_str", ".symtab", ".note.gnu.build-id"])
    func damagedSection(name: String) throws {
        let file = try #require(ElfFile { Self.real.slice($0, $1) })
        let section = try #require(file.section(name))
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            var bytes = Self.real
            for _ in 0..<Int.random(in: 1..<8, using: &generator) {
                bytes[Int(section.offset) + Int.random(in: 0..<Int(section.size), using: &generator)] =
                    [0, 0x7F, 0x80, 0xFF, 1, 0x0a].randomElement(using: &generator) ?? 0
            }
            #expect(seconds { exercise(bytes) } < 5)
        }
    }

    /// A C++ name each level of which doubles the one before.
    @Test func namesThatGrow() {
        var name = "_Z1fI1aIiiE"
        for level in 0..<60 {
            name +=
                "1aIS\(level == 0 ? "" : String(level - 1, radix: 36).uppercased())_S\(level == 0 ? "" : String(level - 1, radix: 36).uppercased())_E"
        }
        #expect(seconds { _ = Demangling.readable(name + "EvT_") } < 1)
    }

    @Test func expressionsThatLoop() throws {
        let machine = Machine.amd64
        let registers = Registers(machine: machine, stackPointer: 0x1000, programCounter: 0x2000)
        let evaluate = FrameExpression(machine: machine, registers: registers, memory: StackMemory(), bias: 0)
        // skip -3: itself again.
        #expect(evaluate.value(of: [0x30, 0x2f, 0xFD, 0xFF]) == nil)
        // dup for ever.
        #expect(evaluate.value(of: [0x30, 0x12, 0x2f, 0xFC, 0xFF]) == nil)
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            _ = evaluate.value(
                of: (0..<Int.random(in: 0..<20, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) })
        }
    }

    @Test func compressedBytesThatLie() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<3000 {
            let bytes = (0..<Int.random(in: 0..<200, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            bytes.withUnsafeBytes { raw in
                _ = Inflater(raw).run(size: 4096)
                var decoder = Lzma2Decoder(limit: 1 << 16)
                _ = decoder.run(raw, from: 0)
            }
            let framed =
                [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0, 0, 1, 0x69, 0x22, 0xDE, 0x36, 2, 0, 0x21, 1, 0x16, 0, 0, 0, 0x74, 0x2F, 0xE5, 0xA3]
                + bytes
            framed.withUnsafeBytes { _ = Xz.unpacked($0, limit: 1 << 16) }
        }
    }
}
