import CLinux
import Glibc

extension HostSource {
    /// Bytes that lie unread behind a process's descriptor (FIONREAD).
    public func unreadBytes(pid: Int32, descriptor: Int32) -> Result<Int64, ReadError> {
        askDuplicate { cl_unread_bytes(pid, descriptor) }
    }

    /// What poll(2) says of a process's descriptor now: POLLIN, POLLOUT, POLLHUP, …
    public func readiness(pid: Int32, descriptor: Int32) -> Result<Int16, ReadError> {
        askDuplicate { cl_poll_descriptor(pid, descriptor) }.map { Int16(truncatingIfNeeded: $0) }
    }

    /// Asks something of a duplicate of another process's descriptor (pidfd_getfd(2), Linux 5.6), which is closed at once. Whoever hangs in
    /// the object may hold its locks, so a child asks, and is given up after `readLimitMilliseconds`.
    private func askDuplicate(_ ask: () -> Int64) -> Result<Int64, ReadError> {
        guard sharesPIDs else { return .failure(.unavailable) }
        var ends: (Int32, Int32) = (-1, -1)
        let made = withUnsafeMutablePointer(to: &ends) { $0.withMemoryRebound(to: Int32.self, capacity: 2) { cl_pipe($0) } }
        guard made == 0 else { return .failure(ReadError(errno: errno)) }
        let child = cl_fork()
        if child == 0 {
            _ = cl_die_with_parent(SIGKILL)
            var answer = ask()
            write(ends.1, &answer, 8)
            _exit(0)
        }
        Glibc.close(ends.1)
        defer { Glibc.close(ends.0) }
        guard child > 0 else { return .failure(.failed(ENOMEM)) }
        var answer: Int64 = 0
        var wake = pollfd(fd: ends.0, events: Int16(POLLIN), revents: 0)
        let isAnswered = poll(&wake, 1, readLimitMilliseconds) > 0 && Glibc.read(ends.0, &answer, 8) == 8
        kill(child, SIGKILL)
        var status: Int32 = 0
        // One that hangs in the kernel is not waited for.
        if cl_reap(child, &status) == 0, isAnswered { _ = waitpid(child, &status, 0) }
        guard isAnswered else { return .failure(.timedOut) }
        return answer < 0 ? .failure(ReadError(errno: Int32(clamping: -answer))) : .success(answer)
    }
}
