import Glibc

extension Need {
    private static func has(_ kind: String) -> String? {
        Need.pidNamespaces.missing ?? (exists("/proc/self/ns/\(kind)") ? nil : "needs \(kind) namespaces")
    }
    static let networkNamespaces = Need { has("net") }
    /// A pair of cards is made by rtnetlink; the module may be missing.
    static let cardPairs = Need {
        has("net")
            ?? (exists("/sys/module/veth") || geteuid() == 0 ? nil : "needs the veth driver (CONFIG_VETH)")
    }
    static let ipcNamespaces = Need { has("ipc") ?? Need.messageQueues.missing }
    static let mountNamespaces = Need { has("mnt") }
    /// Of all kinds at once, a user namespace among them.
    static let containers = Need {
        has("net") ?? has("ipc") ?? has("mnt") ?? (exists("/proc/self/ns/user") ? nil : "needs user namespaces")
            ?? (readSmallFile("/proc/sys/user/max_user_namespaces")?.first == UInt8(ascii: "0") ? "needs user namespaces" : nil)
    }
    /// Choosing the next pid of a namespace (CONFIG_CHECKPOINT_RESTORE).
    static let chosenPIDs = Need {
        if geteuid() != 0 { return "needs root" }
        return exists("/proc/sys/kernel/ns_last_pid") ? has("ipc") : "needs /proc/sys/kernel/ns_last_pid (CONFIG_CHECKPOINT_RESTORE)"
    }
}

private func held(
    _ kind: String, _ resource: String, needs: [Need], _ name: String, _ summary: String, states: [String: RoleState] = [:],
    parties: [PartyTruth] = [.certain("holder")], root: [String]? = ["holder"], cause causes: [String]? = asleep,
    verdict: Verdict = .chainOrRest, remedy: String? = nil
) -> Scenario {
    Scenario(
        name, summary, needs: needs, states: states,
        Truth([kind], resource, on: parties, root: root, cause: causes, verdict: verdict, remedy: remedy))
}

private func unanswered(_ kind: String, _ resource: String, _ name: String, _ summary: String, states: [String: RoleState] = [:])
    -> Scenario
{
    Scenario(
        name, summary, needs: [.cardPairs], states: states,
        Truth([kind], resource, on: [], root: ["victim"], cause: ["external"], verdict: .chainOrRest))
}

/// Hangs whose parties live in namespaces of their own, and numbers and names that mean something else there.
let namespaces: [Scenario] = [
    held("tcp-receive", "tcp:*", needs: [.networkNamespaces], "netns-tcp", "both ends in a network namespace of their own"),
    held(
        "tcp-send", "tcp:*", needs: [.networkNamespaces], "netns-tcp-send", "the same, and the peer does not read", verdict: .chain),
    held(
        "udp-receive", "udp:*", needs: [.networkNamespaces], "netns-udp", "a question to a server in the same network namespace",
        verdict: .chain),
    held("unix-receive", "unix:*", needs: [.networkNamespaces], "netns-unix-pair", "a Unix socket pair of another network namespace"),
    unanswered("tcp-connect", "tcp:10.*", "netns-connect-unanswered", "connects to an address that answers nothing"),
    unanswered("udp-receive", "udp:10.*", "netns-udp-unanswered", "asks an address that answers nothing"),
    held("tcp-receive", "tcp:10.*", needs: [.cardPairs], "netns-veth", "the peer sleeps in another network namespace"),
    held(
        "tcp-receive", "tcp:10.*", needs: [.cardPairs], "netns-veth-stopped", "the peer is stopped in another network namespace",
        states: ["holder": .stopped], cause: stopped, verdict: .chain, remedy: "kill -CONT {pid:holder}"),
    held(
        "tcp-send", "tcp:10.*", needs: [.cardPairs], "netns-veth-send", "the peer in another network namespace does not read",
        verdict: .chain),
    held(
        "tcp-receive", "tcp:10.*", needs: [.cardPairs], "netns-veth-unaccepted",
        "a server in another network namespace has not accepted the connection, as far as addresses tell", parties: [.inferred("holder")]),
    unanswered(
        "tcp-receive", "tcp:10.*", "netns-cable-cut", "the answer's sender is cut off, and acknowledges nothing",
        states: ["peer": .gone]),
    unanswered(
        "tcp-send", "tcp:10.*", "netns-cable-cut-send", "sends to a peer that is cut off", states: ["peer": .gone]),
    held(
        "tcp-receive", "tcp:10.*", needs: [.cardPairs], "netns-same-addresses", "two pairs of namespaces use the same addresses and ports",
        parties: [.possible("holder"), .atMost(.possible, "twin")], root: ["holder", "twin"]),
    held(
        "unix-connect", "unix:{path}*", needs: [.networkNamespaces], "netns-abstract-twice",
        "the same abstract name in two network namespaces", verdict: .chain),
    held(
        "unix-connect", "unix:{path}", needs: [.networkNamespaces], "netns-unix-path",
        "a path whose socket was made in another network namespace",
        verdict: .chain),
    held("unix-connect", "unix:{path}", needs: [], "unix-path-twice", "a server was started anew at the same path", verdict: .chain),
    held(
        "unix-connect", "unix:{path}*", needs: [.mountNamespaces], "mntns-unix-path", "the same path in two mount namespaces",
        verdict: .chain),
    held(
        "sysv-msg-send", "sysv-msg:{queue}@ipc:*", needs: [.ipcNamespaces], "ipcns-send", "a full queue of another ipc namespace",
        parties: [.inferred("holder")], verdict: .chain),
    held(
        "sysv-msg-send", "sysv-msg:{queue}@ipc:*", needs: [.ipcNamespaces], "ipcns-same-id",
        "a queue of the same number in a third ipc namespace has another last receiver", parties: [.inferred("holder")], verdict: .chain),
    Scenario(
        "ipcns-semaphore", "a semaphore of another ipc namespace", needs: [.ipcNamespaces],
        Truth(["sysv-sem"], "sysv-sem:{set}*", on: [], root: ["victim"], cause: nobody, verdict: .chainOrRest)),
    held(
        "sysv-msg-send", "sysv-msg:{queue}@ipc:*", needs: [.containers, .ipcNamespaces], "container-queue",
        "a full queue in pid, net, ipc, mount and user namespaces of their own", parties: [.inferred("holder")], verdict: .chain),
    held("tcp-receive", "tcp:*", needs: [.containers], "container-tcp", "a TCP peer in the same container"),
    held(
        "unix-connect", "unix:/tmp/server*", needs: [.containers], "container-unix-connect",
        "a path below a mount of the container's own", verdict: .chain),
    held(
        "sysv-msg-send", "sysv-msg:{queue}@ipc:*", needs: [.chosenPIDs], "pid-reused", "the last receiver's number is somebody else's now",
        states: ["receiver": .gone], parties: [], root: ["victim"], cause: nobody),
    held(
        "sysv-msg-send", "sysv-msg:{queue}@ipc:*", needs: [.chosenPIDs], "pid-reused-at-once",
        "the last receiver's number is somebody else's since the same second", states: ["receiver": .gone],
        parties: [.atMost(.inferred, "bystander")], root: nil, cause: nil),
]
