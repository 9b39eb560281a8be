import Evidence
import ProcFS
import WaitModel

/// The process behind a number that the kernel keeps of the last user of a System V object: a number of the reader's pid namespace at the
/// time of asking, of a process or, for a receiver that slept, of a thread (ipc/msg.c `pipelined_send`). Whoever has the number now may be a
/// stranger that was given it later: then it began after the object was last used.
struct LastUser {
    let process: ProcessReading
    /// The thread itself, where the number is not the process's.
    let thread: ThreadReading?

    enum Answer {
        case found(LastUser)
        /// Why nobody can be named, of the last process to do that.
        case nobody(@Sendable (_ deed: String) -> String)
    }

    /// - Parameters:
    ///   - number: `msg_lrpid`, `msg_lspid` or `sempid`; 0 for none, or one outside this pid namespace.
    ///   - seconds: when the object was last used that way, in whole seconds since 1970; 0 for never.
    static func find(_ number: Int32, at seconds: Int64, on host: Host) -> Answer {
        guard number > 0 else {
            return seconds == 0
                ? .nobody { "nobody ever came to \($0)" }
                : .nobody { "the last process to \($0) is not visible from this pid namespace" }
        }
        // msgctl answers in this program's own pid namespace, whatever procfs is read.
        guard host.source.sharesPIDs || !host.source.isLive else {
            return .nobody { "the last process to \($0) has a number of another pid namespace than this procfs" }
        }
        let gone: Answer = .nobody { "the last process to \($0), \(number), is gone" }
        guard let process = host.threadGroup(of: number).flatMap({ host.process($0) }), !process.isZombie else { return gone }
        let thread = process.id.pid == number ? nil : process.threads.first { $0.tid == number }
        let began = thread.flatMap { host.startTime(ofTicks: $0.id.startTicks) } ?? host.startTime(of: process.id)
        // The last use lies within that second; clocks and ticks err by a hundredth or two.
        if let began, began > Double(seconds) + 1.05 {
            return .nobody { "the last process to \($0), \(number), is gone: its number belongs to a newer process" }
        }
        return .found(LastUser(process: process, thread: thread))
    }
}

extension Host {
    /// Tells objects of another ipc namespace from those of the same number here.
    func ipcScope(of thread: ThreadReading) -> String {
        guard !sharesNamespace("ipc", thread), let place = namespace("ipc", of: thread) else { return "" }
        return "@" + place
    }
}
