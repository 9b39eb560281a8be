/// A lock of an interpreter that names its owner.
public struct InterpreterLock: Sendable, Hashable {
    public enum Sort: Sendable, Hashable {
        /// CPython's global interpreter lock.
        case global
        /// `threading.RLock`.
        case recursive
    }

    public var sort: Sort
    /// Of the lock itself, the same for all who wait.
    public var address: UInt64
    /// The owner's id in its innermost pid namespace; nil where it is held by nobody, or by whom cannot be said for certain.
    public var owner: Int32?
}

extension CPythonProcess {
    /// The global interpreter lock, when the word that a thread waits at lies in its condition variable.
    ///
    /// `last_holder` is the holder while `locked` is 1, but for the moment in which `take_gil` has set one and not the other. It does
    /// so under the lock's mutex (Python/ceval_gil.c), so the holder is believed only when twice the mutex was free and the rest the same.
    func globalLock(waitedForBy nativeID: UInt64, at futex: UInt64, read: @escaping StackMemory.Reader) -> InterpreterLock? {
        for state in states[nativeID] ?? [] {
            let memory = InterpreterMemory(limitBytes: 1 << 16, read: read)
            guard let interpreter = memory.word(at: state &+ UInt64(layout.threadInterpreter)) else { continue }
            let lock: UInt64
            switch layout.globalLock {
            case .inRuntime(let offset): lock = runtime.address &+ UInt64(offset)
            case .inInterpreter(let offset):
                guard let pointer = memory.word(at: interpreter &+ UInt64(offset)) else { continue }
                lock = pointer
            }
            let condition = lock &+ UInt64(CPythonLayout.lockCondition)
            guard lock % 8 == 0, lock != 0, futex &- condition < UInt64(CPythonLayout.lockMutex - CPythonLayout.lockCondition) else {
                continue
            }
            let first = lockMembers(lock, read)
            let second = lockMembers(lock, read)
            guard let first, first == second, first.isHeld, let holder = states.first(where: { $0.value.contains(first.holder) }),
                let bytes = InterpreterMemory(limitBytes: 1 << 16, read: read).bytes(at: first.holder, count: layout.threadSize),
                bytes.number(at: layout.nativeThreadID, size: 8) == holder.key, holder.key != nativeID
            else { return InterpreterLock(sort: .global, address: lock, owner: nil) }
            return InterpreterLock(sort: .global, address: lock, owner: Int32(exactly: holder.key))
        }
        return nil
    }

    private struct LockMembers: Equatable {
        var holder: UInt64
        var isHeld: Bool
        var switchNumber: UInt64
    }

    /// nil while somebody changes them.
    private func lockMembers(_ lock: UInt64, _ read: @escaping StackMemory.Reader) -> LockMembers? {
        guard let bytes = InterpreterMemory(limitBytes: 1 << 14, read: read).bytes(at: lock, count: CPythonLayout.lockMutex + 8) else {
            return nil
        }
        // glibc's lock word is a mutex's first, musl's its second.
        guard bytes.number(at: CPythonLayout.lockMutex, size: 8) == 0 else { return nil }
        let held = bytes.number(at: CPythonLayout.lockIsHeld, size: 4)
        guard held <= 1 else { return nil }
        return LockMembers(
            holder: bytes.number(at: CPythonLayout.lockHolder, size: 8), isHeld: held == 1,
            switchNumber: bytes.number(at: CPythonLayout.lockIsHeld + 8, size: 8))
    }

    // MARK: threading.RLock

    /// The `threading.RLock` that a thread waits for: the object is searched for among what the thread's innermost Python call has in
    /// its frame, and it is the one when the semaphore that it owns is the word that the thread waits at.
    /// Source: Modules/_threadmodule.c (rlockobject) of 3.11 to 3.13.
    func recursiveLock(
        waitedForBy nativeID: UInt64, at futex: UInt64, stack: Range<UInt64>, read: @escaping StackMemory.Reader
    ) -> InterpreterLock? {
        guard futex % 8 == 0, case .success(let calls) = calls(of: nativeID, stack: stack, read: read),
            let call = calls.runs.first(where: { !$0.calls.isEmpty })?.calls.first
        else { return nil }
        let memory = InterpreterMemory(limitBytes: Self.threadLimitBytes, read: read)
        for object in slots(of: call, memory).all {
            guard let type = typeName(of: object, memory) else { continue }
            if let lock = recursiveLock(object, type: type, futex, memory) { return lock }
            // `with` keeps the bound `__exit__` in place of the lock: m_self of PyCFunctionObject, im_self of PyMethodObject.
            guard type == "builtin_function_or_method" || type == "method",
                let bound = memory.word(at: object &+ UInt64(Self.boundObject)), let type = typeName(of: bound, memory),
                let lock = recursiveLock(bound, type: type, futex, memory)
            else { continue }
            return lock
        }
        return nil
    }

