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
    private var symbolised: [SymbolKey: Symbolised] = [:]
    /// By thread id, of threads that were walked while they were observed.
    private var ready: [Int32: UserStack] = [:]
    private var named: [WalkKey: [StackFrame]] = [:]

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
    }

    /// Keeps sorted symbol tables in a directory. false when that is not this user's alone: then nothing is kept or believed.
    public func keepSymbols(in directory: String) -> Bool {
        modules.symbolCache = SymbolCache(directory: directory)
        return modules.symbolCache != nil
    }

    /// The stack of one thread; nil when it has none to read: a kernel thread, a dead one, one that runs.
    public func stack(of thread: ThreadReading) -> UserStack? { stacks(of: CollectionOfOne(thread)).first ?? nil }

    /// The stacks of many threads, in their order. Much cheaper than one by one.
    public func stacks(of threads: some Sequence<ThreadReading>) -> [UserStack?] {
        let threads = Array(threads)
        var stacks = [UserStack?](repeating: nil, count: threads.count)
        var work: [(index: Int, thread: ThreadReading, stackPointer: UInt64, programCounter: UInt64, image: ProcessImage)] = []
        for (index, thread) in threads.enumerated() {
            guard let (stackPointer, programCounter) = Self.registers(of: thread) else {
                if let error = thread.callProblem, error != .gone, !thread.stat.isKernelThread {
                    stacks[index] = UserStack(frames: [], isComplete: false, problem: .noRegisters(error))
                }
                continue
            }
            if let stack = ready[thread.tid] {
                stacks[index] = stack
                continue
            }
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

    /// nil for a thread that runs, is the kernel's or is exiting.
    private static func registers(of thread: ThreadReading) -> (stackPointer: UInt64, programCounter: UInt64)? {
        let registers: (stackPointer: UInt64, programCounter: UInt64)
        switch thread.call {
        case .inside(let call): registers = (call.stackPointer, call.programCounter)
        case .outside(let pointer, let counter): registers = (pointer, counter)
        case .running, nil: return nil
        }
        return registers.stackPointer != 0 && registers.programCounter != 0 ? registers : nil
    }

    /// From now on the stacks of all threads that the host observes are walked at once, which spares a second round of reads. Those
    /// that are deeper than what is copied then are left for later.
    public func readsWhileObserving() {
        host.stackTaker = { [unowned self] thread, copy in
            guard let (stackPointer, programCounter) = Self.registers(of: thread) else { return }
            let memory = StackMemory(start: stackPointer, bytes: Array(copy))
            let image = image(of: thread)
            let walked = walk(image, stackPointer: stackPointer, programCounter: programCounter, memory: memory)
            if !memory.hasReadMore { ready[thread.tid] = described(walked, image) }
        }
    }

    private func stack(
        of thread: ThreadReading, image: ProcessImage, stackPointer: UInt64, programCounter: UInt64, memory: StackMemory
    ) -> UserStack {
        let walked = walk(image, stackPointer: stackPointer, programCounter: programCounter, memory: memory)
        if memory.hasReadMore {
            let file = thread.runCount != nil ? "schedstat" : "syscall"
            let still: Bool
            switch host.source.read("\(thread.pid)/task/\(thread.tid)/\(file)", limit: 256) {
            case .success(let bytes): still = bytes.withUnsafeBytes { Self.stoodStill(thread, .success($0)) }
            case .failure: still = false
            }
            if !still { return UserStack(frames: [], isComplete: false, problem: .moved) }
        }
        return described(walked, image)
    }

    private typealias Walked = (frames: [StackWalk.Frame], end: StackWalk.End)

    private func walk(_ image: ProcessImage, stackPointer: UInt64, programCounter: UInt64, memory: StackMemory) -> Walked {
        let machine = image.location(of: programCounter)?.module.file.machine ?? image.machine
        return StackWalk(image: image, memory: memory, machine: machine, budget: budget)
            .walk(stackPointer: stackPointer, programCounter: programCounter)
    }

    /// Names a walk's frames. Threads of a pool stand in the same places: equal walks are named once.
    private func described(_ walked: Walked, _ image: ProcessImage) -> UserStack {
        let places = walked.frames.map { $0.isGuessed ? ~$0.programCounter : $0.programCounter }
        let key = WalkKey(image: ObjectIdentifier(image), places: places)
        let frames: [StackFrame]
        if let known = named[key] {
            frames = known
        } else {
            frames = walked.frames.map { describe($0, image) }
            if named.count > 4096 { named.removeAll() }
            named[key] = frames
        }
        switch walked.end {
        case .root: return UserStack(frames: frames, isComplete: true)
        case .assumedRoot(let problem), .stopped(let problem): return UserStack(frames: frames, isComplete: false, problem: problem)
        }
    }

    private struct WalkKey: Hashable {
        var image: ObjectIdentifier
        var places: [UInt64]
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

    func image(of thread: ThreadReading) -> ProcessImage {
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
        if let table = module.goTable, let function = table.function(at: key.address) {
            result.rawSymbol = function.name
            result.function = function.name
            result.offset = counter &- function.start
            if let line = table.line(at: key.address) { (result.file, result.line) = (line.file, line.line) }
            symbolised[key] = result
            return result
        }
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
