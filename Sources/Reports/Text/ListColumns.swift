import Diagnosis
import WaitModel

/// One column of the list of threads.
public enum ListColumn: String, Sendable, CaseIterable {
    case pid = "PID"
    case tid = "TID"
    case process = "PROCESS"
    case thread = "THREAD"
    case state = "S"
    case kind = "KIND"
    case blocked = "BLOCKED"
    case parties = "PARTIES"
    case root = "ROOT"
    case cause = "CAUSE"
    case channel = "CHANNEL"
    case call = "SYSCALL"
    case resource = "RESOURCE"
    case timeout = "TIMEOUT"
    case rule = "RULE"
    case demand = "DEMAND"
    case container = "CONTAINER"
    case executable = "EXECUTABLE"
    case waits = "WAITS"

    /// What is shown when nobody says otherwise.
    public static let standard: [ListColumn] = [
        .pid, .tid, .process, .thread, .state, .kind, .blocked, .parties, .cause, .channel, .call, .resource,
    ]

    /// One line of `waitchain list -H`.
    public var help: String {
        switch self {
        case .pid: "process id"
        case .tid: "thread id"
        case .process: "name of the process"
        case .thread: "name of the thread"
        case .state: "state letter of procfs"
        case .kind: "what it waits for (docs/wait-kinds.md); several looks joined with |"
        case .blocked: "how long it has not run, about"
        case .parties: "how many could end the wait: threads, processes and others outside"
        case .root: "thread at the end of its chain (PID/TID); - at rest or when it is its own"
        case .cause: "why that one does not move (docs/wait-kinds.md)"
        case .channel: "kernel function that it sleeps in"
        case .call: "system call that it is in"
        case .resource: "what the wait is on"
        case .timeout: "time limit of the call"
        case .rule: "whether any or all of the parties must act"
        case .demand: "yes when somebody wants the wait to end now"
        case .container: "container or pod that it belongs to"
        case .executable: "path of the program"
        case .waits: "the wait in words"
        }
    }

    var isRightAligned: Bool { [.pid, .tid, .blocked, .parties, .timeout].contains(self) }

    /// The columns that a list of names stands for, as util-linux reads it: `PID,KIND` is those, `+ROOT,WAITS` the standard ones and those.
    /// Case does not matter.
    /// - Throws: the first name that is no column.
    public static func columns(_ text: String) throws(UnknownColumn) -> [ListColumn] {
        let isAddition = text.hasPrefix("+")
        var columns = isAddition ? standard : []
        for name in (isAddition ? text.dropFirst() : text[...]).split(separator: ",") {
            columns.append(try named(String(name)))
        }
        guard !columns.isEmpty else { throw UnknownColumn(name: text) }
        return columns
    }

    /// The column of a name.
    public static func named(_ name: String) throws(UnknownColumn) -> ListColumn {
        let upper = name.uppercased()
        if let column = ListColumn(rawValue: upper == "STATE" ? "S" : upper) { return column }
        throw UnknownColumn(name: name)
    }

    public struct UnknownColumn: Error, Sendable {
        public let name: String
    }

    // MARK: Cells

    func cell(_ listed: ListedThread) -> String {
        let (report, wait) = (listed.report, listed.report.wait)
        switch self {
        case .pid: return String(report.id.pid)
        case .tid: return String(report.id.tid)
        case .process: return report.process
        case .thread: return report.thread
        case .state: return stateText(report.state)
        case .kind: return Self.kinds(listed)
        case .blocked: return report.blockedSeconds.map(duration) ?? ""
        case .parties: return String(wait.release.parties.count)
        case .root:
            guard !listed.isAtRest, let root = listed.standing?.root, root != report.id else { return "" }
            return "\(root.pid)/\(root.tid)"
        case .cause: return listed.standing?.cause.rawValue ?? ""
        case .channel: return wait.channel ?? ""
        case .call: return wait.systemCall ?? ""
        case .resource: return wait.resource?.name ?? ""
        case .timeout: return wait.timeoutSeconds.map(duration) ?? ""
        case .rule: return wait.release.parties.count > 1 ? wait.release.rule.rawValue : ""
        case .demand: return wait.isDemand ? "yes" : ""
        case .container: return report.container ?? ""
        case .executable: return report.executable ?? ""
        case .waits: return wait.description
        }
    }

    private static func kinds(_ listed: ListedThread) -> String {
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

    // MARK: Order

    /// What a column is sorted by: numbers where it shows numbers, with what is not known below everything.
    private func number(_ listed: ListedThread) -> Double? {
        switch self {
        case .pid: Double(listed.report.id.pid)
        case .tid: Double(listed.report.id.tid)
        case .blocked: listed.report.blockedSeconds ?? -1
        case .parties: Double(listed.report.wait.release.parties.count)
        case .timeout: listed.report.wait.timeoutSeconds ?? -1
        default: nil
        }
    }

    /// Sorts a list by this column; equals stay in their order. O(n log n).
    public func sorted(_ threads: [ListedThread], descending: Bool) -> [ListedThread] {
        let keyed = threads.enumerated().map { (place: $0.offset, number: number($0.element), text: cell($0.element), thread: $0.element) }
        return keyed.sorted { a, b in
            let (first, second) = descending ? (b, a) : (a, b)
            if let x = first.number, let y = second.number, x != y { return x < y }
            if first.number == nil, first.text != second.text { return first.text < second.text }
            return a.place < b.place
        }.map(\.thread)
    }
}

/// How the list is written.
public struct ListFormat: Sendable {
    public var columns = ListColumn.standard
    public var hasHeadings = true
    /// One space between cells, nothing aligned; what would not read as one word is written as `\x20`.
    public var isRaw = false

    public init() {}
}
