import Testing

@testable import UserStacks

/// Which call of a mixed stack is the program's own.
@Suite struct PythonPlaceTests {
    private func native(_ name: String, _ module: String = "/usr/bin/python3.11") -> StackFrame {
        StackFrame(programCounter: 1, function: name, module: module, rawSymbol: name)
    }
    private func python(_ name: String, _ file: String) -> StackFrame {
        StackFrame(programCounter: 2, function: name, file: file, line: 7, language: .python)
    }

    @Test func innermostOutsideTheLibrary() {
        let library = python("Queue.get", "/usr/lib/python3.11/queue.py")
        let frames = [
            native("read", "/lib/libc.so.6"), native("PyObject_Vectorcall"), library, python("work", "/srv/app.py"),
            python("main", "/srv/app.py"),
        ]
        #expect(UserStack(frames: frames, isComplete: true).firstApplicationFrame?.function == "work")
        #expect(UserStack(frames: Array(frames[..<3]), isComplete: true).firstApplicationFrame == library)
        #expect(UserStack(frames: Array(frames[..<2]), isComplete: true).firstApplicationFrame?.function == "PyObject_Vectorcall")
    }

    /// A Python function may have any name; what native names mean is asked of native frames.
    @Test func namesAcrossLanguages() {
        let frames = [native("read", "/lib/libc.so.6"), python("pthread_barrier_wait", "/srv/app.py")]
        #expect(UserStack(frames: frames, isComplete: true).nativeFrames.map(\.function) == ["read"])
    }
}
