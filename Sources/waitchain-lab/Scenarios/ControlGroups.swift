import Glibc

extension Need {
    /// A mounted cgroup hierarchy in which root may make groups that have this file.
    fileprivate static func controlGroups(_ controller: String?, file: String) -> Need {
        Need {
            guard geteuid() == 0 else { return "needs root" }
            let name = controller.map { "cgroup v1 controller \($0)" } ?? "cgroup v2"
            guard let point = mountPoint(controller) else { return "needs \(name), mounted" }
            let probe = "\(point)/lab-probe-\(getpid())"
            guard mkdir(probe, 0o755) == 0 else { return "needs \(name), writable" }
            defer { rmdir(probe) }
            return exists("\(probe)/\(file)") ? nil : "needs \(file) of \(name)"
        }
    }

    fileprivate static let freezer = controlGroups("freezer", file: "freezer.state")
    fileprivate static let unifiedFreezer = controlGroups(nil, file: "cgroup.freeze")
    fileprivate static let cpuQuota = controlGroups("cpu", file: "cpu.cfs_quota_us")
    fileprivate static let memoryLimit = controlGroups("memory", file: "memory.oom_control")
}

/// Where a v1 controller, or for nil the unified hierarchy, is mounted.
private func mountPoint(_ controller: String?) -> String? {
    for line in (readText("/proc/self/mountinfo") ?? "").split(separator: "\n") {
        let words = line.split(separator: " ")
        guard words.count > 6, let dash = words.firstIndex(of: "-"), dash + 3 < words.count else { continue }
        let isRight =
            controller.map { words[dash + 1] == "cgroup" && words[dash + 3].split(separator: ",").contains(Substring($0)) }
            ?? (words[dash + 1] == "cgroup2")
        if isRight { return String(words[4]) }
    }
    return nil
}

private let frozen = ["frozen"]

private func frozenWriter(_ name: String, _ summary: String, _ need: Need, _ remedy: String) -> Scenario {
    Scenario(
        name, summary, needs: [need],
        Truth(["pipe-read"], "pipe:[{pipe}]", on: [.certain("holder")], root: ["holder"], cause: frozen, verdict: .chain, remedy: remedy))
}

/// What a cgroup holds up: frozen, out of CPU quota, out of memory; and endings that a frozen thread delays.
let controlGroups: [Scenario] = [
    frozenWriter(
        "frozen-v2", "an empty pipe, its writer is frozen (cgroup v2)", .unifiedFreezer, "echo 0 > {group}/cgroup.freeze"),
    frozenWriter(
        "frozen-v2-above", "the cgroup above its writer's is frozen", .unifiedFreezer, "echo 0 > {group}/cgroup.freeze"),
    Scenario(
        "frozen-v2-spinner", "frozen while it computed", needs: [.unifiedFreezer],
        Truth(["frozen"], root: ["victim"], cause: frozen, verdict: .chain, remedy: "echo 0 > {group}/cgroup.freeze")),
    frozenWriter(
        "frozen-v1", "an empty pipe, its writer is frozen (cgroup v1)", .freezer, "echo THAWED > {group}/freezer.state"),
    frozenWriter(
        "frozen-v1-above", "the cgroup above its writer's is frozen (v1)", .freezer, "echo THAWED > {group}/freezer.state"),
    Scenario(
        "frozen-v1-spinner", "frozen while it computed (v1)", needs: [.freezer],
        Truth(["frozen"], root: ["victim"], cause: frozen, verdict: .chain, remedy: "echo THAWED > {group}/freezer.state")),
    Scenario(
        "frozen-v1-thread", "one thread is frozen with a mutex that another wants", needs: [.freezer],
        Truth(["futex-mutex"], on: [.certain("holder")], root: ["holder"], cause: frozen, verdict: .chain)),
    Scenario(
        "thawed-v2", "a thread in pause whose cgroup was frozen and thawed", needs: [.unifiedFreezer],
        Truth(["pause", "poll"], root: ["victim"], cause: atRest, verdict: .chainOrRest)),
    Scenario(
        "cpu-quota", "an empty pipe, its writer is out of CPU quota", needs: [.cpuQuota], states: ["holder": .moving],
        Truth(
            ["pipe-read"], "pipe:[{pipe}]", on: [.certain("holder")], root: ["holder"], cause: ["throttled"], verdict: .chainOrRest,
            chain: ["pipe-read", "cpu-throttled"])),
    Scenario(
        "memory-limit-v1", "a cgroup at its memory limit with the OOM killer off", needs: [.memoryLimit],
        Truth(["memcg-oom"], "memory-limit:{group}", on: [], root: ["victim"], cause: ["memory-limit"], verdict: .chain)),
    Scenario(
        "starved-idle-class", "a thread of the idle class on a CPU that others have", needs: [.root],
        states: ["holder": .moving, "hog": .moving, "hog-2": .moving],
        Truth(
            ["pipe-read"], "pipe:[{pipe}]", on: [.certain("holder")], root: ["holder"], cause: ["starved"], verdict: .chainOrRest)),
    Scenario(
        "exec-wait", "execve waits for a thread that is frozen", needs: [.freezer],
        Truth(["exec-wait"], on: [.certain("holder")], rule: "all", root: ["holder"], cause: frozen, verdict: .chain)),
    Scenario(
        "exit-wait", "the awaited child has ended but for a frozen thread", needs: [.freezer], states: ["leader": .zombie],
        Truth(["child-exit"], on: [.certain("leader")], root: ["holder"], cause: frozen, verdict: .chain)),
    Scenario(
        "core-dump-wait", "a core dump waits for a thread that is frozen", needs: [.freezer],
        Truth(["unknown"], on: [.certain("holder")], rule: "all", root: ["holder"], cause: frozen, verdict: .chain)),
    Scenario(
        "pid-namespace-ends", "the first process of a pid namespace waits for a frozen one", needs: [.freezer],
        Truth(["child-exit"], on: [.certain("holder")], rule: "all", root: ["holder"], cause: frozen, verdict: .chain)),
]
