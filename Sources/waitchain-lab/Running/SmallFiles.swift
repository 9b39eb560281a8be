import Glibc

/// The bytes of a small file, a file of procfs in most cases; nil when it cannot be read.
func readSmallFile(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = read(descriptor, &block, block.count)
        guard count >= 0 else { return nil }
        if count == 0 { return bytes }
        bytes += block[..<count]
    }
}

/// The text of a small file.
func readText(_ path: String) -> String? {
    readSmallFile(path).map { String(decoding: $0, as: UTF8.self) }
}

/// Whether `path` is there for us.
func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

/// Writes `bytes` to a new file at `path`.
func writeFile(_ path: String, _ bytes: [UInt8]) throws(LabError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .cannot("write \(path)", errno) }
    defer { close(descriptor) }
    var rest = bytes[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard count > 0 else { throw .cannot("write \(path)", errno) }
        rest = rest.dropFirst(count)
    }
}

/// What goes wrong with the lab itself, as opposed to with the tool that it checks.
enum LabError: Error, CustomStringConvertible {
    case cannot(String, Int32)
    case timeout(String)
    case hangs(String)

    var description: String {
        switch self {
        case .cannot(let what, let code): "cannot \(what): \(String(cString: strerror(code)))"
        case .timeout(let what): "took too long: \(what)"
        case .hangs(let what): "lab-hangs: \(what)"
        }
    }
}

/// A moment of the monotonic clock by which something must have happened.
struct Deadline: Sendable {
    private let nanoseconds: UInt64

    init(seconds: Double) { nanoseconds = Deadline.now() + UInt64(seconds * 1e9) }

    /// Time that is left, for poll(2); 0 when there is none.
    var milliseconds: Int32 {
        let now = Deadline.now()
        return now >= nanoseconds ? 0 : Int32(clamping: (nanoseconds - now) / 1_000_000 + 1)
    }

    var isOver: Bool { Deadline.now() >= nanoseconds }

    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
