import FoundationEssentials

extension Trial.Result {
    /// Whether the tool, or the lab, failed.
    var isWrong: Bool {
        switch verdict {
        case .right, .skipped: false
        case .wrong, .failed: true
        }
    }

    private var isSkipped: Bool {
        if case .skipped = verdict { true } else { false }
    }

    /// One word, and below it the reasons.
    var judgement: (word: String, reasons: [String]) {
        switch verdict {
        case .right: ("right", [])
        case .skipped(let reason): ("skipped", [reason])
        case .failed(let reason): ("FAILED", [reason])
        case .wrong(let mistakes):
            (
                mistakes.contains(where: \.isFalseCertainty) ? "WRONG CERTAIN" : "WRONG",
                mistakes.map { "\($0.role): \($0.text)\($0.isFalseCertainty ? "  [WRONG CERTAIN]" : "")" }
            )
        }
    }

    static func count(_ results: [Trial.Result]) -> (passed: Int, failed: Int, skipped: Int) {
        let failed = results.count(where: \.isWrong)
        let skipped = results.count(where: \.isSkipped)
        return (results.count - failed - skipped, failed, skipped)
    }
}

/// The outcome of all trials, for people and for programs.
enum ResultTable {
    static func text(_ results: [Trial.Result]) -> String {
        let rows = results.map { [$0.name, $0.expected, $0.got, $0.judgement.word] }
        let titles = ["scenario", "expected", "got", "verdict"]
        let widths = (0..<3).map { column in ([titles] + rows).map { min(48, $0[column].count) }.max() ?? 0 }
        var lines = [line(titles, widths)]
        for (row, result) in zip(rows, results) {
            lines.append(line(row, widths))
            lines += result.judgement.reasons.map { "    " + $0 }
        }
        let certain = results.count { $0.judgement.word == "WRONG CERTAIN" }
        if certain > 0 { lines.append("\(certain) WRONG CERTAIN: the tool was surer than the truth allows") }
        let totals = Trial.Result.count(results)
        lines.append("\(totals.passed) passed, \(totals.failed) failed, \(totals.skipped) skipped")
        return lines.joined(separator: "\n")
    }

    private static func line(_ cells: [String], _ widths: [Int]) -> String {
        (zip(cells, widths).map { padded($0, $1) } + [cells.last ?? ""]).joined(separator: "  ")
    }

    private struct Document: Encodable {
        let schema = "waitchain.lab/1"
        let passed: Int
        let failed: Int
        let skipped: Int
        let scenarios: [Row]
    }

    private struct Row: Encodable {
        let name: String
        let expected: String
        let got: String
        let verdict: String
        let reasons: [String]
        let seconds: Double
    }

    static func json(_ results: [Trial.Result]) throws -> String {
        let totals = Trial.Result.count(results)
        let rows = results.map { result in
            Row(
                name: result.name, expected: result.expected, got: result.got, verdict: result.judgement.word,
                reasons: result.judgement.reasons, seconds: result.seconds)
        }
        return try encoded(Document(passed: totals.passed, failed: totals.failed, skipped: totals.skipped, scenarios: rows))
    }
}

/// A value as JSON that people can read too.
func encoded(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}
