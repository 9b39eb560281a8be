import Glibc

/// Shows on the display how the device is, and "oops" when the dispatcher makes no progress. A thread of its own.
struct Watchdog: Sendable {
    private static let looksPerSecond = 5.0

    let queue: MessageQueue
    let status: SharedStatus
    let display: Display
    let stop: StopFlag
    /// How long the dispatcher may stand still before the display shows it.
    let patienceSeconds: Double

    func run() {
        var lastCount = status.messagesHandled
        var lastProgress = monotonicSeconds()
        while !stop.isSet {
            // Asks for a sign of life, but never waits for room: the watchdog has to outlive a full queue.
            queue.send(DeviceMessage(kind: .tick), waits: false)
            sleepOnce(seconds: 1 / Watchdog.looksPerSecond)
            let count = status.messagesHandled
            let now = monotonicSeconds()
            if count != lastCount {
                lastCount = count
                lastProgress = now
            }
            display.show(now - lastProgress > patienceSeconds ? "oops" : "\(status.state)")
        }
    }
}

/// The device's display: one line, in a file or on standard output.
final class Display: @unchecked Sendable {
    private let descriptor: CInt
    private let isFile: Bool
    private var shown = ""

    /// - Parameter path: the file that stands for the display, or `nil` for standard output.
    init(path: String?) throws {
        isFile = path != nil
        descriptor = path.map { open($0, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644) } ?? STDOUT_FILENO
        guard descriptor >= 0 else { throw SystemCallError("open", path ?? "") }
    }

    /// Replaces the line. Called by the watchdog only.
    func show(_ line: String) {
        guard line != shown else { return }
        shown = line
        if isFile {
            ftruncate(descriptor, 0)
            lseek(descriptor, 0, SEEK_SET)
        }
        let bytes = Array((isFile ? line : "display: \(line)").utf8) + [0x0A]
        _ = write(descriptor, bytes, bytes.count)
    }
}
