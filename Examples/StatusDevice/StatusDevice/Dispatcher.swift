/// A module that runs inside the dispatcher's thread: it is called, and must return.
protocol DispatcherModule: AnyObject {
    /// The messages it wants to see.
    var subscriptions: Set<DeviceMessage.Kind> { get }

    /// Takes one message of its subscriptions and says what follows from it.
    func handle(_ message: DeviceMessage, in state: DeviceState) -> [DeviceEvent]

    /// Hears of a new state.
    func enter(_ state: DeviceState)

    /// Called after every message: small work that belongs to no message.
    func afterMessage()

    /// The dispatcher ends.
    func finish()
}

extension DispatcherModule {
    func enter(_ state: DeviceState) {}
    func afterMessage() {}
    func finish() {}
}

/// Takes messages out of the central queue, runs the state machine and notifies the subscribed modules.
///
/// Nobody else takes messages out: while a module keeps this thread, the queue fills, and then every sender sleeps.
final class Dispatcher {
    private let queue: MessageQueue
    private let modules: [any DispatcherModule]
    private let status: SharedStatus
    private let stop: StopFlag
    private var state = DeviceState.starting

    init(queue: MessageQueue, modules: [any DispatcherModule], status: SharedStatus, stop: StopFlag) {
        self.queue = queue
        self.modules = modules
        self.status = status
        self.stop = stop
    }

    /// Runs until a `shutdown` message comes or the stop flag is set.
    func run() {
        publish(state)
        while state != .stopping, !stop.isSet {
            guard let message = queue.receive() else { continue }
            dispatch(message)
            status.countMessage()
        }
        for module in modules { module.finish() }
    }

    private func dispatch(_ message: DeviceMessage) {
        if message.kind == .shutdown { apply(.shutdownRequested) }
        for module in modules where module.subscriptions.contains(message.kind) {
            for event in module.handle(message, in: state) { apply(event) }
        }
        for module in modules { module.afterMessage() }
    }

    private func apply(_ event: DeviceEvent) {
        guard let next = state.next(after: event) else { return }
        state = next
        publish(next)
    }

    private func publish(_ state: DeviceState) {
        status.state = state
        for module in modules { module.enter(state) }
    }
}
