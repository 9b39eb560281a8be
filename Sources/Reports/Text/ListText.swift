import Diagnosis
import WaitModel

/// The list of threads as a table: `PID TID PROCESS THREAD S KIND BLOCKED CHANNEL/SYSCALL RESOURCE`.
///
/// Columns are as wide as their widest cell, names and kinds up to a limit; what a thread was seen in by several looks is joined
/// with `|`, the most frequent first.
public func table(_ list: ThreadList, _ presentation: Presentation) -> String {
    var page = TextPage(presentation)
    let ascii = !presentation.isUnicode
    let heads = ["PID", "TID", "PROCESS", "THREAD", "S", "KIND", "BLOCKED", "CHANNEL/SYSCALL", "RESOURCE"]
    let rows = list.threads.map { cells($0, ascii) }
    var widths = heads.map(\.count)
    for row in rows {
        for column in widths.indices.dropLast() { widths[column] = max(widths[column], columns(row[column])) }
    }
    let rightAligned: Set<Int> = [0, 1, 6]
    func line(_ cells: [String]) -> String {
        var line = ""
        for (column, cell) in cells.enumerated() {
            if column > 0 { line += " " }
            if column == cells.count - 1 {
                line += cell
            } else {
                let space = String(repeating: " ", count: max(0, widths[column] - columns(cell)))
                line += rightAligned.contains(column) ? space + cell : cell + space
            }
        }
        return line
    }
    page.row(line(heads), .cause)
    for row in rows { page.row(line(row)) }
    if !list.gaps.isEmpty { writeGaps(list.gaps, to: &page) }
    return page.text
}

private func cells(_ listed: ListedThread, _ ascii: Bool) -> [String] {
    let report = listed.report
    let raw = [report.wait.channel, report.wait.systemCall].compactMap { $0 }.joined(separator: "/")
    return [
        String(report.id.pid), String(report.id.tid), visible(report.process, ascii: ascii), visible(report.thread, ascii: ascii),
        stateText(report.state), kinds(listed), report.blockedSeconds.map(duration) ?? "-", raw.isEmpty ? "-" : visible(raw, ascii: ascii),
        visible(report.wait.resource?.name ?? "-", ascii: ascii),
    ]
}

private func kinds(_ listed: ListedThread) -> String {
    var counts: [(kind: WaitKind, count: Int)] = []
    for look in listed.looks {
        if let place = counts.firstIndex(where: { $0.kind == look.kind }) {
            counts[place].count += look.count
        } else {
            counts.append((look.kind, look.count))
        }
    }
    if counts.count <= 1 { return listed.report.wait.kind.rawValue }
    return counts.sorted { $0.count > $1.count }.prefix(3).map(\.kind.rawValue).joined(separator: "|")
}
