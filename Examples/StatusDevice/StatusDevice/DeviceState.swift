/// What the device as a whole is doing. The dispatcher alone changes it.
///
/// | state | meaning |
/// |---|---|
/// | `starting` | no sensor has spoken yet |
/// | `normal` | sensors speak, every value is within its limits, the SNMP master answers |
/// | `unmonitored` | as `normal`, but the SNMP master does not answer, so nobody would hear an alarm |
/// | `alarm` | a value is beyond its limit |
/// | `stopping` | shutdown was asked for; there is no way back |
enum DeviceState: Int, CaseIterable, Sendable {
    case starting = 1
    case normal
    case unmonitored
    case alarm
    case stopping

    /// The state after `event`, or `nil` when the event changes nothing.
    ///
    /// An alarm outranks a lost master. The forwarder repeats `masterLost` with every message it cannot forward, so
    /// the loss is noticed again as soon as the alarm is over.
    func next(after event: DeviceEvent) -> DeviceState? {
        switch (self, event) {
        case (.stopping, _): nil
        case (_, .shutdownRequested): .stopping
        case (.starting, .readingAccepted): .normal
        case (.starting, .limitCrossed), (.normal, .limitCrossed), (.unmonitored, .limitCrossed): .alarm
        case (.alarm, .limitCleared): .normal
        case (.normal, .masterLost): .unmonitored
        case (.unmonitored, .masterFound): .normal
        default: nil
        }
    }
}

/// What the modules inside the dispatcher conclude from messages.
///
/// | event | raised by | when |
/// |---|---|---|
/// | `readingAccepted` | status table | a reading was stored |
/// | `limitCrossed`, `limitCleared` | alarm monitor | a value left its limits, or came back with some distance |
/// | `masterLost`, `masterFound` | SNMP forwarder | a status could not be forwarded, or could again |
/// | `shutdownRequested` | dispatcher | a `shutdown` message came |
enum DeviceEvent: CaseIterable, Sendable {
    case readingAccepted
    case limitCrossed
    case limitCleared
    case masterLost
    case masterFound
    case shutdownRequested
}
