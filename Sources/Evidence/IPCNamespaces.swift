import ProcFS
import WaitModel

extension Host {
    /// One System V message queue of a thread's ipc namespace, read anew each time; nil, with a gap, when it may not be.
    public func messageQueue(id: Int32, of thread: ThreadReading) -> MessageQueue? {
        guard !sharesNamespace("ipc", thread) else { return messageQueue(id: id) }
        switch source.messageQueue(id: id, inNamespaceOf: "\(thread.pid)/task/\(thread.tid)") {
        case .success(let queue): return queue
        case .failure(let error):
            noteIPC("System V message queue \(id)", error, thread)
            return nil
        }
    }

    func noteIPC(_ what: String, _ error: ReadError, _ thread: ThreadReading) {
        guard error != .gone else { return }
        note(
            Gap(
                what: "\(what) of process \(thread.pid)",
                why: "it is in another ipc namespace, which may not be entered (\(error.name))",
                unlock: "run as root with CAP_SYS_ADMIN, or inside that namespace (nsenter --ipc -t \(thread.pid))"))
    }
}
