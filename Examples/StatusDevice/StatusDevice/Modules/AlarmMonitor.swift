/// Compares readings with their limits. Runs inside the dispatcher.
final class AlarmMonitor: DispatcherModule {
    /// Below this the device is short of memory; the alarm ends at twice as much, so that it does not flicker.
    static let memoryLimitKilobytes: Int64 = 4096

    let subscriptions: Set<DeviceMessage.Kind> = [.reading]
    private let failures: FailureSwitch
    private let stop: StopFlag
    private var isBeyondLimit = false

    init(failures: FailureSwitch, stop: StopFlag) {
        self.failures = failures
        self.stop = stop
    }

    func handle(_ message: DeviceMessage, in state: DeviceState) -> [DeviceEvent] {
        waitForSettledValue()
        guard message.sensor == .availableMemory else { return [] }
        let limit = isBeyondLimit ? 2 * AlarmMonitor.memoryLimitKilobytes : AlarmMonitor.memoryLimitKilobytes
        let wasBeyondLimit = isBeyondLimit
        isBeyondLimit = message.value < limit
        if isBeyondLimit == wasBeyondLimit { return [] }
        return [isBeyondLimit ? .limitCrossed : .limitCleared]
    }

    /// The failure `spin`: asks again and again whether the value has settled, and never gives up.
    private func waitForSettledValue() {
        while failures.isActive(.spin), !stop.isSet {}
    }
}
