import Evidence
import UserStacks
import WaitModel

/// What a runtime's frames add to a wait that another family has resolved: an event loop that is a runtime's own.
enum RuntimeLoops {
    /// Frames that are looked at: the loop is near the waiting call.
    private static let depth = 10

    /// Leaves the kind as it is, and says in words what the loop is for.
    static func annotate(_ wait: inout Wait, _ thread: BlockedThread, on host: Host) {
        guard [.epoll, .poll, .select, .signalWait].contains(wait.kind), host.readsStacksForKinds,
            let stack = host.stackReader.stack(of: thread.reading)
        else { return }
        for frame in stack.frames.prefix(depth) {
            guard let function = frame.function else { continue }
            let name = RuntimeFrames.bare(function)
            if name.hasPrefix("runtime.netpoll") {
                thread.cite("user stack", function)
                wait.description += ", as the poller of its Go program; what the goroutines wait for is not visible from outside"
                return
            }
            if name.hasPrefix("_dispatch_sigsuspend") || name.hasPrefix("_dispatch_sig_thread") {
                thread.cite("user stack", function)
                wait.description = "has left its work to libdispatch's threads (dispatchMain)"
                return
            }
            if name.hasPrefix("node::SyncProcessRunner") {
                thread.cite("user stack", function)
                waitForChild(&wait, thread, on: host)
                return
            }
        }
    }

    /// execSync and spawnSync of Node run an event loop of their own until the child has ended and closed its output; the main thread's
    /// loop stands still meanwhile. Source: node src/spawn_sync.cc (SyncProcessRunner::TryInitializeAndRunLoop).
    private static func waitForChild(_ wait: inout Wait, _ thread: BlockedThread, on host: Host) {
        let children = host.children(of: thread.reading.pid).compactMap { host.process($0) }
        guard !children.isEmpty else { return }
        let only = children.count == 1
        wait.release = Release(
            .any,
            children.map {
                Party(
                    .process($0.id), role: "child", certainty: only ? .inferred : .possible,
                    because: "JavaScript waits for a child process (execSync), and this is " + (only ? "the only one" : "one of them"))
            }, completeness: .inferred)
        wait.deadEnd = .unknown
        let name = only ? "its child \(children[0].name) (\(children[0].id.pid))" : "one of its \(children.count) children"
        wait.description = "waits for \(name) to end (execSync of Node), and does nothing else meanwhile"
    }
}
