import Diagnosis
import FoundationEssentials
import Profiles
import Testing
import WaitModel

@testable import Reports

@Suite struct JSONTests {
    @Test func storyDecodesToWhatItWas() throws {
        let document = try JSONDecoder().decode(DiagnosisJSON.self, from: Data(try jsonBytes(DiagnosisJSON(story().diagnosis))))
        #expect(document.schema == "waitchain.diagnosis/1")
        #expect(document.tool.name == "waitchain")
        #expect(document.host.observedAt == "2026-01-31T10:00:00.123Z")
        #expect(document.threads.count == 5)
        let logger = try #require(document.threads.first { $0.tid == 311 })
        #expect(logger.process == "statusd" && logger.thread == "logger" && logger.state == "S" && logger.container == nil)
        #expect(logger.wait.kind == "sysv-msg-send" && logger.wait.syscall == "msgsnd" && logger.wait.resource == "sysv-msg:151273")
        #expect(logger.wait.release.rule == "any")
        #expect(logger.wait.release.parties.first?.tid == 317)
        #expect(logger.evidence?.count == 2 && logger.kernelStack?.first == "do_msgsnd")
        let finding = try #require(document.findings.first)
        #expect(finding.root.pid == 288 && finding.root.cause == "stopped" && finding.root.outside == nil)
        #expect(finding.chain.map(\.kind) == ["sysv-msg-send", "unix-connect", "job-control-stop"])
        #expect(finding.remedies.map(\.action) == ["kill -CONT 288", "kill -KILL 288"])
        #expect(finding.summary == StoryTextTests.firstLine)
        #expect(document.resources.first?.facts["bytes"] == .number(16384))
        #expect(document.resources.first?.facts["removed"] == .flag(false))
        #expect(document.gaps.first?.why == "EACCES")
        #expect(document.processes.first { $0.pid == 306 }?.signals.first?.outcome == "blocked")
    }

    @Test func unknownMembersAreNulls() throws {
        var world = World()
        world.add(World.thread(1), "a", kind: .unknown)
        world.threads[0].executable = nil
        world.threads[0].wait.release.parties = [Party(.outside(.network), role: "peer", certainty: .possible, because: "x")]
        world.find(.external, victims: [World.thread(1)], chain: [World.thread(1)])
        let text = String(decoding: try jsonBytes(DiagnosisJSON(world.diagnosis)), as: UTF8.self)
        for member in [
            "container", "executable", "blockedSeconds", "timeoutSeconds", "channel", "syscall", "resource", "outside", "pid", "tid",
        ] {
            #expect(text.contains("\"\(member)\": null"), "\(member)")
        }
        #expect(!text.contains("kernelStack"))
        #expect(text.contains("\"outside\": \"network\""))
    }

    @Test func numbersThatJSONDoesNotKnow() throws {
        var world = World()
        world.add(World.thread(1), "a", kind: .poll, seconds: .infinity)
        world.threads[0].wait.timeoutSeconds = .nan
        _ = try jsonBytes(DiagnosisJSON(world.diagnosis))
    }

    @Test func listSurvivesTheWayToAPicture() throws {
        let world = story()
        let listed = world.threads.map { report in
            ListedThread(
                report: report,
                looks: [
                    Look(
                        kind: report.wait.kind, channel: report.wait.channel, resource: report.wait.resource, state: report.state, count: 5)
                ], moved: false)
        }
        let list = ThreadList(host: world.diagnosis.host, threads: listed, gaps: [])
        let document = try readList(try jsonBytes(ListJSON(list, targets: ["statusd"])))
        #expect(document.targets == ["statusd"])
        let picture = Picture(document)
        let dispatcher = try #require(picture.threads.first { $0.thread == "dispatcher" })
        #expect(dispatcher.kind == "unix-connect" && dispatcher.resource == "unix:/var/agentx/master" && dispatcher.isDemand)
        #expect(dispatcher.looks.map(\.count) == [5])
        #expect(picture.threads.first { $0.thread == "logger" }?.parties == [PartyNumbers(pid: 306, tid: 317)])
    }

    @Test(arguments: [
        "", "[", "[1, 2]", "{}", #"{"schema": "waitchain.list/1"}"#, #"{"schema": "waitchain.diagnosis/1", "threads": []}"#,
        #"{"schema": 5}"#, #"{"schema": "waitchain.list/1", "host": 5, "threads": {}, "gaps": null}"#, "\u{0}\u{1}",
        String(repeating: "[", count: 200_000),
    ]) func filesThatAreNoLists(_ content: String) {
        let error = #expect(throws: ListFileError.self) { try readList(Array(content.utf8)) }
        #expect(error.map { !$0.message.isEmpty && !$0.message.contains("\n") } == true)
    }

    @Test func aListOfANewerVersionIsRead() throws {
        let text = #"""
            {"schema": "waitchain.list/1", "novelty": 1, "host": {"hostname": "h", "kernelRelease": "9", "machine": "m", "bootID": "",
             "observedAt": "2030-01-01T00:00:00.000Z", "source": "live"}, "gaps": [], "threads": [{"pid": 1, "tid": 1, "process": "p",
             "thread": "p", "state": "S", "wait": {"kind": "telepathy", "release": {"rule": "any", "parties": []}}}]}
            """#
        let picture = Picture(try readList(Array(text.utf8)))
        #expect(picture.threads.first?.kind == "telepathy")
        #expect(picture.targets.isEmpty)
    }

    @Test func everyPrefixOfAListIsRefusedOrRead() throws {
        let list = ThreadList(host: story().diagnosis.host, threads: [], gaps: [])
        let bytes = try jsonBytes(ListJSON(list, targets: []))
        for end in 0..<(bytes.count - 2) {
            #expect(throws: ListFileError.self) { try readList(Array(bytes[..<end])) }
        }
    }

    @Test func everythingThatJSONCanSayIsWritten() throws {
        struct Empty: Codable, Equatable {}
        struct Everything: Codable, Equatable {
            var text = "\"\\ \n\r\t\u{1}\u{7f}\u{9b} ü 日本 🙂"
            var integers: [Int64] = [.min, 0, .max]
            var unsigned = UInt64.max
            var fraction = 1893.2
            var small = 5e-300
            var flag = true
            var nothing: Int?
            var empty = Empty()
            var list: [Empty] = []
            var map = ["a": ["b": [[1], []]]]
        }
        let bytes = try jsonBytes(Everything())
        #expect(try JSONDecoder().decode(Everything.self, from: Data(bytes)) == Everything())
        #expect(bytes.allSatisfy { $0 == 0x0a || $0 >= 0x20 && $0 != 0x7f })
        #expect(!String(decoding: bytes, as: UTF8.self).contains("\u{9b}"))
    }

    @Test func aThreadIsALine() throws {
        let lines = String(decoding: try jsonBytes(DiagnosisJSON(story().diagnosis)), as: UTF8.self).split(separator: "\n")
        #expect(lines.first == "{" && lines[1] == #"  "schema": "waitchain.diagnosis/1","#)
        #expect(lines.filter { $0.contains(#""tid": 311, "process": "statusd""#) }.count == 1)
    }

    @Test func tenThousandThreadsAreQuick() throws {
        var world = World()
        for tid in 1...10_000 { world.add(World.thread(1, Int32(tid)), "a", kind: .futexMutex, resource: "m", "waits for a mutex") }
        let diagnosis = world.diagnosis
        let time = try ContinuousClock().measure { _ = try jsonBytes(DiagnosisJSON(diagnosis)) }
        #expect(time < .seconds(10), "in a debug build on a busy machine")
    }
}
