import Diagnosis
import WaitModel

extension DiagnosisText {
    /// Threads at rest, a line for those of one process that rest in the same way.
    mutating func writeRest(_ findings: [Finding]) {
        struct Key: Hashable {
            var process: ProcessID
            var cause: Cause
            var description: String
            /// Where they stand in their program; nil where no stack was read, or it does not say.
            var place: String?
        }
        var order: [Key] = []
        var groups: [Key: [ThreadID]] = [:]
        for finding in findings {
            for thread in finding.victims.isEmpty ? [finding.root] : finding.victims {
                let report = index.threads[thread]
                let key = Key(
                    process: thread.process, cause: finding.cause, description: report?.wait.description ?? "",
                    place: finding.cause == .idle ? nil : applicationPlace(report?.userStack))
                if groups[key] == nil { order.append(key) }
                groups[key, default: []].append(thread)
            }
        }
        for key in order {
            guard let threads = groups[key], let first = threads.first else { continue }
            for thread in threads { noteShown(thread) }
            if threads.count == 1 {
                page.paragraph(
                    [Span(restClause(first, cause: key.cause, in: index, place: key.place)), Span(since(first), .faint)], first: "",
                    next: "  ")
            } else {
                let whose = "\(counted(threads.count, "thread")) of \(index.name(of: key.process))"
                let place = key.place.map { ", in " + $0 } ?? ""
                let text: String
                if let word = restWord(key.cause) {
                    let each = key.description.isEmpty || saysItself(key.description, key.cause) ? "" : ": each " + key.description
                    text = whose + " are " + word + each + place
                } else {
                    text = whose + ": each " + (key.description.isEmpty ? "waits" : key.description) + place + restDoubt(key.cause)
                }
                page.paragraph([Span(text)], first: "", next: "  ")
            }
        }
        writeKnownHangs(findings.flatMap(\.knownHangs))
    }

    private func since(_ thread: ThreadID) -> String {
        guard let report = index.threads[thread], let seconds = report.blockedSeconds, seconds >= 1 else { return "" }
        return ", for " + unbroken(aboutDuration(seconds))
    }
}

/// What could not be read, those with the same unlock together.
func writeGaps(_ gaps: [Gap], to page: inout TextPage) {
    var order: [String] = []
    var groups: [String: [Gap]] = [:]
    for gap in gaps {
        if groups[gap.unlock] == nil { order.append(gap.unlock) }
        groups[gap.unlock, default: []].append(gap)
    }
    page.blank()
    for unlock in order {
        guard let members = groups[unlock], let first = members.first else { continue }
        let others = members.count > 1 ? " and \(grouped(members.count - 1)) more" : ""
        page.paragraph(
            [Span("Not read: \(first.what) (\(first.why))\(others)", .doubt), Span(unlock.isEmpty ? "" : "; to read it: \(unlock)")],
            first: "",
            next: "  ")
    }
}
