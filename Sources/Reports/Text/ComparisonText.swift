import Profiles
import WaitModel

/// Two pictures side by side, in words, the most telling difference in the first line.
public func text(_ comparison: Comparison, _ presentation: Presentation) -> String {
    var page = TextPage(presentation)
    for (place, difference) in comparison.differences.enumerated() {
        let strong = difference.category >= .nowStopped
        page.paragraph([Span(sentence(for: difference), place == 0 && strong ? .cause : strong ? .plain : .faint)], first: "", next: "  ")
    }
    if comparison.differences.isEmpty {
        let alike = counted(comparison.matchedThreads, "thread")
        page.paragraph([
            Span(
                comparison.matchedThreads == 0 ? "No thread is in both pictures" : "No thread waits differently: \(alike) compared", .cause)
        ])
    }
    let changes = surplusLines(comparison.new, verb: "new") + surplusLines(comparison.missing, verb: "missing")
    if !changes.isEmpty { page.blank() }
    for change in changes { page.paragraph([Span(change)], first: "", next: "  ") }
    page.blank()
    page.paragraph(
        [
            Span(
                "\(counted(comparison.matchedThreads, "thread")) matched by role; healthy: \(comparison.healthy.hostname) at "
                    + "\(comparison.healthy.observedAt), sick: \(comparison.sick.hostname) at \(comparison.sick.observedAt)", .faint)
        ], first: "", next: "  ")
    return page.text
}

/// `statusd/dispatcher (306/317): healthy waits in sysv-msg-receive (msgrcv) — now unix-connect on /run/agentx.sock for about 31 min`
func sentence(for difference: Difference) -> String {
    let (healthy, sick) = (difference.healthy, difference.sick)
    let needed =
        difference.awaitedBy == 0
        ? "" : "; \(counted(difference.awaitedBy, "other thread")) of these need\(difference.awaitedBy == 1 ? "s" : "") it"
    switch difference.category {
    case .standsStill:
        let length = sick.blockedSeconds.map { " for " + aboutDuration($0) } ?? ""
        return "\(name(sick)): healthy moves in \(place(healthy)) — now stands there\(length)\(needed)"
    case .nowBlocked, .nowStopped, .waitsElsewhere:
        let length = sick.blockedSeconds.map { " for " + aboutDuration($0) } ?? ""
        return "\(name(sick)): healthy \(healthyClause(healthy)) — now \(sickClause(sick))\(length)\(needed)"
    }
}

private func name(_ thread: PictureThread) -> String {
    if thread.pid == thread.tid { return "\(thread.process) (\(thread.pid))" }
    let own = thread.thread == thread.process || thread.thread.isEmpty ? thread.process : "\(thread.process)/\(thread.thread)"
    return "\(own) (\(thread.pid)/\(thread.tid))"
}

private func healthyClause(_ thread: PictureThread) -> String {
    if thread.kind == WaitKind.runnable.rawValue && thread.looks.count == 1 { return "runs" }
    return "waits in \(place(thread))"
}

/// `sysv-msg-receive (msgrcv)`; several kinds when several looks saw several.
private func place(_ thread: PictureThread) -> String {
    var kinds: [String] = []
    for look in thread.looks.sorted(by: { $0.count > $1.count }) where !kinds.contains(look.kind) { kinds.append(look.kind) }
    guard kinds.count > 1 else { return thread.kind + raw(thread) + on(thread, "on") }
    return kinds.prefix(3).joined(separator: " or ")
}

private func sickClause(_ thread: PictureThread) -> String {
    switch WaitKind(rawValue: thread.kind) {
    case .runnable: thread.looks.count == 1 && (thread.looks.first?.count ?? 0) > 1 ? "runs at every look" : "runs"
    case .jobControlStop: "is stopped by a signal"
    case .ptraceStop: "is held by a tracer"
    case .frozen: "is frozen by its cgroup"
    case .zombie: "has ended"
    default: thread.kind + (on(thread, "on").isEmpty ? raw(thread) : on(thread, "on"))
    }
}

private func raw(_ thread: PictureThread) -> String {
    guard let name = thread.systemCall ?? thread.channel else { return "" }
    return " (\(name))"
}

/// ` on /run/agentx.sock`, for a resource with a name that lasts; ` on sysv-msg:151273` for a queue, which people look up.
private func on(_ thread: PictureThread, _ word: String) -> String {
    guard let resource = thread.resource else { return "" }
    if let colon = resource.firstIndex(of: ":") {
        let rest = resource[resource.index(after: colon)...]
        if rest.hasPrefix("/") || rest.hasPrefix("@") { return " \(word) \(rest)" }
    }
    return WaitKind(rawValue: thread.kind).map { $0 == .sysvMessageSend || $0 == .posixQueueSend } == true ? " \(word) \(resource)" : ""
}

/// `new: statusd/worker, 3 threads`; a pool that only changed its size is said so.
private func surplusLines(_ surpluses: [Surplus], verb: String) -> [String] {
    surpluses.sorted {
        ($0.otherHasSome ? 1 : 0, -$0.count, $0.program, $0.thread) < ($1.otherHasSome ? 1 : 0, -$1.count, $1.program, $1.thread)
    }
    .map { surplus in
        let name = surplus.thread == surplus.process ? surplus.process : "\(surplus.process)/\(surplus.thread)"
        let more = surplus.otherHasSome ? (verb == "new" ? " more than in the healthy picture" : " fewer than in the healthy picture") : ""
        return "\(verb): \(name), \(counted(surplus.count, "thread"))\(more)"
    }
}
