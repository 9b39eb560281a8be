import UserStacks
import WaitModel

/// What was found out about a host, or about some of its threads, at one moment.
public struct Diagnosis: Sendable {
    public var host: HostIdentity
    /// Every thread that a finding names and, when targets were named, every thread of theirs; sorted.
    public var threads: [ThreadReport]
    /// The processes that are held up, or hold up others.
    public var processes: [ProcessReport]
    /// What the shown threads wait on; sorted by id.
    public var resources: [Resource]
    public var findings: [Finding]
    /// What could not be read, why, and what would unlock it.
    public var gaps: [Gap]

    public init(
        host: HostIdentity, threads: [ThreadReport], processes: [ProcessReport], resources: [Resource], findings: [Finding], gaps: [Gap]
    ) {
        self.host = host
        self.threads = threads
        self.processes = processes
        self.resources = resources
        self.findings = findings
        self.gaps = gaps
    }
}

/// Which machine, and when.
public struct HostIdentity: Sendable, Hashable {
    public var hostname: String
    public var kernelRelease: String
    /// As uname(2) says: `x86_64`, `aarch64`.
    public var machine: String
    /// `/proc/sys/kernel/random/boot_id`; empty when it may not be read.
    public var bootID: String
    /// Milliseconds since 1970, UTC.
    public var observedAtMilliseconds: Int64
    /// `live`, or the procfs directory that was read.
    public var source: String

    public init(hostname: String, kernelRelease: String, machine: String, bootID: String, observedAtMilliseconds: Int64, source: String) {
        self.hostname = hostname
        self.kernelRelease = kernelRelease
        self.machine = machine
        self.bootID = bootID
        self.observedAtMilliseconds = observedAtMilliseconds
        self.source = source
    }
}

/// One thread with its wait.
public struct ThreadReport: Sendable {
    public var id: ThreadID
    /// Name of the process (its leader's comm) and of the thread (its own).
    public var process: String
    public var thread: String
    /// Path of the executable; nil when it may not be read.
    public var executable: String?
    /// State letter of procfs.
    public var state: UInt8
    public var container: String?
    /// About how long it has not run, in seconds; nil for a thread that runs, or when nothing tells.
    public var blockedSeconds: Double?
    public var wait: Wait
    /// Innermost first; empty when it was not asked for or may not be read.
    public var kernelStack: [String]
    public var evidence: [EvidenceItem]
    /// Read for the threads of shown chains, and for every shown thread when stacks were asked for.
    public var userStack: UserStack?
    /// Its process's and its own numbers in pid namespaces below the observed one, outermost first; empty where it lives in none.
    public var namespacePIDs: [Int32] = []
    public var namespaceTIDs: [Int32] = []

    public init(
        id: ThreadID, process: String, thread: String, executable: String?, state: UInt8, container: String?, blockedSeconds: Double?,
        wait: Wait, kernelStack: [String], evidence: [EvidenceItem], userStack: UserStack? = nil
    ) {
        self.id = id
        self.process = process
        self.thread = thread
        self.executable = executable
        self.state = state
        self.container = container
        self.blockedSeconds = blockedSeconds
        self.wait = wait
        self.kernelStack = kernelStack
        self.evidence = evidence
        self.userStack = userStack
    }
}

/// One process: what signals would do to it.
public struct ProcessReport: Sendable {
    public var id: ProcessID
    public var name: String
    public var executable: String?
    public var threadCount: Int
    /// SIGQUIT, SIGTERM and SIGKILL, in this order; empty when `status` may not be read.
    public var signals: [SignalAnswer]
    /// Its numbers in pid namespaces below the observed one, outermost first; empty where it lives in none.
    public var namespacePIDs: [Int32] = []

    public init(id: ProcessID, name: String, executable: String?, threadCount: Int, signals: [SignalAnswer]) {
        self.id = id
        self.name = name
        self.executable = executable
        self.threadCount = threadCount
        self.signals = signals
    }
}

/// What a signal would do to a process now, and why.
public struct SignalAnswer: Sendable, Hashable {
    public enum Outcome: String, Sendable, Hashable {
        case `default`, caught, ignored, blocked, pending
        case cannotAct = "cannot-act"
    }
    /// `SIGQUIT`
    public var signal: String
    public var outcome: Outcome
    public var because: String

    public init(signal: String, outcome: Outcome, because: String) {
        self.signal = signal
        self.outcome = outcome
        self.because = because
    }
}
