/// The encoder's side of `JSONSink`: each container writes straight through.
struct JSONStreamEncoder: Encoder {
    let sink: JSONSink
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        sink.open(UInt8(ascii: "{"), UInt8(ascii: "}"))
        return KeyedEncodingContainer(JSONObjectContainer<Key>(sink: sink))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        sink.open(UInt8(ascii: "["), UInt8(ascii: "]"))
        return JSONArrayContainer(sink: sink)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { JSONValueContainer(sink: sink) }
}

private struct JSONObjectContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let sink: JSONSink
    var codingPath: [any CodingKey] { [] }

    func encodeNil(forKey key: Key) {
        sink.key(key.stringValue)
        sink.text("null")
    }

    func encode(_ value: String, forKey key: Key) {
        sink.key(key.stringValue)
        sink.string(value)
    }

    func encode(_ value: Double, forKey key: Key) {
        sink.key(key.stringValue)
        sink.number(value)
    }

    func encode(_ value: some Encodable, forKey key: Key) throws {
        sink.key(key.stringValue)
        try sink.write(value)
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) -> KeyedEncodingContainer<Nested> {
        sink.key(key.stringValue)
        return JSONStreamEncoder(sink: sink).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        sink.key(key.stringValue)
        return JSONStreamEncoder(sink: sink).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { JSONStreamEncoder(sink: sink) }
    func superEncoder(forKey key: Key) -> any Encoder { JSONStreamEncoder(sink: sink) }
}

private struct JSONArrayContainer: UnkeyedEncodingContainer {
    let sink: JSONSink
    var codingPath: [any CodingKey] { [] }
    private(set) var count = 0

    init(sink: JSONSink) { self.sink = sink }

    mutating func encodeNil() {
        next()
        sink.text("null")
    }

    mutating func encode(_ value: String) {
        next()
        sink.string(value)
    }

    mutating func encode(_ value: some Encodable) throws {
        next()
        try sink.write(value)
    }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        next()
        return JSONStreamEncoder(sink: sink).container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        next()
        return JSONStreamEncoder(sink: sink).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { JSONStreamEncoder(sink: sink) }

    private mutating func next() {
        count += 1
        sink.separate()
    }
}

/// One value without a name. Every fixed-width integer writes itself in decimal.
private struct JSONValueContainer: SingleValueEncodingContainer {
    let sink: JSONSink
    var codingPath: [any CodingKey] { [] }

    func encodeNil() { sink.text("null") }
    func encode(_ value: Bool) { sink.text(value ? "true" : "false") }
    func encode(_ value: String) { sink.string(value) }
    func encode(_ value: Double) { sink.number(value) }
    func encode(_ value: Float) { sink.number(Double(value)) }
    func encode(_ value: Int) { sink.text(String(value)) }
    func encode(_ value: Int8) { sink.text(String(value)) }
    func encode(_ value: Int16) { sink.text(String(value)) }
    func encode(_ value: Int32) { sink.text(String(value)) }
    func encode(_ value: Int64) { sink.text(String(value)) }
    func encode(_ value: UInt) { sink.text(String(value)) }
    func encode(_ value: UInt8) { sink.text(String(value)) }
    func encode(_ value: UInt16) { sink.text(String(value)) }
    func encode(_ value: UInt32) { sink.text(String(value)) }
    func encode(_ value: UInt64) { sink.text(String(value)) }
    func encode(_ value: some Encodable) throws { try sink.write(value) }
}
