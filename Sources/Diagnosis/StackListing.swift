import Evidence
import UserStacks
import WaitModel

/// Call stacks of some threads, none of which was stopped.
public struct StackListing: Sendable {
    public var host: HostIdentity
    /// Sorted by process and thread.
    public var threads: [ThreadStack]
    public var gaps: [Gap]

    public init(host: HostIdentity, threads: [ThreadStack], gaps: [Gap]) {
        self.host = host
        self.threads = threads
        self.gaps = gaps
    }
}

/// One thread's stacks.
public struct ThreadStack: Sendable {
    public var id: ThreadID
    public var process: String
    public var thread: String
    /// State letter of procfs.
    public var state: UInt8
    /// nil for a thread that has none to read: one that runs, has ended, or is the kernel's.
    public var userStack: UserStack?
    /// Innermost first; empty when it was not asked for or may not be read.
    public var kernelStack: [String]

    public init(id: ThreadID, process: String, thread: String, state: UInt8, userStack: UserStack?, kernelStack: [String]) {
        self.id = id
        self.process = process
        self.thread = thread
        self.state = state
        self.userStack = userStack
        self.kernelStack = kernelStack
    }
}

extension Investigation {
    /// The call stacks of the targets' threads; with no target, of every thread of the host.
    public func stacks(_ targets: [Target]) throws(TargetError) -> StackListing {
        let host = try open()
        host.readsChannels = false
        // A name may make it observe the whole host; an id only the process.
        let areIDs = targets.allSatisfy { if case .id = $0 { true } else { false } }
        if areIDs, !targets.isEmpty { host.stackReader.readsWhileObserving() }
        let selected = try select(targets, on: host)
        let stacks = host.stackReader.stacks(of: selected)
        let threads = zip(selected, stacks).map { reading, stack in
            ThreadStack(
                id: reading.id, process: host.process(reading.pid)?.name ?? reading.name, thread: reading.name, state: reading.stat.state,
                userStack: stack, kernelStack: options.kernelStacks ? kernelStack(of: reading, host) : [])
        }
        noteRefused(selected, host)
        let listing = StackListing(host: hostIdentity(host), threads: threads, gaps: gapsOf(host))
        host.close()
        return listing
    }
}
