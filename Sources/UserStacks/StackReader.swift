import Evidence
import KernelFacts
import ProcFS
import WaitModel

/// Reads the user stacks of blocked threads from outside: registers from `syscall`, memory as it stands, frame information from
/// the files. Nothing is stopped. What was read of modules is kept as long as the reader.
public final class StackReader {
    let host: Host
    let modules: HostModules
    private let budget = StackWalk.Budget()
    private var images: [Int32: ProcessImage] = [:]
    private let interpreters: Interpreters
    private var symbolised: [SymbolKey: Symbolised] = [:]

    private struct SymbolKey: Hashable {
        var module: ObjectIdentifier
        var address: UInt64
    }

    private struct Symbolised {
        var function: String?
        var rawSymbol: String?
        var offset: UInt64
        var file: String?
        var line: Int?
    }

    public init(host: Host) {
        self.host = host
        modules = HostModules(source: host.source)
        interpreters = Interpreters(host: host)
    }

    /// The stack of one thread; nil when it has none to read: a kernel thread, a dead one, one that runs.
    public func stack(of thread: ThreadReading) -> UserStack? { stacks(of: CollectionOfOne(thread)).first ?? nil }

    /// The stacks of many threads, in their order. Much cheaper than one by one.
    ///
    /// A thread that has run is looked at again while it is found in the same call with the same arguments at the same place: one that
    /// tries for a lock in slices of time runs every few milliseconds.
    public func stacks(of threads: some Sequence<ThreadReading>) -> [UserStack?] {
        let threads = Array(threads)
        var stacks = look(at: threads)
        for _ in 0..<Self.attempts {
            let ran = stacks.indices.filter { stacks[$0]?.problem == .moved || stacks[$0]?.interpreterProblem == .moved }
            guard !ran.isEmpty, ran.count <= Self.retryLimit else { break }
            let again = ran.compactMap { index in foundAgain(threads[index]).map { (index, $0) } }
            for ((index, _), stack) in zip(again, look(at: again.map(\.1))) where stack?.problem != .moved { stacks[index] = stack }
        }
        return stacks
    }

    private static let attempts = 6
    /// Of more threads that have run none is looked at again.
    private static let retryLimit = 256

    /// The thread as it is now; nil when it is not blocked in the same place, or may have been elsewhere while it was looked at.
    private func foundAgain(_ thread: ThreadReading) -> ThreadReading? {
        guard thread.runCount != nil, case .inside = thread.call else { return nil }
        func runs() -> UInt64? {
            (try? host.source.read("\(thread.pid)/task/\(thread.tid)/schedstat", limit: 256).get()).flatMap { bytes in
                bytes.withUnsafeBytes { SchedulerCounters($0)?.runCount }
            }
        }
        guard let before = runs(),
            let call = try? host.source.read("\(thread.pid)/task/\(thread.tid)/syscall", limit: 256).get(),
            call.withUnsafeBytes({ SystemCallState($0) }) == thread.call
        else { return nil }
        return thread.again(runCount: before)
    }

    private func look(at threads: [ThreadReading]) -> [UserStack?] {
        var stacks = [UserStack?](repeating: nil, count: threads.count)
        var work: [(index: Int, thread: ThreadReading, stackPointer: UInt64, programCounter: UInt64, image: ProcessImage)] = []
        for (index, thread) in threads.enumerated() {
            let (stackPointer, programCounter): (UInt64, UInt64)
            switch thread.call {
            case .inside(let call): (stackPointer, programCounter) = (call.stackPointer, call.programCounter)
            case .outside(let pointer, let counter): (stackPointer, programCounter) = (pointer, counter)
            case .running: continue
            case nil:
                if let error = thread.callProblem, error != .gone, !thread.stat.isKernelThread {
                    stacks[index] = UserStack(frames: [], isComplete: false, problem: .noRegisters(error))
                }
                continue
            }
            // Kernel threads, and those that are exiting.
            guard stackPointer != 0, programCounter != 0 else { continue }
            work.append((index, thread, stackPointer, programCounter, image(of: thread)))
        }
        host.source.readMany(
            work,
            fill: { item in
                [
                    // The memory is the process's: with one thread's directory for all, its files are opened once a batch.
                    .memory(
                        directory: "\(host.source.root)/\(item.thread.pid)/task/\(item.image.thread)", tid: item.thread.tid,
                        address: item.stackPointer, count: item.image.room(above: item.stackPointer, limit: StackMemory.firstRead),
                        throughFile: !host.source.sharesPIDs),
                    witness(item.thread),
                ]
            },
            take: { item, answers in
                guard answers.count == 2, Self.stoodStill(item.thread, answers[1]) else {
                    stacks[item.index] = UserStack(frames: [], isComplete: false, problem: .moved)
                    return
                }
                let (pid, tid) = (item.thread.pid, item.thread.tid)
                let copy: [UInt8]
                switch answers[0] {
                case .success(let bytes): copy = Array(bytes)
                case .failure(let error):
                    if error != .gone { host.note("memory of \(pid)", error) }
                    // The thread that lent its directory may have ended; this one has not.
                    let again = host.source.memory(pid: pid, tid: tid, address: item.stackPointer, count: StackMemory.firstRead)
                    copy = error == .gone ? (try? again.get()) ?? [] : []
                }
                guard !copy.isEmpty else {
                    stacks[item.index] = UserStack(frames: [], isComplete: false, problem: .memory(address: item.stackPointer))
                    return
                }
                stacks[item.index] = stack(
                    of: item.thread, image: item.image, stackPointer: item.stackPointer, programCounter: item.programCounter,
                    memory: StackMemory(start: item.stackPointer, bytes: copy) { [host] address, count in
                        try? host.source.memory(pid: pid, tid: tid, address: address, count: count).get()
                    })
            })
        return stacks
    }

