import Evidence
import ProcFS
import WaitModel

/// System V semaphores. Source: semop(2), ipc/sem.c. A semaphore records who changed it last, not who holds it or will raise it, and
/// SEM_UNDO lists are not exported: nobody is named.
enum SysVSemaphores: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        guard let call = thread.callName, call == "semop" || call.hasPrefix("semtimedop") else { return nil }
        let id = thread.int(0)
        let operations = operations(thread)
        let listed = operations.prefix(4).map { "\($0.change) on semaphore \($0.number)" }.joined(separator: ", ")
        if !listed.isEmpty { thread.cite("memory \(thread.reading.pid):0x\(String(thread.argument(1), radix: 16))", "sembuf \(listed)") }
        var wait = Wait(
            kind: .sysvSemaphore,
            resource: host.register(
                Resource(
                    id: ResourceID("sysv-sem:\(id)"), kind: "sysv-sem-set", label: "System V semaphore set \(id)",
                    facts: [("operations", .number(Int64(operations.count)))])),
            release: Release(
                .any,
                [
                    Party(
                        .outside(.unnamed), role: "other user", certainty: .possible,
                        because: "a semaphore does not record who will change it")
                ],
                onDeath: .kept, completeness: .inferred),
            deadEnd: .noSignaller, isDemand: true,
            description: "waits for System V semaphore set \(id)" + (listed.isEmpty ? "" : " (\(listed))"))
        // libc's semop enters as semtimedop without a time limit.
        if call != "semop", thread.argument(3) != 0 {
            wait.timeoutSeconds = thread.seconds(at: thread.argument(3)) ?? 0
            wait.mobility = .free(.timer)
        }
        return wait
    }

    /// struct sembuf {unsigned short sem_num; short sem_op; short sem_flg}.
    private static func operations(_ thread: BlockedThread) -> [(number: UInt16, change: Int16)] {
        let count = min(Int(clamping: thread.argument(2)), 64)
        guard count > 0, let bytes = thread.memory(thread.argument(1), count * 6) else { return [] }
        return stride(from: 0, to: bytes.count - 5, by: 6).map { offset in
            let word = bytes.u32(offset)
            return (UInt16(word & 0xffff), Int16(truncatingIfNeeded: word >> 16))
        }
    }
}
