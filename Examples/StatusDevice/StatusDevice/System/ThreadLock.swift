import Glibc

/// A glibc mutex of the normal type, at one address for its whole life.
///
/// Not `Synchronization.Mutex`: the device stands for programs written with pthreads, whose mutexes record their owner.
final class ThreadLock: @unchecked Sendable {
    fileprivate let mutex: UnsafeMutablePointer<pthread_mutex_t>

    init() {
        mutex = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    func withLock<Result>(_ body: () throws -> Result) rethrows -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }
}

/// A glibc condition variable on CLOCK_MONOTONIC, used with one lock.
final class ThreadCondition: @unchecked Sendable {
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    init() {
        condition = .allocate(capacity: 1)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        condition.deallocate()
    }

    func signal() {
        pthread_cond_signal(condition)
    }

    /// Waits with `lock` held, until signalled or until the clock shows `deadline` (see `monotonicSeconds`).
    /// Returns false when the deadline passed.
    func wait(_ lock: ThreadLock, until deadline: Double) -> Bool {
        var time = timespec(seconds: deadline)
        return pthread_cond_timedwait(condition, lock.mutex, &time) == 0
    }
}
