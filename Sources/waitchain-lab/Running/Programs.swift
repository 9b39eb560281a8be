import Glibc

/// Where the programs are that a trial needs.
struct Programs: Sendable {
    let hangs: String
    let waitchain: String

    /// Takes those that are named, and for the others those beside the running executable.
    init(hangs: String?, waitchain: String?) throws(LabError) {
        self.hangs = try Programs.find("lab-hangs", hangs)
        self.waitchain = try Programs.find("waitchain", waitchain)
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
