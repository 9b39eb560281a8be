import Testing

@testable import Profiles

@Suite struct ComparisonTests {
    /// The device of the story before and in its incident: other pids, another queue.
    static let healthy = [
        thread("statusd", "signal-wait", tid: 306),
        thread("sensors", "sleep", tid: 309, moved: true),
        thread("watchdog", "sleep", tid: 310, moved: true),
        thread("logger", "sysv-msg-receive", "sysv-msg:7", tid: 311, looks: ["sysv-msg-receive", "sleep"], moved: true),
        thread("dispatcher", "sysv-msg-receive", "sysv-msg:5", tid: 317, call: "msgrcv", moved: true),
    ]
    static let sick = [
        thread("statusd", "signal-wait", pid: 900, tid: 900, seconds: 5000),
        thread("sensors", "sysv-msg-send", "sysv-msg:99", pid: 900, tid: 901, seconds: 1851, parties: [PartyNumbers(pid: 900, tid: 905)]),
        thread("watchdog", "sysv-msg-send", "sysv-msg:99", pid: 900, tid: 902, seconds: 1950, parties: [PartyNumbers(pid: 900, tid: nil)]),
        thread("logger", "sysv-msg-send", "sysv-msg:99", pid: 900, tid: 903, seconds: 1850, parties: [PartyNumbers(pid: 900, tid: 905)]),
        thread("dispatcher", "unix-connect", "unix:/run/agentx.sock", pid: 900, tid: 905, seconds: 1893),
    ]

    @Test func theDispatcherComesFirst() throws {
        let comparison = compare(Self.healthy, Self.sick)
        #expect(comparison.differences.map(\.role.thread) == ["dispatcher", "watchdog", "sensors", "logger"])
        #expect(comparison.differences.allSatisfy { $0.category == .nowBlocked })
        let first = try #require(comparison.differences.first)
        #expect(first.awaitedBy == 3)
        #expect(comparison.matchedThreads == 5 && comparison.new.isEmpty && comparison.missing.isEmpty)
    }

    @Test func theDispatcherComesFirstWithoutPartiesToo() {
        let sick = Self.sick.map { thread in
            var thread = thread
            thread.parties = []
            return thread
        }
        #expect(compare(Self.healthy, sick).differences.first?.role.thread == "dispatcher")
    }

    @Test func aStoppedProcessComesAfterWhoIsBlocked() {
        let comparison = compare(
            Self.healthy + [thread("snmpd", "select", pid: 288, tid: 288, process: "snmpd")],
            Self.sick + [thread("snmpd", "job-control-stop", pid: 288, tid: 288, process: "snmpd", seconds: 2000)])
        #expect(comparison.differences.first?.role.thread == "dispatcher")
        #expect(comparison.differences.last?.category == .nowStopped)
    }

    @Test func aRestartIsNoDifference() {
        let restarted = Self.healthy.map { healthy in
            var thread = healthy
            thread.pid += 7000
            thread.tid += 7000
            thread.resource = thread.resource.map { _ in "sysv-msg:123456" }
            thread.looks = thread.looks.map { PictureLook(kind: $0.kind, channel: $0.channel, resource: thread.resource, count: $0.count) }
            return thread
        }
        let comparison = compare(Self.healthy, restarted)
        #expect(comparison.differences.isEmpty && comparison.new.isEmpty && comparison.missing.isEmpty)
        #expect(comparison.matchedThreads == 5)
    }

    /// What a lone thread shows before and now, and what becomes of it.
    static let pairs: [(String, PictureThread, PictureThread, Difference.Category?)] = [
        ("the same", thread("t", "poll", tid: 1), thread("t", "poll", tid: 2), nil),
        ("another sleep", thread("t", "sleep", tid: 1), thread("t", "poll", tid: 2), .waitsElsewhere),
        ("a lock", thread("t", "poll", tid: 1), thread("t", "futex-mutex", tid: 2), .nowBlocked),
        ("a stop", thread("t", "poll", tid: 1), thread("t", "job-control-stop", tid: 2), .nowStopped),
        ("dead", thread("t", "poll", tid: 1), thread("t", "zombie", tid: 2), .nowStopped),
        (
            "a wait among the healthy looks", thread("t", "poll", tid: 1, looks: ["poll", "futex-mutex"], moved: true),
            thread("t", "futex-mutex", tid: 2, moved: true), nil
        ),
        (
            "moved and now stands", thread("t", "poll", tid: 1, looks: ["poll", "futex-mutex"], moved: true),
            thread("t", "futex-mutex", tid: 2),
            .standsStill
        ),
        (
            "both move", thread("t", "poll", tid: 1, moved: true),
            thread("t", "runnable", tid: 2, looks: ["runnable", "futex-mutex"], moved: true), nil
        ),
        ("other inode", thread("t", "pipe-read", "pipe:[7]", tid: 1), thread("t", "pipe-read", "pipe:[8]", tid: 2), nil),
        (
            "other path", thread("t", "unix-receive", "unix:/a", tid: 1), thread("t", "unix-receive", "unix:/b", tid: 2), .waitsElsewhere
        ),
        (
            "renamed channel", thread("t", "poll", tid: 1, channel: "do_poll"),
            thread("t", "poll", tid: 2, channel: "poll_schedule_timeout"), nil
        ),
        (
            "unknown waits by channel", thread("t", "unknown", tid: 1, channel: "a_wait"),
            thread("t", "unknown", tid: 2, channel: "b_wait"),
            .waitsElsewhere
        ),
        ("a kind from the future", thread("t", "telepathy", tid: 1), thread("t", "telekinesis", tid: 2), .waitsElsewhere),
        ("starts to run", thread("t", "runnable", tid: 1), thread("t", "cpu-throttled", tid: 2), nil),
        ("spins", thread("t", "poll", tid: 1, moved: true), thread("t", "runnable", tid: 2, moved: true), .waitsElsewhere),
        ("happens to run", thread("t", "poll", tid: 1), thread("t", "runnable", tid: 2, looks: ["runnable"]), nil),
    ]

    @Test(arguments: pairs) func pair(_ row: (name: String, healthy: PictureThread, sick: PictureThread, category: Difference.Category?)) {
        #expect(compare([row.healthy], [row.sick]).differences.first?.category == row.category, "\(row.name)")
    }

    @Test func narrowTargetLimitsTheWiderPicture() {
        let other = thread("cron", "sleep", pid: 50, tid: 50, process: "cron")
        let comparison = Comparison(healthy: picture(Self.healthy + [other], targets: []), sick: picture(Self.sick, targets: ["900"]))
        #expect(comparison.missing.isEmpty && comparison.healthyThreads == 5)
        let reverse = Comparison(healthy: picture(Self.healthy, targets: ["306"]), sick: picture(Self.sick + [other], targets: []))
        #expect(reverse.new.isEmpty && reverse.sickThreads == 5)
    }

    @Test func wholeHostsShowProgramsThatCameAndWent() {
        let cron = thread("cron", "sleep", pid: 50, tid: 50, process: "cron")
        let nginx = thread("nginx", "epoll", pid: 60, tid: 60, process: "nginx")
        let comparison = Comparison(healthy: picture([cron], targets: []), sick: picture([nginx], targets: []))
        #expect(comparison.missing.map(\.process) == ["cron"] && comparison.new.map(\.process) == ["nginx"])
        #expect(comparison.new.first?.otherHasSome == false)
    }

    @Test func emptyPictures() {
        let comparison = compare([], [])
        #expect(comparison.matchedThreads == 0 && comparison.differences.isEmpty)
    }
}
