import Diagnosis
import Glibc
import Reports
import Testing
import WaitModel

/// Writes down small worlds: processes, threads, what they wait for.
struct World {
    var threads: [ThreadReport] = []
    var processes: [ProcessReport] = []
    var resources: [Resource] = []
    var findings: [Finding] = []
    var gaps: [Gap] = []

    static func thread(_ pid: Int32, _ tid: Int32? = nil) -> ThreadID {
        let process = ProcessID(pid: pid, startTicks: UInt64(pid) * 10)
        return ThreadID(process: process, tid: tid ?? pid, startTicks: UInt64(tid ?? pid) * 10)
    }

    mutating func add(
        _ id: ThreadID, _ process: String, _ thread: String? = nil, kind: WaitKind, resource: String? = nil, _ description: String = "",
        channel: String? = nil, call: String? = nil, seconds: Double? = nil, state: Character = "S", parties: [Party] = [],
        rule: Release.Rule = .any, isDemand: Bool = false, evidence: [EvidenceItem] = [], stack: [String] = [], executable: String? = nil
    ) {
        threads.append(
            ThreadReport(
                id: id, process: process, thread: thread ?? process, executable: executable ?? "/usr/sbin/" + process,
                state: state.asciiValue ?? 63, container: nil, blockedSeconds: seconds,
                wait: Wait(
                    kind: kind, channel: channel, systemCall: call, resource: resource.map { ResourceID($0) },
                    release: Release(rule, parties),
                    isDemand: isDemand, description: description),
                kernelStack: stack, evidence: evidence))
    }

    func link(_ id: ThreadID) -> ChainLink {
        let wait = threads.first { $0.id == id }?.wait
        return ChainLink(thread: id, kind: wait?.kind ?? .unknown, resource: wait?.resource)
    }

    mutating func find(
        _ cause: Cause, _ kind: Finding.Kind = .chain, certainty: Certainty = .certain, victims: [ThreadID], chain: [ThreadID],
        members: [ThreadID] = [], isDeadlock: Bool = false, outside: Outside? = nil, remedies: [Remedy] = []
    ) {
        let links = chain.map(link)
        findings.append(
            Finding(
                kind: kind, isDeadlock: isDeadlock, certainty: certainty, victims: victims, chain: links, members: members,
                root: chain.last ?? World.thread(1), cause: cause, outside: outside, remedies: remedies))
    }

    var diagnosis: Diagnosis {
        Diagnosis(
            host: HostIdentity(
                hostname: "device-17", kernelRelease: "6.1.0-9-amd64", machine: "x86_64", bootID: "b0",
                observedAtMilliseconds: 1_769_853_600_123,
                source: "live"),
            threads: threads, processes: processes, resources: resources, findings: findings, gaps: gaps)
    }
}

/// Compares with `Golden/NAME.txt`; `UPDATE_GOLDEN=1 swift test` writes the files anew.
func expectGolden(_ text: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation) {
    let directory = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/") + "/Golden"
    let path = "\(directory)/\(name).txt"
    if getenv("UPDATE_GOLDEN") != nil {
        guard let file = fopen(path, "w") else {
            Issue.record("\(path) cannot be written", sourceLocation: sourceLocation)
            return
        }
        fputs(text, file)
        fclose(file)
        return
    }
    guard let file = fopen(path, "r") else {
        Issue.record("\(path) is not there: UPDATE_GOLDEN=1 swift test writes it", sourceLocation: sourceLocation)
        return
    }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    while case let byte = fgetc(file), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
    #expect(text == String(decoding: bytes, as: UTF8.self), "Golden/\(name).txt", sourceLocation: sourceLocation)
}

/// The incident of the README: logger → queue → dispatcher → socket → snmpd, which is stopped.
func story() -> World {
    var world = World()
    let snmpd = World.thread(288)
    let (logger, dispatcher) = (World.thread(306, 311), World.thread(306, 317))
    let others = [World.thread(306, 309), World.thread(306, 310)]
    let queue = "sysv-msg:151273"
    let full = "sends to System V message queue 151273 (16384 of 16384 bytes, 128 messages)"
    let consumer = Party(
        .thread(dispatcher), role: "consumer", certainty: .inferred,
        because: "last process to receive from this queue (lrpid); its other threads are not stuck")
    world.add(snmpd, "snmpd", kind: .jobControlStop, "is stopped by a signal", channel: "do_signal_stop", seconds: 1900, state: "T")
    for (id, name) in [(others[0], "sensors"), (others[1], "watchdog"), (logger, "logger")] {
        world.add(
            id, "statusd", name, kind: .sysvMessageSend, resource: queue, full, channel: "do_msgsnd", call: "msgsnd", seconds: 1850,
            parties: [consumer], isDemand: true,
            evidence: [
                EvidenceItem(source: "/proc/306/task/\(id.tid)/wchan", value: "do_msgsnd"),
                EvidenceItem(source: "msgctl(151273, IPC_STAT)", value: "cbytes=16384 qbytes=16384 qnum=128"),
            ], stack: ["do_msgsnd", "__x64_sys_msgsnd"])
    }
    world.add(
        dispatcher, "statusd", "dispatcher", kind: .unixConnect, resource: "unix:/var/agentx/master",
        "connects to Unix socket /var/agentx/master (6 wait to be accepted, backlog 5)", channel: "unix_wait_for_peer", call: "connect",
        seconds: 1893.2,
        parties: [Party(.process(snmpd.process), role: "listener", certainty: .certain, because: "holds the listening socket")],
        isDemand: true)
    world.resources = [
        Resource(
            id: ResourceID(queue), kind: "sysv-msg-queue", label: "System V message queue 151273",
            facts: [("bytes", .number(16384)), ("bytesLimit", .number(16384)), ("key", .text("0x24ee9")), ("removed", .flag(false))]),
        Resource(id: ResourceID("unix:/var/agentx/master"), kind: "unix-listener", label: "Unix socket /var/agentx/master"),
    ]
    world.processes = [
        ProcessReport(
            id: snmpd.process, name: "snmpd", executable: "/usr/sbin/snmpd", threadCount: 1,
            signals: [
                SignalAnswer(signal: "SIGQUIT", outcome: .cannotAct, because: "the process is stopped"),
                SignalAnswer(signal: "SIGTERM", outcome: .cannotAct, because: "the process is stopped"),
                SignalAnswer(signal: "SIGKILL", outcome: .default, because: ""),
            ]),
        ProcessReport(
            id: logger.process, name: "statusd", executable: "/usr/sbin/statusd", threadCount: 9,
            signals: [
                SignalAnswer(signal: "SIGQUIT", outcome: .blocked, because: "blocked in all 9 threads (SigBlk)"),
                SignalAnswer(signal: "SIGTERM", outcome: .caught, because: "a handler is installed (SigCgt)"),
                SignalAnswer(signal: "SIGKILL", outcome: .default, because: ""),
            ]),
    ]
    let victims = others + [logger, dispatcher]
    world.find(
        .stopped, certainty: .inferred, victims: victims, chain: [logger, dispatcher, snmpd],
        remedies: [
            Remedy(action: .continueProcess(snmpd.process), frees: victims), Remedy(action: .kill(snmpd.process), frees: victims),
        ])
    world.gaps = [Gap(what: "/proc/512/task/512/syscall", why: "EACCES", unlock: "run as root or with CAP_SYS_PTRACE")]
    return world
}
