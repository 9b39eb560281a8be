import Glibc
import Synchronization

/// Which signals the device takes, and where. The main thread waits for them; no other thread is ever disturbed, except by `wakeUp`.
enum Signals {
    /// Its handler does nothing, so all it does is to end a system call with EINTR.
    static let wakeUp = SIGUSR2

    /// Blocks what the main thread waits for, before any other thread exists (they inherit the mask).
    ///
    /// - Parameter blocksQuit: also block SIGQUIT in every thread, so that the device gives no core dump when asked to.
    static func prepare(blocksQuit: Bool) -> sigset_t {
        signal(SIGPIPE, SIG_IGN)
        // A shell ignores these two for what it starts in the background, and that is inherited.
        for number in [SIGQUIT, SIGINT] { signal(number, SIG_DFL) }
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in }
        sigaction(wakeUp, &action, nil)

        var awaited = sigset_t()
        sigemptyset(&awaited)
        for number in [SIGTERM, SIGINT, SIGHUP, SIGUSR1] { sigaddset(&awaited, number) }
        var blocked = awaited
        if blocksQuit { sigaddset(&blocked, SIGQUIT) }
        pthread_sigmask(SIG_BLOCK, &blocked, nil)
        return awaited
    }

    /// The next signal of `awaited`. The corresponding C function is `sigwait`.
    static func next(of awaited: sigset_t) -> CInt {
        var awaited = awaited
        var number: CInt = 0
        while sigwait(&awaited, &number) != 0 {}
        return number
    }
}

/// Set once, when the device is to stop; every thread looks at it after each wait.
final class StopFlag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .acquiring) }

    func set() { value.store(true, ordering: .releasing) }
}
