import Diagnosis

/// The list of threads as a table.
///
/// Columns are as wide as their widest cell; what a thread was seen in by several looks is joined with `|`, the most frequent first. In the
/// raw form cells are words: an empty one is `-`, and white space, backslashes and control characters are `\xNN`, as util-linux writes them.
public func table(_ list: ThreadList, _ presentation: Presentation, _ format: ListFormat = ListFormat()) -> String {
    var page = TextPage(presentation)
    let ascii = !presentation.isUnicode
    let columns = format.columns
    if format.isRaw {
        var text = ""
        if format.hasHeadings { text += columns.map(\.rawValue).joined(separator: " ") + "\n" }
        for thread in list.threads { text += columns.map { rawWord($0.cell(thread)) }.joined(separator: " ") + "\n" }
        return text
    }
    let rows = list.threads.map { thread in
        columns.map { column in
            let cell = column.cell(thread)
            return cell.isEmpty ? "-" : visible(cell, ascii: ascii)
        }
    }
    var widths = columns.map { format.hasHeadings ? $0.rawValue.count : 1 }
    for row in rows {
        for column in widths.indices.dropLast() { widths[column] = max(widths[column], Reports.columns(row[column])) }
    }
    func line(_ cells: [String]) -> String {
        var line = ""
        for (place, cell) in cells.enumerated() {
            if place > 0 { line += " " }
            if place == cells.count - 1, !columns[place].isRightAligned {
                line += cell
            } else {
                let space = String(repeating: " ", count: max(0, widths[place] - Reports.columns(cell)))
                line += columns[place].isRightAligned ? space + cell : cell + space
            }
        }
        return line
    }
    if format.hasHeadings { page.row(line(columns.map(\.rawValue)), .cause) }
    for row in rows { page.row(line(row)) }
    if !list.gaps.isEmpty, format.hasHeadings { writeGaps(list.gaps, to: &page) }
    return page.text
}

/// What the list leaves out, for a terminal; nil when there is nothing to say.
public func listRemarks(_ list: ThreadList, _ presentation: Presentation) -> String? {
    var page = TextPage(presentation)
    var hidden: [String] = []
    if list.hidden.atRest > 0 { hidden.append(counted(list.hidden.atRest, "thread") + " at rest") }
    if list.hidden.kernelThreads > 0 { hidden.append(counted(list.hidden.kernelThreads, "kernel thread")) }
    if !hidden.isEmpty { page.paragraph([Span("Not shown: \(listed(hidden)) (--all shows them).", .faint)]) }
    return page.text.isEmpty ? nil : page.text
}

/// The columns there are, one a line.
public func columnHelp() -> String {
    ListColumn.allCases.map { column in
        column.rawValue + String(repeating: " ", count: max(1, 12 - column.rawValue.count)) + column.help + "\n"
    }.joined()
}

private func rawWord(_ text: String) -> String {
    guard !text.isEmpty else { return "-" }
    guard text.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F || $0 == UInt8(ascii: "\\") }) || text.unicodeScalars.contains(where: isC1)
    else { return text }
    var word = ""
    for scalar in text.unicodeScalars {
        if scalar.value <= 0x20 || scalar.value == 0x7F || scalar == "\\" || isC1(scalar) {
            for byte in UTF8.encode(scalar).map(Array.init) ?? [] {
                let digits = String(byte, radix: 16)
                word += "\\x" + (digits.count < 2 ? "0" : "") + digits
            }
        } else {
            word.unicodeScalars.append(scalar)
        }
    }
    return word
}

private func isC1(_ scalar: Unicode.Scalar) -> Bool { (0x80..<0xA0).contains(scalar.value) }
