import Diagnosis
import WaitModel

extension DiagnosisText {
    /// Victims that wait for the same thing in the same way.
    private struct Crowd {
        var kind: WaitKind
        var resource: ResourceID?
        var threads: [ThreadID]
    }

    /// Those whom the root holds up beside the chain; a crowd before the same thing is one line, whatever its size.
    mutating func writeOtherVictims(_ finding: Finding) {
        let chained = Set(finding.chain.map(\.thread))
        let crowds = crowds(finding.victims.filter { !chained.contains($0) })
        guard !crowds.isEmpty else { return }
        let resources = Set(finding.chain.compactMap(\.resource))
        let limit = 8
        for crowd in crowds.prefix(limit) { write(crowd, isSame: crowd.resource.map(resources.contains) ?? false) }
        let rest = crowds.dropFirst(limit).flatMap(\.threads)
        if !rest.isEmpty {
            page.paragraph(
                [Span("\(glyphs.dots) and \(counted(rest.count, "more thread", plural: "more threads")) of \(processesOf(rest, index))")],
                first: "  ", next: "    ")
        }
    }

    private func crowds(_ threads: [ThreadID]) -> [Crowd] {
        struct Key: Hashable {
            var kind: WaitKind
            var resource: ResourceID?
        }
        var places: [Key: Int] = [:]
        var crowds: [Crowd] = []
        for thread in threads {
            let wait = index.threads[thread]?.wait
            let key = Key(kind: wait?.kind ?? .unknown, resource: wait?.resource)
            if let place = places[key] {
                crowds[place].threads.append(thread)
            } else {
                places[key] = crowds.count
                crowds.append(Crowd(kind: key.kind, resource: key.resource, threads: [thread]))
            }
        }
        return crowds.sorted { $0.threads.count > $1.threads.count }
    }

    private mutating func write(_ crowd: Crowd, isSame: Bool) {
        if crowd.threads.count <= 3 && isSame {
            for thread in crowd.threads { noteShown(thread) }
            let verb = crowd.threads.count == 1 ? "waits" : "wait"
            page.paragraph(
                [Span("also "), Span(listed(crowd.threads.map(index.name)), .name), Span(" \(verb) for the same \(noun(crowd.kind))")],
                first: "  ", next: "      ")
            return
        }
        if crowd.threads.count <= 3 {
            for thread in crowd.threads {
                noteShown(thread)
                var words = index.threads[thread]?.wait.description ?? ""
                if words.isEmpty { words = "waits (\(crowd.kind.rawValue))" }
                page.paragraph([Span("also "), Span(index.name(of: thread), .name), Span("  " + words)], first: "  ", next: "      ")
            }
            return
        }
        if let first = crowd.threads.first { noteShown(first) }
        let thing =
            if isSame {
                "the same \(noun(crowd.kind))"
            } else {
                crowd.resource.map(index.label) ?? noun(crowd.kind)
            }
        page.paragraph(
            [
                Span("\(glyphs.dots) and "), Span(counted(crowd.threads.count, "more thread", plural: "more threads"), .name),
                Span(" of \(processesOf(crowd.threads, index)) wait for \(thing)"),
            ], first: "  ", next: "    ")
    }
}

/// What a wait of this kind is on, in a word.
func noun(_ kind: WaitKind) -> String {
    switch kind {
    case .futexMutex: "mutex"
    case .futexRwlock: "read-write lock"
    case .futexCondvar: "condition variable"
    case .futexJoin: "thread's end"
    case .futexSemaphore: "semaphore"
    case .futexBarrier: "barrier"
    case .futexOnce: "one-time initialisation"
    case .sysvMessageSend, .sysvMessageReceive, .posixQueueSend, .posixQueueReceive: "message queue"
    case .sysvSemaphore: "semaphore set"
    case .pipeRead, .pipeWrite: "pipe"
    case .fifoOpenRead, .fifoOpenWrite: "FIFO"
    case .unixConnect, .tcpConnect: "listener"
    case .unixSend, .unixReceive, .unixAccept, .tcpSend, .tcpReceive, .tcpAccept, .udpReceive, .netlinkReceive, .socketOther: "socket"
    case .fileLockFlock, .fileLockPOSIX, .fileLockOFD: "file lock"
    case .fileLease: "lease"
    case .inodeLock: "file"
    case .filesystemFrozen, .fuse, .nfs: "file system"
    case .diskIO: "disk"
    case .childExit, .vfork: "child"
    default: "thing (\(kind.rawValue))"
    }
}
