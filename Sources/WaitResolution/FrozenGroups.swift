import Evidence
import WaitModel

/// Threads that their cgroup's freezer holds. They look asleep in whatever they did last, so this family is asked before all others.
///
/// The unified hierarchy's freezer traps a thread on its way back to user mode: state S in `do_freezer_trap`, which `get_signal` takes in
/// (kernel/signal.c, since Linux 5.2). That of v1 shows state D: since Linux 6.1 a freezable sleep is turned into TASK_FROZEN where it
/// stands, channel and system call unchanged; other threads, and all of older kernels, stand in `__refrigerator` (kernel/freezer.c).
/// So only the cgroup's own files tell, and they are read only for threads that stand in one of these ways.
enum FrozenGroups: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        switch thread.reading.stat.state {
        case UInt8(ascii: "S"):
            // Where the channel may not be read, the public files of the cgroup still tell.
            guard thread.channel.map(traps.contains) ?? !thread.reading.stat.isKernelThread else { return nil }
            guard let freezer = host.freezer(of: thread.reading, unified: true) else { return nil }
            // One that is still freezing holds only those that stand in the trap.
            guard freezer.isFrozen || freezer.isFreezing && thread.channel != nil else { return nil }
            return frozen(thread, by: freezer)
        case UInt8(ascii: "D"):
            guard !thread.reading.stat.isKernelThread else { return nil }
            let isInRefrigerator = thread.channel.map(refrigerators.contains) == true
            guard let freezer = host.freezer(of: thread.reading, unified: false), freezer.isFrozen || freezer.isFreezing else { return nil }
            // While some thread has not come to rest, a D elsewhere may be that thread's own, unfreezable sleep.
            guard freezer.isFrozen || isInRefrigerator else { return nil }
            return frozen(thread, by: freezer)
        default: return nil
        }
    }

    private static let traps: Set<String> = [
        "get_signal", "do_freezer_trap", "do_signal_stop", "get_signal_to_deliver", "cgroup_enter_frozen",
    ]
    private static let refrigerators: Set<String> = ["__refrigerator", "refrigerator", "get_signal"]

    private static func frozen(_ thread: BlockedThread, by freezer: FreezerState) -> Wait {
        let isUnified = freezer.group.isUnified
        let directory = freezer.group.directory ?? ""
        if isUnified {
            thread.cite(directory + "/cgroup.events", freezer.isFrozen ? "frozen 1" : "frozen 0, and cgroup.freeze asks for it")
        } else {
            thread.cite(directory + "/freezer.state", freezer.isFrozen ? "FROZEN" : "FREEZING")
        }
        for above in freezer.frozenBy { thread.cite(above + (isUnified ? "/cgroup.freeze" : "/freezer.self_freezing"), "1") }
        let place = freezer.frozenBy.last ?? directory
        let was = thread.callName.map { "; it was in \($0)" } ?? ""
        let because =
            freezer.frozenBy.isEmpty
            ? "whoever thaws it; what froze it lies above what is to be seen of the cgroups here" : "whoever thaws \(place)"
        return Wait(
            kind: .frozen,
            release: Release(.any, [Party(.outside(.unnamed), role: "thawer", certainty: .possible, because: because)]),
            mobility: .held(.frozen), deadEnd: .frozen, isKillable: isUnified, description: "is frozen by cgroup \(place)" + was)
    }
}

extension WaitFamilies {
    /// Whether a thread's cgroup holds it frozen: handlers of signals run only after it was thawed.
    public static func isFrozen(_ reading: ThreadReading, on host: Host) -> Bool {
        FrozenGroups.resolve(BlockedThread(reading, on: host), on: host) != nil
    }
}
