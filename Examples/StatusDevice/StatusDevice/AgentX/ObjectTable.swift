/// The objects of a subtree at one moment, and the answers to the master's questions about them.
struct ObjectTable {
    private let subtree: OID
    private let bindings: [AgentXBinding]

    init(subtree: OID, bindings: [AgentXBinding]) {
        self.subtree = subtree
        self.bindings = bindings.sorted { $0.name < $1.name }
    }

    /// The response to a request of the master, or `nil` when RFC 2741 asks for none. Nothing here can be written.
    func answer(_ request: AgentXPDU, upTime: UInt32) -> AgentXPDU? {
        switch request {
        case .get(let ranges):
            response(upTime, ranges.map { get($0.start) })
        case .getNext(let ranges):
            response(upTime, ranges.map(next))
        case .getBulk(let nonRepeaters, let maxRepetitions, let ranges):
            response(upTime, bulk(ranges, nonRepeaters: Int(nonRepeaters), maxRepetitions: Int(maxRepetitions)))
        case .testSet: .response(upTime: upTime, error: AgentXPDU.ErrorCode.notWritable, index: 1, [])
        case .commitSet: .response(upTime: upTime, error: AgentXPDU.ErrorCode.commitFailed, index: 1, [])
        case .undoSet: .response(upTime: upTime, error: AgentXPDU.ErrorCode.undoFailed, index: 1, [])
        case .cleanupSet, .open, .close, .register, .unregister, .notify, .ping, .response: nil
        }
    }

    private func response(_ upTime: UInt32, _ bindings: [AgentXBinding]) -> AgentXPDU {
        .response(upTime: upTime, error: AgentXPDU.ErrorCode.none, index: 0, bindings)
    }

    private func get(_ name: OID) -> AgentXBinding {
        if let found = bindings.first(where: { $0.name == name }) { return found }
        let isKnownObject = bindings.contains { $0.name.subidentifiers.dropLast() == name.subidentifiers.dropLast() }
        return AgentXBinding(name, isKnownObject ? .noSuchInstance : .noSuchObject)
    }

    private func next(_ range: AgentXPDU.SearchRange) -> AgentXBinding {
        let found = bindings.first { binding in
            let isAfterStart = range.start < binding.name || (range.includesStart && range.start == binding.name)
            return isAfterStart && (range.end == .null || binding.name < range.end)
        }
        return found ?? AgentXBinding(range.start, .endOfView)
    }

    /// RFC 2741 section 7.2.3.3: the first ranges once, the others as often as asked for, or until the end of all.
    private func bulk(_ ranges: [AgentXPDU.SearchRange], nonRepeaters: Int, maxRepetitions: Int) -> [AgentXBinding] {
        var answers = ranges.prefix(nonRepeaters).map(next)
        var repeating = Array(ranges.dropFirst(nonRepeaters))
        for _ in 0..<maxRepetitions where !repeating.isEmpty {
            let row = repeating.map(next)
            answers += row
            if row.allSatisfy({ $0.value == .endOfView }) { break }
            repeating = zip(repeating, row).map { range, binding in .init(start: binding.name, end: range.end) }
        }
        return answers
    }
}
