import Glibc

/// One hang whose cause is known: what `lab-hangs` makes of it, and what is true about it.
struct Scenario: Sendable, Encodable {
    /// The name that `lab-hangs` knows it by.
    let name: String
    /// One line for `waitchain-lab list`.
    let summary: String
    /// File name of another program that speaks the protocol of `lab-hangs` and makes this hang; nil for `lab-hangs` itself.
    var program: String?
    /// What the host must offer; the scenario is skipped by name where something is missing.
    var needs: [Need] = []
    /// The roles that do not simply stand blocked (state S or D).
    var states: [String: RoleState] = [:]
    /// What is true about each role that is to be explained.
    var truths: [Truth]
    /// What is true about the victim's signals.
    var signal: SignalTruth?

    init(
        _ name: String, _ summary: String, program: String? = nil, needs: [Need] = [], states: [String: RoleState] = [:],
        signal: SignalTruth? = nil, _ truths: Truth...
    ) {
        self.name = name
        self.summary = summary
        self.program = program
        self.needs = needs
        self.states = states
        self.signal = signal
        self.truths = truths
    }
}

/// Scenarios of one wait family.
struct Family: Sendable, Encodable {
    let name: String
    let scenarios: [Scenario]
}

/// How a role's thread stands, as `/proc/PID/task/TID/stat` says it.
enum RoleState: String, Sendable, Encodable {
    /// State S or D and not given a CPU between two looks.
    case blocked
    case stopped
    case traced
    case zombie
    /// It runs or takes turns; nobody waits for it to stand still.
    case moving
    /// It has ended, and nothing is left of it.
    case gone
}

/// Whether we may make a pid namespace: as root, or inside a user namespace of our own.
private var canMakeNamespace: Bool {
    if geteuid() == 0 { return true }
    guard exists("/proc/self/ns/user") else { return false }
    let switches = ["/proc/sys/kernel/unprivileged_userns_clone", "/proc/sys/user/max_user_namespaces"]
    return switches.allSatisfy { readSmallFile($0)?.first != UInt8(ascii: "0") }
}

/// Something that a scenario needs of the host. A family with needs of its own adds them in its file, in an extension.
struct Need: Sendable, Encodable {
    /// Why the scenario cannot be played here; nil where it can.
    private let problem: @Sendable () -> String?

    init(_ problem: @escaping @Sendable () -> String?) { self.problem = problem }

    var missing: String? { problem() }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(missing)
    }

    static let messageQueues = Need { exists("/proc/sysvipc/msg") ? nil : "needs /proc/sysvipc (CONFIG_SYSVIPC)" }
    static let fileLockTable = Need { exists("/proc/locks") ? nil : "needs /proc/locks (CONFIG_FILE_LOCKING)" }
    static let childrenFile = Need {
        exists("/proc/thread-self/children") ? nil : "needs /proc/PID/task/TID/children (CONFIG_PROC_CHILDREN)"
    }
    static let pidNamespaces = Need { canMakeNamespace ? nil : "needs root, or unprivileged user namespaces" }
    static let tracing = Need {
        readSmallFile("/proc/sys/kernel/yama/ptrace_scope")?.first == UInt8(ascii: "3") ? "needs ptrace (Yama forbids it)" : nil
    }
    static let root = Need { geteuid() == 0 ? nil : "needs root" }
}
