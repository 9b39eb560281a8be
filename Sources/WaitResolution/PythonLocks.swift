import Evidence
import UserStacks
import WaitModel

/// The two locks of CPython that name their owner: the global interpreter lock, and `threading.RLock`. An ordinary `threading.Lock` does not.
enum PythonLocks {
    /// Where the thread waits for one of them, makes that of the wait.
    static func name(_ wait: inout Wait, _ call: FutexCall, _ thread: BlockedThread, on host: Host) {
        guard host.readsStacksForKinds, [.futexCondvar, .futexSemaphore, .futexOther, .runtimePark].contains(wait.kind),
            let lock = host.stackReader.interpreterLock(waitedForBy: thread.reading, at: call.address)
        else { return }
        let owner = lock.owner.flatMap { host.thread(ofInnermostID: $0, in: thread.id.process) }
        switch lock.sort {
        case .global: waitsForInterpreter(&wait, lock, owner, thread, on: host)
        case .recursive: waitsForRecursiveLock(&wait, lock, owner, thread, on: host)
        }
    }

    private static func waitsForInterpreter(
        _ wait: inout Wait, _ lock: InterpreterLock, _ owner: ThreadReading?, _ thread: BlockedThread, on host: Host
    ) {
        wait.kind = .runtimePark
        wait.resource = register("python-gil", "global interpreter lock", lock, owner, thread, on: host)
        // Tried for again every few milliseconds (sys.setswitchinterval): the slice is no time limit.
        wait.mobility = .waiting
        wait.timeoutSeconds = nil
        wait.isDemand = true
        wait.deadEnd = .runtimeInternal
        wait.description = "waits for Python's global interpreter lock (GIL)"
        guard let owner else {
            wait.release = Release(
                .any,
                [Party(.outside(.unnamed), role: "holder", certainty: .possible, because: "it was handed on while it was looked at")])
            return
        }
        wait.release = Release(
            .any, [Party(.thread(owner.id), role: "holder", certainty: .certain, because: "the lock names its holder, read twice")],
            onDeath: .kept)
        wait.triesAgain = true
        wait.description += " that thread \(owner.name) (\(owner.tid)) holds"
    }

    private static func waitsForRecursiveLock(
        _ wait: inout Wait, _ lock: InterpreterLock, _ owner: ThreadReading?, _ thread: BlockedThread, on host: Host
    ) {
        wait.kind = .runtimePark
        wait.resource = register("python-rlock", "threading.RLock", lock, owner, thread, on: host)
        wait.isDemand = true
        guard let owner, owner.id != thread.id else {
            wait.description = "waits for a Python RLock"
            return
        }
        // The owner field is pthread_self(), which a new thread often has from one that ended, perhaps with the lock.
        let isInside = host.stackReader.isInside(lock, owner)
        let because =
            isInside
            ? "the lock's owner field is that thread's identifier, and the thread is inside a with block of the lock"
            : "the lock's owner field is that thread's identifier, unless an earlier thread had the same and left it locked"
        wait.release = Release(
            .any, [Party(.thread(owner.id), role: "owner", certainty: isInside ? .certain : .inferred, because: because)], onDeath: .kept)
        wait.deadEnd = .unknown
        wait.description = "waits for a Python RLock"
        if isInside { wait.description += " that thread \(owner.name) (\(owner.tid)) holds" }
    }

    private static func register(
        _ kind: String, _ label: String, _ lock: InterpreterLock, _ owner: ThreadReading?, _ thread: BlockedThread, on host: Host
    ) -> ResourceID {
        let address = "0x" + String(lock.address, radix: 16)
        if let owner { thread.cite("memory \(thread.reading.pid):\(address)", "owner of the \(label) is thread \(owner.tid)") }
        return host.register(
            Resource(
                id: ResourceID("\(kind):\(thread.reading.pid):\(address)"), kind: kind,
                label: "\(label) at \(address) of process \(thread.reading.pid)",
                facts: owner.map { [("ownerTid", .number(Int64($0.tid)))] } ?? []))
    }
}
