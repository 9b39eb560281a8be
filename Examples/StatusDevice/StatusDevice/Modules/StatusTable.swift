/// Keeps the last value of every sensor. Runs inside the dispatcher.
final class StatusTable: DispatcherModule {
    let subscriptions: Set<DeviceMessage.Kind> = [.reading]
    private(set) var readings: [DeviceMessage.Sensor: Int64] = [:]
    private(set) var state = DeviceState.starting
    private let calibration: Calibration

    init(calibration: Calibration) {
        self.calibration = calibration
    }

    func handle(_ message: DeviceMessage, in state: DeviceState) -> [DeviceEvent] {
        readings[message.sensor] = message.value + calibration.offset(of: message.sensor)
        return [.readingAccepted]
    }

    func enter(_ state: DeviceState) {
        self.state = state
    }
}
