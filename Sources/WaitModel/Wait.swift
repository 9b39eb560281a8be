/// Something other than a thread of this host that can end a wait. It counts as free to act.
public enum Outside: String, Sendable, Hashable, CaseIterable {
    /// A client or a job that does not exist yet: an accept or an event loop at rest.
    case newWork
    /// An armed timer or a timeout.
    case timer
    /// A peer on another host, or packets from the network.
    case network
    /// A disk or another device.
    case device
    /// Somebody at a terminal.
    case person
    /// Somebody whom nothing names: who would signal this condition variable, send this signal, fill this queue.
    case unnamed
    /// Processes that may not be looked at and might be parties too. No verdict rests on their absence, but a chain follows those that
    /// were seen.
    case invisible
}

/// Who or what could end a wait.
public enum PartyTarget: Sendable, Hashable {
    case thread(ThreadID)
    /// Any thread of the process other than the waiting one.
    case process(ProcessID)
    case outside(Outside)
}

/// One party that could release a wait, and how sure that is.
public struct Party: Sendable, Hashable {
    public let target: PartyTarget
    /// What it is to the resource: `owner`, `reader`, `writer`, `consumer`, `listener`, `child`, …
    public let role: String
    public let certainty: Certainty
    /// Why it is a party, in words for the reader.
    public let because: String
    /// Set for a party at which a chain ends, whatever it does itself: a bystander that only keeps an end open.
    public let endsChain: Cause?
    /// Waits on several things at once (poll sets) number their members; the parties of one member share its number.
    public let member: Int

    public init(
        _ target: PartyTarget, role: String, certainty: Certainty, because: String, endsChain: Cause? = nil, member: Int = 0
    ) {
        self.target = target
        self.role = role
        self.certainty = certainty
        self.because = because
        self.member = member
        self.endsChain = endsChain
    }
}

/// What must happen for a wait to end.
public struct Release: Sendable, Hashable {
    public enum Rule: String, Sendable, Hashable {
        /// One party suffices: a pipe's writer, a queue's reader, a member of a poll set.
        case any
        /// Every party must act: a writer waiting for all readers, an exclusive lock behind several shared ones.
        case all
    }

    /// What the kernel or the C library does for the waiter when a party dies.
    public enum OnDeath: String, Sendable, Hashable {
        /// What the party held is given up: descriptors, flock and POSIX locks, robust mutexes, a child that is waited for.
        case released
        /// It stays as it is: an ordinary mutex in shared memory, a semaphore without SEM_UNDO, a queue's messages.
        case kept
    }

    public var rule: Rule
    public var parties: [Party]
    public var onDeath: OnDeath
    /// How sure it is that the list of parties is whole. A deadlock is no surer than the lists that it rests on.
    public var completeness: Certainty

    public init(
        _ rule: Rule = .any, _ parties: [Party] = [], onDeath: OnDeath = .released, completeness: Certainty = .certain
    ) {
        self.rule = rule
        self.parties = parties
        self.onDeath = onDeath
        self.completeness = completeness
    }
}

/// Whether a thread can move without anybody's help.
public enum Mobility: Sendable, Hashable {
    /// It runs, it will be woken by time or by something outside, or it was seen moving; with the cause that says which.
    case free(Cause)
    /// Held by a stop that somebody may lift: `stopped`, `traced` or `frozen`.
    case held(Cause)
    /// It needs its wait's release. With no parties, nobody can: the wait's `deadEnd` says why.
    case waiting
    /// It will never act again (zombie).
    case dead
}

/// One thread's blocked state.
public struct Wait: Sendable, Hashable {
    public var kind: WaitKind
    /// The kernel function that it sleeps in, as procfs shows it; nil when it shows none.
    public var channel: String?
    /// Name of the system call; nil when it is in none or may not be read.
    public var systemCall: String?
    /// The time limit that the call was given, in seconds; nil when there is none or it is unknown.
    public var timeoutSeconds: Double?
    public var resource: ResourceID?
    public var release: Release
    public var mobility: Mobility
    /// The cause where a chain ends at this wait because no party can be followed.
    public var deadEnd: Cause
    /// Somebody wants this to end now: a lock, a full buffer, an unread request. Not: a reader or an event loop with nothing to do.
    public var isDemand: Bool
    /// SIGKILL would end the thread where it stands; false only where it is known not to.
    public var isKillable: Bool
    /// One clause for the reader, beginning with a verb: `sends to SysV message queue 5 (16384 of 16384 bytes)`.
    public var description: String

    public init(
        kind: WaitKind, channel: String? = nil, systemCall: String? = nil, timeoutSeconds: Double? = nil,
        resource: ResourceID? = nil, release: Release = Release(), mobility: Mobility = .waiting, deadEnd: Cause = .unknown,
        isDemand: Bool = false, isKillable: Bool = true, description: String = ""
    ) {
        self.kind = kind
        self.channel = channel
        self.systemCall = systemCall
        self.timeoutSeconds = timeoutSeconds
        self.resource = resource
        self.release = release
        self.mobility = mobility
        self.deadEnd = deadEnd
        self.isDemand = isDemand
        self.isKillable = isKillable
        self.description = description
    }
}
