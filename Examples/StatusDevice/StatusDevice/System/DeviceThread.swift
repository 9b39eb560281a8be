import CLinux
import Glibc
import Synchronization

/// A POSIX thread with a name that `ps` and `/proc/PID/task/TID/comm` show.
///
/// Plain threads, not tasks: each module of the device waits in system calls for as long as it takes.
final class DeviceThread: Sendable {
    let name: String
    private let handle: pthread_t
    private let ending: Ending

    /// Starts `body` on a new thread named `name` (15 bytes at most, TASK_COMM_LEN).
    init(name: String, body: @escaping @Sendable () -> Void) throws {
        let ending = Ending()
        let start = Unmanaged.passRetained(
            Start {
                _ = cl_set_thread_name(name)
                body()
                ending.hasEnded.store(true, ordering: .releasing)
            })
        var handle = pthread_t()
        let code = pthread_create(&handle, nil, runStart, start.toOpaque())
        guard code == 0 else {
            start.release()
            throw SystemCallError("pthread_create", name, code: code)
        }
        self.name = name
        self.handle = handle
        self.ending = ending
    }

    var hasEnded: Bool { ending.hasEnded.load(ordering: .acquiring) }

    /// Takes the thread out of an interruptible system call, which then fails with EINTR. See `Signals.wakeUp`.
    func interrupt() {
        pthread_kill(handle, Signals.wakeUp)
    }

    /// Waits until the thread has ended. Called once at most.
    func join() {
        pthread_join(handle, nil)
    }

    private final class Ending: Sendable {
        let hasEnded = Atomic(false)
    }
}

private final class Start: Sendable {
    let body: @Sendable () -> Void

    init(body: @escaping @Sendable () -> Void) { self.body = body }
}

private func runStart(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let argument { Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body() }
    return nil
}
