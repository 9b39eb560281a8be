/// Turns what happens inside the dispatcher into log lines. Runs inside the dispatcher.
final class EventJournal: DispatcherModule {
    let subscriptions: Set<DeviceMessage.Kind> = [.calibrationStep, .shutdown]
    private let lines: LineQueue

    init(lines: LineQueue) {
        self.lines = lines
    }

    func handle(_ message: DeviceMessage, in state: DeviceState) -> [DeviceEvent] {
        lines.add("dispatcher: \(message.kind) \(message.value)")
        return []
    }

    func enter(_ state: DeviceState) {
        lines.add("dispatcher: \(state)")
    }
}
