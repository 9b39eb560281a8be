import Evidence
import ProcFS
import WaitModel

/// Threads that the kernel holds back for want of memory: beyond `memory.high`, out of memory in a cgroup without an OOM killer, or
/// waiting for reclaim. Source: mm/memcontrol.c `mem_cgroup_handle_over_high`, mm/memcontrol-v1.c `mem_cgroup_oom_synchronize`,
/// mm/vmscan.c `reclaim_throttle`, `throttle_direct_reclaim`.
enum MemoryLimits: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        guard let channel = thread.channel, thread.reading.isAsleep, !thread.reading.stat.isKernelThread else { return nil }
        switch channel {
        case "mem_cgroup_handle_over_high", "__mem_cgroup_handle_over_high": return overHigh(thread, on: host)
        case "mem_cgroup_oom_synchronize", "mem_cgroup_handle_oom", "mem_cgroup_oom_unlock": return outOfMemory(thread, on: host)
        case "reclaim_throttle", "throttle_direct_reclaim", "congestion_wait", "wait_iff_congested": return reclaim(thread, on: host)
        default: return nil
        }
    }

    private static func overHigh(_ thread: BlockedThread, on host: Host) -> Wait {
        let limits = host.memoryLimits(of: thread.reading)
        let limit = limits.first { isNear($0.usedBytes, $0.highBytes) }
        cite(limit, thread)
        var text = "is slowed down by the kernel: "
        if let limit, let high = limit.highBytes {
            text +=
                "cgroup \(limit.directory) uses \(mebibytes(limit.usedBytes)) MiB, more than its memory.high of \(mebibytes(high)) MiB allows"
        } else {
            text += "its cgroup uses more memory than memory.high allows"
        }
        // Each sleep is two seconds at the most (MEMCG_MAX_HIGH_DELAY_JIFFIES), and ends by itself.
        return Wait(
            kind: .memoryThrottled, resource: resource(limit, on: host),
            release: Release(.any, [freer(.timer, "the pause ends by itself")]),
            mobility: .free(.memoryLimit), deadEnd: .memoryLimit, isDemand: true, description: text)
    }

    private static func outOfMemory(_ thread: BlockedThread, on host: Host) -> Wait {
        let limits = host.memoryLimits(of: thread.reading)
        let limit = limits.first { $0.isOutOfMemory && $0.killsNobody } ?? limits.first { $0.isOutOfMemory } ?? limits.first
        cite(limit, thread)
        var text = "needs memory that its cgroup may not have"
        if let limit, let maximum = limit.maximumBytes {
            text = "needs memory, and cgroup \(limit.directory) is at its limit of \(mebibytes(maximum)) MiB"
            if limit.killsNobody { text += " with the OOM killer off" }
        }
        return Wait(
            kind: .memcgOOM, resource: resource(limit, on: host),
            release: Release(.any, [freer(.unnamed, "whoever frees memory in that cgroup, or raises its limit")], completeness: .inferred),
            deadEnd: .memoryLimit, isDemand: true, description: text)
    }

    private static func reclaim(_ thread: BlockedThread, on host: Host) -> Wait {
        let limits = host.memoryLimits(of: thread.reading)
        let isGroups = thread.kernelFrames.contains { $0.hasPrefix("try_to_free_mem_cgroup") || $0.hasPrefix("try_charge") }
        let limit = isGroups ? limits.first { isNear($0.usedBytes, $0.maximumBytes) } : nil
        cite(limit, thread)
        let text: String
        if let limit, let maximum = limit.maximumBytes {
            text = "waits for the kernel to free memory: cgroup \(limit.directory) is at its limit of \(mebibytes(maximum)) MiB"
        } else {
            text =
                isGroups
                ? "waits for the kernel to free memory of its cgroup" : "waits for the kernel to free memory: the host is short of it"
            if !isGroups, case .success(let line?) = host.source.readInPlace("meminfo", { available($0) }) {
                thread.cite("/proc/meminfo", line)
            }
        }
        return Wait(
            kind: .memoryThrottled, resource: resource(limit, on: host),
            release: Release(.any, [freer(.device, "reclaim, as far as dirty pages can be written and caches dropped")]),
            deadEnd: .memoryLimit, isDemand: true, description: text)
    }

    /// Within a twentieth of a limit: what is charged changes while it is read.
    private static func isNear(_ used: UInt64, _ limit: UInt64?) -> Bool {
        guard let limit else { return false }
        return used >= limit - limit / 20
    }

    private static func available(_ bytes: UnsafeRawBufferPointer) -> String? {
        bytes.text.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }.map(String.init)
    }

    private static func freer(_ outside: Outside, _ because: String) -> Party {
        Party(.outside(outside), role: "memory", certainty: .possible, because: because)
    }

    private static func cite(_ limit: MemoryLimit?, _ thread: BlockedThread) {
        guard let limit else { return }
        thread.cite(limit.directory + (limit.isUnified ? "/memory.current" : "/memory.usage_in_bytes"), "\(limit.usedBytes)")
        if let high = limit.highBytes { thread.cite(limit.directory + "/memory.high", "\(high)") }
        if let maximum = limit.maximumBytes {
            thread.cite(limit.directory + (limit.isUnified ? "/memory.max" : "/memory.limit_in_bytes"), "\(maximum)")
        }
        if !limit.isUnified {
            thread.cite(
                limit.directory + "/memory.oom_control",
                "oom_kill_disable \(limit.killsNobody ? 1 : 0), under_oom \(limit.isOutOfMemory ? 1 : 0)")
        }
    }

    private static func resource(_ limit: MemoryLimit?, on host: Host) -> ResourceID? {
        guard let limit else { return nil }
        var facts: [(key: String, value: FactValue)] = [("usedBytes", .number(Int64(clamping: limit.usedBytes)))]
        if let high = limit.highBytes { facts.append(("highBytes", .number(Int64(clamping: high)))) }
        if let maximum = limit.maximumBytes { facts.append(("limitBytes", .number(Int64(clamping: maximum)))) }
        return host.register(
            Resource(
                id: ResourceID("memory-limit:\(limit.directory)"), kind: "memory-limit", label: "the memory of cgroup \(limit.directory)",
                facts: facts))
    }

    private static func mebibytes(_ bytes: UInt64) -> String {
        let tenths = bytes * 10 / (1 << 20)
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }
}
