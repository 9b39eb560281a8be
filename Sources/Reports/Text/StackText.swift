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
    }
    var page = TextPage(presentation)
    var order: [Key] = []
    var groups: [Key: [ThreadStack]] = [:]
    for thread in listing.threads {
        let key = Key(
            process: thread.id.process, user: thread.userStack?.frames.map { $0.programCounter ^ ($0.isGuessed ? 1 << 63 : 0) } ?? [],
            kernel: thread.kernelStack,
            problem: stackProblem(thread))
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
        if !key.problem.isEmpty { page.paragraph([Span(key.problem, .doubt)], first: "    ", next: "      ") }
    }
    if !listing.gaps.isEmpty { writeGaps(listing.gaps, to: &page) }
    return page.text
}

/// `snmp_forward+0x1f at status.c:88 (statusd)`, with `?` before a guessed frame.
func frameText(_ frame: StackFrame) -> String {
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
    if stack.isComplete { return "" }
    return (stack.frames.isEmpty ? "no stack" : "the stack goes on") + (stack.problem.map { ": \($0)" } ?? "")
}
