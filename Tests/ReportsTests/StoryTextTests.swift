import Reports
import Testing

@Suite struct StoryTextTests {
    static let firstLine =
        "snmpd (288) is stopped by a signal and accepts no connections on /var/agentx/master; that probably holds up 4 threads of statusd (306)"

    @Test(arguments: [40, 80, 200]) func reportFitsItsWidth(width: Int) {
        let report = text(story().diagnosis, Presentation(width: width), TextOptions(evidence: true, stacks: true))
        for line in report.split(separator: "\n") { #expect(line.count <= width, "\(line)") }
        expectGolden(report, "story-\(width)")
    }

    @Test func firstLineIsTheCause() {
        let report = text(story().diagnosis, Presentation(width: 200))
        #expect(report.split(separator: "\n").first.map(String.init) == Self.firstLine)
    }

    @Test func asciiReportHasNoOtherCharacters() {
        var world = story()
        world.threads[0].thread = "Grüße"
        let report = text(world.diagnosis, Presentation(width: 80, isUnicode: false), TextOptions(evidence: true))
        #expect(report.utf8.allSatisfy { $0 < 0x80 })
        #expect(report.contains("`- "))
    }

    @Test func colourOnlyAddsToTheText() {
        let plain = text(story().diagnosis, Presentation(width: 80))
        let coloured = text(story().diagnosis, Presentation(width: 80, isColoured: true))
        #expect(!plain.contains("\u{1b}"))
        #expect(coloured.contains("\u{1b}[1m"))
        #expect(withoutColour(coloured) == plain)
    }

    @Test func evidenceAndStacksComeOnDemand() {
        let plain = text(story().diagnosis, Presentation(width: 200))
        #expect(!plain.contains("cbytes=16384") && !plain.contains("__x64_sys_msgsnd"))
        let all = text(story().diagnosis, Presentation(width: 200), TextOptions(evidence: true, stacks: true))
        #expect(all.contains("msgctl(151273, IPC_STAT) = cbytes=16384 qbytes=16384 qnum=128"))
        #expect(all.contains("__x64_sys_msgsnd"))
    }

    @Test func remediesNameTheCommandAndWhomItFrees() {
        let report = text(story().diagnosis, Presentation(width: 200))
        #expect(report.contains("kill -CONT 288 "))
        #expect(report.contains("kill -KILL 288 "), "SIGTERM cannot act on a stopped process")
        #expect(report.contains("frees statusd/sensors, statusd/watchdog, statusd/logger and statusd/dispatcher"))
    }
}

/// The text without SGR sequences.
func withoutColour(_ text: String) -> String {
    var result = ""
    var isInside = false
    for scalar in text.unicodeScalars {
        if scalar == "\u{1b}" {
            isInside = true
        } else if isInside {
            isInside = scalar != "m"
        } else {
            result.unicodeScalars.append(scalar)
        }
    }
    return result
}
