import Diagnosis
import UserStacks
import WaitModel

/// `waitchain.stacks/1`: what `waitchain stack --json` prints.
public struct StacksJSON: Codable, Sendable {
    public static let schemaName = "waitchain.stacks/1"

    public var schema: String
    public var tool: ToolJSON?
    public var host: HostJSON
    public var threads: [ThreadStackJSON]
    public var gaps: [GapJSON]

    public init(_ listing: StackListing) {
        schema = Self.schemaName
        tool = ToolJSON()
        host = HostJSON(listing.host)
        threads = listing.threads.map(ThreadStackJSON.init)
        gaps = listing.gaps.map(GapJSON.init)
    }
}

/// One thread's stacks, innermost frame first.
public struct ThreadStackJSON: Codable, Sendable {
    public var pid: Int32
    public var tid: Int32
    public var process: String
    public var thread: String
    public var state: String
    public var userStack: [FrameJSON]
    public var userStackComplete: Bool
    /// Why the stack is missing or incomplete; left out where it is whole, or the thread has none.
    public var userStackProblem: String?
    /// Why the frames of an interpreter are missing or end early; left out where nothing is missing.
    public var interpreterProblem: String?
    public var kernelStack: [String]

    init(_ thread: ThreadStack) {
        pid = thread.id.pid
        tid = thread.id.tid
        process = thread.process
        self.thread = thread.thread
        state = stateText(thread.state)
        userStack = thread.userStack?.frames.map(FrameJSON.init) ?? []
        userStackComplete = thread.userStack?.isComplete ?? false
        userStackProblem = thread.userStack?.problem?.description
        interpreterProblem = thread.userStack?.interpreterProblem?.description
        kernelStack = thread.kernelStack
    }
}

/// One call of a user stack.
public struct FrameJSON: Codable, Sendable {
    @Nullable public var function: String?
    @Nullable public var module: String?
    /// Bytes into the function; without one, the address within the module.
    public var offset: UInt64
    @Nullable public var file: String?
    @Nullable public var line: Int?
    public var guessed: Bool
    /// Of a frame that an interpreter runs; left out for machine code.
    public var language: String?

    init(_ frame: StackFrame) {
        _function = Nullable(wrappedValue: frame.function)
        _module = Nullable(wrappedValue: frame.module)
        offset = frame.offset
        _file = Nullable(wrappedValue: frame.file)
        _line = Nullable(wrappedValue: frame.line)
        guessed = frame.isGuessed
        language = frame.language?.rawValue
    }
}
