import Evidence
import Glibc
import ProcFS
import Testing

@testable import UserStacks

/// Python frames of live processes against what Python says of itself.
@Suite struct LivePythonTests {
    private struct Call: Hashable, CustomStringConvertible {
        var function: String
        var file: String
        var line: Int
        var description: String { "\(function) \(file):\(line)" }
    }

    private func pythonCalls(_ stack: UserStack) -> [Call] {
        stack.frames.filter { $0.language == .python }.map {
            Call(function: $0.function ?? "?", file: $0.file ?? "?", line: $0.line ?? -1)
        }
    }

    /// The stack of a process's first thread once it sleeps in `time.sleep`.
    private func rested(_ pid: Int32) throws -> UserStack {
        for _ in 0..<200 {
            usleep(50_000)
            let host = Host(source: HostSource())
            host.observe([pid])
            guard let thread = host.process(pid)?.threads.first, thread.channel?.contains("nanosleep") == true,
                let stack = StackReader(host: host).stack(of: thread), stack.problem != .moved, stack.interpreterProblem != .moved
            else { continue }
            return stack
        }
        throw Failure("\(pid) did not come to rest")
    }

    @Test func versionsThatAreHere() throws {
        for minor in 11...13 where !PythonPrograms.found.contains(where: { $0.minor == minor }) {
            try Test.cancel("no Python 3.\(minor) here")
        }
    }

    @Test(arguments: PythonPrograms.found) func asPythonSeesItself(python: PythonPrograms.Interpreter) throws {
        let scratch = try Scratch()
        let program = "\(scratch.path)/prüfung_猫.py"
        try scratch.write("prüfung_猫.py", PythonPrograms.everyWay)
        let blocked = try Blocked([python.path, program, "\(scratch.path)/truth"])
        let truth = output(of: ["cat", "\(scratch.path)/truth"])
        var expected: [Int32: [Call]] = [:]
        for line in truth.split(separator: "\n") {
            let fields = line.split(separator: "\t").map(String.init)
            let (tid, number) = (try #require(Int32(fields[0])), try #require(Int(fields[3])))
            expected[tid, default: []].append(Call(function: fields[1], file: fields[2], line: number))
        }
        #expect(expected.count > 40)
        let stacks = try blocked.stacks()
        for (thread, stack) in stacks where thread.tid != thread.pid {
            let calls = pythonCalls(stack)
            #expect(calls == expected[thread.tid], "\(python) thread \(thread.tid)\n\(stack.text)")
            #expect(stack.interpreterProblem == nil, "\(stack.text)")
            #expect(stack.isComplete, "\(stack.text)")
            // Each call of the loop stands for the Python calls that it runs.
            #expect(!stack.frames.contains { $0.rawSymbol?.hasPrefix(InterpretedStack.loopName) == true }, "\(stack.text)")
            expected[thread.tid] = nil
        }
        #expect(expected.isEmpty)
        let main = try #require(stacks.first { $0.thread.tid == $0.thread.pid }?.stack)
        #expect(pythonCalls(main).map(\.function) == ["main", "<module>"])
        #expect(main.firstApplicationFrame?.function == "main")
        #expect(main.frames.last?.function == "_start")
        _ = run(["sh", "-c", "for c in $(cat /proc/\(blocked.pid)/task/*/children); do kill $c; done"])
    }

    /// More calls than are followed: the innermost are right, and it is said that there are more.
    @Test(arguments: PythonPrograms.found) func deeperThanIsFollowed(python: PythonPrograms.Interpreter) throws {
        let scratch = try Scratch()
        try scratch.write(
            "deep.py",
            """
            import sys, time
            sys.setrecursionlimit(10000)
            def deep(n):
                if n: deep(n - 1)
                print("ready", flush=True)
                time.sleep(300)
            deep(3000)
            """)
        let blocked = try Blocked([python.path, "\(scratch.path)/deep.py"])
        let stack = try #require(try blocked.stacks(threads: 1).first?.stack)
        let calls = pythonCalls(stack)
        #expect(calls.count == CPythonProcess.frameLimit)
        #expect(calls.first?.line == 6)
        #expect(calls.dropFirst().allSatisfy { $0.function == "deep" && $0.line == 4 })
        #expect(stack.interpreterProblem == .tooDeep(CPythonProcess.frameLimit))
        #expect(!stack.isComplete)
    }

    /// The child of a fork has the states of its parent's threads in its memory, but runs none of them.
    @Test(arguments: PythonPrograms.found) func forkedChild(python: PythonPrograms.Interpreter) throws {
        let scratch = try Scratch()
        try scratch.write(
            "fork.py",
            """
            import os, sys, threading, time
            def idle(): time.sleep(300)
            threading.Thread(target=idle, daemon=True).start()
            parent = os.getpid()
            def child():
                time.sleep(300)
            if os.fork():
                print("ready", flush=True)
                os.wait()
            else:
                child()
            """)
        let blocked = try Blocked([python.path, "\(scratch.path)/fork.py"])
        let parent = try blocked.stacks(threads: 2)
        let main = try #require(parent.first { $0.thread.tid == blocked.pid }?.stack)
        #expect(pythonCalls(main).map(\.function) == ["<module>"])
        let children = output(of: ["cat", "/proc/\(blocked.pid)/task/\(blocked.pid)/children"])
        let child = try #require(children.split(separator: " ").first.flatMap { Int32($0) })
        defer { kill(child, SIGKILL) }
        let stack = try rested(child)
        #expect(pythonCalls(stack).map(\.function) == ["child", "<module>"], "\(stack.text)")
    }

    /// In a pid namespace of its own a thread's state has the id that it has there.
    @Test(arguments: PythonPrograms.found) func ownPIDNamespace(python: PythonPrograms.Interpreter) throws {
        guard geteuid() == 0, run(["unshare", "--pid", "--fork", "true"]) == 0 else { try Test.cancel("no pid namespaces to make") }
        let scratch = try Scratch()
        try scratch.write("inside.py", "import time\ndef inside():\n    print('ready', flush=True)\n    time.sleep(300)\ninside()\n")
        let blocked = try Blocked(["unshare", "--pid", "--fork", "--kill-child", python.path, "\(scratch.path)/inside.py"])
        let children = output(of: ["cat", "/proc/\(blocked.pid)/task/\(blocked.pid)/children"])
        let child = try #require(children.split(separator: " ").first.flatMap { Int32($0) })
        let stack = try rested(child)
        #expect(pythonCalls(stack).map(\.function) == ["inside", "<module>"], "\(stack.text)")
    }

    /// A version that is not known: its native frames, and the reason.
    @Test func olderThanIsRead() throws {
        let candidates = output(of: [
            "sh", "-c",
            "ls -d \"${PYENV_ROOT:-$HOME/.pyenv}\"/versions/3.[89]*/bin/python3 \"${PYENV_ROOT:-$HOME/.pyenv}\"/versions/3.10*/bin/python3",
        ])
        guard let path = candidates.split(separator: "\n").last.map(String.init) else { try Test.cancel("no Python 3.8 to 3.10 here") }
        let blocked = try Blocked([path, "-c", "import time; print('ready', flush=True); time.sleep(300)"])
        let stack = try #require(try blocked.stacks(threads: 1).first?.stack)
        #expect(pythonCalls(stack).isEmpty)
        #expect(stack.isComplete)
        #expect(stack.interpreterProblem == .unknownLayout("CPython before 3.11"))
    }
}
