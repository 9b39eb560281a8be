// Hangs of Swift programs: hangs SCENARIO tells who plays what, prints `ready`, and stays as it is.
import Dispatch
import Glibc
import Synchronization

#if arch(x86_64)
    let futex = 202
#else
    let futex = 98
#endif

func tell(_ text: String) {
    let bytes = Array((text + "\n").utf8)
    _ = write(1, bytes, bytes.count)
}

/// Says that the calling thread plays `name` and is about to block in `call`.
func role(_ name: String, _ call: Int = futex) {
    #if arch(x86_64)
        let number = 186
    #else
        let number = 178
    #endif
    let tid = syscall(number)
    tell("role \(name) \(getpid()) \(tid)\nwaits \(name) S \(call) -")
    told.add(1, ordering: .sequentiallyConsistent)
}

/// Roles that were told.
let told = Atomic(0)

@discardableResult
func syscall(_ number: Int) -> Int { systemCall(number) }

@_silgen_name("syscall") func systemCall(_ number: Int) -> Int

func sleepOn() -> Never { while true { sleep(100_000) } }

/// Waits until so many roles have been told.
func stay(_ roles: Int = 1) -> Never {
    while told.load(ordering: .sequentiallyConsistent) < roles { sched_yield() }
    tell("ready")
    sleepOn()
}

/// A plain thread, none of libdispatch's.
func thread(_ body: @escaping () -> Void) {
    final class Box {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }
    var id = pthread_t()
    pthread_create(
        &id, nil,
        { argument in
            Unmanaged<Box>.fromOpaque(argument!).takeRetainedValue().body()
            return nil
        }, Unmanaged.passRetained(Box(body)).toOpaque())
}

/// A serial queue whose block sleeps, and a thread in `sync` on it.
func queueSync() {
    let queue = DispatchQueue(label: "lab.busy")
    let begun = DispatchSemaphore(value: 0)
    queue.async {
        role("holder", -1)
        begun.signal()
        sleepOn()
    }
    begun.wait()
    thread {
        role("victim")
        queue.sync {}
    }
    stay(2)
}

/// The same, the queue's block runs on a plain thread by sync.
func queueSyncBySync() {
    let queue = DispatchQueue(label: "lab.busy")
    let begun = DispatchSemaphore(value: 0)
    thread {
        queue.sync {
            role("holder", -1)
            begun.signal()
            sleepOn()
        }
    }
    begun.wait()
    thread {
        role("victim")
        queue.sync {}
    }
    stay(2)
}

/// Several threads behind one queue.
func queueConvoy() {
    let queue = DispatchQueue(label: "lab.busy")
    let begun = DispatchSemaphore(value: 0)
    thread {
        queue.sync {
            role("holder", -1)
            begun.signal()
            sleepOn()
        }
    }
    begun.wait()
    for name in ["victim", "other-1", "other-2"] {
        thread {
            role(name)
            queue.sync {}
        }
    }
    stay(4)
}

/// Two queues whose blocks want to run on each other. libdispatch sees no deadlock between two queues.
func queueABBA() {
    let a = DispatchQueue(label: "lab.a")
    let b = DispatchQueue(label: "lab.b")
    let first = DispatchSemaphore(value: 0)
    let second = DispatchSemaphore(value: 0)
    a.async {
        first.signal()
        second.wait()
        role("victim")
        b.sync {}
    }
    b.async {
        second.signal()
        first.wait()
        role("member-1")
        a.sync {}
    }
    stay(2)
}

/// A barrier on a concurrent queue, which waits for a reader that sleeps.
func queueBarrier() {
    let queue = DispatchQueue(label: "lab.concurrent", attributes: .concurrent)
    let begun = DispatchSemaphore(value: 0)
    thread {
        queue.sync {
            role("holder", -1)
            begun.signal()
            sleepOn()
        }
    }
    begun.wait()
    thread {
        role("victim")
        queue.sync(flags: .barrier) {}
    }
    stay(2)
}

func semaphoreWait() {
    let semaphore = DispatchSemaphore(value: 0)
    thread {
        role("victim")
        semaphore.wait()
    }
    stay()
}

func groupWait() {
    let group = DispatchGroup()
    group.enter()
    thread {
        role("victim")
        group.wait()
    }
    stay()
}

let a = Mutex(0)

func mutexHeld() {
    let begun = DispatchSemaphore(value: 0)
    thread {
        a.withLock { _ in
            role("holder", -1)
            begun.signal()
            sleepOn()
        }
    }
    begun.wait()
    thread {
        role("victim")
        a.withLock { _ in }
    }
    stay(2)
}

/// A worker thread of libdispatch that has done its work.
func workerIdle() {
    let done = DispatchSemaphore(value: 0)
    DispatchQueue.global().async {
        role("victim", -1)
        done.signal()
    }
    done.wait()
    stay()
}

/// A thread of Swift concurrency's pool without work, and the main thread that waits for a continuation which never comes.
func taskIdle() async {
    await Task.detached { role("victim", -1) }.value
    tell("role main \(getpid()) \(getpid())\nwaits main S -1 -\nready")
    await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
}

/// The main thread waits on a semaphore for a task; the task waits for something that never comes.
func taskSemaphore() {
    let done = DispatchSemaphore(value: 0)
    Task.detached {
        await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
        done.signal()
    }
    role("victim")
    tell("ready")
    done.wait()
}

/// A global whose initialiser does not return, and a second thread that needs it.
enum Slow {
    static let value: Int = {
        role("holder", -1)
        begun.signal()
        sleepOn()
    }()
    static let begun = DispatchSemaphore(value: 0)
}

func globalInitialiser() {
    thread { _ = Slow.value }
    Slow.begun.wait()
    thread {
        role("victim")
        _ = Slow.value
    }
    stay(2)
}

/// A queue that was suspended.
func queueSuspended() {
    let queue = DispatchQueue(label: "lab.suspended")
    queue.suspend()
    thread {
        role("victim")
        queue.sync {}
    }
    stay()
}

/// A queue that targets another, whose block sleeps: the waiter runs the first and waits for the second.
func queueTarget() {
    let base = DispatchQueue(label: "lab.base")
    let queue = DispatchQueue(label: "lab.upper", target: base)
    let begun = DispatchSemaphore(value: 0)
    thread {
        base.sync {
            role("holder", -1)
            begun.signal()
            sleepOn()
        }
    }
    begun.wait()
    thread {
        role("victim")
        queue.sync {}
    }
    stay(2)
}

@main
struct Hangs {
    static func main() async {
        switch CommandLine.arguments.dropFirst().first {
        case "swift-queue-sync": queueSync()
        case "swift-queue-sync-by-sync": queueSyncBySync()
        case "swift-queue-convoy": queueConvoy()
        case "swift-queue-abba": queueABBA()
        case "swift-queue-barrier": queueBarrier()
        case "swift-semaphore": semaphoreWait()
        case "swift-group": groupWait()
        case "swift-mutex": mutexHeld()
        case "swift-queue-suspended": queueSuspended()
        case "swift-queue-target": queueTarget()
        case "swift-global": globalInitialiser()
        case "swift-worker-idle": workerIdle()
        case "swift-task-idle": await taskIdle()
        case "swift-task-semaphore": await MainActor.run { taskSemaphore() }
        case let name:
            tell("hangs SCENARIO: there is no “\(name ?? "")”")
            exit(64)
        }
    }
}
