import CLinux
import Glibc

/// Where log lines go.
public enum LogDestination: Hashable, Sendable {
    case file(String)
    /// The standard input of a shell command.
    case pipe(command: String)

    /// Reads `pipe:COMMAND`, or else takes the text as a path.
    public init(_ text: String) {
        if text.hasPrefix("pipe:") {
            self = .pipe(command: String(text.dropFirst("pipe:".count)))
        } else {
            self = .file(text)
        }
    }
}

/// An open log file, or a pipe to a command that reads the log.
final class LogSink: Sendable {
    /// The process behind the pipe.
    let reader: pid_t?
    private let descriptor: CInt

    init(_ destination: LogDestination) throws {
        switch destination {
        case .file(let path):
            reader = nil
            descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw SystemCallError("open", path) }
        case .pipe(let command):
            var ends: [CInt] = [-1, -1]
            guard cl_pipe(&ends) == 0 else { throw SystemCallError("pipe2", command) }
            defer { close(ends[0]) }
            do {
                reader = try startShell(command, standardInput: ends[0])
            } catch {
                close(ends[1])
                throw error
            }
            descriptor = ends[1]
        }
    }

    /// Writes all of `text`, and waits for the reader as long as it takes. Gives up when the device is to stop.
    func write(_ text: String, stop: StopFlag) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty, !stop.isSet {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                return
            }
        }
    }

    /// Closes the log, and ends and collects the command behind a pipe.
    func finish() {
        close(descriptor)
        guard let reader else { return }
        kill(reader, SIGTERM)
        while waitpid(reader, nil, 0) < 0, errno == EINTR {}
    }
}

/// Starts `sh -c command` with no signal blocked.
private func startShell(_ command: String, standardInput: CInt) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, standardInput, 0)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    var defaults = none
    sigaddset(&defaults, SIGPIPE)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

    var arguments: [UnsafeMutablePointer<CChar>?] = ["/bin/sh", "-c", command].map { (word: String) in strdup(word) }
    arguments.append(nil)
    defer { for argument in arguments { free(argument) } }
    var child: pid_t = 0
    let code = posix_spawn(&child, "/bin/sh", &actions, &attributes, &arguments, environ)
    guard code == 0 else { throw SystemCallError("posix_spawn", command, code: code) }
    return child
}
