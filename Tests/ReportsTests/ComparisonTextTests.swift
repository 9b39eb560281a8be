import FoundationEssentials
import Profiles
import Testing

@testable import Reports

@Suite struct ComparisonTextTests {
    private static func thread(
        _ name: String, _ kind: String, _ resource: String? = nil, tid: Int32, call: String? = nil, seconds: Double? = nil,
        moved: Bool = false
    ) -> PictureThread {
        PictureThread(
            pid: 306, tid: tid, process: "statusd", thread: name, executable: "/usr/sbin/statusd", kind: kind, systemCall: call,
            resource: resource,
            blockedSeconds: seconds, moved: moved)
    }

    private static func picture(_ threads: [PictureThread]) -> Picture {
        Picture(hostname: "device-17", kernelRelease: "6.1", observedAt: "2026-01-31T10:00:00.000Z", targets: [], threads: threads)
    }

    static let story = Comparison(
        healthy: picture([
            thread("dispatcher", "sysv-msg-receive", "sysv-msg:1", tid: 317, call: "msgrcv", moved: true),
            thread("logger", "sleep", tid: 311, moved: true), thread("watchdog", "poll", tid: 312, call: "poll", moved: true),
            thread("old", "poll", tid: 313),
        ]),
        sick: picture([
            thread("dispatcher", "unix-connect", "unix:/run/agentx.sock", tid: 317, seconds: 1893),
            thread("logger", "sysv-msg-send", "sysv-msg:1", tid: 311, seconds: 1850),
            thread("watchdog", "poll", tid: 312, call: "poll", seconds: 60),
            thread("fresh", "poll", tid: 314), thread("fresh", "poll", tid: 315),
        ]))

    @Test func theDispatcherIsTheFirstLine() {
        let report = text(Self.story, Presentation(width: 200))
        #expect(
            report.split(separator: "\n").first.map(String.init)
                == "statusd/dispatcher (306/317): healthy waits in sysv-msg-receive (msgrcv) — now unix-connect on /run/agentx.sock for about 32 min; 1 other thread of these needs it"
        )
        #expect(report.contains("statusd/logger (306/311): healthy waits in sleep — now sysv-msg-send on sysv-msg:1 for about 31 min"))
        #expect(report.contains("statusd/watchdog (306/312): healthy moves in poll (poll) — now stands there for about 60 s"))
        #expect(report.contains("new: statusd/fresh, 2 threads") && report.contains("missing: statusd/old, 1 thread"))
        expectGolden(report, "comparison-200")
    }

    @Test func noDifferenceIsSaidInTheFirstLine() {
        let picture = Self.picture([Self.thread("a", "poll", tid: 1)])
        #expect(
            text(Comparison(healthy: picture, sick: picture), Presentation()).hasPrefix("No thread waits differently: 1 thread compared\n"))
        let empty = Self.picture([])
        #expect(text(Comparison(healthy: empty, sick: empty), Presentation()).hasPrefix("No thread is in both pictures\n"))
    }

    @Test func jsonDecodesToWhatItWas() throws {
        let document = try JSONDecoder().decode(ComparisonJSON.self, from: Data(try jsonBytes(ComparisonJSON(Self.story))))
        #expect(document.schema == "waitchain.comparison/1")
        let first = try #require(document.differences.first)
        #expect(first.category == "now-blocked" && first.role.thread == "dispatcher" && first.awaitedBy == 1)
        #expect(first.healthy.kind == "sysv-msg-receive" && first.sick.resource == "unix:/run/agentx.sock")
        #expect(document.new.first?.count == 2 && document.missing.first?.thread == "old" && document.matchedThreads == 3)
    }

    @Test func hostileNamesDoNoHarm() {
        let evil = "e\u{1b}[2J\nvil"
        let comparison = Comparison(
            healthy: Self.picture([Self.thread(evil, "poll", tid: 1), Self.thread(evil + "2", "poll", tid: 2)]),
            sick: Self.picture([Self.thread(evil, "unix-connect", "unix:/\(evil)", tid: 1)]))
        #expect(!text(comparison, Presentation(width: 40)).contains("\u{1b}"))
        #expect(!ComparisonJSON(comparison).differences[0].sentence.contains("\u{1b}"))
    }
}
