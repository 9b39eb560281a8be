import Evidence
import ProcFS
import WaitModel

/// System V semaphores. Source: semop(2), ipc/sem.c `perform_atomic_semop`. A semaphore records who changed it last, not who holds it or
/// will raise it, and SEM_UNDO lists are not exported: whoever changed it last is inferred, and no deadlock ever rests on it.
enum SysVSemaphores: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        guard let call = thread.callName, call == "semop" || call.hasPrefix("semtimedop") else { return nil }
        let id = thread.int(0)
        let operations = operations(thread)
        if !operations.isEmpty {
            let listed = operations.prefix(8).map { "\($0.change > 0 ? "+" : "")\($0.change) on \($0.number)" }.joined(separator: ", ")
            thread.cite("memory \(thread.reading.pid):0x\(String(thread.argument(1), radix: 16))", "sembuf \(listed)")
        }
        let set = host.semaphoreSet(id: id, of: thread.reading)
        let blocking = blockingOperation(operations, set: id, thread, on: host)
        var parties: [Party] = []
        var text = "waits for System V semaphore set \(id)"
        if let blocking {
            let (operation, semaphore) = blocking
            thread.cite(
                "semctl(\(id), \(operation.number))",
                "value \(semaphore.value), last changed by \(semaphore.lastPID), \(semaphore.waitingForRise) wait for a rise, \(semaphore.waitingForZero) for zero"
            )
            text =
                operation.change == 0
                ? "waits until semaphore \(operation.number) of System V set \(id), which is \(semaphore.value), is 0"
                : "waits to take \(-Int(operation.change)) of semaphore \(operation.number) of System V set \(id), which is \(semaphore.value)"
            if let last = lastChanger(semaphore, set, thread, on: host) {
                parties.append(last)
            } else if semaphore.lastPID != 0, semaphore.lastPID != thread.reading.pid {
                text += "; process \(semaphore.lastPID), the last to change it, is gone"
            }
        }
        parties.append(
            Party(
                .outside(.unnamed), role: "other user", certainty: .possible, because: "a semaphore does not record who will change it"))
        var wait = Wait(
            kind: .sysvSemaphore, resource: host.register(resource(id, set, operations, blocking)),
            release: Release(.any, parties, onDeath: .kept, completeness: .inferred), deadEnd: .noSignaller, isDemand: true,
            description: text)
        // libc's semop enters as semtimedop without a time limit.
        if call != "semop", thread.argument(3) != 0 {
            wait.timeoutSeconds = thread.seconds(at: thread.argument(3)) ?? 0
            wait.mobility = .free(.timer)
        }
        return wait
    }

    struct Operation: Equatable {
        let number: UInt16
        /// Negative takes, positive gives, 0 waits for zero.
        let change: Int16
    }

    /// struct sembuf {unsigned short sem_num; short sem_op; short sem_flg}.
    private static func operations(_ thread: BlockedThread) -> [Operation] {
        // SEMOPM is 500 by default.
        let count = min(Int(clamping: thread.argument(2)), 512)
        guard count > 0, let bytes = thread.memory(thread.argument(1), count * 6) else { return [] }
        return stride(from: 0, to: bytes.count - 5, by: 6).map { offset in
            let word = bytes.u32(offset)
            return Operation(number: UInt16(word & 0xffff), change: Int16(truncatingIfNeeded: word >> 16))
        }
    }

    /// The first operation that cannot be done: the kernel goes through them in order, each on what those before it would leave.
    private static func blockingOperation(
        _ operations: [Operation], set id: Int32, _ thread: BlockedThread, on host: Host
    ) -> (Operation, Semaphore)? {
        var semaphores: [UInt16: Semaphore] = [:]
        var values: [UInt16: Int] = [:]
        for operation in operations {
            if semaphores[operation.number] == nil {
                guard let semaphore = host.semaphore(Int32(operation.number), of: id, thread.reading) else { return nil }
                semaphores[operation.number] = semaphore
                values[operation.number] = Int(semaphore.value)
            }
            guard let semaphore = semaphores[operation.number], let value = values[operation.number] else { return nil }
            if firstBlocks(operation, value: value) {
                // Somebody must be counted there, or the values have changed since.
                let waiting = operation.change == 0 ? semaphore.waitingForZero : semaphore.waitingForRise
                return waiting > 0 ? (operation, semaphore) : nil
            }
            values[operation.number] = value + Int(operation.change)
        }
        return nil
    }

    private static func firstBlocks(_ operation: Operation, value: Int) -> Bool {
        operation.change == 0 ? value != 0 : value + Int(operation.change) < 0
    }

    private static func lastChanger(_ semaphore: Semaphore, _ set: SemaphoreSet?, _ thread: BlockedThread, on host: Host) -> Party? {
        let pid = semaphore.lastPID
        guard pid > 0, let process = host.process(pid), !process.isZombie else { return nil }
        // A process that began after the set was last touched has only the number of the one that touched it.
        if let set, let began = host.startTime(of: process.id),
            began > Double(max(set.lastOperationSeconds, set.changedSeconds)) + 2
        {
            return nil
        }
        if pid == thread.reading.pid, thread.isAlone { return nil }
        return Party(
            .process(process.id), role: "last user", certainty: .inferred,
            because: "the last to change this semaphore (sempid); that it has it, or will raise it, is not recorded")
    }

    private static func resource(
        _ id: Int32, _ set: SemaphoreSet?, _ operations: [Operation], _ blocking: (Operation, Semaphore)?
    ) -> Resource {
        var facts: [(key: String, value: FactValue)] = [("operations", .number(Int64(operations.count)))]
        if let set {
            facts.append(("semaphores", .number(Int64(set.count))))
            facts.append(("ownerUID", .number(Int64(set.owner))))
        }
        if let (operation, semaphore) = blocking {
            facts.append(("semaphore", .number(Int64(operation.number))))
            facts.append(("value", .number(Int64(semaphore.value))))
            facts.append(("change", .number(Int64(operation.change))))
            facts.append(("waitingForRise", .number(Int64(semaphore.waitingForRise))))
            facts.append(("waitingForZero", .number(Int64(semaphore.waitingForZero))))
            facts.append(("lastChanger", .number(Int64(semaphore.lastPID))))
        }
        let key = set.map { $0.key == 0 ? " (private)" : " (key 0x" + String($0.key, radix: 16) + ")" } ?? ""
        return Resource(id: ResourceID("sysv-sem:\(id)"), kind: "sysv-sem-set", label: "System V semaphore set \(id)\(key)", facts: facts)
    }
}
