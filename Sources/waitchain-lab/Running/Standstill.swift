import Glibc

/// Waits until every role stands as the truth says it stands, by looking at procfs.
///
/// A blocked thread is one in state S or D, in the system call that it announced, that was not given a CPU between two
/// looks (third field of `schedstat`), `steadyMicroseconds` apart.
func awaitStandstill(
    _ hangs: LabHangs, states: [String: RoleState], steadyMicroseconds: UInt32, within deadline: Deadline
) throws(LabError) {
    for (name, role) in hangs.roles.sorted(by: { $0.key < $1.key }) {
        while !stands(role, states[name] ?? .blocked, call: hangs.calls[name] ?? -1, steadyMicroseconds) {
            if deadline.isOver { throw .timeout("\(name) (\(role.pid)/\(role.tid)) does not stand \(states[name] ?? .blocked)") }
            usleep(500)
        }
    }
}

private struct Look: Equatable {
    let state: UInt8
    let runs: String
    let call: Int?
}

private func look(at role: LabHangs.Role) -> Look? {
    let directory = "/proc/\(role.pid)/task/\(role.tid)"
    guard let stat = readSmallFile(directory + "/stat"), let end = stat.lastIndex(of: UInt8(ascii: ")")), end + 2 < stat.count
    else { return nil }
    let runs = (readText(directory + "/schedstat") ?? "").split(separator: " ").last.map(String.init) ?? ""
    let call = (readText(directory + "/syscall") ?? "").split(separator: " ").first.flatMap { Int($0) }
    return Look(state: stat[end + 2], runs: runs, call: call)
}

private func stands(_ role: LabHangs.Role, _ expected: RoleState, call: Int, _ steadyMicroseconds: UInt32) -> Bool {
    let first = look(at: role)
    switch expected {
    case .gone: return first == nil
    case .moving: return first != nil
    case .stopped: return first?.state == UInt8(ascii: "T")
    case .traced: return first?.state == UInt8(ascii: "t")
    case .zombie: return first?.state == UInt8(ascii: "Z")
    case .blocked:
        guard let first, first.state == UInt8(ascii: "S") || first.state == UInt8(ascii: "D") else { return false }
        if call >= 0, let seen = first.call, seen != call { return false }
        usleep(steadyMicroseconds)
        return look(at: role) == first
    }
}
