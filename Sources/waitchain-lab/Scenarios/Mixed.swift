private func story(_ name: String, _ summary: String) -> Scenario {
    Scenario(
        name, summary, needs: [.messageQueues], states: ["root": .stopped],
        Truth(
            ["sysv-msg-send"], "sysv-msg:{queue}", on: [.inferred("dispatcher")], root: ["root"], cause: stopped,
            chain: ["sysv-msg-send", "unix-connect", "job-control-stop"], remedy: "kill -CONT {pid:root}"),
        Truth(
            of: "dispatcher", ["unix-connect"], "unix:{path}", on: [.certain("root")], root: ["root"], cause: stopped,
            remedy: "kill -CONT {pid:root}"))
}

/// Chains and cycles across mechanisms.
let mixed: [Scenario] = [
    Scenario(
        "mixed-mutex-pipe-flock-sleep", "a mutex, a pipe and a file lock in a row", needs: [.fileLockTable],
        Truth(
            ["futex-mutex"], "futex:*", on: [.certain("reader")], root: ["root"], cause: asleep,
            chain: ["futex-mutex", "pipe-read", "file-lock-flock", "sleep"])),
    story("mixed-queue-socket-stopped", "logger, full queue, dispatcher, full backlog, stopped server"),
    story("mixed-queue-receiver-thread", "the same, and the queue names the receiving thread instead of its process"),
    Scenario(
        "mixed-join-mutex-child", "a join, a mutex and a child in a row",
        Truth(
            ["futex-join"], "thread:{tid:worker}|futex:*", on: [.certain("worker")], root: ["root"], cause: asleep,
            chain: ["futex-join", "futex-mutex", "child-exit", "sleep"])),
    Scenario(
        "mixed-cycle", "a cycle over a pipe, a file lock and a mutex", needs: [.fileLockTable],
        Truth(
            ["pipe-read"], "pipe:[{pipe}]", on: [.certain("writer")], root: ["victim", "writer", "locker"], cause: deadlocked,
            verdict: .deadlock)),
    Scenario(
        "mixed-cycle-with-exit", "the same, but somebody else could write", needs: [.fileLockTable],
        Truth(
            ["pipe-read"], "pipe:[{pipe}]", on: [.possible("writer"), .possible("bystander")], rule: "any", cause: nil,
            verdict: .chainOrRest)),
    Scenario(
        "mixed-family-knot", "a parent waits for any child, and all children want its file", needs: [.fileLockTable, .childrenFile],
        Truth(
            ["child-exit"], on: [.certain("child-1"), .certain("child-2")], rule: "any",
            root: ["victim", "child-1", "child-2"], cause: deadlocked, verdict: .deadlock)),
]
