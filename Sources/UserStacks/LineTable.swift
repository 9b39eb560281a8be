/// File and line of addresses, from `.debug_line` of DWARF 2 to 5. Source: DWARF 5 section 6.2, DWARF 4 section 6.2.
///
/// One pass finds the sequences (runs of ascending addresses); only the sequence that holds an address is decoded again.
final class LineTable {
    private struct Sequence {
        var addresses: Range<UInt64>
        var header: Int
        /// Where the sequence's instructions begin.
        var start: Int
    }

    private var program: [UInt8] = []
    private var lineStrings: [UInt8] = []
    private var strings: [UInt8] = []
    private var headers: [LineHeader] = []
    private var sequences: [Sequence] = []
    private let wordSize: Int
    /// Bytes of line programs that look-ups still may run through: a hostile file must not make each of them run through all.
    private var budget = 256 << 20

    /// Sections that are larger are left alone: decoding them would take longer than a reader waits.
    private static let sizeLimit: UInt64 = 48 << 20
    private static let unitLimit = 1 << 17
    private static let sequenceLimit = 1 << 20

    init(file: ElfFile) {
        wordSize = file.machine.wordSize
        func contents(_ name: String) -> [UInt8]? {
            file.section(name).flatMap { $0.size <= Self.sizeLimit ? file.contents($0) : nil }
        }
        guard let program = contents(".debug_line") else { return }
        self.program = program
        lineStrings = contents(".debug_line_str") ?? []
        // Only some producers put file names there, and it is large.
        if lineStrings.isEmpty { strings = contents(".debug_str") ?? [] }
        indexSequences()
    }

    /// - Parameter address: as the file counts; of the call, not the return address.
    func line(at address: UInt64) -> (file: String, line: Int)? {
        var low = 0
        var high = sequences.count
        while low < high {
            let middle = (low + high) / 2
            if sequences[middle].addresses.lowerBound <= address { low = middle + 1 } else { high = middle }
        }
        // Sequences do not overlap, but for those of functions that the linker left out.
        for sequence in sequences[max(0, low - 8)..<low].reversed() where sequence.addresses.contains(address) {
            var found: (file: UInt64, line: UInt64)?
            var last: (address: UInt64, file: UInt64, line: UInt64)?
            guard budget > 0 else { return nil }
            let end = program.withUnsafeBytes { raw in
                run(raw, headers[sequence.header], from: sequence.start) { rowAddress, file, line, isEnd in
                    if let last, last.address <= address, address < rowAddress { found = (last.file, last.line) }
                    last = (rowAddress, file, line)
                    return found == nil && !isEnd
                }
            }
            budget -= max(0, end - sequence.start)
            guard let found, found.line > 0, let name = name(of: found.file, headers[sequence.header]) else { continue }
            return (name, Int(truncatingIfNeeded: found.line & 0xFFFF_FFFF))
        }
        return nil
    }

    private func indexSequences() {
        program.withUnsafeBytes { raw in
            var position = 0
            while position < raw.count, headers.count < Self.unitLimit, sequences.count < Self.sequenceLimit {
                guard let (header, next) = LineHeader.parse(raw, at: position, wordSize: wordSize) else { break }
                position = next
                guard let header else { continue }
                headers.append(header)
                var start = header.program.lowerBound
                while start < header.program.upperBound, sequences.count < Self.sequenceLimit {
                    var first: UInt64?
                    var last: UInt64 = 0
                    let end = run(raw, header, from: start) { address, _, _, isEnd in
                        first = min(first ?? address, address)
                        last = max(last, address)
                        return !isEnd
                    }
                    // Functions that the linker left out stand at 0.
                    if let first, first > 0, first < last {
                        sequences.append(Sequence(addresses: first..<last, header: headers.count - 1, start: start))
                    }
                    guard end > start else { break }
                    start = end
                }
            }
        }
        sequences.sort { $0.addresses.lowerBound < $1.addresses.lowerBound }
    }

    /// Runs the state machine from the start of a sequence and hands out its rows until told to stop or the sequence ends.
    /// Returns where it stopped.
    private func run(
        _ raw: UnsafeRawBufferPointer, _ header: LineHeader, from start: Int,
        row: (_ address: UInt64, _ file: UInt64, _ line: UInt64, _ isEnd: Bool) -> Bool
    ) -> Int {
        var cursor = BinaryCursor(UnsafeRawBufferPointer(rebasing: raw[..<header.program.upperBound]), at: start)
        var (address, file, line): (UInt64, UInt64, UInt64) = (0, 1, 1)
        let step = UInt64(header.instructionLength)
        while !cursor.isAtEnd {
            let operation = cursor.u8()
            if operation >= header.operationBase {
                let adjusted = UInt64(operation - header.operationBase)
                address = address &+ adjusted / UInt64(header.lineRange) &* step
                line = line &+ UInt64(bitPattern: Int64(header.lineBase)) &+ adjusted % UInt64(header.lineRange)
                if !row(address, file, line, false) { return cursor.position }
                continue
            }
            switch operation {
            case 0:
                let length = cursor.uleb()
                guard length > 0, length <= UInt64(cursor.remaining) else { return raw.count }
                let end = cursor.position + Int(length)
                switch cursor.u8() {
                case 1:
                    cursor.position = end
                    _ = row(address, file, line, true)
                    return cursor.position
                case 2: address = cursor.unsigned(size: Int(length) - 1)
                default: break
                }
                cursor.position = end
            case 1: if !row(address, file, line, false) { return cursor.position }
            case 2: address = address &+ cursor.uleb() &* step
            case 3: line = line &+ UInt64(bitPattern: cursor.sleb())
            case 4: file = cursor.uleb()
            case 8: address = address &+ UInt64(255 - header.operationBase) / UInt64(header.lineRange) &* step
            case 9: address = address &+ UInt64(cursor.u16())
            case 6, 7, 10, 11: break
            default:
                guard Int(operation) <= header.operandCounts.count else { break }
                for _ in 0..<header.operandCounts[Int(operation) - 1] { _ = cursor.uleb() }
            }
            // Operations 5 and 12, and those of later versions, have operands that do not matter here.
            if cursor.hasFailed { return raw.count }
        }
        return header.program.upperBound
    }

    private func name(of file: UInt64, _ header: LineHeader) -> String? {
        program.withUnsafeBytes { raw in
            lineStrings.withUnsafeBytes { lineStrings in
                strings.withUnsafeBytes { header.path(of: file, raw, lineStrings: lineStrings, strings: $0) }
            }
        }
    }
}
