/// Where one minor version of CPython keeps what its frames are read from: offsets in bytes, 64-bit builds with the GIL.
///
/// 3.11 and 3.12 are tables, checked against the process before anything is believed (see `CPythonProcess`); the structures are frozen
/// within a minor version from its first release candidate. 3.13 says its offsets itself (`_Py_DebugOffsets`).
struct CPythonLayout: Sendable, Hashable {
    /// How the innermost frame is found, and where one call of the evaluation loop ends in the chain of frames.
    enum Chain: Sendable, Hashable {
        /// 3.11, Include/cpython/pystate.h: `tstate->cframe` is a `_PyCFrame` on the C stack of the innermost loop; the outermost Python
        /// frame of a loop has `is_entry` set.
        case controlFrames(isEntry: Int)
        /// 3.12: as 3.11, but a loop begins its frames with an entry of its own on the C stack (FRAME_OWNED_BY_CSTACK).
        case controlFrameThenEntries
        /// 3.13: `tstate->current_frame`, with entries as in 3.12.
        case entries
    }

    var name: String
    var chain: Chain

    // _PyRuntimeState (pycore_runtime.h), PyInterpreterState (pycore_interp.h)
    var interpretersHead: Int
    var interpreterNext: Int
    var threadsHead: Int

    // PyThreadState (cpython/pystate.h)
    var threadPrevious = 0
    var threadNext = 8
    var threadInterpreter = 16
    var threadSize: Int
    var threadID: Int
    var nativeThreadID: Int
    /// `cframe`, in 3.13 `current_frame`.
    var threadFrame: Int
    // _PyCFrame (cpython/pystate.h); not in 3.13.
    var controlCurrent = 0
    var controlPrevious = 0

    // _PyInterpreterFrame (pycore_frame.h)
    var frameSize: Int
    var frameCode: Int
    var framePrevious: Int
    var frameInstruction: Int
    var frameOwner: Int

    /// `localsplus`: the same in all three.
    static let frameLocals = 72
    /// `tp_name` of PyTypeObject (cpython/object.h), behind PyObject_VAR_HEAD.
    static let typeName = 24

    // PyCodeObject (cpython/code.h)
    var codeSize: Int
    var codeFirstLine: Int
    var codeFilename: Int
    var codeQualifiedName: Int
    var codeLineTable: Int
    var codeFirstTraceable: Int
    var codeInstructions: Int

    /// Where the global interpreter lock is (`struct _gil_runtime_state`, pycore_gil.h).
    enum GlobalLock: Sendable, Hashable {
        /// 3.11: within `_PyRuntime`.
        case inRuntime(Int)
        /// A pointer to it within the interpreter.
        case inInterpreter(Int)
    }
    var globalLock: GlobalLock
    // Its members: `last_holder`, `locked`, `switch_number`, a condition variable and a mutex of the C library.
    static let lockHolder = 8
    static let lockIsHeld = 16
    static let lockCondition = 32
    static let lockMutex = 80

    // PyObject, PyVarObject, PyBytesObject, PyASCIIObject and PyCompactUnicodeObject (cpython/unicodeobject.h)
    var objectType = 8
    var variableSize = 16
    var bytesContents = 32
    var textLength = 16
    var textState = 32
    var asciiContents: Int
    var compactContents: Int

    /// Largest of the sizes and offsets within one structure that are believed.
    private static let limit = 1 << 20

    static let minor11 = CPythonLayout(
        name: "3.11", chain: .controlFrames(isEntry: 68), interpretersHead: 40, interpreterNext: 0, threadsHead: 16, threadSize: 360,
        threadID: 152, nativeThreadID: 160, threadFrame: 56, controlCurrent: 8, controlPrevious: 16, frameSize: 72, frameCode: 32,
        framePrevious: 48, frameInstruction: 56, frameOwner: 69, codeSize: 184, codeFirstLine: 72, codeFilename: 112,
        codeQualifiedName: 128, codeLineTable: 136, codeFirstTraceable: 168, codeInstructions: 184, globalLock: .inRuntime(360),
        asciiContents: 48, compactContents: 72)

    static let minor12 = CPythonLayout(
        name: "3.12", chain: .controlFrameThenEntries, interpretersHead: 40, interpreterNext: 0, threadsHead: 72, threadSize: 288,
        threadID: 136, nativeThreadID: 144, threadFrame: 56, controlCurrent: 0, controlPrevious: 8, frameSize: 72, frameCode: 0,
        framePrevious: 8, frameInstruction: 56, frameOwner: 70, codeSize: 192, codeFirstLine: 68, codeFilename: 112,
        codeQualifiedName: 128, codeLineTable: 136, codeFirstTraceable: 176, codeInstructions: 192, globalLock: .inInterpreter(384),
        asciiContents: 40, compactContents: 56)

    /// Bytes of `_Py_DebugOffsets` of 3.13, with which `_PyRuntime` begins.
    static let debugOffsetsSize = 73 * 8

