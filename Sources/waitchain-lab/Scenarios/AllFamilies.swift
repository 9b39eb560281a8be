/// Every scenario, by family.
let families: [Family] = [
    Family(name: "mutexes", scenarios: mutexes),
    Family(name: "several mutexes", scenarios: severalMutexes),
    Family(name: "other futexes", scenarios: otherFutexes),
    Family(name: "rwlocks", scenarios: rwlocks),
    Family(name: "conditions", scenarios: conditions),
    Family(name: "lock traps", scenarios: lockTraps),
    Family(name: "static", scenarios: staticHangs),
    Family(name: "stripped", scenarios: strippedHangs),
    Family(name: "i386", scenarios: smallHangs),
    Family(name: "musl", scenarios: musl),
    Family(name: "pipes", scenarios: pipes),
    Family(name: "Unix sockets", scenarios: unixSockets),
    Family(name: "System V IPC", scenarios: systemVIPC),
    Family(name: "file locks", scenarios: fileLocks),
    Family(name: "processes", scenarios: processes),
    Family(name: "control groups", scenarios: controlGroups),
    Family(name: "event waits", scenarios: eventWaits),
    Family(name: "poll sets", scenarios: pollSets),
    Family(name: "mixed", scenarios: mixed),
    Family(name: "traps", scenarios: traps),
    Family(name: "signals", scenarios: signals),
    Family(name: "controls", scenarios: controls),
    Family(name: "C++", scenarios: cPlusPlus),
    Family(name: "Python", scenarios: python),
    Family(name: "Rust", scenarios: rust),
    Family(name: "Go", scenarios: go),
    Family(name: "Java", scenarios: java),
    Family(name: "Node", scenarios: node),
    Family(name: "Swift", scenarios: swift),
]

// Causes that several truths share.
let asleep = ["sleeping"]
let atRest = ["idle", "no-signaller"]
let stopped = ["stopped"]
let nobody = ["no-counterpart", "no-signaller"]
let deadlocked = ["deadlock"]
