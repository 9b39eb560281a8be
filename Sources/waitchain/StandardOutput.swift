import ArgumentParser
import Glibc

/// Writes everything to standard output with write(2). A reader that went away ends the program quietly, as pipes do; any other
/// error, such as a full disk, is said and ends it with status 2.
func output(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
        if count > 0 {
            rest = rest.dropFirst(count)
        } else if count < 0 && errno == EPIPE {
            throw ExitCode.success
        } else if count < 0 && errno != EINTR {
            let reason = String(cString: strerror(errno))
            warn("standard output: \(reason)")
            throw ExitCode(2)
        }
    }
}

func output(_ text: String) throws { try output(Array(text.utf8)) }

/// One line on standard error.
func warn(_ message: String) {
    let line = Array("waitchain: \(message)\n".utf8)
    _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

/// Text of several lines on standard error, already fit for a terminal.
func warnAtLength(_ text: String) {
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
