import Synchronization

/// What other threads may know of the dispatcher: its state, and that it moves. Written by the dispatcher only.
final class SharedStatus: Sendable {
    private let messages = Atomic<UInt64>(0)
    private let stateNumber = Atomic(DeviceState.starting.rawValue)

    /// How many messages the dispatcher has finished with.
    var messagesHandled: UInt64 { messages.load(ordering: .relaxed) }

    func countMessage() { messages.add(1, ordering: .relaxed) }

    var state: DeviceState {
        get { DeviceState(rawValue: stateNumber.load(ordering: .relaxed)) ?? .starting }
        set { stateNumber.store(newValue.rawValue, ordering: .relaxed) }
    }
}
