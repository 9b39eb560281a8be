import Glibc

/// Where the programs are that a trial needs.
struct Programs: Sendable {
    let hangs: String
    let waitchain: String
    /// Where programs in other languages are; nil where nobody has built any.
    private let directory: String?

    /// Takes those that are named, and for the others those beside the running executable.
    init(hangs: String?, waitchain: String?, directory: String?) throws(LabError) {
        self.hangs = try Programs.find("lab-hangs", hangs)
        self.waitchain = try Programs.find("waitchain", waitchain)
        self.directory = directory ?? Programs.builtDirectory()
    }

    /// The program that makes a scenario's hang; nil where it is not there.
    func maker(of scenario: Scenario) -> String? {
        guard let name = scenario.program else { return hangs }
        guard let path = directory.map({ $0 + "/" + name }), access(path, X_OK) == 0 else { return nil }
        return path
    }

    /// Why a scenario cannot be played here; nil where it can. What `scripts/lab-programs.sh` could not build, it left a note about.
    func missing(for scenario: Scenario) -> String? {
        if let need = scenario.needs.compactMap(\.missing).first { return need }
        guard let name = scenario.program, maker(of: scenario) == nil else { return nil }
        let note = directory.flatMap { readText($0 + "/" + name + ".missing") }.map(firstLine)
        return "needs \(name): scripts/lab-programs.sh \(note ?? "builds it")"
    }

    /// `.build-lab` beside the running executable or in a directory above it: the checkout's.
    private static func builtDirectory() -> String? {
        var place = directoryOfExecutable()
        while let slash = place.lastIndex(of: "/") {
            if access(place + "/.build-lab", X_OK) == 0 { return place + "/.build-lab" }
            place = String(place[..<slash])
        }
        return nil
    }

    private static func find(_ name: String, _ given: String?) throws(LabError) -> String {
        let path = given ?? directoryOfExecutable() + "/" + name
        guard access(path, X_OK) == 0 else { throw .cannot("run \(path)", errno) }
        return path
    }

    private static func directoryOfExecutable() -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        let path = String(decoding: buffer.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
        return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }
}