    /// What a 3.13 process says of itself: `_Py_DebugOffsets` in Include/internal/pycore_runtime.h, 64-bit numbers in that order.
    /// nil without its cookie, of another version, of a free-threaded build, and where a number cannot be one.
    init?(debugOffsets bytes: [UInt8]) {
        guard bytes.count >= Self.debugOffsetsSize, bytes.starts(with: Array("xdebugpy".utf8)) else { return nil }
        func field(_ index: Int) -> Int { Int(exactly: bytes.number(at: index * 8, size: 8)) ?? .max }
        guard field(1) >> 16 == 0x030D, field(2) == 0 else { return nil }
        let used = [5, 8, 9, 14, 19, 20, 21, 22, 23, 24, 25, 28, 29, 30, 31, 33, 34, 35, 37, 38, 39, 43, 45, 65, 66, 68, 69, 70]
        guard used.allSatisfy({ (0..<Self.limit).contains(field($0)) }) else { return nil }
        name = "3.13"
        chain = .entries
        (interpretersHead, interpreterNext, threadsHead) = (field(5), field(8), field(9))
        threadSize = field(19)
        (threadPrevious, threadNext, threadInterpreter) = (field(20), field(21), field(22))
        (threadFrame, threadID, nativeThreadID) = (field(23), field(24), field(25))
        (frameSize, framePrevious, frameCode, frameInstruction, frameOwner) = (field(28), field(29), field(30), field(31), field(33))
        (codeSize, codeFilename, codeQualifiedName, codeLineTable) = (field(34), field(35), field(37), field(38))
        (codeFirstLine, codeInstructions) = (field(39), field(43))
        // cpython/code.h ends `int _co_firsttraceable; void *co_extra; char co_code_adaptive[1];`
        codeFirstTraceable = field(43) - 16
        globalLock = .inInterpreter(field(14))
        objectType = field(45)
        (variableSize, bytesContents) = (field(65), field(66))
        (textState, textLength, asciiContents) = (field(68), field(69), field(70))
        // PyCompactUnicodeObject: PyASCIIObject, Py_ssize_t utf8_length, char *utf8.
        compactContents = asciiContents + 16
        guard isSensible else { return nil }
    }

    private init(
        name: String, chain: Chain, interpretersHead: Int, interpreterNext: Int, threadsHead: Int, threadSize: Int, threadID: Int,
        nativeThreadID: Int, threadFrame: Int, controlCurrent: Int, controlPrevious: Int, frameSize: Int, frameCode: Int,
        framePrevious: Int, frameInstruction: Int, frameOwner: Int, codeSize: Int, codeFirstLine: Int, codeFilename: Int,
        codeQualifiedName: Int, codeLineTable: Int, codeFirstTraceable: Int, codeInstructions: Int, globalLock: GlobalLock,
        asciiContents: Int,
        compactContents: Int
    ) {
        self.name = name
        self.chain = chain
        self.interpretersHead = interpretersHead
        self.interpreterNext = interpreterNext
        self.threadsHead = threadsHead
        self.threadSize = threadSize
        self.threadID = threadID
        self.nativeThreadID = nativeThreadID
        self.threadFrame = threadFrame
        self.controlCurrent = controlCurrent
        self.controlPrevious = controlPrevious
        self.frameSize = frameSize
        self.frameCode = frameCode
        self.framePrevious = framePrevious
        self.frameInstruction = frameInstruction
        self.frameOwner = frameOwner
        self.codeSize = codeSize
        self.codeFirstLine = codeFirstLine
        self.codeFilename = codeFilename
        self.codeQualifiedName = codeQualifiedName
        self.codeLineTable = codeLineTable
        self.codeFirstTraceable = codeFirstTraceable
        self.codeInstructions = codeInstructions
        self.globalLock = globalLock
        self.asciiContents = asciiContents
        self.compactContents = compactContents
    }

    /// Every member lies in its structure, and none is absurdly large.
    private var isSensible: Bool {
        let inThread = [threadPrevious, threadNext, threadInterpreter, threadFrame, threadID, nativeThreadID]
        let inFrame = [framePrevious, frameCode, frameInstruction]
        let inCode = [codeFilename, codeQualifiedName, codeLineTable]
        return threadSize <= 8192 && frameSize <= 1024 && codeSize <= 1024
            && inThread.allSatisfy { $0 % 8 == 0 && $0 + 8 <= threadSize }
            && inFrame.allSatisfy { $0 % 8 == 0 && $0 + 8 <= frameSize } && frameOwner < frameSize
            && inCode.allSatisfy { $0 % 8 == 0 && $0 + 8 <= codeSize } && codeFirstLine + 4 <= codeSize
            && codeFirstTraceable > 0 && codeInstructions <= codeSize && objectType <= 64 && variableSize <= 64
            && bytesContents <= 128 && textState <= 128 && textLength <= 128 && asciiContents <= 128
    }
}
