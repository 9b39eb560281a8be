/// What a module tells the dispatcher: 128 bytes in the central queue.
///
/// Layout, in the byte order of the machine: kind (4), sequence (4), sensor (4), reserved (4), value (8), 104 bytes of text padded with zeros.
struct DeviceMessage: Hashable, Sendable {
    static let byteCount = 128
    static let textCapacity = 104

    enum Kind: UInt32, CaseIterable {
        /// A sensor has a new value.
        case reading = 1
        /// A sensor was calibrated; `value` is the step.
        case calibrationStep
        /// The logger wrote a line; `value` counts them.
        case lineWritten
        /// The logger had nothing to write for a while.
        case loggerIdle
        /// The watchdog asks for a sign of life.
        case tick
        /// The device is to stop.
        case shutdown
    }

    enum Sensor: UInt32, CaseIterable {
        case none = 0
        /// Load average over one minute, in hundredths.
        case load
        /// Available memory in kilobytes.
        case availableMemory
        /// Seconds since the machine started.
        case upTime
    }

    var kind: Kind
    var sequence: UInt32 = 0
    var sensor: Sensor = .none
    var value: Int64 = 0
    var text = ""

    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        for number in [kind.rawValue, sequence, sensor.rawValue, 0] { withUnsafeBytes(of: number) { bytes += $0 } }
        withUnsafeBytes(of: value) { bytes += $0 }
        bytes += text.utf8.prefix(DeviceMessage.textCapacity)
        return bytes + [UInt8](repeating: 0, count: DeviceMessage.byteCount - bytes.count)
    }
}

extension DeviceMessage {
    /// `nil` when the bytes are not 128, or name no kind or sensor.
    init?(decoding bytes: ArraySlice<UInt8>) {
        guard bytes.count == DeviceMessage.byteCount else { return nil }
        let fields = bytes.withUnsafeBytes { raw in
            (0..<3).map { raw.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self) }
        }
        guard let kind = Kind(rawValue: fields[0]), let sensor = Sensor(rawValue: fields[2]) else { return nil }
        self.kind = kind
        sequence = fields[1]
        self.sensor = sensor
        value = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 16, as: Int64.self) }
        text = String(decoding: bytes.dropFirst(24).prefix { $0 != 0 }, as: UTF8.self)
    }
}
