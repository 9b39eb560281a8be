import CLinux
import Evidence
import Glibc
import KernelFacts
import ProcFS
import WaitModel

/// A few hangs whose cause is known, made of own child processes, explained, and compared with the truth: whether the tool is right on
/// this kernel, for this user. `waitchain-lab` has many more.
public enum SelfTest {
    public struct Result: Sendable {
        /// What was made.
        public var name: String
        /// The kind and the cause that are right.
        public var expected: String
        public var got: String
        public var isRight: Bool
        /// Why it could not be made here; nil when it was.
        public var skipped: String?
    }

    private struct Hang: Sendable {
        let name: String
        let kind: WaitKind
        let cause: Cause
        /// The system calls that the children come to stand in; nil for one that stops.
        let calls: [String?]
        /// What each child does; the first is the victim.
        let parts: [@Sendable (Stage) -> Void]
    }

    /// What the children share.
    struct Stage {
        let pipe: (read: Int32, write: Int32)
        let pair: (Int32, Int32)
        let file: Int32
        let memory: UnsafeMutableRawPointer
    }

    /// Makes each hang in turn. About a tenth of a second each.
    static func run(_ investigation: Investigation) -> [Result] {
        hangs.map { play($0, investigation) }
    }

    private static let hangs: [Hang] = [
        Hang(
            name: "a reader of an empty pipe whose writer sleeps", kind: .pipeRead, cause: .sleeping, calls: ["read", "sleep"],
            parts: [
                { readByte($0.pipe.read, closing: $0.pipe.write) },
                { stage in
                    close(stage.pipe.read)
                    sleepForGood()
                },
            ]),
        Hang(
            name: "a reader of an empty pipe whose writer is stopped", kind: .pipeRead, cause: .stopped, calls: ["read", nil],
            parts: [
                { readByte($0.pipe.read, closing: $0.pipe.write) },
                { stage in
                    close(stage.pipe.read)
                    raise(SIGSTOP)
                },
            ]),
        Hang(
            name: "a reader of a Unix socket whose peer sleeps", kind: .unixReceive, cause: .sleeping, calls: ["read", "sleep"],
            parts: [
                { readByte($0.pair.0, closing: $0.pair.1) },
                { stage in
                    close(stage.pair.0)
                    sleepForGood()
                },
            ]),
        Hang(
            name: "a file lock whose holder sleeps", kind: .fileLockFlock, cause: .sleeping, calls: ["flock", "sleep"],
            parts: [
                { stage in
                    awaitFlag(stage)
                    let own = reopened(stage.file)
                    close(stage.file)
                    flock(own, LOCK_EX)
                },
                { stage in
                    let own = reopened(stage.file)
                    close(stage.file)
                    flock(own, LOCK_EX)
                    raiseFlag(stage)
                    sleepForGood()
                },
            ]),
        Hang(
            name: "a shared mutex whose holder sleeps", kind: .futexMutex, cause: .sleeping, calls: ["futex", "sleep"],
            parts: [
                { stage in
                    awaitFlag(stage)
                    pthread_mutex_lock(mutex(stage))
                },
                { stage in
                    pthread_mutex_lock(mutex(stage))
                    raiseFlag(stage)
                    sleepForGood()
                },
            ]),
        Hang(
            name: "two processes that hold each other's shared mutex", kind: .futexMutex, cause: .deadlock, calls: ["futex", "futex"],
            parts: [
                { stage in
                    pthread_mutex_lock(mutex(stage))
                    raiseFlag(stage)
                    awaitFlag(stage, 1)
                    pthread_mutex_lock(mutex(stage, 1))
                },
                { stage in
                    pthread_mutex_lock(mutex(stage, 1))
                    raiseFlag(stage, 1)
                    awaitFlag(stage)
                    pthread_mutex_lock(mutex(stage))
                },
            ]),
    ]

    // MARK: Playing one

