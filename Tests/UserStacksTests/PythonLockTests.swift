import Evidence
import Glibc
import ProcFS
import Testing

@testable import UserStacks

/// Who holds CPython's global lock or an RLock, on live processes.
@Suite struct PythonLockTests {
    /// What a waiting thread's lock says, by the Python function that the thread is in.
    private struct Lock {
        var sort: InterpreterLock.Sort
        var owner: String?
        var isInside: Bool
    }

    private func locks(_ pid: Int32, waiting: Set<String>) throws -> [String: Lock] {
        var found: [String: Lock] = [:]
        for _ in 0..<200 where found.count < waiting.count {
            usleep(50_000)
            found = [:]
            let host = Host(source: HostSource())
            host.observe([pid])
            let reader = StackReader(host: host)
            let threads = try #require(host.process(pid)?.threads)
            let stacks = reader.stacks(of: threads)
            func function(_ index: Int) -> String? { stacks[index]?.frames.first { $0.language == .python }?.function }
            for (index, thread) in threads.enumerated() {
                guard let name = function(index), waiting.contains(name), let call = thread.systemCall, call.number == 202,
                    let lock = reader.interpreterLock(waitedForBy: thread, at: call[0])
                else { continue }
                let owner = threads.firstIndex { $0.tid == lock.owner }
                found[name] = Lock(
                    sort: lock.sort, owner: owner.flatMap(function), isInside: owner.map { reader.isInside(lock, threads[$0]) } ?? false)
            }
        }
        return found
    }

    @Test(.enabled(if: PythonPrograms.isAMD64), arguments: PythonPrograms.found) func globalLock(python: PythonPrograms.Interpreter) throws
    {
        let scratch = try Scratch()
        try scratch.write(
            "gil.py",
            """
            import ctypes, threading, time
            # A library that is called without giving the lock up.
            libc = ctypes.PyDLL(None)
            def holder():
                print("ready", flush=True)
                time.sleep(0.2)
                libc.sleep(300)
            def first():
                while True: time.sleep(0.01)
            def second():
                time.sleep(0.5)
            for way in (holder, first, second): threading.Thread(target=way, daemon=True).start()
            time.sleep(300)
            """)
        let blocked = try Blocked([python.path, "\(scratch.path)/gil.py"])
        usleep(800_000)
        let locks = try locks(blocked.pid, waiting: ["first", "second"])
        for name in ["first", "second"] {
            let lock = try #require(locks[name], "\(python) \(name)")
            #expect(lock.sort == .global)
            #expect(lock.owner == "holder")
        }
    }

    @Test(.enabled(if: PythonPrograms.isAMD64), arguments: PythonPrograms.found) func recursiveLocks(python: PythonPrograms.Interpreter)
        throws
    {
        let scratch = try Scratch()
        try scratch.write(
            "rlock.py",
            """
            import threading, time
            a, b, c, d = (threading.RLock() for _ in range(4))
            plain = threading.Lock()
            def left():
                d.acquire()
            def holder():
                with a, b:
                    c.acquire()
                    with plain: time.sleep(300)
            def by_with():
                time.sleep(0.2)
                with a: pass
            def by_call():
                time.sleep(0.2)
                b.acquire()
            def called():
                time.sleep(0.2)
                c.acquire()
            def by_condition():
                time.sleep(0.2)
                with threading.Condition(a): pass
            def not_recursive():
                time.sleep(0.2)
                with plain: pass
            # A thread that ends with the lock; the next one has the same pthread_self().
            thread = threading.Thread(target=left); thread.start(); thread.join()
            def successor(): time.sleep(300)
            def abandoned(): d.acquire()
            threading.Thread(target=successor, daemon=True).start()
            time.sleep(0.1)
            for way in (holder, by_with, by_call, called, by_condition, not_recursive, abandoned):
                threading.Thread(target=way, daemon=True).start()
            time.sleep(0.5)
            print("ready", flush=True)
            time.sleep(300)
            """)
        let blocked = try Blocked([python.path, "\(scratch.path)/rlock.py"])
        // `with` on a Condition calls the lock from Condition.__enter__.
        let locks = try locks(blocked.pid, waiting: ["by_with", "by_call", "called", "Condition.__enter__", "abandoned"])
        for (name, isInside) in [("by_with", true), ("by_call", true), ("called", false), ("Condition.__enter__", true)] {
            let lock = try #require(locks[name], "\(python) \(name)")
            #expect(lock.sort == .recursive)
            #expect(lock.owner == "holder", "\(python) \(name)")
            #expect(lock.isInside == isInside, "\(python) \(name)")
        }
        #expect(locks["not_recursive"] == nil)
        // Whoever has the identifier now, nobody is inside it.
        let abandoned = try #require(locks["abandoned"])
        #expect(!abandoned.isInside)
    }
}
