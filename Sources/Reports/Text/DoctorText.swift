import Diagnosis

/// What `waitchain doctor` prints: first what is missing, then what is there.
public func text(_ examination: Examination, _ presentation: Presentation) -> String {
    var page = TextPage(presentation)
    let lacking = examination.sources.filter { $0.state != .available }
    let user = examination.user == 0 ? "root" : "user \(examination.user)"
    if lacking.isEmpty {
        page.paragraph([Span("Everything that Waitchain can use is there, for \(user) on \(examination.host.hostname)", .cause)])
    } else {
        page.paragraph([
            Span(
                "\(lacking.count) of \(counted(examination.sources.count, "source")) of evidence \(lacking.count == 1 ? "is" : "are") missing or in part, "
                    + "for \(user) on \(examination.host.hostname)", .cause)
        ])
        page.paragraph([Span("What it finds is still right; where something is missing it says less, or is less sure.", .faint)])
    }
    for source in lacking {
        page.blank()
        page.paragraph([
            Span(source.state == .missing ? "missing  " : "partly  ", .doubt), Span(source.name, .name), Span(": " + source.tells),
        ])
        page.paragraph([Span("why: " + source.why)], first: "    ", next: "      ")
        if !source.unlock.isEmpty { page.paragraph([Span("unlock: "), Span(source.unlock, .action)], first: "    ", next: "      ") }
        page.paragraph([Span("without it: " + source.loses)], first: "    ", next: "      ")
    }
    let there = examination.sources.filter { $0.state == .available }
    if !there.isEmpty {
        page.blank()
        for source in there {
            page.paragraph([Span("there  ", .action), Span(source.name, .name), Span(": " + source.tells)], first: "", next: "  ")
        }
    }
    page.blank()
    let rights = examination.capabilities.isEmpty ? "none of those that matter" : examination.capabilities.joined(separator: ", ")
    page.paragraph([Span("Kernel \(examination.host.kernelRelease), \(examination.host.machine). Capabilities: \(rights).", .faint)])
    if let tests = examination.selfTest { write(tests, to: &page) }
    return page.text
}

private func write(_ tests: [SelfTest.Result], to page: inout TextPage) {
    page.blank()
    for test in tests {
        if let reason = test.skipped {
            page.paragraph([Span("skipped  ", .doubt), Span("\(test.name): \(reason)")], first: "", next: "  ")
        } else if test.isRight {
            page.paragraph([Span("right  ", .action), Span("\(test.name): \(test.got)")], first: "", next: "  ")
        } else {
            page.paragraph(
                [Span("WRONG  ", .deadlock), Span("\(test.name): \(test.got), but it is \(test.expected)")], first: "", next: "  ")
        }
    }
    let played = tests.filter { $0.skipped == nil }
    let right = played.count { $0.isRight }
    page.paragraph([
        Span("Self-test: \(right) of \(played.count) right" + (right < played.count ? "; do not rely on the answers here" : ""), .cause)
    ])
}
