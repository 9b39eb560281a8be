import Glibc

extension Need {
    static let netlinkTable = Need { exists("/proc/self/net/netlink") ? nil : "needs /proc/PID/net/netlink" }
    static let ipv6 = Need { exists("/proc/self/net/if_inet6") ? nil : "needs IPv6" }
    static let multipathTCP = Need {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 262)
        guard fd >= 0 else { return "needs MPTCP (CONFIG_MPTCP, net.mptcp.enabled)" }
        close(fd)
        return nil
    }
}

private func tcp(
    _ kind: String, _ parties: [PartyTruth] = [.certain("holder")], root: [String]? = ["holder"], cause causes: [String]? = asleep,
    verdict: Verdict = .chainOrRest, remedy: String? = nil
) -> Truth {
    Truth([kind], "tcp:*", on: parties, root: root, cause: causes, verdict: verdict, remedy: remedy)
}

private func atRestIn(_ kind: String, _ resource: String) -> Truth {
    Truth([kind], resource, on: [], root: ["victim"], cause: ["idle"], verdict: .rest)
}

/// TCP, UDP and netlink on this host's own network.
let internetSockets: [Scenario] = [
    Scenario("tcp-receive", "the peer sleeps", tcp("tcp-receive")),
    Scenario(
        "tcp-receive-stopped", "the peer is stopped", states: ["holder": .stopped],
        tcp("tcp-receive", cause: stopped, verdict: .chain, remedy: "kill -CONT {pid:holder}")),
    Scenario(
        "tcp-receive-two-holders", "two processes have the other end",
        tcp("tcp-receive", [.possible("holder-1"), .possible("holder-2")], root: ["holder-1", "holder-2"])),
    Scenario("tcp-send-full", "the peer does not read", tcp("tcp-send", verdict: .chain)),
    Scenario(
        "tcp-send-stopped", "the peer does not read, since it is stopped", states: ["holder": .stopped],
        tcp("tcp-send", cause: stopped, verdict: .chain, remedy: "kill -CONT {pid:holder}")),
    Scenario(
        "tcp-mutual-receive", "two processes wait for each other's answer",
        tcp("tcp-receive", root: ["victim", "holder"], cause: deadlocked, verdict: .deadlock)),
    Scenario(
        "tcp-mutual-send", "two processes send, and none reads",
        tcp("tcp-send", root: ["victim", "holder"], cause: deadlocked, verdict: .deadlock)),
    Scenario("tcp-unaccepted", "connected, but not accepted yet, and waiting for an answer", tcp("tcp-receive", verdict: .chain)),
    Scenario("tcp-connect-full", "connects to a server whose queue of clients is full", tcp("tcp-connect", verdict: .chain)),
    Scenario(
        "tcp-reuseport", "two servers share the port; the connection waits at one of them",
        tcp(
            "tcp-receive", [.atMost(.certain, "holder-1"), .atMost(.certain, "holder-2")], root: ["holder-1", "holder-2"],
            verdict: .chain)),
    Scenario("tcp-accept-idle", "a server without clients", atRestIn("tcp-accept", "tcp:*")),
    Scenario("tcp-mapped-addresses", "an IPv6 socket talks to an IPv4 server", needs: [.ipv6], tcp("tcp-receive")),
    Scenario("tcp-ipv6", "the peer sleeps, over IPv6", needs: [.ipv6], tcp("tcp-receive")),
    Scenario(
        "tcp-in-flight", "the other end sits in a message that nobody has received",
        tcp("tcp-receive", [.atMost(.certain, "holder")], root: nil, cause: ["in-flight-fd", "no-counterpart", "sleeping"])),
    Scenario(
        "tcp-close-linger", "closes a connection and lingers, while the peer reads nothing",
        Truth(
            ["socket-other"], nil, on: [.inferred("holder")], root: nil, cause: ["sleeping", "timer", "external"], verdict: .chainOrRest)),
    Scenario("tcp-sendfile", "sendfile to a peer that does not read", tcp("tcp-send", verdict: .chain)),
    Scenario("tcp-splice", "splice from a peer that sends nothing", tcp("tcp-receive")),
    Scenario(
        "udp-query", "a question to a server that sleeps",
        Truth(["udp-receive"], "udp:*", on: [.certain("holder")], root: ["holder"], cause: asleep, verdict: .chain)),
    Scenario(
        "udp-query-stopped", "a question to a server that is stopped", states: ["holder": .stopped],
        Truth(
            ["udp-receive"], "udp:*", on: [.certain("holder")], root: ["holder"], cause: stopped, verdict: .chain,
            remedy: "kill -CONT {pid:holder}")),
    Scenario("udp-idle", "a server without questions", atRestIn("udp-receive", "udp:*")),
    Scenario(
        "netlink-route", "waits for the kernel's news of the network", needs: [.netlinkTable], atRestIn("netlink-receive", "netlink:*")),
    Scenario(
        "netlink-user", "waits for a message from another program", needs: [.netlinkTable],
        Truth(
            ["netlink-receive"], "netlink:*", on: [.atMost(.possible, "holder")], othersAllowed: true, root: nil, cause: nil,
            verdict: .chainOrRest)),
    Scenario("packet-receive", "waits for packets of a network card", needs: [.root], atRestIn("socket-other", "socket:*")),
    Scenario("raw-receive", "waits for packets of an IP protocol", needs: [.root], atRestIn("socket-other", "socket:*")),
    Scenario(
        "mptcp-receive", "the peer sleeps, over MPTCP", needs: [.multipathTCP],
        Truth(
            ["socket-other", "tcp-receive"], nil, on: [.atMost(.certain, "holder")], root: nil, cause: nil, verdict: .chainOrRest)),
]
