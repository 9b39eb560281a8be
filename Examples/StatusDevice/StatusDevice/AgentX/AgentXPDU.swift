/// What an AgentX message says (RFC 2741 section 6.2). Index allocation and agent capabilities are left out: a subagent
/// with a fixed subtree never needs them.
public enum AgentXPDU: Hashable, Sendable {
    /// Subagent to master: begin a session. `timeoutSeconds` 0 means the master's default.
    case open(timeoutSeconds: UInt8, id: OID, description: [UInt8])
    case close(reason: CloseReason)
    case register(timeoutSeconds: UInt8, priority: UInt8, subtree: OID)
    case unregister(priority: UInt8, subtree: OID)
    case get([SearchRange])
    case getNext([SearchRange])
    case getBulk(nonRepeaters: UInt16, maxRepetitions: UInt16, [SearchRange])
    case testSet([AgentXBinding])
    case commitSet
    case undoSet
    case cleanupSet
    case notify([AgentXBinding])
    case ping
    /// `upTime` in hundredths of a second; `index` counts from 1 and names the binding that `error` is about.
    case response(upTime: UInt32, error: UInt16, index: UInt16, [AgentXBinding])

    /// From `start` (itself included or not) up to, and without, `end`; a null `end` is no limit.
    public struct SearchRange: Hashable, Sendable {
        public var start: OID
        public var includesStart: Bool
        public var end: OID

        public init(start: OID, includesStart: Bool = false, end: OID = .null) {
            self.start = start
            self.includesStart = includesStart
            self.end = end
        }
    }

    /// RFC 2741 section 6.2.2.
    public struct CloseReason: Hashable, Sendable {
        public var code: UInt8

        public init(code: UInt8) { self.code = code }

        public static let other = CloseReason(code: 1)
        public static let shutdown = CloseReason(code: 5)
    }

    /// Errors of a response (RFC 2741 section 6.2.16, RFC 3416 section 3) that this program sends.
    public enum ErrorCode {
        public static let none: UInt16 = 0
        public static let commitFailed: UInt16 = 14
        public static let undoFailed: UInt16 = 15
        public static let notWritable: UInt16 = 17
    }
}

extension AgentXPDU {
    var typeCode: UInt8 {
        switch self {
        case .open: 1
        case .close: 2
        case .register: 3
        case .unregister: 4
        case .get: 5
        case .getNext: 6
        case .getBulk: 7
        case .testSet: 8
        case .commitSet: 9
        case .undoSet: 10
        case .cleanupSet: 11
        case .notify: 12
        case .ping: 13
        case .response: 18
        }
    }

    var canHaveContext: Bool { AgentXPDU.canHaveContext(type: typeCode) }

    /// RFC 2741 section 6.1.1: the PDUs that may carry a context.
    static func canHaveContext(type: UInt8) -> Bool {
        (3...8).contains(type) || type == 12 || type == 13
    }
}

extension AgentXWriter {
    mutating func payload(_ pdu: AgentXPDU) {
        switch pdu {
        case .open(let timeoutSeconds, let id, let description):
            bytes += [timeoutSeconds, 0, 0, 0]
            oid(id)
            octets(description)
        case .close(let reason):
            bytes += [reason.code, 0, 0, 0]
        case .register(let timeoutSeconds, let priority, let subtree):
            bytes += [timeoutSeconds, priority, 0, 0]
            oid(subtree)
        case .unregister(let priority, let subtree):
            bytes += [0, priority, 0, 0]
            oid(subtree)
        case .get(let ranges), .getNext(let ranges):
            for range in ranges { search(range) }
        case .getBulk(let nonRepeaters, let maxRepetitions, let ranges):
            integer(nonRepeaters)
            integer(maxRepetitions)
            for range in ranges { search(range) }
        case .testSet(let bindings), .notify(let bindings):
            for item in bindings { binding(item) }
        case .commitSet, .undoSet, .cleanupSet, .ping:
            break
        case .response(let upTime, let error, let index, let bindings):
            integer(upTime)
            integer(error)
            integer(index)
            for item in bindings { binding(item) }
        }
    }

    private mutating func search(_ range: AgentXPDU.SearchRange) {
        oid(range.start, include: range.includesStart)
        oid(range.end)
    }
}

extension AgentXReader {
    mutating func payload(type: UInt8) throws(AgentXError) -> AgentXPDU {
        switch type {
        case 1:
            let timeoutSeconds = try byte("timeout")
            _ = try take(3, "reserved")
            return .open(timeoutSeconds: timeoutSeconds, id: try oid("id").name, description: try octets("description"))
        case 2:
            let reason = AgentXPDU.CloseReason(code: try byte("reason"))
            _ = try take(3, "reserved")
            return .close(reason: reason)
        case 3:
            let fields = try registration()
            return .register(timeoutSeconds: fields.first, priority: fields.priority, subtree: fields.subtree)
        case 4:
            let fields = try registration()
            return .unregister(priority: fields.priority, subtree: fields.subtree)
        case 5: return .get(try searchRanges())
        case 6: return .getNext(try searchRanges())
        case 7:
            let nonRepeaters = try integer(UInt16.self, "non-repeaters")
            let maxRepetitions = try integer(UInt16.self, "max-repetitions")
            return .getBulk(nonRepeaters: nonRepeaters, maxRepetitions: maxRepetitions, try searchRanges())
        case 8: return .testSet(try bindings())
        case 9: return .commitSet
        case 10: return .undoSet
        case 11: return .cleanupSet
        case 12: return .notify(try bindings())
        case 13: return .ping
        case 18:
            let upTime = try integer(UInt32.self, "up time")
            let error = try integer(UInt16.self, "error")
            let index = try integer(UInt16.self, "index")
            return .response(upTime: upTime, error: error, index: index, try bindings())
        default: throw .type(type)
        }
    }

    /// The common layout of Register and Unregister; a range of subtrees is refused, since nothing here sends one.
    private mutating func registration() throws(AgentXError) -> (first: UInt8, priority: UInt8, subtree: OID) {
        let first = try byte("timeout")
        let priority = try byte("priority")
        let range = try byte("range")
        _ = try byte("reserved")
        guard range == 0 else { throw .tooLong(field: "range", count: Int(range)) }
        return (first, priority, try oid("subtree").name)
    }

    private mutating func searchRanges() throws(AgentXError) -> [AgentXPDU.SearchRange] {
        var ranges: [AgentXPDU.SearchRange] = []
        while remaining > 0 {
            let start = try oid("start of a search range")
            ranges.append(.init(start: start.name, includesStart: start.include, end: try oid("end of a search range").name))
        }
        return ranges
    }
}
