import CLinux
import Glibc

/// A program that opens one AgentX session and waits for the master's answer, as a script of snmpd's `extend` may do.
/// When that very snmpd waits for the script, both wait for ever.
public enum AgentXOpening {
    /// - Parameters:
    ///   - answerSeconds: how long to wait for the master; 0 waits for ever.
    ///   - closesOutput: first let go of standard output and standard error. snmpd then waits for the script's end at once;
    ///     otherwise it looks at the output once a second, a hundred times, before it does so.
    public static func run(socketPath: String, answerSeconds: Double, closesOutput: Bool) throws {
        _ = cl_set_thread_name("agentx-open")
        if closesOutput { try discardOutput() }
        let stream = try UnixStream(path: socketPath, waitsForRoom: true, answerSeconds: answerSeconds, stop: StopFlag())
        let session = try AgentXSession(stream: stream, id: DeviceConfiguration.defaultSubtree, description: "agentx-open")
        try session.close(reason: .other)
    }

    private static func discardOutput() throws {
        let nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)
        guard nowhere >= 0 else { throw SystemCallError("open", "/dev/null") }
        defer { close(nowhere) }
        for descriptor in [STDOUT_FILENO, STDERR_FILENO] {
            guard dup2(nowhere, descriptor) >= 0 else { throw SystemCallError("dup2", "/dev/null") }
        }
    }
}
