import ProcFS
import WaitModel

extension Host {
    /// A System V semaphore set as a thread sees it; nil, with a gap, where it may not be asked.
    public func semaphoreSet(id: Int32, of thread: ThreadReading) -> SemaphoreSet? {
        guard sharesNamespace("ipc", thread) else {
            note(
                Gap(
                    what: "System V semaphore set \(id) of process \(thread.pid)", why: "it is in another ipc namespace",
                    unlock: "run waitchain inside that namespace (nsenter --ipc -t \(thread.pid))"))
            return nil
        }
        switch source.semaphoreSet(id: id) {
        case .success(let set): return set
        case .failure(let error):
            note("semctl(\(id), IPC_STAT)", error, unlock: "run as root, or as the set's owner")
            return nil
        }
    }

    /// One semaphore of a set of this program's ipc namespace. Read anew each time.
    public func semaphore(_ number: Int32, of id: Int32, _ thread: ThreadReading) -> Semaphore? {
        guard sharesNamespace("ipc", thread) else { return nil }
        return try? source.semaphore(number, of: id).get()
    }
}
