import Glibc

/// The device: one queue, one dispatcher, and its modules. The main thread only waits for signals.
public struct Device {
    /// How long a thread may take to end by itself before it is taken out of its system call, and before it is given up.
    private static let politeSeconds = 1.0
    private static let patientSeconds = 3.0

    private let configuration: DeviceConfiguration
    private let queue: MessageQueue
    private let sink: LogSink
    private let display: Display
    private let status = SharedStatus()
    private let lines = LineQueue()
    private let stop = StopFlag()
    private let failures: FailureSwitch

    private init(_ configuration: DeviceConfiguration, queue: MessageQueue) throws {
        self.configuration = configuration
        self.queue = queue
        display = try Display(path: configuration.displayPath)
        failures = FailureSwitch(configuration.failure, isArmed: !configuration.failsOnSignal)
        sink = try LogSink(configuration.log)
    }

    /// Runs a device until SIGTERM, SIGINT or SIGHUP. To be called on the main thread, before there are others.
    ///
    /// The queue is removed on every way out, a failed start included. SIGUSR1 lets a chosen failure loose.
    ///
    /// - Returns: the names of the threads that did not end; empty after a clean shutdown.
    public static func run(_ configuration: DeviceConfiguration) throws -> [String] {
        let awaited = Signals.prepare(blocksQuit: configuration.blocksQuitSignal)
        let queue = try MessageQueue(key: configuration.queueKey)
        defer { queue.remove() }
        let device = try Device(configuration, queue: queue)
        return try device.run(awaited: awaited)
    }

    private func run(awaited: sigset_t) throws -> [String] {
        defer { sink.finish() }
        var threads: [DeviceThread] = []
        do {
            try start(&threads)
            try announce()
        } catch {
            _ = end(threads)
            throw error
        }
        defer { if let path = configuration.pidFilePath { unlink(path) } }
        while case let number = Signals.next(of: awaited), number == SIGUSR1 { failures.arm() }
        return end(threads)
    }

    private func start(_ threads: inout [DeviceThread]) throws {
        let calibration = Calibration()
        let sensors = Sensors(
            queue: queue, lines: lines, calibration: calibration, failures: failures, stop: stop,
            roundsPerSecond: configuration.roundsPerSecond)
        let logger = LogWriter(queue: queue, lines: lines, sink: sink, stop: stop)
        let watchdog = Watchdog(
            queue: queue, status: status, display: display, stop: stop, patienceSeconds: configuration.patienceSeconds)
        let master = SNMPForwarder.Master(
            socketPath: configuration.masterSocketPath, use: configuration.agentXUse,
            answerSeconds: configuration.answerSeconds, subtree: configuration.subtree)
        let (queue, status, lines, failures, stop) = (queue, status, lines, failures, stop)

        threads.append(
            try DeviceThread(name: "dispatcher") {
                let table = StatusTable(calibration: calibration)
                let modules: [any DispatcherModule] = [
                    table, AlarmMonitor(failures: failures, stop: stop), EventJournal(lines: lines),
                    SNMPForwarder(master: master, table: table, status: status, stop: stop),
                ]
                Dispatcher(queue: queue, modules: modules, status: status, stop: stop).run()
            })
        threads.append(try DeviceThread(name: "logger") { logger.run() })
        threads.append(try DeviceThread(name: "sensors") { sensors.run() })
        threads.append(try DeviceThread(name: "watchdog") { watchdog.run() })
    }

    /// Writes the pid file and says on standard output that the device runs.
    private func announce() throws {
        if let path = configuration.pidFilePath {
            let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw SystemCallError("open", path) }
            defer { close(descriptor) }
            let text = Array("\(getpid())\n".utf8)
            guard write(descriptor, text, text.count) == text.count else { throw SystemCallError("write", path) }
        }
        let reader = sink.reader.map { " log-reader=\($0)" } ?? ""
        let line = Array("statusd: ready pid=\(getpid()) queue=\(queue.id)\(reader)\n".utf8)
        _ = write(STDOUT_FILENO, line, line.count)
    }

    /// Asks the dispatcher to end, then ends every thread, also those that sleep in the queue or in the master's backlog.
    private func end(_ threads: [DeviceThread]) -> [String] {
        queue.send(DeviceMessage(kind: .shutdown), waits: false)
        let dispatcher = threads.filter { $0.name == "dispatcher" }
        wait(for: dispatcher, seconds: Device.politeSeconds) {}
        stop.set()
        queue.remove()
        wait(for: threads, seconds: Device.patientSeconds) {
            for thread in threads where !thread.hasEnded { thread.interrupt() }
        }
        for thread in threads where thread.hasEnded { thread.join() }
        return threads.filter { !$0.hasEnded }.map(\.name)
    }

    private func wait(for threads: [DeviceThread], seconds: Double, meanwhile: () -> Void) {
        let deadline = monotonicSeconds() + seconds
        while threads.contains(where: { !$0.hasEnded }), monotonicSeconds() < deadline {
            meanwhile()
            sleepOnce(seconds: 0.02)
        }
    }
}
