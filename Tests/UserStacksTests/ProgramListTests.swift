import Testing

@testable import UserStacks

/// Every program of Programs/list.tsv: compilers, levels, languages, libraries, linkers.
@Suite struct ProgramListTests {
    @Test(arguments: ListedProgram.all) func stack(of listed: ListedProgram) throws {
        let scratch = try Scratch()
        guard let program = try scratch.compile(listed) else { try Test.cancel("\(listed): the toolchain is not here") }
        var hasFound = false
        for (_, stack) in try Blocked([program] + listed.arguments).stacks() {
            if listed.hasFrames { #expect(stack.isComplete, "\(listed)\n\(stack.text)") }
            if listed.hasFrames { #expect(!stack.frames.contains { $0.function == nil && $0.module == nil }, "\(listed)\n\(stack.text)") }
            let names = stack.frames.compactMap(\.function).map(Self.bare)
            guard let first = listed.truth.first, names.contains(first) else { continue }
            hasFound = true
            #expect(names.filter { listed.truth.contains($0) } == listed.truth, "\(listed)\n\(stack.text)")
            let own = stack.firstApplicationFrame?.function.map(Self.bare)
            if listed.hasFrames { #expect(own == first, "\(listed)\n\(stack.text)") }
        }
        #expect(hasFound || listed.isStripped, "no thread is in \(listed.truth[0])")
    }

    /// A name without arguments, results and the marks of cloned functions.
    private static func bare(_ name: String) -> String {
        var depth = 0
        var end = name.endIndex
        for index in name.indices {
            switch name[index] {
            case "<": depth += 1
            case ">": depth -= 1
            case "(", " ":
                if depth == 0, index > name.startIndex { end = min(end, index) }
            default: break
            }
        }
        var bare = String(name[..<end])
        for mark in [".constprop", ".isra", ".part", ".cold"] {
            if let parts = bare.split(separator: mark, maxSplits: 1).first, bare.contains(mark) { bare = String(parts) }
        }
        return bare
    }
}
