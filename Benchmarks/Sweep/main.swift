// One full-host sweep and nothing else: state, wait channel, system call and run count of every thread. Run by Benchmarks/run.
import Evidence
import ProcFS

let host = Host(source: HostSource(root: "/proc"))
host.observe((try? host.processIDs().get()) ?? [])
let threads = host.observedProcesses.flatMap(\.threads)
let counted = threads.count { $0.runCount != nil }
let inCalls = threads.count { $0.systemCall != nil }
let named = threads.count { $0.channel != nil }
print("\(threads.count) threads, \(counted) run counts, \(inCalls) system calls, \(named) channels")
