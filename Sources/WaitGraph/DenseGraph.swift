/// Who could end a wait, as the reduction sees it: a thread or a process by dense index, or one of the two constants.
struct DenseParty: Sendable, Hashable {
    private let code: Int32

    private init(code: Int32) { self.code = code }

    /// It can act whenever it likes: something outside, or somebody of whom nothing is known.
    static let always = DenseParty(code: -1)
    /// It will never act.
    static let never = DenseParty(code: -2)
    static func thread(_ index: Int32) -> DenseParty { DenseParty(code: index) }
    static func process(_ index: Int32) -> DenseParty { DenseParty(code: -3 - index) }

    var thread: Int32? { code >= 0 ? code : nil }
    var process: Int32? { code <= -3 ? -3 - code : nil }
}

/// The bare structure of a wait graph: threads and processes are numbered from zero, parties lie in one array.
struct DenseGraph: Sendable {
    enum Start: UInt8, Sendable {
        /// Moves by itself.
        case free
        /// Stopped, traced or frozen: moves when somebody lifts that.
        case held
        case waitsForAny
        case waitsForAll
        /// Never moves again.
        case dead
    }

    var start: [Start] = []
    /// The process of each thread.
    var processOf: [Int32] = []
    var processCount = 0
    /// Parties of thread `t`: `parties[firstParty[t]..<firstParty[t + 1]]`.
    var firstParty: [Int32] = [0]
    var parties: [DenseParty] = []

    var count: Int { start.count }

    func partySlots(of thread: Int32) -> Range<Int> {
        Int(firstParty[Int(thread)])..<Int(firstParty[Int(thread) + 1])
    }
}
