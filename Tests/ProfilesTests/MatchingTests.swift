import Testing

@testable import Profiles

@Suite struct MatchingTests {
    private static func pool(_ kinds: [String], from tid: Int32 = 10) -> [PictureThread] {
        kinds.enumerated().map { place, kind in thread("worker", kind, tid: tid + Int32(place), seconds: 10) }
    }

    /// A pool of equals before and now: how many differ, came and went.
    static let pools: [(healthy: [String], sick: [String], differing: Int, new: Int, missing: Int)] = [
        (["poll", "poll"], ["poll", "poll"], 0, 0, 0),
        (["poll", "sleep"], ["sleep", "poll"], 0, 0, 0),
        (["poll", "poll", "poll"], ["poll", "futex-mutex", "poll"], 1, 0, 0),
        (["poll", "poll"], ["poll", "poll", "poll", "poll"], 0, 2, 0),
        (["poll", "poll", "poll", "poll"], ["poll", "poll"], 0, 0, 2),
        (["poll", "poll", "poll"], ["futex-mutex", "poll"], 1, 0, 1),
        (["poll"], ["futex-mutex", "poll"], 0, 1, 0),
        ([], ["poll"], 0, 1, 0),
        (["poll"], [], 0, 0, 1),
    ]

    @Test(arguments: pools) func pool(_ row: (healthy: [String], sick: [String], differing: Int, new: Int, missing: Int)) {
        let comparison = compare(Self.pool(row.healthy), Self.pool(row.sick, from: 500))
        #expect(comparison.differences.count == row.differing)
        #expect(comparison.new.reduce(0) { $0 + $1.count } == row.new)
        #expect(comparison.missing.reduce(0) { $0 + $1.count } == row.missing)
        #expect(comparison.new.allSatisfy { $0.otherHasSome == !row.healthy.isEmpty })
    }

    @Test func rolesAreProgramNameAndPlace() {
        let matching = Matching(
            healthy: [thread("a", "poll", tid: 5), thread("a", "poll", tid: 6), thread("b", "poll", tid: 7)],
            sick: [thread("b", "poll", tid: 90), thread("a", "poll", tid: 91), thread("a", "poll", tid: 92)])
        #expect(
            matching.pairs.map(\.role).sorted() == [
                Role(program: "/usr/sbin/statusd", process: "statusd", thread: "a", ordinal: 0),
                Role(program: "/usr/sbin/statusd", process: "statusd", thread: "a", ordinal: 1),
                Role(program: "/usr/sbin/statusd", process: "statusd", thread: "b", ordinal: 0),
            ])
    }

    @Test func aReplacedExecutableIsTheSameProgram() {
        var old = thread("t", "poll", tid: 1)
        old.executable = "/usr/sbin/statusd (deleted)"
        #expect(compare([thread("t", "poll", tid: 2)], [old]).matchedThreads == 1)
    }

    @Test func withoutAnExecutableTheProcessNameCounts() {
        var (a, b) = (thread("t", "poll", tid: 1), thread("t", "poll", tid: 2))
        a.executable = nil
        b.executable = nil
        #expect(compare([a], [b]).matchedThreads == 1)
    }

    @Test func kernelWorkersAreEquals() {
        let a = thread("kworker/0:1", "kernel-worker", pid: 5, tid: 5, process: "kworker/0:1")
        let b = thread("kworker/3:7", "kernel-worker", pid: 9, tid: 9, process: "kworker/3:7")
        var (left, right) = (a, b)
        left.executable = nil
        right.executable = nil
        #expect(compare([left], [right]).matchedThreads == 1)
    }

    @Test func everyThreadIsAccountedFor() {
        var generator = SystemRandomNumberGenerator()
        let kinds = ["poll", "sleep", "futex-mutex", "runnable"]
        for _ in 0..<200 {
            func some() -> [PictureThread] {
                (0..<Int.random(in: 0...12, using: &generator)).map {
                    thread(["a", "b"].randomElement() ?? "a", kinds.randomElement() ?? "poll", tid: Int32($0), moved: Bool.random())
                }
            }
            let (healthy, sick) = (some(), some())
            let comparison = compare(healthy, sick)
            #expect(comparison.matchedThreads + comparison.new.reduce(0) { $0 + $1.count } == sick.count)
            #expect(comparison.matchedThreads + comparison.missing.reduce(0) { $0 + $1.count } == healthy.count)
        }
    }

    @Test func tenThousandEqualsAreQuick() {
        let healthy = Self.pool(Array(repeating: "poll", count: 10_000))
        let sick = Self.pool((0..<10_000).map { $0 % 2 == 0 ? "poll" : "futex-mutex" })
        let clock = ContinuousClock()
        var comparison: Comparison?
        let time = clock.measure { comparison = compare(healthy, sick) }
        #expect(comparison?.differences.count == 5000)
        #expect(time < .seconds(10))
    }
}
