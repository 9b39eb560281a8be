import Synchronization

/// Ways in which the device itself can fail. The others are made around it: see docs/device.md.
public enum Failure: String, CaseIterable, Sendable {
    /// The sensors keep the calibration lock while they send, and the dispatcher wants that lock.
    case deadlock
    /// A module inside the dispatcher retries without end.
    case spin
}

/// The failure chosen on the command line, and whether it has been let loose.
final class FailureSwitch: Sendable {
    private let failure: Failure?
    private let isArmed: Atomic<Bool>

    init(_ failure: Failure?, isArmed: Bool) {
        self.failure = failure
        self.isArmed = Atomic(isArmed)
    }

    func arm() { isArmed.store(true, ordering: .relaxed) }

    func isActive(_ asked: Failure) -> Bool {
        failure == asked && isArmed.load(ordering: .relaxed)
    }
}
