/// A line of the kernel log in which the hung-task detector says who most likely holds the lock that a task waits for: the only place
/// where the kernel tells it. Source: kernel/hung_task.c `debug_show_blocker`, with CONFIG_DETECT_HUNG_TASK_BLOCKER, since Linux 6.16
/// (mutexes and semaphores; rw-semaphores since 6.17).
public struct HungTaskReport: Sendable, Hashable {
    public struct Task: Sendable, Hashable {
        public var name: String
        /// Thread id, in the first pid namespace.
        public var tid: Int32
    }
    public var waiter: Task
    public var owner: Task
    /// `mutex`, `semaphore`, `rw-semaphore`.
    public var lock: String
    /// Microseconds since boot, as the kernel log counts them.
    public var atMicroseconds: UInt64
    /// The sentence itself.
    public var text: String

    /// One record of /dev/kmsg: `PRIORITY,SEQUENCE,MICROSECONDS,FLAGS;TEXT`. nil for any other sentence.
    public init?(record: UnsafeRawBufferPointer) {
        var cursor = ByteCursor(record)
        guard cursor.unsigned() != nil, cursor.skip(0x2C), cursor.unsigned() != nil, cursor.skip(0x2C), let time = cursor.unsigned(),
            cursor.until(0x3B) != nil, let line = cursor.line()
        else { return nil }
        self.init(text: line.text, atMicroseconds: time)
    }

    /// - Parameter text: `INFO: task NAME:PID is blocked on a mutex likely owned by task NAME:PID.`, or
    ///   `INFO: task NAME:PID <reader> blocked on an rw-semaphore likely owned by task NAME:PID <writer>`.
    public init?(text: String, atMicroseconds: UInt64) {
        guard text.hasPrefix("INFO: task ") else { return nil }
        // Names may hold anything, so the sentence is taken apart from its end.
        let owned = ["likely owned by task ", "likely last held by task "]
        guard let owner = owned.lazy.compactMap({ Self.split(text, lastOf: $0) }).first,
            let blocked = [" blocked on a ", " blocked on an "].lazy.compactMap({ Self.split(owner.before, lastOf: $0) }).first,
            let ownerTask = Self.task(owner.after)
        else { return nil }
        var waiter = blocked.before.dropFirst("INFO: task ".count)
        if waiter.hasSuffix(" is") { waiter = waiter.dropLast(3) }
        guard let waiterTask = Self.task(waiter) else { return nil }
        var lock = blocked.after
        while let last = lock.last, last == " " || last == "," { lock = lock.dropLast() }
        guard !lock.isEmpty, lock.utf8.count < 40 else { return nil }
        self.waiter = waiterTask
        self.owner = ownerTask
        self.lock = String(lock)
        self.atMicroseconds = atMicroseconds
        self.text = text
    }

    private static func split(_ text: some StringProtocol, lastOf separator: String) -> (before: Substring, after: Substring)? {
        let bytes = Array(text.utf8)
        let wanted = Array(separator.utf8)
        guard bytes.count >= wanted.count else { return nil }
        for at in stride(from: bytes.count - wanted.count, through: 0, by: -1) where bytes[at..<at + wanted.count].elementsEqual(wanted) {
            return (
                Substring(String(decoding: bytes[..<at], as: UTF8.self)),
                Substring(String(decoding: bytes[(at + wanted.count)...], as: UTF8.self))
            )
        }
        return nil
    }

    /// `NAME:PID`, and behind it `.` or ` <writer>`.
    private static func task(_ text: Substring) -> Task? {
        var text = text
        for suffix in [".", " <reader>", " <writer>"] where text.hasSuffix(suffix) { text = text.dropLast(suffix.count) }
        guard let colon = text.lastIndex(of: ":"), let tid = Int32(text[text.index(after: colon)...]), tid > 0 else { return nil }
        return Task(name: String(text[..<colon]), tid: tid)
    }
}
