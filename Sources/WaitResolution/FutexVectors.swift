import Evidence
import ProcFS
import WaitModel

/// futex_waitv(waiters, count, flags, timeout, clock): any of several words. Each is resolved by what stands around it; since C libraries
/// do not make this call, no claim about a word's owner is more than inferred.
/// Source: futex_waitv(2), since Linux 5.16; include/uapi/linux/futex.h `struct futex_waitv` {u64 val; u64 uaddr; u32 flags; u32 reserved}.
enum FutexVectors {
    /// FUTEX_WAITV_MAX
    private static let largestCount = 128

    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        let count = Int(min(thread.argument(1), UInt64(largestCount)))
        guard count > 0, let array = thread.memory(thread.argument(0), 24 * count), array.count == 24 * count else { return nil }
        let caller = FutexCaller.of(thread, on: host)
        let standIn = FutexCaller(library: caller.library, place: .unknown, function: nil)
        let waits = (0..<count).map { index in
            // FUTEX2_PRIVATE is 128.
            let call = FutexCall(
                address: array.u64(24 * index + 8), value: array.u32(24 * index), isPrivate: array.u32(24 * index + 16) & 128 != 0)
            guard let memory = FutexMemory(call, thread) else { return Futexes.other(call, thread, on: host) }
            Futexes.cite(memory, thread)
            return known(memory, standIn, thread, on: host) ?? Futexes.other(call, thread, on: host)
        }
        var wait = merged(waits, thread, on: host)
        if thread.argument(3) != 0 {
            let now = thread.argument(4) == 0 ? Host.wallClock() : Double(MonotonicClock.now()) / 1e9
            wait.timeoutSeconds = thread.seconds(at: thread.argument(3)).map { max(0, $0 - now) } ?? 0
            wait.mobility = .free(.timer)
        }
        return wait
    }

    private static func known(_ memory: FutexMemory, _ caller: FutexCaller, _ thread: BlockedThread, on host: Host) -> Wait? {
        if let join = Joins.resolve(memory, thread, on: host) { return join }
        if let wait = Conditions.resolve(memory, thread, on: host) { return wait }
        if let wait = Rwlocks.resolve(memory, caller, thread, on: host) { return wait }
        if caller.mayBe(.musl), let wait = MuslLocks.resolve(memory, caller, thread, on: host) { return wait }
        return caller.mayBe(.glibc) ? Mutexes.resolve(memory, caller, thread, on: host) : nil
    }

    private static func merged(_ waits: [Wait], _ thread: BlockedThread, on host: Host) -> Wait {
        if waits.count == 1, let only = waits.first { return only }
        let kinds = Set(waits.map(\.kind))
        var parties: [Party] = []
        for (index, wait) in waits.enumerated() {
            for party in wait.release.parties {
                parties.append(
                    Party(
                        party.target, role: party.role, certainty: party.certainty, because: party.because, endsChain: party.endsChain,
                        member: index))
            }
        }
        let resource = host.register(
            Resource(
                id: ResourceID("futexes:\(thread.reading.pid):0x\(String(thread.argument(0), radix: 16))"), kind: "futexes",
                label: "\(waits.count) futex words of process \(thread.reading.pid)",
                facts: waits.enumerated().compactMap { index, wait in wait.resource.map { ("word\(index)", .text($0.name)) } }))
        let isUnnamed = parties.contains {
            if case .outside = $0.target { true } else { false }
        }
        let each = waits.prefix(4).map(\.description).joined(separator: "; or ")
        return Wait(
            kind: kinds.count == 1 ? kinds.first ?? .futexOther : .futexOther, resource: resource,
            release: Release(
                .any, parties, onDeath: waits.allSatisfy { $0.release.onDeath == .released } ? .released : .kept,
                completeness: waits.map(\.release.completeness).min() ?? .certain),
            deadEnd: isUnnamed ? .noSignaller : waits.first?.deadEnd ?? .unknown, isDemand: waits.allSatisfy(\.isDemand),
            description: "waits for any of \(waits.count) futex words: \(each)\(waits.count > 4 ? "; or \(waits.count - 4) more" : "")")
    }
}
