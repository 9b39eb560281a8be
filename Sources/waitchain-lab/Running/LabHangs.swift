import Glibc

/// A hang that stands: `lab-hangs NAME`, with the roles and facts that it told.
final class LabHangs: Sendable {
    /// One thread that plays a role.
    struct Role: Sendable, Hashable {
        let pid: Int
        let tid: Int
    }

    let roles: [String: Role]
    let facts: [String: String]
    /// The system call that a role said it stands in; -1 for any.
    let calls: [String: Int]
    private let process: ChildProcess

    /// Starts the scenario and waits until it says that it is ready.
    init(_ scenario: String, program: String) throws(LabError) {
        let process = try ChildProcess([program, scenario])
        self.process = process
        var roles: [String: Role] = [:]
        var facts: [String: String] = [:]
        var calls: [String: Int] = [:]
        let lines: [String]
        do throws(LabError) {
            lines = try process.lines(upTo: "ready", within: Deadline(seconds: 30))
        } catch {
            _ = try? process.finish(within: Deadline(seconds: 10))
            throw error
        }
        for line in lines {
            let words = line.split(separator: " ", maxSplits: 4).map(String.init)
            switch words.first {
            case "role" where words.count == 4:
                roles[words[1]] = Role(pid: Int(words[2]) ?? 0, tid: Int(words[3]) ?? 0)
            case "fact" where words.count >= 3:
                facts[words[1]] = words[2...].joined(separator: " ")
            case "waits" where words.count >= 4:
                calls[words[1]] = Int(words[3]) ?? -1
            default: break
            }
        }
        self.roles = roles
        self.facts = facts
        self.calls = calls
    }

    /// Ends the hang: its standard input ends, and it clears up after itself.
    func end() throws(LabError) {
        let outcome = try process.finish(within: Deadline(seconds: 20))
        guard outcome.status == 0 else { throw .hangs("ended with status \(outcome.status): \(firstLine(outcome.errors))") }
    }

    /// Replaces `{KEY}` by the fact of that name, `{pid:ROLE}` and `{tid:ROLE}` by the role's process and thread.
    func filled(_ pattern: String) -> String {
        var result = ""
        var rest = pattern[...]
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            result += rest[..<open]
            let key = String(rest[rest.index(after: open)..<close])
            if key.hasPrefix("pid:") {
                result += roles[String(key.dropFirst(4))].map { String($0.pid) } ?? "{\(key)}"
            } else if key.hasPrefix("tid:") {
                result += roles[String(key.dropFirst(4))].map { String($0.tid) } ?? "{\(key)}"
            } else {
                result += facts[key] ?? "{\(key)}"
            }
            rest = rest[rest.index(after: close)...]
        }
        return result + rest
    }

    /// The role that a thread plays.
    func name(pid: Int, tid: Int?) -> String {
        let playing = roles.filter { $0.value.pid == pid && (tid == nil || $0.value.tid == tid) }.keys.sorted()
        return playing.first ?? "\(pid)/\(tid.map { String($0) } ?? "*")"
    }
}
