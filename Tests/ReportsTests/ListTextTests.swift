import Diagnosis
import Reports
import Testing
import WaitGraph
import WaitModel

@Suite struct ListTextTests {
    private let list: ThreadList = {
        var world = World()
        world.add(
            World.thread(20), "db server", kind: .futexMutex, resource: "futex:20:0x1", "waits for a mutex", channel: "futex_do_wait",
            call: "futex", seconds: 45, parties: [Party(.thread(World.thread(20, 21)), role: "owner", certainty: .certain, because: "")],
            isDemand: true)
        world.add(World.thread(20, 21), "db server", "worker\n1", kind: .sleep, "sleeps", call: "nanosleep", seconds: 4000)
        world.add(World.thread(9), "loop", kind: .epoll, "waits in epoll_wait", seconds: 900)
        world.add(World.thread(2), "kthreadd", kind: .kernelWorker)
        world.add(World.thread(30), "spin", kind: .runnable, state: "R")
        let root = World.thread(20, 21)
        let standings: [Standing?] = [
            Standing(root: root, cause: .sleeping, isAtRest: false), Standing(root: root, cause: .sleeping, isAtRest: true),
            Standing(root: World.thread(9), cause: .idle, isAtRest: true), nil,
            Standing(root: World.thread(30), cause: .running, isAtRest: true),
        ]
        return ThreadList(
            host: world.diagnosis.host,
            threads: zip(world.threads, standings).map { ListedThread(report: $0, looks: [], moved: false, standing: $1) }, gaps: [])
    }()

    private func lines(_ filter: ThreadFilter, _ columns: String, raw: Bool = true) throws -> [String] {
        var format = ListFormat()
        format.columns = try ListColumn.columns(columns)
        format.isRaw = raw
        format.hasHeadings = false
        return table(filter.applied(to: list), Presentation(), format).split(separator: "\n").map(String.init)
    }

    @Test func hidesRestAndKernelThreadsUnlessAsked() throws {
        #expect(try lines(ThreadFilter(), "TID") == ["20", "30"])
        var all = ThreadFilter()
        all.showsAll = true
        #expect(try lines(all, "TID") == ["20", "21", "9", "2", "30"])
        let hidden = ThreadFilter().applied(to: list).hidden
        #expect(hidden == ThreadList.Hidden(atRest: 2, kernelThreads: 1))
        #expect(
            listRemarks(ThreadFilter().applied(to: list), Presentation())
                == "Not shown: 2 threads at rest and 1 kernel thread (--all shows them).\n")
    }

    @Test func aNamedKindIsShownThoughAtRest() throws {
        var filter = ThreadFilter()
        filter.kinds = ["ep*"]
        #expect(try lines(filter, "TID") == ["9"])
        filter = ThreadFilter()
        filter.states = [UInt8(ascii: "R")]
        #expect(try lines(filter, "TID") == ["30"])
    }

    @Test func filtersByNameTimeAndProcess() throws {
        var filter = ThreadFilter()
        filter.showsAll = true
        filter.names = ["worker*"]
        #expect(try lines(filter, "TID") == ["21"])
        filter.names = []
        filter.blockedOverSeconds = 60
        #expect(try lines(filter, "TID") == ["21", "9"])
        filter.pids = [9]
        #expect(try lines(filter, "TID") == ["9"])
        filter.containers = ["docker:*"]
        #expect(try lines(filter, "TID").isEmpty)
    }

    @Test func rawCellsAreWords() throws {
        var all = ThreadFilter()
        all.showsAll = true
        #expect(
            try lines(all, "PROCESS,THREAD,BLOCKED,ROOT").prefix(2) == [
                "db\\x20server db\\x20server 45\\x20s 20/21", "db\\x20server worker\\x0a1 67\\x20min -",
            ])
    }

    @Test func columnsAreAlignedAndAdded() throws {
        #expect(try ListColumn.columns("+root,waits") == ListColumn.standard + [.root, .waits])
        #expect(throws: ListColumn.UnknownColumn.self) { try ListColumn.columns("PID,COLOUR") }
        #expect(throws: ListColumn.UnknownColumn.self) { try ListColumn.columns("") }
        var format = ListFormat()
        format.columns = [.tid, .kind, .parties]
        #expect(
            table(ThreadFilter().applied(to: list), Presentation(), format)
                == "TID KIND        PARTIES\n 20 futex-mutex       1\n 30 runnable          0\n")
    }

    @Test func sortsNumbersAsNumbers() throws {
        let byTime = ListColumn.blocked.sorted(list.threads, descending: true).map(\.report.id.tid)
        #expect(byTime == [21, 9, 20, 2, 30])
        #expect(ListColumn.pid.sorted(list.threads, descending: false).map(\.report.id.pid) == [2, 9, 20, 20, 30])
        #expect(ListColumn.kind.sorted(list.threads, descending: false).map(\.report.id.tid) == [9, 20, 2, 30, 21])
    }
}
