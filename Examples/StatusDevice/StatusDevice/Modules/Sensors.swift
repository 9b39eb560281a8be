import Glibc

/// Reads the machine's load, memory and up time, and sends each as a reading. A thread of its own.
struct Sensors: Sendable {
    /// How often the sensors are calibrated, in rounds of readings.
    private static let roundsPerCalibration: UInt32 = 50
    /// How many messages a calibration sends per step when it fails: more than the queue holds.
    private static let stepsWhenFailing = 2 * MessageQueue.byteLimit / DeviceMessage.byteCount

    let queue: MessageQueue
    let lines: LineQueue
    let calibration: Calibration
    let failures: FailureSwitch
    let stop: StopFlag
    /// Rounds of readings in a second.
    let roundsPerSecond: Double

    func run() {
        var round: UInt32 = 0
        while !stop.isSet {
            if failures.isActive(.deadlock) || round % Sensors.roundsPerCalibration == 0 { calibrate() }
            for sensor in [DeviceMessage.Sensor.load, .availableMemory, .upTime] {
                guard let value = SensorFiles.value(of: sensor) else { continue }
                lines.add("sensors: \(sensor) \(value)")
                queue.send(DeviceMessage(kind: .reading, sequence: round, sensor: sensor, value: value))
            }
            round &+= 1
            sleepOnce(seconds: 1 / roundsPerSecond)
        }
    }

    /// The failure `deadlock` is here: the lock is held while messages are sent, and a message may wait for room, which
    /// the dispatcher makes, which may wait for the lock.
    private func calibrate() {
        let isFailing = failures.isActive(.deadlock)
        var steps: [Int64] = []
        calibration.renew { step in
            guard isFailing else { return steps.append(step) }
            for _ in 0..<Sensors.stepsWhenFailing where !stop.isSet {
                queue.send(DeviceMessage(kind: .reading, sensor: .load, value: step))
            }
        }
        for step in steps { queue.send(DeviceMessage(kind: .calibrationStep, value: step)) }
    }
}

/// The files of /proc that serve as the device's sensors.
enum SensorFiles {
    static func value(of sensor: DeviceMessage.Sensor) -> Int64? {
        switch sensor {
        case .none: nil
        case .load: firstNumber(in: "/proc/loadavg", hundredfold: true)
        case .upTime: firstNumber(in: "/proc/uptime", hundredfold: false)
        case .availableMemory: line(of: "/proc/meminfo", after: "MemAvailable:").flatMap { Int64($0) }
        }
    }

    private static func firstNumber(in path: String, hundredfold: Bool) -> Int64? {
        guard let number = read(path).split(separator: " ").first.flatMap({ Double($0) }) else { return nil }
        return Int64(hundredfold ? number * 100 : number)
    }

    private static func line(of path: String, after name: String) -> Substring? {
        let lines = read(path).split(separator: "\n")
        return lines.first { $0.hasPrefix(name) }?.dropFirst(name.count).split(separator: " ").first
    }

    private static func read(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
    }
}
