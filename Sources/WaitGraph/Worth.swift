import WaitModel

extension WaitGraph {
    /// Whether a blocked thread is worth a line when nobody asked for it by name.
    ///
    /// An event loop without work, a reader whose peer is itself at rest, a sleeper whom nobody waits for: all of these stand still and
    /// nothing is wrong. Something is held up when the chain from a thread ends
    ///
    /// - at a leaked or lost end of a descriptor, as the wait can never end by itself;
    /// - in a stop, a deadlock, a dead or wrong owner, an unanswered request, a missed event, a limit, a
    ///   device, or at nobody, and the thread is that end itself, cannot move, or has a demand on the way;
    /// - in a sleep, a running thread, a timer, rest, an unnamed signaller, the outside, a runtime or the unknown, and somebody on the
    ///   way, the end not counted, *wants* the wait to end (`Wait.isDemand`): a lock, a full buffer, an unread request;
    /// - in what only its own process holds (`selfHeld`), and no thread of it can act.
    ///
    /// A chain that ends in progress never is.
    ///
    /// - Parameters:
    ///   - cause: the cause at the end of the chain.
    ///   - isRoot: the thread is the end of the chain itself.
    ///   - isHeldUp: the reduction does not free the thread, stops taken as they are.
    ///   - isDemanded: some wait before the end of the chain is a demand.
    public static func isWorthReporting(cause: Cause, isRoot: Bool, isHeldUp: Bool, isDemanded: Bool) -> Bool {
        switch cause {
        case .progress: false
        case .leakedFD, .inFlightFD: true
        case .sleeping, .running, .idle, .timer, .noSignaller, .external, .unknown, .runtimeInternal: isDemanded
        case .selfHeld: isHeldUp
        case .stopped, .traced, .frozen, .deadlock, .selfDeadlock, .ownerExited, .ownerNotInProcess, .unanswered, .missedEvent,
            .flowStopped, .memoryLimit,
            .filesystemFrozen, .diskIO, .starved, .throttled, .noCounterpart:
            isRoot || isHeldUp || isDemanded
        }
    }
}
