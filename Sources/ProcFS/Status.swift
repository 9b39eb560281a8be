/// `/proc/PID/status` or `/proc/PID/task/TID/status`. Source: proc_pid_status(5), fs/proc/array.c.
public struct Status: Sendable, Hashable {
    public var name: String?
    /// State letter, as in `stat`.
    public var state: UInt8?
    public var threadGroup: Int32?
    public var id: Int32?
    public var parent: Int32?
    /// Who traces it; 0 when nobody does.
    public var tracer: Int32 = 0
    /// Effective user id.
    public var user: UInt32?
    /// Its id in every pid namespace from the reader's procfs inwards; since Linux 4.1.
    public var namespaceIDs: [Int32] = []
    /// Bit n-1 stands for signal n.
    public var pendingInThread: UInt64 = 0
    public var pendingInProcess: UInt64 = 0
    public var blocked: UInt64 = 0
    public var ignored: UInt64 = 0
    public var caught: UInt64 = 0
    public var voluntarySwitches: UInt64?
    public var involuntarySwitches: UInt64?

    /// The id in the thread's own innermost pid namespace.
    public var innermostID: Int32? { namespaceIDs.last ?? id }

    public init(_ bytes: UnsafeRawBufferPointer) {
        var cursor = ByteCursor(bytes)
        while let line = cursor.line() {
            var field = ByteCursor(line)
            guard let key = field.until(0x3A) else { continue }
            switch key.count {
            case 4 where key.begins(with: "Name"):
                field.skipBlanks()
                name = UnsafeRawBufferPointer(rebasing: line[field.position...]).text
            case 5 where key.begins(with: "State"): state = field.word().first
            case 3 where key.begins(with: "Pid"): id = field.int32()
            case 3 where key.begins(with: "Uid"):
                _ = field.unsigned()
                user = field.unsigned().flatMap { UInt32(exactly: $0) }
            case 4 where key.begins(with: "Tgid"): threadGroup = field.int32()
            case 4 where key.begins(with: "PPid"): parent = field.int32()
            case 9 where key.begins(with: "TracerPid"): tracer = field.int32() ?? 0
            case 5 where key.begins(with: "NSpid"):
                while let id = field.int32() { namespaceIDs.append(id) }
            case 6 where key.begins(with: "SigPnd"): pendingInThread = field.unsigned(base: 16) ?? 0
            case 6 where key.begins(with: "ShdPnd"): pendingInProcess = field.unsigned(base: 16) ?? 0
            case 6 where key.begins(with: "SigBlk"): blocked = field.unsigned(base: 16) ?? 0
            case 6 where key.begins(with: "SigIgn"): ignored = field.unsigned(base: 16) ?? 0
            case 6 where key.begins(with: "SigCgt"): caught = field.unsigned(base: 16) ?? 0
            case 23 where key.begins(with: "voluntary_ctxt_switches"): voluntarySwitches = field.unsigned()
            case 26 where key.begins(with: "nonvoluntary_ctxt_switch"): involuntarySwitches = field.unsigned()
            default: continue
            }
        }
    }
}
