/// The same hangs, built against another C library or another way: `scripts/lab-programs.sh` makes the programs.
private func built(_ variant: String, _ words: String, _ scenarios: [Scenario], without left: Set<String> = []) -> [Scenario] {
    scenarios.filter { !left.contains($0.name) }.map { original in
        var copy = Scenario(
            "\(variant)-\(original.name)", "\(original.summary); \(words)", program: "lab-hangs-\(variant)", needs: original.needs,
            states: original.states)
        copy.truths = original.truths
        return copy
    }
}

private let glibcHangs = mutexes + severalMutexes.filter { $0.name != "convoy" } + otherFutexes + rwlocks + conditions + lockTraps

/// glibc inside the program, without symbols: nothing but memory and machine code tells whose locks they are.
let staticHangs =
    built("static", "static glibc", glibcHangs.filter { fewOfThem.contains($0.name) })
    + built("static-stripped", "static glibc, no symbols", glibcHangs)

/// A shared glibc, the program without symbols.
let strippedHangs = built("stripped", "no symbols", glibcHangs.filter { fewOfThem.contains($0.name) })

/// 32-bit programs: other layouts, other system calls, the kernel entered through the vdso.
let smallHangs =
    built("i386", "32 bits", glibcHangs)
    + built("i386-static", "32 bits, static, no symbols", glibcHangs.filter { fewOfThem.contains($0.name) })

private let fewOfThem: Set<String> = [
    "mutex-normal", "mutex-recursive", "mutex-robust", "mutex-pi", "mutex-timed", "mutex-owner-exited", "mutex-shared",
    "mutex-copied-by-fork",
    "mutex-abba", "mutex-self-deadlock", "join", "rwlock-writer", "rwlock-three-readers", "rwlock-read-behind-waiting", "condvar",
    "semaphore",
    "barrier", "once", "stdio-lock", "handmade-futex", "handmade-twin", "mutex-pi-self-pointed", "stdio-list", "condvar-mutex-again",
]

// MARK: - musl

private func unnamed(_ kind: String, rule: String? = nil, by optional: [PartyTruth] = []) -> Truth {
    Truth([kind], "futex:*", on: optional, rule: rule, root: ["victim"], cause: ["no-signaller"], verdict: .chainOrRest)
}

/// Kinds as with glibc, and the parties where musl records any: of ordinary mutexes and of rwlocks it does not.
private let muslTruths: [String: Truth] = [
    "mutex-normal": unnamed("futex-mutex"),
    "mutex-adaptive": unnamed("futex-mutex"),
    "mutex-timed": Truth(["futex-mutex"], "futex:*", on: [], root: ["victim"], cause: ["timer"], verdict: .chainOrRest),
    "mutex-holder-running": unnamed("futex-mutex"),
    "mutex-holder-paused": unnamed("futex-mutex"),
    "mutex-owner-exited": unnamed("futex-mutex"),
    "mutex-shared": unnamed("futex-mutex"),
    "mutex-shared-file": unnamed("futex-mutex"),
    "mutex-holder-stopped": unnamed("futex-mutex"),
    "mutex-shared-owner-exited": unnamed("futex-mutex"),
    "mutex-copied-by-fork": unnamed("futex-mutex"),
    "mutex-copied-from-thread": unnamed("futex-mutex"),
    "mutex-abba": unnamed("futex-mutex"),
    "mutex-ring-3": unnamed("futex-mutex"),
    "mutex-chain-3": unnamed("futex-mutex"),
    "mutex-self-deadlock": unnamed("futex-mutex"),
    "rwlock-writer": unnamed("futex-rwlock"),
    "rwlock-reader": unnamed("futex-rwlock", rule: "all"),
    "rwlock-write-write": unnamed("futex-rwlock"),
    "rwlock-read-timed": Truth(["futex-rwlock"], "futex:*", on: [], root: ["victim"], cause: ["timer"], verdict: .chainOrRest),
    "rwlock-shared-writer": unnamed("futex-rwlock"),
    "rwlock-and-mutex": unnamed("futex-rwlock"),
    "condvar-mutex-again": unnamed("futex-mutex"),
    "mutex-c11": unnamed("futex-mutex"),
]

private let muslAsWithGlibc: Set<String> = [
    "mutex-recursive", "mutex-errorcheck", "mutex-robust", "mutex-pi", "mutex-pi-robust", "mutex-robust-heir", "mutex-shared-robust",
    "mutex-shared-pi", "join", "join-chain", "join-ring-3", "rwlock-three-readers", "rwlock-upgrade", "rwlock-shared-reader", "condvar",
    "semaphore",
    "barrier", "stdio-lock", "handmade-futex", "condvar-shared", "condvar-timed", "condvar-second-group", "condvar-on-stack",
    "semaphore-shared", "semaphore-timed", "semaphore-on-stack", "semaphore-named", "barrier-of-three", "barrier-again", "once", "once-c11",
    "mutex-c11-recursive", "condvar-c11", "join-c11", "mutex-pi-self-pointed", "mutex-robust-self", "handmade-twin", "handmade-dead-twin",
    "futex-lost-wakeup",
]

private let muslHangs = glibcHangs.filter { muslAsWithGlibc.contains($0.name) || muslTruths[$0.name] != nil }.map { original in
    var copy = original
    if let truth = muslTruths[original.name] { copy.truths = [truth] }
    return copy
}

let musl =
    built("musl", "static musl", muslHangs)
    + built("musl-dynamic", "shared musl", muslHangs.filter { fewOfThem.contains($0.name) })
    + built(
        "musl-stripped", "static musl, no symbols", muslHangs.filter { fewOfThem.contains($0.name) },
        // Waited for by code without a name, and little around the word: nothing shows whose it is.
        without: ["once", "barrier", "stdio-lock"])
