import ProcFS
import WaitModel

extension Host {
    /// The numbers of a process in the pid namespaces below the one of the observed procfs, outermost first (`NSpid`, Linux 4.1); empty
    /// where there is none below.
    public func namespaceIDs(of process: ProcessReading) -> [Int32] {
        // The leader's are the process's, also when it has ended before its threads.
        guard let status = status(pid: process.id.pid, tid: process.id.pid), status.namespaceIDs.first == process.id.pid else { return [] }
        return Array(status.namespaceIDs.dropFirst())
    }

    /// The same of a thread.
    public func namespaceIDs(of thread: ThreadReading) -> [Int32] {
        guard let status = status(pid: thread.pid, tid: thread.tid), status.namespaceIDs.first == thread.tid else { return [] }
        return Array(status.namespaceIDs.dropFirst())
    }
}
