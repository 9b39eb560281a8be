import Testing

@testable import StatusDevice

@Suite("answers to the master's questions")
struct ObjectTableTests {
    private static let subtree = OID([1, 3, 6, 1, 4, 1, 9])
    private let one = AgentXBinding(subtree + [1, 0], .integer(1))
    private let two = AgentXBinding(subtree + [2, 0], .text("normal"))
    private let three = AgentXBinding(subtree + [5, 1], .gauge32(3))

    private func answers(_ request: AgentXPDU) -> [AgentXBinding]? {
        let table = ObjectTable(subtree: ObjectTableTests.subtree, bindings: [three, one, two])
        guard case .response(42, 0, 0, let bindings)? = table.answer(request, upTime: 42) else { return nil }
        return bindings
    }

    @Test func getOfWhatIsThereAndWhatIsNot() {
        let absentInstance = ObjectTableTests.subtree + [1, 1]
        let absentObject = ObjectTableTests.subtree + [9, 0]
        let request = AgentXPDU.get([.init(start: two.name), .init(start: absentInstance), .init(start: absentObject)])
        #expect(answers(request) == [two, .init(absentInstance, .noSuchInstance), .init(absentObject, .noSuchObject)])
    }

    @Test func getNextRespectsBothEnds() {
        let subtree = ObjectTableTests.subtree
        #expect(answers(.getNext([.init(start: subtree)])) == [one])
        #expect(answers(.getNext([.init(start: one.name)])) == [two])
        #expect(answers(.getNext([.init(start: one.name, includesStart: true)])) == [one])
        #expect(answers(.getNext([.init(start: one.name, end: two.name)])) == [.init(one.name, .endOfView)])
        #expect(answers(.getNext([.init(start: three.name)])) == [.init(three.name, .endOfView)])
    }

    @Test func walkMeetsEveryObjectOnce() {
        var met: [AgentXBinding] = []
        var name = ObjectTableTests.subtree
        while let next = answers(.getNext([.init(start: name)]))?.first, next.value != .endOfView {
            met.append(next)
            name = next.name
        }
        #expect(met == [one, two, three])
    }

    @Test func getBulkRepeatsAndStopsAtTheEnd() {
        let start = AgentXPDU.SearchRange(start: ObjectTableTests.subtree)
        let request = AgentXPDU.getBulk(nonRepeaters: 1, maxRepetitions: 10, [start, start])
        #expect(answers(request) == [one, one, two, three, .init(three.name, .endOfView)])
        #expect(answers(.getBulk(nonRepeaters: 0, maxRepetitions: 0, [start])) == [])
    }

    @Test func nothingCanBeWritten() {
        let table = ObjectTable(subtree: ObjectTableTests.subtree, bindings: [one])
        let refusal = table.answer(.testSet([one]), upTime: 0)
        #expect(refusal == .response(upTime: 0, error: AgentXPDU.ErrorCode.notWritable, index: 1, []))
        #expect(table.answer(.cleanupSet, upTime: 0) == nil)
    }
}

@Suite("object names")
struct OIDTests {
    @Test func dottedNotation() {
        #expect(OID(dotted: ".1.3.6")?.subidentifiers == [1, 3, 6])
        #expect(OID(dotted: "1.3.4294967295")?.description == "1.3.4294967295")
        for bad in ["", ".", "1..2", "1.4294967296", "1.-2", "one"] { #expect(OID(dotted: bad) == nil) }
    }

    @Test func orderIsNumberByNumber() {
        #expect(OID([1, 3, 9]) < OID([1, 3, 10]))
        #expect(OID([1, 3]) < OID([1, 3, 0]))
        #expect(OID([1, 3, 6]).starts(with: OID([1, 3])))
    }
}
