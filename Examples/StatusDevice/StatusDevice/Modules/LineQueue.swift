/// Lines on their way to the logger, inside the process. Never makes the sender wait: when it is full, the oldest line is lost.
final class LineQueue: @unchecked Sendable {
    private static let capacity = 1024

    private let lock = ThreadLock()
    private let isFilled = ThreadCondition()
    private var lines: [String] = []

    func add(_ line: String) {
        lock.withLock {
            if lines.count == LineQueue.capacity { lines.removeFirst() }
            lines.append(line)
        }
        isFilled.signal()
    }

    /// The oldest line; `nil` when none came within `seconds`.
    func take(within seconds: Double) -> String? {
        let deadline = monotonicSeconds() + seconds
        return lock.withLock {
            while lines.isEmpty {
                guard isFilled.wait(lock, until: deadline) else { return nil }
            }
            return lines.removeFirst()
        }
    }
}
