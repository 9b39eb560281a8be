import Diagnosis
import Testing
import WaitModel

@testable import Reports

@Suite struct HostileTextTests {
    static let names = [
        "a\nsnmpd (1) is fine", "\u{1b}[2J\u{1b}[31mred", "\u{1b}]0;title\u{7}", "x\u{202e}evil", "tab\tcr\r", "c1\u{9b}31m", "nul\0l",
        "zero\u{200b}width",
        "line\u{2028}sep", "\u{7f}", ") R 1 1", String(repeating: "w", count: 500), "", " ", "e\u{301}\u{301}\u{301}", "日本語日本語日本語日本語",
    ]

    @Test(arguments: names) func nothingSteersTheTerminal(_ name: String) {
        var world = World()
        let (a, b) = (World.thread(1, 2), World.thread(3))
        world.add(
            a, name, name, kind: .unixConnect, resource: "unix:/\(name)", "connects to \(name)", channel: name, call: name, seconds: 5,
            parties: [Party(.thread(b), role: name, certainty: .inferred, because: name)],
            evidence: [EvidenceItem(source: name, value: name)], stack: [name], executable: name)
        world.add(b, name, kind: .jobControlStop, name)
        world.processes = [
            ProcessReport(
                id: b.process, name: name, executable: name, threadCount: 1,
                signals: [SignalAnswer(signal: "SIGQUIT", outcome: .blocked, because: name)])
        ]
        world.find(.stopped, certainty: .inferred, victims: [a], chain: [a, b], remedies: [Remedy(action: .kill(b.process), frees: [a])])
        world.find(.idle, .rest, victims: [a], chain: [a])
        world.gaps = [Gap(what: name, why: name, unlock: name)]
        for width in [40, 80, 200] {
            for isUnicode in [true, false] {
                let report = text(
                    world.diagnosis, Presentation(width: width, isUnicode: isUnicode), TextOptions(evidence: true, stacks: true))
                expectHarmless(report)
                for line in report.split(separator: "\n") { #expect(columns(String(line)) <= max(width, 40), "\(line)") }
            }
        }
        let list = ThreadList(
            host: world.diagnosis.host, threads: world.threads.map { ListedThread(report: $0, looks: [], moved: false) }, gaps: world.gaps)
        let table = table(list, Presentation(width: 80, cutsRows: true))
        expectHarmless(table)
        for line in table.split(separator: "\n") { #expect(columns(String(line)) <= 80) }
        #expect(table.split(separator: "\n").count >= 3)
    }

    private func expectHarmless(_ text: String) {
        for scalar in text.unicodeScalars {
            let value = scalar.value
            #expect(
                scalar == "\n" || (value >= 0x20 && value != 0x7f && !(0x80..<0xa0).contains(value) && !(0x202a...0x202e).contains(value)))
            #expect(value != 0x2028 && value != 0x200b)
        }
    }

    @Test(
        arguments: [
            ("plain", "plain"), ("a\nb", "a\\nb"), ("\u{1b}[m", "\\x1b[m"), ("\u{9b}", "\\x9b"), ("ü", "ü"), ("\u{202e}", "\\u{202e}"),
        ] as [(String, String)]) func escapes(_ row: (raw: String, shown: String))
    {
        #expect(visible(row.raw) == row.shown)
    }

    @Test func summaryInJSONIsEscapedToo() throws {
        var world = World()
        world.add(World.thread(1), "a\u{1b}[2J", kind: .sleep, "sleeps")
        world.find(.sleeping, victims: [World.thread(1)], chain: [World.thread(1)])
        #expect(DiagnosisJSON(world.diagnosis).findings[0].summary == "a\\x1b[2J (1) sleeps")
    }
}