    /// Whether a thread is inside a `with` block of a lock: its evaluation stack keeps the lock's bound `__exit__`.
    ///
    /// The owner field alone is a weak witness: it is `pthread_self()`, which a new thread often has from one that ended, and that one
    /// may have left the lock locked.
    func isInside(_ lock: InterpreterLock, nativeID: UInt64, stack: Range<UInt64>, read: @escaping StackMemory.Reader) -> Bool {
        guard case .success(let calls) = calls(of: nativeID, stack: stack, read: read) else { return false }
        let memory = InterpreterMemory(limitBytes: Self.threadLimitBytes, read: read)
        for call in calls.runs.flatMap(\.calls).prefix(Self.searchedFrames) {
            for object in slots(of: call, memory).stack where typeName(of: object, memory) == "builtin_function_or_method" {
                guard memory.word(at: object &+ UInt64(Self.boundObject)) == lock.address,
                    let method = memory.word(at: object &+ UInt64(Self.methodDefinition)), let name = memory.word(at: method),
                    memory.bytes(at: name, count: 9).map({ $0 == Array("__exit__".utf8) + [0] }) == true
                else { continue }
                return true
            }
        }
        return false
    }

    /// What a call has in its frame: its variables, and its evaluation stack, which has rests of earlier values beyond its top.
    private func slots(of call: CPythonStack.Call, _ memory: InterpreterMemory) -> (all: [UInt64], stack: [UInt64]) {
        // cpython/code.h: `int co_stacksize; int co_firstlineno; int co_nlocalsplus;`
        let locals = call.code.head.bytes.number(at: layout.codeFirstLine + 4, size: 4)
        let depth = call.code.head.bytes.number(at: layout.codeFirstLine - 4, size: 4)
        guard locals <= Self.slotLimit, depth <= Self.slotLimit, locals + depth > 0,
            let bytes = memory.bytes(at: call.frame &+ UInt64(CPythonLayout.frameLocals), count: Int(locals + depth) * 8)
        else { return ([], []) }
        let all = (0..<Int(locals + depth)).map { bytes.number(at: $0 * 8, size: 8) }
        return (all, Array(all[Int(locals)...]))
    }

    private static let searchedFrames = 64
    /// `m_ml` of PyCFunctionObject (cpython/methodobject.h); what it points to begins with the name.
    private static let methodDefinition = 16
    private static let slotLimit: UInt64 = 256
    private static let boundObject = 24

    /// PyObject_HEAD; PyThread_type_lock rlock_lock; unsigned long rlock_owner; unsigned long rlock_count.
    private func recursiveLock(_ object: UInt64, type: String, _ futex: UInt64, _ memory: InterpreterMemory) -> InterpreterLock? {
        guard type == "_thread.RLock", let bytes = memory.bytes(at: object, count: 40), bytes.number(at: 16, size: 8) == futex else {
            return nil
        }
        let (owner, count) = (bytes.number(at: 24, size: 8), bytes.number(at: 32, size: 8))
        var lock = InterpreterLock(sort: .recursive, address: object, owner: nil)
        guard owner != 0, count >= 1, count < 1 << 32 else { return lock }
        // The owner by pthread_self(): it must be one thread's, whose state says so now.
        var found: Set<UInt64> = []
        for (id, addresses) in states {
            for state in addresses where memory.word(at: state &+ UInt64(layout.threadID)) == owner {
                if memory.word(at: state &+ UInt64(layout.nativeThreadID)) == id { found.insert(id) }
            }
        }
        if found.count == 1, let id = found.first { lock.owner = Int32(exactly: id) }
        return lock
    }

    /// `tp_name` of an object's type; nil where there is no such thing.
    private func typeName(of object: UInt64, _ memory: InterpreterMemory) -> String? {
        guard object % 8 == 0, object != 0, let type = memory.word(at: object &+ UInt64(layout.objectType)), type % 8 == 0,
            let name = memory.word(at: type &+ UInt64(CPythonLayout.typeName)), let bytes = memory.bytes(at: name, count: 32),
            let end = bytes.firstIndex(of: 0)
        else { return nil }
        return String(decoding: bytes[..<end], as: UTF8.self)
    }

    private var layout: CPythonLayout { runtime.layout }
}
