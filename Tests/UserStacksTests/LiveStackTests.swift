import Glibc
import ProcFS
import Testing

@testable import UserStacks

/// Stacks of real programs against what is known of them.
@Suite struct LiveStackTests {
    /// Builds a program; where the compiler is missing or refuses an option, the test is skipped by name.
    private func build(_ source: String, _ command: String, language: String = "c", _ scratch: Scratch) throws -> String {
        if isInstalled(String(command.split(separator: " ")[0])),
            let program = try scratch.compile(
                source, as: language, with: [command, language == "c" || language == "cpp" ? "-pthread -w" : ""])
        {
            return program
        }
        try Test.cancel("\(command): not here")
    }

    @Test(arguments: ["gcc -O2", "gcc -O0", "clang -O1"]) func deepRecursion(command: String) throws {
        let scratch = try Scratch()
        let program = try build(TestPrograms.callChain, command, scratch)
        for (thread, stack) in try Blocked([program, "1", "9000"]).stacks(threads: 2) where thread.tid != thread.pid {
            #expect(stack.isComplete)
            #expect(stack.names(in: TestPrograms.callChainNames).count == 9008)
        }
        for (thread, stack) in try Blocked([program, "1", "20000"]).stacks(threads: 2) where thread.tid != thread.pid {
            #expect(!stack.isComplete)
            #expect(stack.problem == .tooDeep)
            #expect(stack.frames.count == 10_000)
        }
    }

    // MARK: Files

    @Test func strippedShowsOffsets() throws {
        let scratch = try Scratch()
        let program = try build(TestPrograms.callChain, "gcc -O2 -s", scratch)
        for (thread, stack) in try Blocked([program, "1"]).stacks(threads: 2) where thread.tid != thread.pid {
            #expect(stack.isComplete, "\(stack.text)")
            let own = stack.frames.filter { $0.module == program }
            #expect(own.count == 11)
            #expect(own.allSatisfy { $0.function == nil && $0.offset < 0x10000 })
        }
    }

    @Test func deletedExecutable() throws {
        let scratch = try Scratch()
        let program = try build(TestPrograms.callChain, "gcc -O2", scratch)
        let blocked = try Blocked([program, "1"])
        unlink(program)
        for (thread, stack) in try blocked.stacks(threads: 2) where thread.tid != thread.pid {
            #expect(stack.names(in: TestPrograms.callChainNames) == TestPrograms.callChainExpected(depth: 3), "\(stack.text)")
        }
    }

    @Test func replacedExecutable() throws {
        let scratch = try Scratch()
        let program = try build(TestPrograms.callChain, "gcc -O2", scratch)
        let blocked = try Blocked([program, "1"])
        unlink(program)
        _ = try build(TestPrograms.signal, "gcc -O0", scratch)
        for (thread, stack) in try blocked.stacks(threads: 2) where thread.tid != thread.pid {
            #expect(stack.names(in: TestPrograms.callChainNames) == TestPrograms.callChainExpected(depth: 3), "\(stack.text)")
        }
    }

    @Test func symbolsFromMiniDebugInfo() throws {
        guard isInstalled("objcopy"), isInstalled("xz") else { try Test.cancel("objcopy or xz: not here") }
        let scratch = try Scratch()
        let program = try build(TestPrograms.callChain, "gcc -O2", scratch)
        let pack = """
            cd \(scratch.path) && objcopy --only-keep-debug program debug && xz -k debug && strip program \
            && objcopy --add-section .gnu_debugdata=debug.xz program
            """
        guard run(["sh", "-c", pack]) == 0 else { try Test.cancel("objcopy: cannot make the section") }
        for (thread, stack) in try Blocked([program, "1"]).stacks(threads: 2) where thread.tid != thread.pid {
            #expect(stack.names(in: TestPrograms.callChainNames) == TestPrograms.callChainExpected(depth: 3), "\(stack.text)")
        }
    }

    @Test func symbolsAndLinesFromTheDebugLink() throws {
        guard isInstalled("objcopy") else { try Test.cancel("objcopy: not here") }
        let scratch = try Scratch()
        let program = try build(TestPrograms.callChain, "gcc -O2 -g -Wl,--build-id", scratch)
        let split = """
            cd \(scratch.path) && mkdir .debug && objcopy --only-keep-debug program .debug/program.debug && strip program \
            && objcopy --add-gnu-debuglink=.debug/program.debug program
            """
        guard run(["sh", "-c", split]) == 0 else { try Test.cancel("objcopy: cannot make the link") }
        for (thread, stack) in try Blocked([program, "1"]).stacks(threads: 2) where thread.tid != thread.pid {
            #expect(stack.names(in: TestPrograms.callChainNames) == TestPrograms.callChainExpected(depth: 3), "\(stack.text)")
            #expect(stack.firstApplicationFrame?.file?.hasSuffix("source.c") == true)
        }
    }

