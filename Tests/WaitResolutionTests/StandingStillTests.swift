import Evidence
import ProcFS
import Testing
import WaitModel

/// What was read of a thread counts only if it did not run meanwhile.
@Suite struct StandingStillTests {
    @Test func whoRanOrChangedOrEndedHasMoved() throws {
        let tree = try RecordedTree()
        for pid: Int32 in [10, 11, 12, 13, 14] { try tree.thread(pid, channel: "pipe_read", call: call(0, 3), runs: 7) }
        let host = tree.host()
        let readings = [10, 11, 12, 13, 14].compactMap { host.process($0)?.threads.first }
        #expect(readings.count == 5)
        try tree.thread(11, channel: "pipe_read", call: call(0, 3), runs: 8)
        try tree.thread(12, channel: "pipe_read", call: call(0, 3), runs: 7, startTicks: 101)
        try tree.thread(13, state: "R", channel: "pipe_read", call: call(0, 3), runs: 7)
        try tree.write("14/task/14/stat", "")
        #expect(host.moved(among: readings).map(\.pid).sorted() == [11, 12, 13, 14])
    }
}
