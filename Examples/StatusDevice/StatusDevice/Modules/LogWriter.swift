/// Writes log lines, and reports each to the dispatcher through the central queue. A thread of its own, named `logger`.
struct LogWriter: Sendable {
    /// With nothing to write for so long, the logger says that it is there.
    private static let idleSeconds = 1.0

    let queue: MessageQueue
    let lines: LineQueue
    let sink: LogSink
    let stop: StopFlag

    func run() {
        var written: Int64 = 0
        while !stop.isSet {
            guard let line = lines.take(within: LogWriter.idleSeconds) else {
                queue.send(DeviceMessage(kind: .loggerIdle, value: written))
                continue
            }
            sink.write(line + "\n", stop: stop)
            written += 1
            queue.send(DeviceMessage(kind: .lineWritten, value: written))
        }
    }
}
