import Diagnosis
import WaitModel

extension DiagnosisText {
    /// The chain as an indented tree, a thread a line: who, what it waits for, for how long.
    mutating func writeChain(_ finding: Finding) {
        var seen = Set<ThreadID>()
        for (depth, link) in finding.chain.enumerated() {
            let step = min(depth, maximalDepth)
            let indent = depth == 0 ? "  " : "  " + String(repeating: " ", count: (step - 1) * 3) + glyphs.branch
            let next = "  " + String(repeating: " ", count: step * 3) + "  "
            var spans = depth == 0 ? [] : certaintySpans(finding.chain[depth - 1], link)
            spans.append(Span(index.numberedName(of: link.thread), .name))
            if !seen.insert(link.thread).inserted {
                page.paragraph(
                    [Span(glyphs.cycle)] + spans + [Span(", which is where the circle closes", .faint)], first: indent, next: next)
                return
            }
            noteShown(link.thread)
            page.paragraph(spans + waitSpans(link), first: indent, next: next)
            if depth > 0 { writeReason(finding.chain[depth - 1], link, indent: next) }
        }
        writeClosing(finding, seen)
    }

    /// Deeper than this a tree leaves no room for words; the links go on below each other.
    private var maximalDepth: Int { max(2, (page.presentation.width - 40) / 6) }

    private func waitSpans(_ link: ChainLink) -> [Span] {
        guard let report = index.threads[link.thread] else { return [Span("  waits (\(link.kind.rawValue))")] }
        let words = report.wait.description.isEmpty ? fallbackDescription(report) : report.wait.description
        var spans = [Span("  " + words)]
        if let place = applicationPlace(report.userStack) { spans.append(Span(", in " + place)) }
        if let limit = report.wait.timeoutSeconds, limit.isFinite, limit >= 1 {
            let length = unbroken(duration(limit))
            spans.append(Span(report.wait.kind == .sleep ? " (\(length))" : ", time limit " + length, .faint))
        }
        if let seconds = report.blockedSeconds, seconds >= 1, report.wait.kind != .runnable {
            spans.append(Span(", for " + unbroken(aboutDuration(seconds)), .faint))
        }
        return spans
    }

    /// `waits (unknown: do_something, in ioctl)`: what procfs had, where no resolver found words.
    private func fallbackDescription(_ report: ThreadReport) -> String {
        let raw = [report.wait.channel, report.wait.systemCall.map { "in " + $0 }].compactMap { $0 }.joined(separator: ", ")
        return "waits (\(report.wait.kind.rawValue)\(raw.isEmpty ? "" : ": " + raw))"
    }

    /// `probably`, `one of 3, possibly`, before the name of who is waited for.
    private func certaintySpans(_ link: ChainLink, _ next: ChainLink) -> [Span] {
        guard let party = index.party(from: link, to: next) else { return [] }
        switch party.certainty {
        case .certain: return []
        case .inferred: return [Span("probably ", .doubt)]
        case .possible:
            let parties = index.threads[link.thread]?.wait.release.parties ?? []
            let others = parties.count { $0.certainty == .possible && $0.member == party.member }
            return [Span(others > 1 ? "possibly, as one of \(grouped(others)), " : "possibly ", .doubt)]
        }
    }

    /// Why the next link is believed to be the one, where that is no certainty.
    private mutating func writeReason(_ link: ChainLink, _ next: ChainLink, indent: String) {
        guard let party = index.party(from: link, to: next), party.certainty != .certain, !party.because.isEmpty else { return }
        page.paragraph([Span("because: \(party.because)", .faint)], first: indent, next: indent)
    }

    /// Names the thread at which a circle closes, where the chain itself does not come back to it.
    private mutating func writeClosing(_ finding: Finding, _ seen: Set<ThreadID>) {
        guard finding.isDeadlock, let last = finding.chain.last, let parties = index.threads[last.thread]?.wait.release.parties else {
            return
        }
        let members = finding.members.isEmpty ? finding.chain.map(\.thread) : finding.members
        let closing = members.first { member in
            seen.contains(member) && parties.contains { $0.target == .thread(member) || $0.target == .process(member.process) }
        }
        guard let closing else { return }
        let depth = min(finding.chain.count, maximalDepth)
        let indent = "  " + String(repeating: " ", count: (depth - 1) * 3) + glyphs.branch
        page.paragraph(
            [Span(glyphs.cycle), Span(index.name(of: closing), .name), Span(", which is where the circle closes", .faint)], first: indent,
            next: indent.isEmpty ? "" : "  " + String(repeating: " ", count: depth * 3) + "  ")
    }
}
