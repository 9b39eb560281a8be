/// Names of signals. Source: signal(7); the numbers of x86, Arm and most others (MIPS, Alpha, SPARC and PA-RISC differ).
public enum SignalName {
    private static let names = [
        "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2",
        "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG",
        "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS",
    ]

    /// `SIGUSR1`, `real-time signal 34`.
    public static func name(_ number: Int) -> String {
        number >= 1 && number <= names.count ? names[number - 1] : "real-time signal \(number)"
    }

    /// The signals of a mask, bit n-1 for signal n, in words: `SIGUSR1 or SIGTERM`, `any of 12 signals`.
    public static func words(_ mask: UInt64) -> String {
        let numbers = (1...64).filter { mask >> UInt64($0 - 1) & 1 == 1 }
        switch numbers.count {
        case 0: return "no signal at all"
        case 1...4:
            let all = numbers.map(name)
            return all.count == 1 ? all[0] : all.dropLast().joined(separator: ", ") + " or " + all[all.count - 1]
        case 60...: return "any signal"
        default: return "any of \(numbers.count) signals (" + numbers.prefix(3).map(name).joined(separator: ", ") + ", …)"
        }
    }
}
