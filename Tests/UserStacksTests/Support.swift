import Evidence
import Glibc
import ProcFS
import Testing

@testable import UserStacks

/// A directory of its own that goes away with the value.
final class Scratch {
    let path: String

    init() throws {
        var template = Array("/tmp/waitchain-stacks-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw Failure("mkdtemp") }
        path = String(cString: made)
    }

    deinit { _ = run(["rm", "-rf", path]) }

    func write(_ name: String, _ text: String) throws {
        guard let file = fopen("\(path)/\(name)", "w") else { throw Failure("fopen \(name)") }
        fputs(text, file)
        fclose(file)
    }

    /// Builds a program of the list; nil when the toolchain is missing or refuses an option.
    func compile(_ listed: ListedProgram) throws -> String? {
        guard isInstalled(String(listed.command.split(separator: " ")[0])) else { return nil }
        let name = listed.source.hasSuffix(".in") ? String(listed.source.dropLast(3)) : listed.source
        try write(name, TestPrograms.source(listed.source))
        let environment = "GO111MODULE=off GOFLAGS= GOCACHE=/tmp/waitchain-stacks-go"
        let status = run(["sh", "-c", "cd \(path) && \(environment) \(listed.command) -o program \(name) 2>messages"])
        return status == 0 ? "\(path)/program" : nil
    }

    /// Compiles `source`; nil when the compiler is missing or refuses an option.
    func compile(_ source: String, as language: String = "c", with arguments: [String], output: String = "program") throws -> String? {
        try write("source.\(language)", source)
        let status = run(["sh", "-c", "cd \(path) && \(arguments.joined(separator: " ")) source.\(language) -o \(output) 2>messages"])
        return status == 0 ? "\(path)/\(output)" : nil
    }
}

struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Runs a command to its end; its exit status.
@discardableResult
func run(_ arguments: [String]) -> Int32 {
    guard let pid = spawn(arguments, output: nil) else { return -1 }
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    return status
}

/// What a command prints.
func output(of arguments: [String]) -> String {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0, let pid = spawn(arguments, output: ends[1]) else { return "" }
    close(ends[1])
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
        let got = read(ends[0], &buffer, buffer.count)
        if got <= 0 { break }
        text += buffer[..<got]
    }
    close(ends[0])
    var status: Int32 = 0
    waitpid(pid, &status, 0)
    return String(decoding: text, as: UTF8.self)
}

func isInstalled(_ tool: String) -> Bool { run(["sh", "-c", "command -v \(tool) >/dev/null 2>&1"]) == 0 }

private func spawn(_ arguments: [String], output: Int32?) -> pid_t? {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let output { posix_spawn_file_actions_adddup2(&actions, output, 1) }
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    // Test runners block signals in their threads, and children inherit that.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var pid: pid_t = 0
    return posix_spawnp(&pid, arguments[0], &actions, &attributes, &words, environ) == 0 ? pid : nil
}

/// A program that prints `ready`, then blocks. Ended with the value.
final class Blocked {
    let pid: pid_t

    init(_ arguments: [String]) throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Failure("pipe") }
        guard let pid = spawn(arguments, output: ends[1]) else { throw Failure("cannot run \(arguments)") }
        self.pid = pid
        close(ends[1])
        defer { close(ends[0]) }
        var byte: UInt8 = 0
        while read(ends[0], &byte, 1) == 1, byte != 0x0A {}
    }

    deinit {
        kill(pid, SIGKILL)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
    }

    /// The stacks once every thread has been seen blocked twice in the same run.
    func stacks(threads: Int? = nil) throws -> [(thread: ThreadReading, stack: UserStack)] {
        let end = MonotonicClock.now() + 20_000_000_000
        while MonotonicClock.now() < end {
            let host = Host(source: HostSource())
            host.observe([pid])
            guard let process = host.process(pid) else { throw Failure("gone") }
            usleep(20_000)
            let settled = process.threads.allSatisfy { $0.systemCall != nil } && host.moved(among: process.threads).isEmpty
            guard settled, process.threads.count == threads ?? process.threads.count else { continue }
            let stacks = StackReader(host: host).stacks(of: process.threads)
            let found = zip(process.threads, stacks).compactMap { thread, stack in stack.map { (thread, $0) } }
            guard found.count == process.threads.count, found.allSatisfy({ $0.1.problem != .moved }) else { continue }
            return found
        }
        throw Failure("threads of \(pid) did not come to rest")
    }
}

extension UserStack {
    /// The functions of the program, innermost first: what lies outside the C library and the languages' runtimes.
    func names(in known: Set<String>) -> [String] { frames.compactMap { $0.function }.filter { known.contains($0) } }

    var text: String {
        frames.map { "\($0.function ?? "?")+\($0.offset)\($0.isGuessed ? " guessed" : "")" }.joined(separator: "\n")
            + "\n\(isComplete ? "complete" : problem?.description ?? "incomplete")"
    }
}
