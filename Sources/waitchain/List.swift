import ArgumentParser
import Diagnosis
import Glibc
import Reports
import WaitModel

/// `waitchain list`
struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Every thread with its wait; with no target: every thread of the host.",
        discussion: """
            With no target, kernel threads and threads at rest are hidden: event loops without work, worker pools, sleepers whom nobody \
            wants. Saved with --all --json, the list of a healthy system is what `waitchain compare` compares a sick one with. Patterns are \
            those of a shell, several are separated by commas.
            """)

    @Argument(help: ArgumentHelp("Process ids, thread ids or names.", valueName: "pid|tid|name"))
    var targets: [String] = []

    @OptionGroup(title: "Which threads") var filter: FilterOptions
    @OptionGroup(title: "How they are shown") var format: ListFormatOptions
    @OptionGroup var host: HostOptions

    @Option(
        help: ArgumentHelp("Look this many times, about 100 ms apart, to tell threads that move from those that stand.", valueName: "n"))
    var samples = 1

    func validate() throws {
        guard (1...10_000).contains(samples) else { throw ValidationError("--samples takes a number from 1 to 10000.") }
    }

    func run() throws {
        if format.listColumns { return try waitchain.output(columnHelp()) }
        let (whole, isPartial) = try answer(targets) { targets throws(TargetError) in
            try host.investigation().list(targets, samples: samples)
        }
        var filter = try filter.filter()
        // Who names a thread wants to see it.
        if !targets.isEmpty { filter.showsAll = true }
        var list = filter.applied(to: whole)
        if let (column, descending) = try format.order() { list.threads = column.sorted(list.threads, descending: descending) }
        if format.json {
            try waitchain.output(try jsonBytes(ListJSON(list, targets: targets)))
        } else {
            try waitchain.output(table(list, format.presentation, try format.format()))
            let remarks = Presentation(descriptor: 2, colour: format.color)
            if isatty(2) == 1, let text = listRemarks(list, remarks) { warnAtLength(text) }
        }
        if isPartial { throw ExitCode(2) }
    }
}

/// Which threads of a list are shown.
struct FilterOptions: ParsableArguments {
    @Flag(name: .shortAndLong, help: "Show threads at rest and kernel threads too.")
    var all = false

    @Option(help: ArgumentHelp("Only these kinds of waits: futex-mutex,unix-*", valueName: "kinds"))
    var kind: [String] = []

    @Option(help: ArgumentHelp("Only threads in these states: DT", valueName: "letters"))
    var state: String?

    @Option(
        name: .customLong("blocked-over"),
        help: ArgumentHelp("Only threads that have not run for longer: 30s, 5m, 2h.", valueName: "time"))
    var blockedOver: String?

    @Option(help: ArgumentHelp("Only threads of these processes.", valueName: "pids"))
    var pid: [String] = []

    @Option(help: ArgumentHelp("Only processes, threads and programs of these names.", valueName: "names"))
    var name: [String] = []

    @Option(help: ArgumentHelp("Only threads in these containers or pods.", valueName: "names"))
    var container: [String] = []

    func validate() throws { _ = try filter() }

    func filter() throws -> ThreadFilter {
        var filter = ThreadFilter()
        filter.showsAll = all
        filter.kinds = Self.words(kind)
        for kind in filter.kinds where !WaitKind.allCases.contains(where: { ThreadFilter.fits(kind, $0.rawValue) }) {
            throw ValidationError("--kind \(kind): there is no such kind of wait.")
        }
        filter.states = Set((state ?? "").utf8.filter { $0 != UInt8(ascii: ",") })
        for text in Self.words(pid) {
            guard let pid = Int32(text), pid > 0 else { throw ValidationError("--pid takes process ids, not \(text).") }
            filter.pids.insert(pid)
        }
        filter.names = Self.words(name)
        filter.containers = Self.words(container)
        if let blockedOver {
            guard let seconds = Self.seconds(blockedOver) else {
                throw ValidationError("--blocked-over takes a length of time such as 500ms, 30s, 5m, 2h or 1d.")
            }
            filter.blockedOverSeconds = seconds
        }
        return filter
    }

    private static func words(_ values: [String]) -> [String] { values.flatMap { $0.split(separator: ",").map(String.init) } }

    /// `30s`, `1.5h`; a number alone is seconds. nil for anything else.
    static func seconds(_ text: String) -> Double? {
        let units: [(String, Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("min", 60), ("h", 3600), ("d", 86_400)]
        let digits = text.prefix { $0.isNumber || $0 == "." }
        guard let number = Double(digits), number.isFinite else { return nil }
        let unit = text.dropFirst(digits.count)
        if unit.isEmpty { return number }
        return units.first { $0.0 == unit }.map { number * $0.1 }
    }
}

/// How a list is written. The letters are those of util-linux's lsfd and lslocks.
struct ListFormatOptions: ParsableArguments {
    @Option(
        name: .shortAndLong, parsing: .unconditional,
        help: ArgumentHelp("These columns; with + before them, the standard ones and these.", valueName: "columns"))
    var output: String?

    @Flag(name: [.customShort("H"), .customLong("list-columns")], help: "List the columns there are.")
    var listColumns = false

    @Flag(name: [.customShort("n"), .customLong("noheadings")], help: "Leave the headings out.")
    var noHeadings = false

    @Flag(name: .shortAndLong, help: "Words with one space between them, for scripts.")
    var raw = false

    @Flag(name: [.customShort("J"), .long], help: "Print JSON, as documented in docs/json.md.")
    var json = false

    @Option(
        parsing: .unconditional, help: ArgumentHelp("Sort by this column; with - before it, the largest first.", valueName: "column"))
    var sort: String?

    @Option(help: "Colour: auto (on a terminal, unless NO_COLOR is set), always or never.")
    var color = Presentation.ColourChoice.auto

    var presentation: Presentation { Presentation(descriptor: 1, colour: color) }

    func validate() throws {
        _ = try format()
        _ = try order()
    }

    func format() throws -> ListFormat {
        var format = ListFormat()
        format.hasHeadings = !noHeadings
        format.isRaw = raw
        if let output { format.columns = try named { () throws(ListColumn.UnknownColumn) in try ListColumn.columns(output) } }
        return format
    }

    func order() throws -> (ListColumn, descending: Bool)? {
        guard let sort else { return nil }
        let descending = sort.hasPrefix("-")
        return (
            try named { () throws(ListColumn.UnknownColumn) in try ListColumn.named(descending ? String(sort.dropFirst()) : sort) },
            descending
        )
    }

    private func named<T>(_ body: () throws(ListColumn.UnknownColumn) -> T) throws -> T {
        do { return try body() } catch {
            throw ValidationError("There is no column \(error.name); waitchain list -H names them.")
        }
    }
}