    private func stack(
        of thread: ThreadReading, image: ProcessImage, stackPointer: UInt64, programCounter: UInt64, memory: StackMemory
    ) -> UserStack {
        let machine = image.location(of: programCounter)?.module.file.machine ?? image.machine
        let walk = StackWalk(image: image, memory: memory, machine: machine, budget: budget)
        let (frames, end) = walk.walk(stackPointer: stackPointer, programCounter: programCounter)
        func stillStands() -> Bool {
            let file = thread.runCount != nil ? "schedstat" : "syscall"
            switch host.source.read("\(thread.pid)/task/\(thread.tid)/\(file)", limit: 256) {
            case .success(let bytes): return bytes.withUnsafeBytes { Self.stoodStill(thread, .success($0)) }
            case .failure: return false
            }
        }
        if memory.hasReadMore, !stillStands() { return UserStack(frames: [], isComplete: false, problem: .moved) }
        var stack = UserStack(frames: frames.map { describe($0, image) }, isComplete: false)
        var reachedRoot = false
        switch end {
        case .root: (stack.isComplete, reachedRoot) = (true, true)
        case .assumedRoot(let problem): (stack.problem, reachedRoot) = (problem, true)
        case .stopped(let problem): stack.problem = problem
        }
        return interpreters.interpreted(
            stack, frames: frames, reachedRoot: reachedRoot, of: thread, image: image, stillStands: stillStands)
    }

    /// What says whether a thread has run: its run count. Where the kernel keeps none, its system call, which can be the same again.
    private func witness(_ thread: ThreadReading) -> ReadRequest {
        let file = thread.runCount != nil ? "schedstat" : "syscall"
        return .file(path: "\(host.source.root)/\(thread.pid)/task/\(thread.tid)/\(file)", limit: 256)
    }

    /// The thread has not run since it was observed, so that all that was read of it still holds.
    private static func stoodStill(_ thread: ThreadReading, _ witness: Result<UnsafeRawBufferPointer, ReadError>) -> Bool {
        guard case .success(let bytes) = witness else { return false }
        if let before = thread.runCount { return SchedulerCounters(bytes)?.runCount == before }
        return SystemCallState(bytes) == thread.call
    }

    private func image(of thread: ThreadReading) -> ProcessImage {
        if let image = images[thread.pid] { return image }
        let (pid, tid) = (thread.pid, thread.tid)
        let machine: Machine
        switch host.architecture(of: thread) {
        case .i386: machine = .i386
        case .arm64: machine = .arm64
        default: machine = .amd64
        }
        let image = ProcessImage(
            mappings: host.mappings(of: thread), machine: machine, thread: tid,
            open: { [modules] in modules.module(of: $0, pid: pid, tid: tid) },
            read: { [host] in try? host.source.memory(pid: pid, tid: tid, address: $0, count: $1).get() })
        images[thread.pid] = image
        return image
    }

    // MARK: Locks

    /// The lock of an interpreter that a thread waits for at a futex, where it names its owner. Known after the thread's stack was read.
    public func interpreterLock(waitedForBy thread: ThreadReading, at futex: UInt64) -> InterpreterLock? {
        guard case .inside(let call) = thread.call else { return nil }
        return interpreters.lock(waitedForBy: thread, at: futex, stackPointer: call.stackPointer, image: image(of: thread))
    }

    /// Whether a blocked thread is inside a `with` block of a lock of its interpreter.
    public func isInside(_ lock: InterpreterLock, _ thread: ThreadReading) -> Bool {
        guard case .inside(let call) = thread.call else { return false }
        return interpreters.isInside(lock, thread, stackPointer: call.stackPointer, image: image(of: thread))
    }

    // MARK: Names

    private func describe(_ frame: StackWalk.Frame, _ image: ProcessImage) -> StackFrame {
        var described = StackFrame(programCounter: frame.programCounter, isGuessed: frame.isGuessed)
        guard let location = image.location(of: frame.codeAddress) else {
            described.module = image.name(at: frame.codeAddress)
            described.offset = frame.programCounter
            return described
        }
        described.module = location.module.name
        let names = symbolise(location.module, frame, bias: location.bias)
        described.function = frame.isSignalFrame ? "<signal handler called>" : names.function
        described.rawSymbol = names.rawSymbol
        described.offset = names.offset
        described.file = names.file
        described.line = names.line
        return described
    }

    private func symbolise(_ module: Module, _ frame: StackWalk.Frame, bias: UInt64) -> Symbolised {
        let key = SymbolKey(module: ObjectIdentifier(module), address: frame.codeAddress &- bias)
        if let known = symbolised[key] { return known }
        let counter = frame.programCounter &- bias
        var result = Symbolised(offset: counter)
        if let symbol = module.symbols.symbol(at: key.address, functionStart: frame.functionStart) {
            result.rawSymbol = symbol.name
            result.function = Demangling.readable(symbol.name)
            result.offset = counter &- symbol.start
        }
        if let line = module.lines.line(at: key.address) { (result.file, result.line) = (line.file, line.line) }
        symbolised[key] = result
        return result
    }
}
