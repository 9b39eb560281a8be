import KernelFacts
import ProcFS
import WaitModel

extension Host {
    /// Looks at one thread again. The picture that this look is part of stays as it is: what was tied together by one look must not be
    /// mixed with another. For what a second look alone may tell.
    /// - Returns: nil when the thread is gone or its number names another one now.
    public func freshReading(of thread: ThreadReading) -> ThreadReading? {
        var fresh: ThreadReading?
        source.readMany(
            [thread],
            fill: { thread in
                [
                    .directory(path: "\(source.root)/\(thread.pid)/task/\(thread.tid)"),
                    .member(name: "schedstat", limit: 128), .member(name: "stat", limit: 1024), .member(name: "syscall", limit: 256),
                ]
            },
            take: { thread, answers in
                guard answers.count == 4, case .success(let statBytes) = answers[2], let stat = ThreadStat(statBytes),
                    stat.startTicks == thread.id.startTicks, case .success(let callBytes) = answers[3]
                else { return }
                var runs: UInt64?
                if case .success(let bytes) = answers[1] { runs = SchedulerCounters(bytes)?.runCount }
                fresh = ThreadReading(
                    id: thread.id, stat: stat, channel: thread.channel, rawChannel: thread.rawChannel, call: SystemCallState(callBytes),
                    callProblem: nil, runCount: runs)
            })
        return fresh
    }
}
