import Evidence
import WaitModel

/// Waits for a child: wait4, waitid, vfork. Source: wait(2), kernel/exit.c `do_wait`.
enum Children: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        switch thread.callName {
        case "wait4", "waitpid":
            let target = thread.int(0)
            let options = UInt32(bitPattern: thread.int(2))
            return target > 0
                ? waits(thread, for: [target], named: true, on: host)
                : waitsForAny(thread, group: target == -1 ? nil : -target, options, on: host)
        case "waitid":
            let options = UInt32(bitPattern: thread.int(3))
            switch thread.int(0) {
            case 1: return waits(thread, for: [thread.int(1)], named: true, on: host)  // P_PID
            case 3:  // P_PIDFD
                guard let pid = host.descriptorInfo(thread.int(1), of: thread.reading)?.pidfdTarget, pid > 0 else {
                    return waitsForAny(thread, group: nil, options, on: host)
                }
                return waits(thread, for: [pid], named: true, on: host)
            case 2: return waitsForAny(thread, group: thread.int(1), options, on: host)  // P_PGID
            default: return waitsForAny(thread, group: nil, options, on: host)
            }
        case "vfork", "clone", "clone3": return vfork(thread, on: host)
        default:
            return nil
        }
    }

    /// The parent sleeps in kernel_clone (`_do_fork`, `do_fork` before 5.10), or in `wait_for_vfork_done` where that is no part of it, until
    /// the child has called exec or ended.
    private static func vfork(_ thread: BlockedThread, on host: Host) -> Wait? {
        if let channel = thread.channel, !["kernel_clone", "_do_fork", "do_fork", "wait_for_vfork_done", "sys_vfork"].contains(channel) {
            return nil
        }
        let vforkFlag: UInt64 = 0x4000  // CLONE_VFORK
        if thread.callName == "clone", thread.argument(0) & vforkFlag == 0 { return nil }
        if thread.callName == "clone3", let flags = thread.memory(thread.argument(0), 8), flags.u64(0) & vforkFlag == 0 { return nil }
        var children = host.children(of: thread.reading.pid)
        if let own = host.children(ofThread: thread.reading), !own.isEmpty { children = own }
        var named = true
        if children.count > 1 {
            // Until exec the child has its parent's memory.
            let sharing = children.filter { host.sharesMemory(thread.reading.pid, $0) == true }
            if sharing.isEmpty { named = false } else { children = sharing }
        }
        var wait = waits(thread, for: children, named: false, on: host)
        if children.count > 1 {
            wait.release.parties = wait.release.parties.map {
                Party(
                    $0.target, role: $0.role, certainty: .possible,
                    because: named ? "one of \(children.count) children that share its memory" : "one of its \(children.count) children")
            }
        }
        wait.kind = .vfork
        wait.isDemand = true
        wait.description = "has called vfork and waits until " + names(children, on: host) + " has called exec or ended"
        return wait
    }

    /// What the channel alone tells, for a user who may not see the system call: parent and child are public, which is meant is not.
    static func byChannel(_ thread: BlockedThread, on host: Host) -> Wait {
        var wait = waitsForAny(thread, group: nil, 0, on: host)
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
    private static func waitsForAny(_ thread: BlockedThread, group: Int32?, _ options: UInt32, on host: Host) -> Wait {
        var children: [Int32]
        if let group {
            // A group's number is of the target's own pid namespace; where that is another, the children cannot be told apart by it.
            let number = group == 0 ? thread.reading.stat.processGroup : sameNamespace(thread, on: host) ? group : nil
            children = host.children(of: thread.reading.pid, group: number)
        } else {
            children = host.children(of: thread.reading.pid)
        }
        // __WNOTHREAD: only those that this thread made.
        if options & 0x2000_0000 != 0, let own = host.children(ofThread: thread.reading) {
            children = children.filter { own.contains($0) }
        }
        // A tracer waits for those that it traces, too; debuggers and strace ask for __WALL.
        if group == nil, children.isEmpty || options & 0x4000_0000 != 0 {
            let traced = host.tracees(of: thread.reading.pid).filter { !children.contains($0) }
            if !traced.isEmpty {
                thread.cite("/proc/*/status", "traces " + traced.prefix(20).map(String.init).joined(separator: " "))
                children = (children + traced).sorted()
            }
        }
        return waits(thread, for: children, named: false, on: host)
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
