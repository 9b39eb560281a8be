import Testing

@testable import StatusDevice

@Suite("the state machine")
struct DeviceStateTests {
    static let transitions: [(DeviceState, DeviceEvent, DeviceState)] = [
        (.starting, .readingAccepted, .normal), (.starting, .limitCrossed, .alarm), (.normal, .limitCrossed, .alarm),
        (.unmonitored, .limitCrossed, .alarm), (.alarm, .limitCleared, .normal), (.normal, .masterLost, .unmonitored),
        (.unmonitored, .masterFound, .normal), (.starting, .shutdownRequested, .stopping),
        (.normal, .shutdownRequested, .stopping), (.unmonitored, .shutdownRequested, .stopping),
        (.alarm, .shutdownRequested, .stopping),
    ]

    @Test("exactly the documented transitions exist")
    func table() {
        for state in DeviceState.allCases {
            for event in DeviceEvent.allCases {
                let expected = DeviceStateTests.transitions.first { $0.0 == state && $0.1 == event }?.2
                #expect(state.next(after: event) == expected, "\(state) after \(event)")
            }
        }
    }
}

@Suite("messages in the queue")
struct DeviceMessageTests {
    @Test("every kind survives the way to 128 bytes and back", arguments: DeviceMessage.Kind.allCases)
    func roundTrip(kind: DeviceMessage.Kind) {
        let message = DeviceMessage(kind: kind, sequence: .max, sensor: .availableMemory, value: -3, text: "grüße")
        #expect(message.encoded.count == DeviceMessage.byteCount)
        #expect(DeviceMessage(decoding: message.encoded[...]) == message)
    }

    @Test func longTextIsCut() {
        let message = DeviceMessage(kind: .tick, text: String(repeating: "x", count: 500))
        #expect(message.encoded.count == DeviceMessage.byteCount)
        #expect(DeviceMessage(decoding: message.encoded[...])?.text.count == DeviceMessage.textCapacity)
    }

    @Test func wrongBytesAreRefused() {
        let bytes = DeviceMessage(kind: .tick).encoded
        for count in 0..<bytes.count { #expect(DeviceMessage(decoding: bytes.prefix(count)) == nil) }
        #expect(DeviceMessage(decoding: [UInt8](repeating: 0xFF, count: DeviceMessage.byteCount)[...]) == nil)
    }
}

@Suite("the central queue")
struct MessageQueueTests {
    @Test("holds 128 messages, refuses the next, and keeps their order")
    func capacity() throws {
        let queue = try MessageQueue(key: nil)
        defer { queue.remove() }
        for sequence in 0..<128 {
            #expect(queue.send(DeviceMessage(kind: .tick, sequence: UInt32(sequence)), waits: false) == .sent)
        }
        #expect(queue.send(DeviceMessage(kind: .tick), waits: false) == .full)
        for sequence in 0..<128 { #expect(queue.receive()?.sequence == UInt32(sequence)) }
    }

    @Test func isGoneAfterRemoval() throws {
        let queue = try MessageQueue(key: nil)
        queue.remove()
        #expect(queue.send(DeviceMessage(kind: .tick)) == .ended)
        #expect(queue.receive() == nil)
    }

    @Test func aKeyInUseIsRefused() throws {
        let key = Int32.random(in: 1...Int32.max)
        let queue = try MessageQueue(key: key)
        defer { queue.remove() }
        #expect(throws: SystemCallError.self) { try MessageQueue(key: key) }
    }
}
