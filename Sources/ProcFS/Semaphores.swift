import CLinux
import Glibc

/// A System V semaphore set, as semctl(IPC_STAT) tells.
public struct SemaphoreSet: Sendable, Hashable {
    public var id: Int32
    public var key: Int64
    public var count: Int
    /// User id of the owner.
    public var owner: UInt32
    /// When a semop last succeeded, and when the set was last changed otherwise; seconds since 1970, 0 for never.
    public var lastOperationSeconds: Int64
    public var changedSeconds: Int64
}

/// One semaphore of a set. Source: semctl(2).
public struct Semaphore: Sendable, Hashable {
    public var value: Int32
    /// The process whose operation succeeded last; 0 for none, or one outside this pid namespace.
    public var lastPID: Int32
    /// How many threads wait for it to rise, and how many for it to become 0.
    public var waitingForRise: Int32
    public var waitingForZero: Int32
}

extension HostSource {
    /// A semaphore set of this process's ipc namespace.
    public func semaphoreSet(id: Int32) -> Result<SemaphoreSet, ReadError> {
        guard isLive else { return .failure(.unavailable) }
        var status = cl_semaphore_set()
        guard cl_semaphore_set_status(id, &status) == 0 else {
            return .failure(errno == EINVAL || errno == EIDRM ? .gone : ReadError(errno: errno))
        }
        return .success(
            SemaphoreSet(
                id: id, key: status.key, count: Int(clamping: status.count), owner: status.owner,
                lastOperationSeconds: status.last_operation_seconds, changedSeconds: status.changed_seconds))
    }

    public func semaphore(_ number: Int32, of id: Int32) -> Result<Semaphore, ReadError> {
        guard isLive else { return .failure(.unavailable) }
        var values: (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
        let result = withUnsafeMutableBytes(of: &values) { bytes in
            bytes.baseAddress.map { cl_semaphore_values(id, number, $0.assumingMemoryBound(to: Int32.self)) } ?? -1
        }
        guard result == 0 else { return .failure(errno == EINVAL || errno == EIDRM ? .gone : ReadError(errno: errno)) }
        return .success(Semaphore(value: values.0, lastPID: values.1, waitingForRise: values.2, waitingForZero: values.3))
    }
}
