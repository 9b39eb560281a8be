import Diagnosis
import Reports
import Testing
import WaitModel

@Suite struct FindingTextTests {
    private static func lines(_ world: World, width: Int = 200) -> [String] {
        text(world.diagnosis, Presentation(width: width)).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    @Test func nothingHeldUp() {
        #expect(Self.lines(World()) == ["Nothing is held up on device-17", ""])
    }

    @Test func deadlockOfTwoIsDrawnAsACircle() {
        var world = World()
        let (a, b, c) = (World.thread(1, 2), World.thread(3, 4), World.thread(5))
        func owner(_ thread: ThreadID) -> [Party] { [Party(.thread(thread), role: "owner", certainty: .certain, because: "owner field")] }
        world.add(
            a, "alpha", "left", kind: .futexMutex, resource: "futex:1:0x10", "waits for a mutex that thread right (4) holds",
            parties: owner(b))
        world.add(
            b, "beta", "right", kind: .fileLockFlock, resource: "lock:8:1:4", "waits for an exclusive flock lock on /a", parties: owner(a))
        world.add(
            c, "gamma", kind: .futexMutex, resource: "futex:1:0x10", "waits for a mutex that thread right (4) holds", parties: owner(b))
        world.find(.deadlock, .deadlock, victims: [a, b, c], chain: [a, b], members: [a, b], isDeadlock: true)
        let lines = Self.lines(world)
        #expect(lines[0] == "Deadlock: alpha/left (1/2) and beta/right (3/4) wait for each other; that holds up gamma (5)")
        #expect(lines.contains { $0.contains("↺ alpha/left (1/2), which is where the circle closes") })
        expectGolden(text(world.diagnosis, Presentation(width: 80)), "deadlock-80")
    }

    @Test func chainThatMeetsItselfEndsThere() {
        var world = World()
        let (a, b) = (World.thread(1), World.thread(2))
        world.add(a, "a", kind: .futexMutex, resource: "m1", "waits for a mutex")
        world.add(b, "b", kind: .futexMutex, resource: "m2", "waits for a mutex")
        world.find(.deadlock, .deadlock, victims: [a, b], chain: [a, b, a], members: [a, b], isDeadlock: true)
        #expect(Self.lines(world).filter { $0.contains("circle closes") }.count == 1)
    }

    @Test func unprovenDeadlockIsNotCalledOne() {
        var world = World()
        let (a, b, c) = (World.thread(1), World.thread(2), World.thread(3))
        for (id, name) in [(a, "a"), (b, "b"), (c, "c")] { world.add(id, name, kind: .futexMutex, resource: "m", "waits for a mutex") }
        world.find(.deadlock, certainty: .inferred, victims: [c], chain: [c, a, b], members: [a, b])
        #expect(
            Self.lines(world)[0] == "a (1) and b (2) wait for each other; that probably holds up c (3), unless somebody else releases it")
    }

    @Test func convoyIsOneLineWithACount() {
        var world = World()
        let owner = World.thread(100)
        world.add(owner, "server", kind: .sleep, "sleeps", seconds: 5)
        let waiters = (1...2000).map { World.thread(100, 100 + $0) }
        let party = Party(.thread(owner), role: "owner", certainty: .certain, because: "the lock's owner field is its thread id")
        for id in waiters {
            world.add(
                id, "server", "worker", kind: .futexMutex, resource: "futex:100:0x7f00", "waits for a mutex that thread server (100) holds",
                parties: [party])
        }
        world.resources = [Resource(id: ResourceID("futex:100:0x7f00"), kind: "mutex", label: "mutex")]
        world.find(.sleeping, victims: waiters, chain: [waiters[0], owner])
        let lines = Self.lines(world)
        #expect(lines[0] == "server (100) sleeps while it holds the mutex; that holds up 2,000 threads of server (100)")
        #expect(lines.contains("  … and 1,999 more threads of server (100) wait for the same mutex"))
        #expect(lines.count < 8)
    }

    @Test func convoyOfManyProcesses() {
        var world = World()
        let owner = World.thread(10)
        world.add(owner, "holder", kind: .jobControlStop, "is stopped by a signal")
        let waiters = (1...200).map { World.thread(100 + Int32($0)) }
        for id in waiters {
            world.add(id, "job", kind: .fileLockFlock, resource: "lock:8:1:4", "waits for an exclusive flock lock on /var/lock/x")
        }
        world.find(.stopped, victims: waiters, chain: [waiters[0], owner])
        let lines = Self.lines(world)
        #expect(lines[0].hasSuffix("; that holds up 200 threads of 200 processes"))
        #expect(lines.contains("  … and 199 more threads of 199 processes wait for the same file lock"))
    }

    @Test func restIsALineForEachGroup() {
        var world = World()
        world.add(World.thread(12), "nginx", kind: .epoll, "waits in epoll for new work", seconds: 3)
        world.find(.idle, .rest, victims: [World.thread(12)], chain: [World.thread(12)])
        for tid in 21...24 {
            let id = World.thread(20, Int32(tid))
            world.add(id, "pool", "worker", kind: .futexCondvar, "waits on a condition variable")
            world.find(.idle, .rest, victims: [id], chain: [id])
        }
        #expect(
            Self.lines(world) == [
                "nginx (12) is idle: waits in epoll for new work, for about 3 s",
                "4 threads of pool (20) are idle: each waits on a condition variable", "",
            ])
    }

    @Test func possiblePartiesAreCounted() {
        var world = World()
        let (a, b, c) = (World.thread(1), World.thread(2), World.thread(3))
        let parties = [b, c].map { Party(.thread($0), role: "consumer", certainty: .possible, because: "holds the queue") }
        world.add(a, "a", kind: .pipeWrite, resource: "pipe:[5]", "writes to pipe 5", parties: parties)
        world.add(b, "b", kind: .sleep, "sleeps")
        world.find(.sleeping, certainty: .possible, victims: [a], chain: [a, b])
        let lines = Self.lines(world)
        #expect(lines[0] == "b (2) sleeps and does not read from pipe:[5]; that possibly holds up a (1)")
        #expect(lines.contains { $0.contains("possibly, as one of 2, b (2) sleeps") })
        #expect(lines.contains { $0.contains("because: holds the queue") })
    }

    @Test func longChainStaysWithinAnyWidth() {
        var world = World()
        let ids = (1...60).map { World.thread(Int32($0)) }
        for id in ids {
            world.add(id, "process-\(id.pid)", kind: .pipeRead, resource: "pipe:[\(id.pid)]", "reads from pipe \(id.pid), which is empty")
        }
        world.find(.noCounterpart, victims: Array(ids.dropLast()), chain: ids)
        for width in [40, 80] {
            for line in Self.lines(world, width: width) { #expect(line.count <= width, "\(line)") }
        }
    }

    @Test func threadsThatTheDiagnosisDoesNotShowAreNumbers() {
        var world = World()
        world.find(.unknown, victims: [World.thread(7, 8)], chain: [World.thread(7, 8)])
        #expect(Self.lines(world)[0] == "thread 7/8 waits; the evidence ends here")
    }

    @Test func gapsAreFoldedByTheirUnlock() {
        var world = World()
        for pid in 1...50 { world.gaps.append(Gap(what: "/proc/\(pid)/syscall", why: "EACCES", unlock: "run as root")) }
        let lines = Self.lines(world)
        #expect(lines[0] == "Nothing is held up on device-17, as far as could be read")
        #expect(lines[2] == "Not read: /proc/1/syscall (EACCES) and 49 more; to read it: run as root")
    }
}
