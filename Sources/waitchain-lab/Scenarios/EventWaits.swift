import Glibc

extension Need {
    fileprivate static let seccomp = Need {
        (readText("/proc/sys/kernel/seccomp/actions_avail") ?? "").contains("user_notif")
            ? nil : "needs seccomp notifications (Linux 5.0, CONFIG_SECCOMP_FILTER)"
    }
    fileprivate static let ioUring = Need {
        switch readText("/proc/sys/kernel/io_uring_disabled")?.first {
        case "2": "needs io_uring (kernel.io_uring_disabled is 2)"
        case "1" where geteuid() != 0: "needs io_uring (kernel.io_uring_disabled is 1)"
        default: (readText("/proc/kallsyms") ?? "io_uring_setup").contains("io_uring_setup") ? nil : "needs io_uring (CONFIG_IO_URING)"
        }
    }

    /// Where a ring's queue lies in memory: `SqMask` in fdinfo, io_uring/fdinfo.c since Linux 5.16. Without it nobody can be named.
    static let ringLayout = Need {
        let release = (readText("/proc/sys/kernel/osrelease") ?? "").split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        return release.count == 2 && (release[0], release[1]) < (5, 16)
            ? "needs Linux 5.16, before which fdinfo does not show a ring's queue" : nil
    }
    fileprivate static let semaphores = Need { exists("/proc/sysvipc/sem") ? nil : "needs /proc/sysvipc (CONFIG_SYSVIPC)" }
    fileprivate static let terminals = Need { exists("/dev/ptmx") ? nil : "needs /dev/ptmx (CONFIG_UNIX98_PTYS)" }
    /// FIONREAD of the other side is asked of a duplicate (pidfd_getfd).
    fileprivate static let descriptorsOfOthers = Need { geteuid() == 0 ? nil : "needs root" }
}

private let unsure = PartyTruth(role: "holder", certainty: .inferred, orWeaker: true)

private func semaphore(
    _ name: String, _ summary: String, states: [String: RoleState] = [:], on parties: [PartyTruth], root: [String], cause: [String],
    verdict: Verdict = .chain
) -> Scenario {
    Scenario(
        name, summary, needs: [.semaphores], states: states,
        Truth(["sysv-sem"], "sysv-sem:{semaphores}", on: parties, rule: "any", root: root, cause: cause, verdict: verdict))
}

private func event(_ name: String, _ summary: String, _ kind: String, cause: [String]) -> Scenario {
    Scenario(name, summary, Truth([kind], on: [], root: ["victim"], cause: cause, verdict: .chainOrRest))
}

