import Evidence
import WaitModel

/// Waits for a child: wait4, waitid, vfork. Source: wait(2), kernel/exit.c `do_wait`.
enum Children: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        switch thread.callName {
        case "wait4", "waitpid":
            let target = thread.int(0)
            return target > 0
                ? waits(thread, for: [target], named: true, on: host) : waitsForAny(thread, group: target == -1 ? nil : -target, on: host)
        case "waitid":
            switch thread.int(0) {
            case 1: return waits(thread, for: [thread.int(1)], named: true, on: host)  // P_PID
            case 3:  // P_PIDFD
                guard let pid = host.descriptorInfo(thread.int(1), of: thread.reading)?.pidfdTarget, pid > 0 else {
                    return waitsForAny(thread, group: nil, on: host)
                }
                return waits(thread, for: [pid], named: true, on: host)
            case 2: return waitsForAny(thread, group: thread.int(1), on: host)  // P_PGID
            default: return waitsForAny(thread, group: nil, on: host)
            }
        case "vfork", "clone", "clone3", "fork":
            // The parent sleeps in kernel_clone (`_do_fork`, `do_fork` before 5.10) until the child has called exec or _exit.
            let children = host.children(of: thread.reading.pid)
            var wait = waits(thread, for: children, named: false, on: host)
            wait.kind = .vfork
            wait.isDemand = true
            wait.description = "has called vfork and waits until " + names(children, on: host) + " has called exec or ended"
            return wait
        default:
            return nil
        }
    }

    /// What the channel alone tells, for a user who may not see the system call: parent and child are public, which is meant is not.
    static func byChannel(_ thread: BlockedThread, on host: Host) -> Wait {
        var wait = waitsForAny(thread, group: nil, on: host)
        if wait.release.parties.count > 1 {
            wait.release.parties = wait.release.parties.map {
                Party(
                    $0.target, role: $0.role, certainty: .possible, because: "one of its children; which it waits for may not be read here")
            }
        }
        wait.release.completeness = .inferred
        return wait
    }

    /// - Parameter group: the process group whose members are waited for; 0 means the caller's own; nil means any child.
    private static func waitsForAny(_ thread: BlockedThread, group: Int32?, on host: Host) -> Wait {
        guard let group else { return waits(thread, for: host.children(of: thread.reading.pid), named: false, on: host) }
        // A group's number is of the target's own pid namespace; where that is another, the children cannot be told apart by it.
        let number = group == 0 ? thread.reading.stat.processGroup : sameNamespace(thread, on: host) ? group : nil
        return waits(thread, for: host.children(of: thread.reading.pid, group: number), named: false, on: host)
    }

    private static func waits(_ thread: BlockedThread, for children: [Int32], named: Bool, on host: Host) -> Wait {
        var children = children
        if named, !sameNamespace(thread, on: host) {
            // The argument is a number of the target's own pid namespace.
            children = host.children(of: thread.reading.pid).filter {
                host.status(pid: $0, tid: $0)?.innermostID == children.first
            }
        }
        let living = children.filter { host.process($0) != nil }
        let because =
            named ? "the process that the call names" : living.count == 1 ? "its only child" : "one of its \(living.count) children"
        let parties = living.compactMap { child in
            thread.process(child).map { Party($0, role: "child", certainty: .certain, because: because) }
        }
        if !living.isEmpty {
            thread.cite(
                "/proc/*/stat (parent \(thread.reading.pid))", "children " + living.prefix(20).map(String.init).joined(separator: " "))
        }
        let resource: Resource
        if living.count == 1, let child = living.first {
            resource = Resource(
                id: ResourceID("process:\(child)"), kind: "process", label: "process \(child)", facts: [("pid", .number(Int64(child)))])
        } else {
            resource = Resource(
                id: ResourceID("children:\(thread.reading.pid)"), kind: "children", label: "the children of process \(thread.reading.pid)",
                facts: [("children", .number(Int64(living.count)))])
        }
        return Wait(
            kind: .childExit, resource: host.register(resource), release: Release(.any, parties), deadEnd: .noCounterpart,
            description: "waits for " + names(living, on: host) + " to end")
    }

    private static func sameNamespace(_ thread: BlockedThread, on host: Host) -> Bool {
        guard let status = host.status(pid: thread.reading.pid, tid: thread.reading.tid) else { return true }
        return status.namespaceIDs.count <= 1
    }

    private static func names(_ children: [Int32], on host: Host) -> String {
        switch children.count {
        case 0: return "a child"
        case 1: return host.process(children[0]).map { "its child \($0.name) (\($0.id.pid))" } ?? "its child \(children[0])"
        default: return "one of its \(children.count) children"
        }
    }
}
