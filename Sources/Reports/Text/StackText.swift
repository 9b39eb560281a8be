import Diagnosis
import UserStacks
import WaitModel

/// Call stacks for people. Threads of one process with equal stacks stand together, with their count, those with the most first.
public func text(_ listing: StackListing, _ presentation: Presentation) -> String {
    struct Key: Hashable {
        var process: ProcessID
        /// Program counters: in one process equal ones have the same words.
        var user: [UInt64]
        var kernel: [String]
        var problem: String
        var interpreterProblem: String
    }
    var page = TextPage(presentation)
    var order: [Key] = []
    var groups: [Key: [ThreadStack]] = [:]
    for thread in listing.threads {
        let key = Key(
            process: thread.id.process, user: thread.userStack?.frames.map { $0.programCounter ^ ($0.isGuessed ? 1 << 63 : 0) } ?? [],
            kernel: thread.kernelStack,
            problem: stackProblem(thread), interpreterProblem: interpreterProblem(thread.userStack) ?? "")
        if groups[key] == nil { order.append(key) }
        groups[key, default: []].append(thread)
    }
    let places = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1, $0) })
    order.sort {
        let (a, b) = (groups[$0]?.count ?? 0, groups[$1]?.count ?? 0)
        return $0.process == $1.process && a != b ? a > b : (places[$0] ?? 0) < (places[$1] ?? 0)
    }
    for (position, key) in order.enumerated() {
        guard let threads = groups[key], let first = threads.first else { continue }
        if position > 0 { page.blank() }
        let name = first.thread == first.process ? first.process : "\(first.process)/\(first.thread)"
        var heading = "\(name) (\(first.id.pid)\(first.id.tid == first.id.pid ? "" : "/\(first.id.tid)"))"
        if threads.count > 1 {
            let others = threads.dropFirst().prefix(4).map { String($0.id.tid) }.joined(separator: ", ")
            heading += " and \(counted(threads.count - 1, "more thread")) with the same stack: \(others)\(threads.count > 5 ? ", …" : "")"
        }
        page.paragraph([Span(heading, .name), Span("  state " + stateText(first.state), .faint)], first: "", next: "  ")
        for function in key.kernel { page.paragraph([Span(function), Span(" (kernel)", .faint)], first: "    ", next: "      ") }
        for frame in first.userStack?.frames ?? [] { page.paragraph([Span(frameText(frame))], first: "    ", next: "      ") }
        for problem in [key.problem, key.interpreterProblem] where !problem.isEmpty {
            page.paragraph([Span(problem, .doubt)], first: "    ", next: "      ")
        }
    }
    if !listing.gaps.isEmpty { writeGaps(listing.gaps, to: &page) }
    return page.text
}

/// `snmp_forward+0x1f at status.c:88 (statusd)`, with `?` before a guessed frame; `Worker.run at app.py:44 (Python)`.
func frameText(_ frame: StackFrame) -> String {
    if let language = frame.language {
        return (frame.function ?? "?") + (placeText(frame).map { " at " + $0 } ?? "") + " (\(languageText(language)))"
    }
    let module = frame.module?.split(separator: "/").last.map(String.init)
    let offset = "+0x" + String(frame.offset, radix: 16)
    var text = frame.isGuessed ? "? " : ""
    text += frame.function.map { $0 + offset } ?? (module ?? "unknown code") + offset
    if let place = placeText(frame) { text += " at " + place }
    if frame.function != nil, let module { text += " (\(module))" }
    return text
}

/// `snmp_forward (status.c:88)`: where a thread stands in its own program; nil when no symbol says it.
func applicationPlace(_ stack: UserStack?) -> String? {
    guard let frame = stack?.firstApplicationFrame, let function = frame.function else { return nil }
    return function + (placeText(frame).map { " (\($0))" } ?? "") + (frame.isGuessed ? ", as far as can be guessed" : "")
}

private func placeText(_ frame: StackFrame) -> String? {
    guard let file = frame.file?.split(separator: "/").last else { return nil }
    return String(file) + (frame.line.map { ":\($0)" } ?? "")
}

private func stackProblem(_ thread: ThreadStack) -> String {
    guard let stack = thread.userStack else {
        switch thread.state {
        case UInt8(ascii: "R"): return "no stack: it runs"
        case UInt8(ascii: "Z"), UInt8(ascii: "X"): return "no stack: it has ended"
        default: return thread.kernelStack.isEmpty ? "no user stack" : ""
        }
    }
    // Interpreted frames that were left out are said on their own.
    if stack.isComplete || (stack.problem == nil && stack.interpreterProblem != nil) { return "" }
    return (stack.frames.isEmpty ? "no stack" : "the stack goes on") + (stack.problem.map { ": \($0)" } ?? "")
}

private func languageText(_ language: InterpretedLanguage) -> String {
    switch language {
    case .python: "Python"
    }
}

/// Why interpreted frames are missing, or end early; nil where none are.
func interpreterProblem(_ stack: UserStack?) -> String? {
    guard let problem = stack?.interpreterProblem else { return nil }
    switch problem {
    case .tooDeep, .partial: return "Python frames: \(problem)"
    default: return "no Python frames: \(problem)"
    }
}