/// Answers that do not come, completions, semaphores, terminals, event descriptors, children among others.
let eventWaits: [Scenario] = [
    Scenario(
        "seccomp-unanswered", "a seccomp supervisor that sleeps", needs: [.seccomp],
        // Whose filter a descriptor is of, nothing shows: another hang of this sort on the host may be taken for the one meant.
        Truth(["seccomp-notify"], on: [unsure], othersAllowed: true, cause: ["unanswered", "stopped"], verdict: .chain)),
    Scenario(
        "seccomp-stopped", "a seccomp supervisor that is stopped", needs: [.seccomp], states: ["holder": .stopped],
        Truth(["seccomp-notify"], on: [unsure], othersAllowed: true, cause: ["unanswered", "stopped"], verdict: .chain)),
    Scenario(
        "seccomp-several", "two processes have the seccomp descriptor", needs: [.seccomp],
        Truth(
            ["seccomp-notify"], on: [.possible("holder"), .possible("holder-2")], othersAllowed: true, cause: ["unanswered", "stopped"],
            verdict: .chain)),
    Scenario(
        "uring-read", "io_uring: a read of an empty pipe is under way", needs: [.ioUring, .ringLayout],
        Truth(["io-uring"], on: [unsure], root: ["holder"], cause: asleep, verdict: .chainOrRest)),
    Scenario(
        "uring-read-stopped", "io_uring: the pipe's writer is stopped", needs: [.ioUring, .ringLayout], states: ["holder": .stopped],
        Truth(["io-uring"], on: [unsure], root: ["holder"], cause: stopped, verdict: .chain, remedy: "kill -CONT {pid:holder}")),
    Scenario(
        "uring-time-limit", "io_uring: the wait itself has an end", needs: [.ioUring, .ringLayout],
        Truth(["io-uring"], on: [unsure], root: ["victim"], cause: ["timer"], verdict: .chainOrRest)),
    semaphore(
        "sem-second-operation", "the second of two operations blocks", on: [.inferred("holder")], root: ["holder"], cause: asleep),
    semaphore(
        "sem-holder-stopped", "the last to take a semaphore is stopped", states: ["holder": .stopped], on: [.inferred("holder")],
        root: ["holder"], cause: stopped),
    semaphore(
        "sem-holder-gone", "the last to take a semaphore has exited", states: ["holder": .gone], on: [], root: ["victim"], cause: nobody,
        verdict: .chainOrRest),
    semaphore(
        "sem-wait-for-zero", "a wait for zero", on: [.atMost(.inferred, "holder")], root: ["holder", "victim"], cause: asleep + nobody,
        verdict: .chainOrRest),
    Scenario(
        "tty-write-full", "a terminal that nobody reads", needs: [.terminals],
        Truth(["tty-write"], "tty:{terminal}", on: [.named("holder")], root: ["holder"], cause: asleep, verdict: .chain)),
    Scenario(
        "tty-write-stopped", "a terminal stopped with Ctrl-S", needs: [.terminals, .descriptorsOfOthers],
        Truth(["tty-write"], "tty:{terminal}", on: [], root: ["victim"], cause: ["flow-stopped"], verdict: .chain)),
    Scenario(
        "tty-read", "a program waits for input", needs: [.terminals],
        Truth(
            ["tty-read"], "tty:{terminal}", on: [.atMost(.certain, "holder")], root: ["holder", "victim"], cause: asleep + atRest,
            verdict: .chainOrRest)),
    Scenario(
        "tty-read-master", "a terminal program waits for output", needs: [.terminals],
        Truth(["tty-read"], "tty:{terminal}", on: [unsure], root: ["holder", "victim"], cause: asleep + atRest, verdict: .chainOrRest)),
    Scenario(
        "tty-read-background", "a job in the background is stopped when it reads", needs: [.terminals], states: ["victim": .stopped],
        Truth(["job-control-stop"], root: ["victim"], cause: stopped, verdict: .chain)),
    event("timerfd-armed", "a timer that will fire", "timerfd-read", cause: ["timer"]),
    event("timerfd-unarmed", "a timer that is not armed", "timerfd-read", cause: ["no-signaller"]),
    event("signalfd", "a signalfd", "signalfd-read", cause: ["idle"]),
    event("inotify", "a watched file", "inotify-read", cause: ["idle"]),
    event("inotify-nothing", "an inotify without watches", "inotify-read", cause: ["no-signaller"]),
    event("signal-suspend", "sigsuspend", "signal-wait", cause: ["idle"]),
    Scenario(
        "eventfd-semaphore", "an empty eventfd in semaphore mode",
        Truth(
            ["eventfd-read"], "eventfd:*", on: [.named("holder")], othersAllowed: true, root: ["holder"], cause: asleep,
            verdict: .chainOrRest)),
    Scenario(
        "eventfd-full", "an eventfd that is full",
        Truth(["eventfd-write"], "eventfd:*", on: [.named("holder")], othersAllowed: true, root: ["holder"], cause: asleep, verdict: .chain)
    ),
    Scenario(
        "vfork-among-others", "a vfork of a process with other children",
        Truth(["vfork"], on: [.named("holder")], root: ["holder"], cause: asleep, verdict: .chainOrRest)),
    Scenario(
        "child-own-only", "a wait for the children of the own thread only", needs: [.childrenFile],
        Truth(["child-exit"], on: [.certain("holder")], root: ["holder"], cause: asleep, verdict: .chainOrRest)),
]
