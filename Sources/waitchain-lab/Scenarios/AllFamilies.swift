/// Every scenario, by family.
let families: [Family] = [
    Family(name: "mutexes", scenarios: mutexes),
    Family(name: "several mutexes", scenarios: severalMutexes),
    Family(name: "other futexes", scenarios: otherFutexes),
    Family(name: "pipes", scenarios: pipes),
    Family(name: "Unix sockets", scenarios: unixSockets),
    Family(name: "Internet sockets", scenarios: internetSockets),
    Family(name: "namespaces", scenarios: namespaces),
    Family(name: "System V IPC", scenarios: systemVIPC),
    Family(name: "file locks", scenarios: fileLocks),
    Family(name: "processes", scenarios: processes),
    Family(name: "poll sets", scenarios: pollSets),
    Family(name: "mixed", scenarios: mixed),
    Family(name: "traps", scenarios: traps),
    Family(name: "signals", scenarios: signals),
    Family(name: "controls", scenarios: controls),
]

// Causes that several truths share.
let asleep = ["sleeping"]
let atRest = ["idle", "no-signaller"]
let stopped = ["stopped"]
let nobody = ["no-counterpart", "no-signaller"]
let deadlocked = ["deadlock"]