    @Test func partsOfFiles() throws {
        let source = HostSource()
        #expect(try source.readRange("/proc/self/exe", offset: 1, count: 3).get() == [0x45, 0x4C, 0x46])
        #expect(source.readRange("/proc/self/exe", offset: 0, count: 4, inode: 1) == .failure(.failed(ESTALE)))
        #expect(source.readRange("/nowhere", offset: 0, count: 4) == .failure(.gone))
    }

    @Test(arguments: [
        "gcc -O2 -gdwarf-5", "gcc -O2 -gdwarf-4", "gcc -O0 -gdwarf-3", "gcc -O1 -g -gz=zlib", "clang -O1 -gdwarf-5", "clang -O0 -gdwarf-4",
    ])
    func filesAndLines(command: String) throws {
        let scratch = try Scratch()
        let program = try build(TestPrograms.callChain, command, scratch)
        let text = TestPrograms.callChain.split(separator: "\n")
        for (thread, stack) in try Blocked([program, "1"]).stacks(threads: 2) where thread.tid != thread.pid {
            for frame in stack.frames where TestPrograms.callChainNames.contains(frame.function ?? "") {
                #expect(frame.file?.hasSuffix("source.c") == true, "\(frame)")
                let line = try #require(frame.line)
                #expect(
                    text[line - 1].contains(" \(frame.function ?? "?")(") || text[line - 1].contains("*\(frame.function ?? "?")("),
                    "\(frame)")
            }
        }
    }

    // MARK: No frame information

    @Test(arguments: ["gcc -O2 -fno-asynchronous-unwind-tables -g", "clang -O1 -fno-asynchronous-unwind-tables -g"])
    func debugFrameOnly(command: String) throws {
        let scratch = try Scratch()
        let program = try build(TestPrograms.callChain, command, scratch)
        for (thread, stack) in try Blocked([program, "1"]).stacks(threads: 2) where thread.tid != thread.pid {
            #expect(stack.isComplete, "\(stack.text)")
            #expect(stack.names(in: TestPrograms.callChainNames) == TestPrograms.callChainExpected(depth: 3), "\(stack.text)")
        }
    }

    @Test(arguments: ["gcc -O2", "gcc -O0", "gcc -O2 -fno-omit-frame-pointer", "clang -O2"]) func withoutAnyFrameInformation(
        command: String
    ) throws {
        let scratch = try Scratch()
        let program = try build(TestPrograms.callChain, command + " -fno-asynchronous-unwind-tables -fno-unwind-tables", scratch)
        for (thread, stack) in try Blocked([program, "1"]).stacks(threads: 2) where thread.tid != thread.pid {
            #expect(!stack.isComplete, "\(stack.text)")
            let names = stack.names(in: TestPrograms.callChainNames)
            #expect(names == TestPrograms.callChainExpected(depth: 3), "\(stack.text)")
            #expect(stack.frames.first { $0.function == "buffered" }?.isGuessed == true, "\(stack.text)")
        }
    }

    // MARK: Against a debugger

    @Test(.enabled(if: isInstalled("gdb")), arguments: ["gcc -O2", "gcc -O0", "clang -O2", "gcc -O2 -static"])
    func asGDBSeesIt(command: String) throws {
        let scratch = try Scratch()
        let program = try build(TestPrograms.callChain, command, scratch)
        let second = try Blocked([program, "1"])
        _ = try second.stacks(threads: 2)
        let text = output(of: ["gdb", "-nx", "-p", "\(second.pid)", "-batch", "-ex", "thread apply all bt"])
        var seen: [String] = []
        for line in text.split(separator: "\n") where line.hasPrefix("#") {
            for word in line.split(separator: " ") where TestPrograms.callChainNames.contains(String(word)) { seen.append(String(word)) }
        }
        guard seen.contains("leaf") else { try Test.cancel("gdb: not permitted to attach") }
        for (thread, stack) in try Blocked([program, "1"]).stacks(threads: 2) where thread.tid != thread.pid {
            #expect(stack.names(in: TestPrograms.callChainNames) == seen)
        }
    }
}
