import Evidence
import KernelFacts
import WaitModel

/// Kernel threads: at rest in S, I or P; in D they may be held up by a device or a server, and hold up others.
enum KernelThreads {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait {
        let name = "[\(thread.reading.name)]"
        let channel = thread.channel ?? thread.kernelFrames.first { !KernelSymbols.isScheduler($0) }
        guard thread.reading.stat.state == UInt8(ascii: "D") else {
            return Wait(kind: .kernelWorker, mobility: .free(.idle), deadEnd: .idle, description: "is kernel thread \(name) at rest")
        }
        guard let channel, let (cause, words, outside) = ending(channel, thread.kernelFrames) else {
            // Some rest in an uninterruptible sleep: a D alone is no fault.
            return Wait(
                kind: .kernelWorker,
                release: Release(
                    .any, [Party(.outside(.unnamed), role: "kernel", certainty: .possible, because: "the kernel's own doing")]),
                deadEnd: .unknown, description: "is kernel thread \(name) in an uninterruptible sleep" + (channel.map { " (\($0))" } ?? ""))
        }
        return Wait(
            kind: .kernelWorker,
            release: Release(
                .any, [Party(.outside(outside), role: "kernel", certainty: .possible, because: "its kernel function is \(channel)")]),
            deadEnd: cause, isDemand: true, description: "is kernel thread \(name), and waits for \(words) (\(channel))")
    }

    private static func ending(_ channel: String, _ frames: [String]) -> (Cause, String, Outside)? {
        var family = WaitChannels.family(of: channel)
        if family == nil || family == .ambiguous {
            // Further out stands what it waits for: a transaction of a file system, a request of a block device.
            family = frames.lazy.compactMap { WaitChannels.family(of: $0) }.first {
                [.disk, .nfs, .fuse, .inodeLock, .frozenFileSystem].contains($0)
            }
        }
        switch family {
        case .disk: return (.diskIO, "a disk or another block device", .device)
        case .nfs: return (.external, "an NFS server", .network)
        case .fuse: return (.unanswered, "a FUSE daemon", .unnamed)
        case .inodeLock: return (.unknown, "a lock of the kernel's", .unnamed)
        case .frozenFileSystem: return (.filesystemFrozen, "a frozen file system", .unnamed)
        case .memoryControl: return (.memoryLimit, "memory", .unnamed)
        default: return nil
        }
    }
}