    private static func play(_ hang: Hang, _ investigation: Investigation) -> Result {
        var result = Result(
            name: hang.name, expected: "\(hang.kind.rawValue), \(hang.cause.rawValue)", got: "", isRight: false, skipped: nil)
        guard let stage = makeStage() else {
            result.skipped = "its pipes, sockets and memory could not be made"
            return result
        }
        let children = hang.parts.map { part in start { part(stage) } }
        closeStage(stage)
        defer {
            for child in children where child > 0 {
                kill(child, SIGKILL)
                var status: Int32 = 0
                _ = waitpid(child, &status, 0)
            }
            munmap(stage.memory, stageSize)
        }
        guard children.allSatisfy({ $0 > 0 }) else {
            result.skipped = "no process could be made"
            return result
        }
        // Both must stand before the question is worth asking.
        var standing = 0
        for _ in 0..<5000 where standing < 2 {
            let stands = zip(children, hang.calls).allSatisfy { isStanding($0, in: $1, investigation) }
            standing = stands ? standing + 1 : 0
            usleep(1000)
        }
        guard standing >= 2, var answer = ask(about: children[0], investigation) else {
            result.skipped = "the hang did not come about in time"
            return result
        }
        // Seen moving, they had not come to stand: then the question came too early.
        for _ in 0..<10 where answer.finding?.cause == .progress {
            usleep(10_000)
            answer = ask(about: children[0], investigation) ?? answer
        }
        let (kind, finding) = answer
        result.got = "\(kind?.rawValue ?? "nothing"), \(finding?.cause.rawValue ?? "no finding")"
        let leadsToOther = hang.cause == .deadlock || finding?.root.pid == children[1]
        result.isRight = kind == hang.kind && finding?.cause == hang.cause && leadsToOther
        return result
    }

    private static func ask(about child: pid_t, _ investigation: Investigation) -> (kind: WaitKind?, finding: Finding?)? {
        guard let diagnosis = try? investigation.explain([.id(child)]) else { return nil }
        return (
            diagnosis.threads.first { $0.id.pid == child }?.wait.kind, diagnosis.findings.first { $0.victims.contains { $0.pid == child } }
        )
    }

    private static func isStanding(_ child: pid_t, in call: String?, _ investigation: Investigation) -> Bool {
        let host = Host(source: HostSource(root: investigation.options.procRoot))
        defer { host.close() }
        guard let thread = host.process(child)?.threads.first else { return false }
        guard let call else { return thread.stat.state == UInt8(ascii: "T") }
        guard thread.isAsleep, let number = thread.systemCall?.number, let architecture = host.architecture,
            let name = SystemCalls.name(number, on: architecture)
        else { return false }
        return name == call || (call == "sleep" && name.hasSuffix("nanosleep"))
    }

    private static func start(_ part: () -> Void) -> pid_t {
        let child = cl_fork()
        guard child == 0 else { return child }
        _ = cl_die_with_parent(SIGKILL)
        _ = cl_set_thread_name("waitchain-test")
        part()
        _exit(0)
    }

    // MARK: The stage

    private static let stageSize = 4096

    private static func makeStage() -> Stage? {
        var pipe: [Int32] = [-1, -1]
        var pair: [Int32] = [-1, -1]
        guard cl_pipe(&pipe) == 0, socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0 else { return nil }
        guard let memory = mmap(nil, stageSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), memory != MAP_FAILED else {
            return nil
        }
        let stage = Stage(pipe: (pipe[0], pipe[1]), pair: (pair[0], pair[1]), file: cl_memory_file("waitchain-test"), memory: memory)
        for number in 0..<2 {
            var attributes = pthread_mutexattr_t()
            pthread_mutexattr_init(&attributes)
            pthread_mutexattr_setpshared(&attributes, Int32(PTHREAD_PROCESS_SHARED))
            pthread_mutex_init(mutex(stage, number), &attributes)
        }
        return stage
    }

    private static func closeStage(_ stage: Stage) {
        for descriptor in [stage.pipe.read, stage.pipe.write, stage.pair.0, stage.pair.1, stage.file] where descriptor >= 0 {
            close(descriptor)
        }
    }

    private static func mutex(_ stage: Stage, _ number: Int = 0) -> UnsafeMutablePointer<pthread_mutex_t> {
        (stage.memory + 256 * (number + 1)).assumingMemoryBound(to: pthread_mutex_t.self)
    }

    private static func raiseFlag(_ stage: Stage, _ number: Int = 0) { cl_store_release(stage.memory + 8 * number, 1) }

    /// By polling: a child that waits for its turn must not look like one that sleeps.
    private static func awaitFlag(_ stage: Stage, _ number: Int = 0) {
        while cl_load_acquire(stage.memory + 8 * number) == 0 { sched_yield() }
    }

    /// The same file, opened anew: a flock belongs to the open file.
    private static func reopened(_ file: Int32) -> Int32 { open("/proc/self/fd/\(file)", O_RDWR | O_CLOEXEC) }

    private static func readByte(_ descriptor: Int32, closing other: Int32) {
        close(other)
        var byte: UInt8 = 0
        _ = read(descriptor, &byte, 1)
    }

    private static func sleepForGood() { while true { sleep(1_000_000) } }
}
