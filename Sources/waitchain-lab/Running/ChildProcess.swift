import CLinux
import Glibc

/// A program that was started, with pipes to its standard input, output and error.
///
/// The pipes are opened close-on-exec, so that programs started at the same time do not keep each other's.
final class ChildProcess: Sendable {
    let pid: pid_t
    private let input: Int32
    private let output: Int32
    private let errors: Int32

    /// What a program said and how it ended.
    struct Outcome: Sendable {
        /// The exit status; 128 + the signal's number when a signal ended it.
        let status: Int32
        let output: [UInt8]
        let errors: String
    }

    init(_ arguments: [String]) throws(LabError) {
        let input = try openPipe()
        let output = try openPipe()
        let errors = try openPipe()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input.read, 0)
        posix_spawn_file_actions_adddup2(&actions, output.write, 1)
        posix_spawn_file_actions_adddup2(&actions, errors.write, 2)
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        defer { for word in words { free(word) } }
        words.append(nil)
        var started: pid_t = 0
        let code = posix_spawn(&started, arguments[0], &actions, nil, words, environ)
        close(input.read)
        close(output.write)
        close(errors.write)
        guard code == 0 else {
            close(input.write)
            close(output.read)
            close(errors.read)
            throw .cannot("start \(arguments[0])", code)
        }
        pid = started
        self.input = input.write
        self.output = output.read
        self.errors = errors.read
    }

    deinit {
        close(output)
        close(errors)
    }

    /// Reads its output up to and with the line `last`.
    func lines(upTo last: String, within deadline: Deadline) throws(LabError) -> [String] {
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 4096)
        while true {
            let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast()
            if lines.contains(where: { $0.elementsEqual(last.utf8) }) { return lines.map { String(decoding: $0, as: UTF8.self) } }
            guard wait(for: output, deadline) else { throw .timeout("the line “\(last)”") }
            let count = read(output, &block, block.count)
            guard count > 0 else { throw .hangs(firstLine(drained(errors))) }
            bytes += block[..<count]
        }
    }

    /// Ends its standard input, reads all that it says and waits for its end; kills it at the deadline.
    func finish(within deadline: Deadline) throws(LabError) -> Outcome {
        close(input)
        var said: [UInt8] = []
        var complained: [UInt8] = []
        var isOutputOpen = true
        var isErrorsOpen = true
        var block = [UInt8](repeating: 0, count: 65536)
        while isOutputOpen || isErrorsOpen {
            var members = [
                pollfd(fd: isOutputOpen ? output : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: isErrorsOpen ? errors : -1, events: Int16(POLLIN), revents: 0),
            ]
            if poll(&members, 2, deadline.milliseconds) == 0 {
                kill(pid, SIGKILL)
                _ = reap()
                throw .timeout("process \(pid)")
            }
            if members[0].revents != 0 {
                let count = read(output, &block, block.count)
                if count > 0 { said += block[..<count] } else { isOutputOpen = false }
            }
            if members[1].revents != 0 {
                let count = read(errors, &block, block.count)
                if count > 0 { complained += block[..<count] } else { isErrorsOpen = false }
            }
        }
        return Outcome(status: reap(), output: said, errors: String(decoding: complained, as: UTF8.self))
    }

    private func reap() -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) == -1 && errno == EINTR { continue }
        return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
    }

    private func wait(for descriptor: Int32, _ deadline: Deadline) -> Bool {
        var member = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while true {
            let count = poll(&member, 1, deadline.milliseconds)
            if count > 0 { return true }
            if count == 0 || errno != EINTR { return false }
        }
    }

    private func drained(_ descriptor: Int32) -> String {
        var block = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &block, block.count)
        return count > 0 ? String(decoding: block[..<count], as: UTF8.self) : "ended without a word"
    }
}

private func openPipe() throws(LabError) -> (read: Int32, write: Int32) {
    var ends: [Int32] = [-1, -1]
    guard cl_pipe(&ends) == 0 else { throw .cannot("make a pipe", errno) }
    return (ends[0], ends[1])
}

/// The first line of a text, without white space around it.
func firstLine(_ text: String) -> String {
    String(text.prefix { $0 != "\n" })
}
