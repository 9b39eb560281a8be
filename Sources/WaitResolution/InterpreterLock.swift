import Evidence
import ProcFS
import UserStacks
import WaitModel

/// Who may hold CPython's interpreter lock. Nothing outside records it; but a thread that waits for it does not, one that waits inside the
/// interpreter or the standard library has given it back (`Py_BEGIN_ALLOW_THREADS`), and one without frames of Python never had it. What is
/// left runs, or waits in code that is not Python's and may have kept it.
enum InterpreterLock {
    /// Threads of a process that are looked at.
    private static let threadLimit = 256

    /// What was found in one look, by process.
    private final class Candidates {
        var known: [ProcessID: [ThreadReading]] = [:]
    }

    /// Names those who are left, inferred if it is one alone.
    static func name(_ wait: inout Wait, _ thread: BlockedThread, on host: Host) {
        guard wait.kind == .runtimePark, wait.deadEnd == .runtimeInternal, thread.saysInterpreterLock else { return }
        let candidates = candidates(in: thread.id.process, on: host).filter { $0.id != thread.id }
        guard !candidates.isEmpty else { return }
        let only = candidates.count == 1
        wait.release.parties = candidates.map {
            Party(
                .thread($0.id), role: "interpreter lock's holder", certainty: only ? .inferred : .possible,
                because: "it neither waits for the interpreter lock nor waits where that is given back")
        }
        // It may change hands at any moment, so that no verdict may rest on who has it.
        wait.release.parties.append(
            Party(.outside(.unnamed), role: "holder", certainty: .possible, because: "the interpreter lock does not name its holder"))
        wait.release.completeness = .inferred
        wait.mobility = .waiting
        wait.description +=
            only
            ? ", which thread \(candidates[0].name) (\(candidates[0].tid)) seems to hold"
            : ", which one of \(candidates.count) threads seems to hold"
    }

    private static func candidates(in process: ProcessID, on host: Host) -> [ThreadReading] {
        let cache: Candidates = host.attached { Candidates() }
        if let known = cache.known[process] { return known }
        let threads = host.process(process)?.threads ?? []
        let found = threads.count > threadLimit ? [] : threads.filter { mayHold($0, on: host) }
        cache.known[process] = found
        return found
    }

    private static func mayHold(_ reading: ThreadReading, on host: Host) -> Bool {
        guard reading.isAsleep else { return reading.stat.state == UInt8(ascii: "R") }
        guard let stack = RuntimeFrames.stack(of: reading, on: host), stack.problem != .moved else { return false }
        if LanguageRuntime.isInterpreterLock(stack.frames) { return false }
        if stack.frames.contains(where: { $0.function?.hasPrefix("take_gil") ?? false }) { return false }
        guard stack.frames.contains(where: { RuntimeFrames.module($0).contains("python") }) else { return false }
        // Whoever called the C library: the interpreter and its modules give the lock back, others may or may not.
        guard let caller = stack.frames.first(where: { !RuntimeFrames.isCLibrary(RuntimeFrames.module($0)) }) else { return false }
        return !RuntimeFrames.module(caller).contains("python") && !(caller.module ?? "").contains("/lib-dynload/")
    }
}

extension BlockedThread {
    /// Whether its stack was cited as waiting for CPython's interpreter lock.
    fileprivate var saysInterpreterLock: Bool { evidence.contains { $0.value.hasPrefix(LanguageRuntime.interpreterLockEvidence) } }
}
