/// What must be added to each sensor's raw value. The sensors write it, the dispatcher reads it, both under one lock.
final class Calibration: @unchecked Sendable {
    private let lock = ThreadLock()
    private var offsets: [DeviceMessage.Sensor: Int64] = [:]

    func offset(of sensor: DeviceMessage.Sensor) -> Int64 {
        lock.withLock { offsets[sensor, default: 0] }
    }

    /// Measures every sensor's offset anew.
    ///
    /// - Parameter announce: called for each step, with the lock held. Harmless as long as it cannot wait.
    func renew(announce: (Int64) -> Void) {
        lock.withLock {
            for (step, sensor) in DeviceMessage.Sensor.allCases.enumerated() {
                offsets[sensor] = 0
                announce(Int64(step))
            }
        }
    }
}
