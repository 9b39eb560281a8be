import Glibc
import ProcFS
import Testing

@testable import UserStacks

/// Symbol tables kept by build-id: the same answers with them, and nothing from files that cannot be believed.
@Suite struct SymbolCacheTests {
    private static let program: [UInt8]? = {
        guard let scratch = try? Scratch(),
            let path = try? scratch.compile(TestPrograms.callChain, with: ["gcc -O1 -Wl,--build-id -pthread -w"])
        else { return nil }
        return HostileFileTests.contents(path)
    }()

    private func names(_ symbols: Symbols) -> [String?] {
        stride(from: UInt64(0x1000), to: 0x1800, by: 7).map { symbols.symbol(at: $0, functionStart: nil)?.name }
    }

    @Test(.enabled(if: program != nil)) func sameAnswers() throws {
        let program = try #require(Self.program)
        let file = try #require(ElfFile { program.slice($0, $1) })
        let scratch = try Scratch()
        let cache = try #require(SymbolCache(directory: scratch.path + "/cache"))
        let plain = names(Symbols(file: file, openDebugFile: { nil }))
        #expect(plain.contains("leaf"))
        #expect(cache.tables(of: file.buildID) == nil)
        #expect(names(Symbols(file: file, cache: cache, openDebugFile: { nil })) == plain)
        #expect(cache.tables(of: file.buildID)?.isEmpty == false)
        #expect(names(Symbols(file: file, cache: cache, openDebugFile: { nil })) == plain)
        #expect(cache.tables(of: file.buildID.reversed()) == nil)
    }

    @Test(.enabled(if: program != nil)) func damagedAndForeign() throws {
        let program = try #require(Self.program)
        let file = try #require(ElfFile { program.slice($0, $1) })
        let symbols = HostileSymbols.table(file)
        let bytes = SymbolCache.encoded(symbols, buildID: file.buildID)
        #expect(SymbolCache.parse(bytes, buildID: file.buildID) != nil)
        #expect(SymbolCache.parse(bytes, buildID: Array(file.buildID.reversed())) == nil)
        for end in stride(from: 0, to: bytes.count, by: 13) {
            #expect(SymbolCache.parse(Array(bytes[..<end]), buildID: file.buildID) == nil)
        }
        for at in stride(from: 0, to: bytes.count, by: 11) {
            var damaged = bytes
            damaged[at] ^= 0x41
            // The bytes behind the build-id are no part of it, but of the sum.
            #expect(SymbolCache.parse(damaged, buildID: file.buildID) == nil)
        }
    }

    /// Forged with a right sum: bounded, and no trap.
    @Test(.enabled(if: program != nil)) func forged() throws {
        let program = try #require(Self.program)
        let file = try #require(ElfFile { program.slice($0, $1) })
        let bytes = SymbolCache.encoded(HostileSymbols.table(file), buildID: file.buildID)
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<500 {
            var forged = bytes
            for _ in 0..<Int.random(in: 1..<40, using: &generator) {
                forged[Int.random(in: 80..<forged.count, using: &generator)] = [0, 1, 0x7F, 0xFF].randomElement(using: &generator) ?? 0
            }
            let sum = SymbolCache.checksum(forged[16...])
            for index in 0..<8 { forged[8 + index] = UInt8(truncatingIfNeeded: sum >> UInt64(8 * index)) }
            for table in SymbolCache.parse(forged, buildID: file.buildID) ?? [] {
                for address in stride(from: UInt64(0x1000), to: 0x1800, by: 97) { _ = table.symbol(at: address, functionStart: nil) }
            }
        }
    }

    @Test func directoriesOfOthers() throws {
        let scratch = try Scratch()
        let open = scratch.path + "/open"
        mkdir(open, 0o700)
        chmod(open, 0o755)
        #expect(SymbolCache(directory: open) == nil)
        symlink(scratch.path, scratch.path + "/link")
        #expect(SymbolCache(directory: scratch.path + "/link") == nil)
        #expect(SymbolCache(directory: "/nowhere/at/all") == nil)
    }
}

private enum HostileSymbols {
    static func table(_ file: ElfFile) -> [SymbolTable] {
        guard let section = file.section(".symtab"), let table = file.contents(section), let names = file.contents(".strtab") else {
            return []
        }
        return [SymbolTable(table: table, names: names, is64: true)]
    }
}
