import Glibc
import ProcFS
import Testing

@testable import UserStacks

/// Stacks of real programs against what is known of them.
@Suite struct LiveStackTests {
    static let compilers = ["gcc", "clang"].flatMap { compiler in
        ["-O0", "-O1", "-O2", "-Os"].flatMap { level in
            ["", "-fno-omit-frame-pointer", "-fomit-frame-pointer"].map { "\(compiler) \(level) \($0)" }
        }
    }

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

    @Test(
        arguments: compilers + [
            "gcc -O2 -static", "gcc -O0 -static", "gcc -O2 -no-pie", "gcc -O2 -static-pie", "gcc -O2 -fno-plt", "gcc -O2 -m32",
        ])
    func callChain(command: String) throws {
        let scratch = try Scratch()
        let program = try build(TestPrograms.callChain, command, scratch)
        let stacks = try Blocked([program, "3"]).stacks(threads: 4)
        for (thread, stack) in stacks where thread.tid != thread.pid {
            #expect(stack.isComplete, "\(command)\n\(stack.text)")
            #expect(stack.names(in: TestPrograms.callChainNames) == TestPrograms.callChainExpected(depth: 3), "\(command)\n\(stack.text)")
            #expect(stack.firstApplicationFrame?.function == "leaf")
        }
        let main = try #require(stacks.first { $0.thread.tid == $0.thread.pid })
        #expect(main.stack.isComplete, "\(command)\n\(main.stack.text)")
        #expect(main.stack.firstApplicationFrame?.function == "main")
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

    @Test(arguments: ["gcc -O0", "gcc -O2", "clang -O0", "clang -O2", "gcc -O2 -static"]) func signalHandlerOnItsOwnStack(command: String)
        throws
    {
        let scratch = try Scratch()
        let program = try build(TestPrograms.signal, command, scratch)
        let stack = try #require(try Blocked([program]).stacks(threads: 1).first).stack
        #expect(stack.isComplete, "\(stack.text)")
        #expect(
            stack.names(in: ["blocked", "on_signal", "<signal handler called>", "interrupted", "caller", "main"])
                == ["blocked", "on_signal", "<signal handler called>", "interrupted", "caller", "main"], "\(stack.text)")
    }

    @Test(arguments: ["gcc -O0", "gcc -O2", "clang -O2"]) func coroutineStack(command: String) throws {
        let scratch = try Scratch()
        let program = try build(TestPrograms.coroutine, command, scratch)
        let stack = try #require(try Blocked([program]).stacks(threads: 1).first).stack
        #expect(stack.names(in: ["deep", "body"]) == ["deep", "deep", "deep", "deep", "body"], "\(stack.text)")
        #expect(stack.isComplete, "\(stack.text)")
    }

    @Test(arguments: ["g++ -O0", "g++ -O2", "clang++ -O0", "clang++ -O2"]) func exceptionInFlight(command: String) throws {
        let scratch = try Scratch()
        let program = try build(TestPrograms.exception, command, language: "cpp", scratch)
        let stack = try #require(try Blocked([program]).stacks(threads: 1).first).stack
        #expect(stack.isComplete, "\(stack.text)")
        let names = stack.frames.compactMap(\.function)
        for name in ["app::Holder::~Holder()", "app::Box<int>::fill(int)", "app::inner(int)", "app::steady(int)", "main"] {
            #expect(names.contains { $0.hasPrefix(name) }, "\(name) in\n\(stack.text)")
        }
    }

    @Test(arguments: ["-O", "", "-O -C symbol-mangling-version=v0"]) func rust(options: String) throws {
        let scratch = try Scratch()
        let program = try build(TestPrograms.rust, "rustc \(options)", language: "rs", scratch)
        for (thread, stack) in try Blocked([program]).stacks(threads: 2) {
            #expect(stack.isComplete, "\(stack.text)")
            guard thread.tid != thread.pid else { continue }
            #expect(stack.frames.contains { $0.function?.hasPrefix("source::perform") == true }, "\(stack.text)")
            #expect(stack.firstApplicationFrame?.function == "<source::Job as source::Work>::go", "\(stack.text)")
        }
    }

    @Test(arguments: ["-O", "-Onone"]) func swift(options: String) throws {
        let scratch = try Scratch()
        let program = try build(TestPrograms.swift, "swiftc \(options) -module-name app", language: "swift", scratch)
        let stack = try #require(try Blocked([program]).stacks(threads: 1).first).stack
        #expect(stack.isComplete, "\(stack.text)")
        #expect(stack.firstApplicationFrame?.function == "app.leaf(Int) -> Int", "\(stack.text)")
        #expect(stack.frames.contains { $0.function == "app.top() throws -> ()" }, "\(stack.text)")
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
