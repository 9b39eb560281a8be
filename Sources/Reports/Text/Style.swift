/// What a piece of text is, for those who see colours.
enum Style {
    case plain, cause, deadlock, name, faint, doubt, action

    /// SGR parameters (ECMA-48 8.3.117); nil for plain text.
    var parameters: String? {
        switch self {
        case .plain: nil
        case .cause: "1"
        case .deadlock: "1;31"
        case .name: "36"
        case .faint: "2"
        case .doubt: "33"
        case .action: "32"
        }
    }
}

/// A run of text in one style.
struct Span {
    var text: String
    var style: Style

    init(_ text: String, _ style: Style = .plain) {
        self.text = text
        self.style = style
    }
}

/// Lines of text, wrapped to a width; the only way from a report to the reader, so nothing from a host passes it unchecked.
struct TextPage {
    let presentation: Presentation
    private(set) var text = ""

    init(_ presentation: Presentation) { self.presentation = presentation }

    mutating func blank() { text += "\n" }

    /// Writes one paragraph. Lines break at spaces, of which several count as one; a no-break space (U+00A0) becomes a space that stays.
    ///
    /// - Parameters:
    ///   - first: what its first line begins with: spaces and tree lines.
    ///   - next: what its other lines begin with.
    mutating func paragraph(_ spans: [Span], first: String = "", next: String? = nil) {
        let next = next ?? first
        let limit = max(presentation.width, columns(first) + 12)
        var line = first
        var used = columns(first)
        var isEmpty = true
        let words = words(spans)
        for (place, word) in words.enumerated() {
            if !isEmpty && !word.isAttached {
                // What is attached to a word goes where the word goes.
                let tail = words[(place + 1)...].prefix { $0.isAttached }
                if used + 1 + tail.reduce(columns(word.text), { $0 + columns($1.text) }) > limit {
                    finish(line)
                    (line, used, isEmpty) = (next, columns(next), true)
                } else {
                    line += " "
                    used += 1
                }
            }
            var piece = word.text
            // A word that no line can hold is cut where the line ends.
            while used + columns(piece) > limit {
                let room = limit - used
                let head = prefix(of: piece, columns: max(0, room))
                // A wide character that the rest of the line has no room for goes to the next one.
                guard !head.isEmpty || used > columns(next) else { break }
                finish(line + styled(head, word.style))
                piece = String(piece.dropFirst(head.count))
                (line, used, isEmpty) = (next, columns(next), true)
            }
            line += styled(piece, word.style)
            used += columns(piece)
            isEmpty = false
        }
        finish(line)
    }

    /// Writes one line as it is, cut at the width where rows are cut.
    mutating func row(_ text: String, _ style: Style = .plain) {
        let clean = visible(text, ascii: !presentation.isUnicode)
        guard presentation.cutsRows, columns(clean) > presentation.width else { return finish(styled(clean, style)) }
        finish(styled(prefix(of: clean, columns: presentation.width - 1) + (presentation.isUnicode ? "…" : ">"), style))
    }

    private mutating func finish(_ line: String) {
        var end = line.endIndex
        while end > line.startIndex, line[line.index(before: end)] == " " { end = line.index(before: end) }
        text += line[..<end]
        text += "\n"
    }

    private func styled(_ text: String, _ style: Style) -> String {
        let text = text.utf8.contains(0xc2) ? String(text.map { $0 == "\u{a0}" ? " " : $0 }) : text
        guard presentation.isColoured, let parameters = style.parameters else { return text }
        return "\u{1b}[\(parameters)m\(text)\u{1b}[0m"
    }

    private struct Word {
        var text: String
        var style: Style
        /// It continues the word before it, in another style: no space, no line break between.
        var isAttached: Bool
    }

    private func words(_ spans: [Span]) -> [Word] {
        var words: [Word] = []
        var endsWithSpace = true
        for span in spans {
            let clean = visible(span.text, ascii: !presentation.isUnicode)
            var isFirst = true
            for part in clean.split(separator: " ", omittingEmptySubsequences: true) {
                let isAttached = isFirst && !endsWithSpace && !clean.hasPrefix(" ")
                words.append(Word(text: String(part), style: span.style, isAttached: isAttached && !words.isEmpty))
                isFirst = false
            }
            if !clean.isEmpty { endsWithSpace = clean.hasSuffix(" ") }
        }
        return words
    }
}

/// Text that stays on one line: with no-break spaces, which a page writes as spaces.
func unbroken(_ text: String) -> String { String(text.map { $0 == " " ? "\u{a0}" : $0 }) }

/// The longest beginning of `text` that fits into `columns`.
func prefix(of text: String, columns limit: Int) -> String {
    var used = 0
    var end = text.startIndex
    while end < text.endIndex {
        used += columns(String(text[end]))
        if used > limit { break }
        end = text.index(after: end)
    }
    return String(text[..<end])
}
