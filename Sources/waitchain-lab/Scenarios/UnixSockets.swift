private func connects(cause causes: [String]? = asleep, remedy: String? = nil) -> Truth {
    Truth(["unix-connect"], "unix:{path}", on: [.certain("holder")], root: ["holder"], cause: causes, verdict: .chain, remedy: remedy)
}

private func talks(
    _ kind: String, _ parties: [PartyTruth] = [.certain("holder")], root: [String]? = ["holder"], cause causes: [String]? = asleep,
    verdict: Verdict = .chainOrRest, remedy: String? = nil
) -> Truth {
    Truth([kind], "unix:*", on: parties, root: root, cause: causes, verdict: verdict, remedy: remedy)
}

/// Listeners that do not accept, peers that neither read nor write.
let unixSockets: [Scenario] = [
    Scenario("unix-connect", "a full backlog, the server sleeps", connects()),
    Scenario("unix-connect-seqpacket", "the same with SOCK_SEQPACKET", connects()),
    Scenario("unix-connect-abstract", "the same with an abstract name", connects()),
    Scenario(
        "unix-connect-stopped", "a full backlog, the server is stopped", states: ["holder": .stopped],
        connects(cause: stopped, remedy: "kill -CONT {pid:holder}")),
    Scenario("unix-listener-shut-down", "the listener was shut down under a client that waited already", connects(cause: nil)),
    Scenario("unix-not-accepted", "connected, but not accepted yet, and waiting for an answer", talks("unix-receive")),
    Scenario("unix-accept-idle", "a server without clients", Truth(["unix-accept"], "unix:*", cause: ["idle"], verdict: .rest)),
    Scenario("unix-receive", "the peer sleeps", talks("unix-receive")),
    Scenario(
        "unix-receive-stopped", "the peer is stopped", states: ["holder": .stopped],
        talks("unix-receive", cause: stopped, verdict: .chain, remedy: "kill -CONT {pid:holder}")),
    Scenario(
        "unix-receive-two-peers", "two processes have the other end",
        talks("unix-receive", [.possible("holder-1"), .possible("holder-2")], root: ["holder-1", "holder-2"])),
    Scenario("unix-send-full", "a stream that the peer does not read", talks("unix-send")),
    Scenario("unix-send-datagram", "datagrams that the peer does not read", talks("unix-send")),
    Scenario("unix-send-unconnected", "sendto to a name whose owner does not read", talks("unix-send")),
    Scenario(
        "unix-mutual-receive", "two processes wait for each other's answer",
        talks("unix-receive", root: ["victim", "holder"], cause: deadlocked, verdict: .deadlock)),
    Scenario(
        "unix-mutual-send", "two processes send, and none reads",
        talks("unix-send", root: ["victim", "holder"], cause: deadlocked, verdict: .deadlock)),
    Scenario(
        "unix-in-flight", "the other end sits in a message that nobody has received",
        Truth(
            ["unix-receive"], "unix:*", on: [.atMost(.certain, "holder")], othersAllowed: true, root: nil,
            cause: ["in-flight-fd", "no-counterpart", "sleeping"], verdict: .chainOrRest)),
]
