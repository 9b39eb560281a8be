/// Which code belongs to the C library or a language's runtime: what a reader does not look for in a stack.
enum KnownCode {
    private static let libraries = [
        "libc.so", "libc-2.", "libpthread", "libm.so", "librt.so", "libdl.so", "ld-linux", "ld-musl", "ld-2.", "ld.so",
        "libc.musl", "libstdc++", "libgcc_s", "libc++", "libunwind", "libswift", "lib_Concurrency", "libdispatch",
        "libBlocksRuntime", "libFoundation", "lib_Foundation", "libjvm", "libjli", "libjava.", "libnio", "libnet.", "libuv",
        "libpython", "libgo.", "libtsan", "libasan",
    ]

    /// Whether a module is a C library, a loader or a runtime, by its file name.
    static func isRuntime(module: String) -> Bool {
        if module == "[vdso]" { return true }
        let name = module.utf8.split(separator: 0x2F).last.map { String(decoding: $0, as: UTF8.self) } ?? module
        return libraries.contains { name.hasPrefix($0) }
    }

    /// Calls of the C library that block, for programs that have it inside.
    private static let blocking: Set<String> = [
        "accept", "accept4", "clock_nanosleep", "clone", "clone3", "cnd_wait", "connect", "epoll_pwait", "epoll_wait", "fcntl",
        "fcntl64", "flock", "futex_wait", "ioctl", "lockf", "mq_receive", "mq_send", "mq_timedreceive", "mq_timedsend", "msgrcv",
        "msgsnd", "mtx_lock", "nanosleep", "open", "openat", "pause", "poll", "ppoll", "pread", "pselect", "pwrite", "raise",
        "read", "readv", "recv", "recvfrom", "recvmmsg", "recvmsg", "select", "semop", "semtimedop", "send", "sendmsg", "sendto",
        "sigsuspend", "sigtimedwait", "sigwait", "sigwaitinfo", "sleep", "start_thread", "syscall", "system", "thrd_join",
        "usleep", "wait", "wait3", "wait4", "waitid", "waitpid", "write", "writev", "_start", "_start_c", "start",
    ]
    private static let prefixes = [
        "__", "pthread_", "sem_", "_IO_", "_dl_", "futex_", "lll_", "_dispatch_", "dispatch_", "swift_", "_swift_", "std::",
        "core::", "alloc::", "__gnu_cxx::", "__cxxabiv1::", "<std::", "<core::", "<alloc::", "runtime.", "Swift.", "Dispatch.",
        "rust_begin", "__rust",
    ]

    /// Whether a frame is the C library's or a runtime's.
    static func isRuntime(_ frame: StackFrame) -> Bool {
        if let module = frame.module, isRuntime(module: module) { return true }
        guard let name = frame.function else { return false }
        if let raw = frame.rawSymbol {
            if ["$ss", "_ZNSt", "_ZSt", "_ZNKSt", "_ZN9__gnu_cxx"].contains(where: { raw.hasPrefix($0) }) { return true }
            // An extension that the Swift module makes of one of its own types: $sS?s
            let bytes = Array(raw.utf8.prefix(5))
            if raw.hasPrefix("$sS"), bytes.count == 5, bytes[4] == 0x73 { return true }
        }
        return frame.function == "<signal handler called>" || blocking.contains(name) || prefixes.contains { name.hasPrefix($0) }
    }
}

extension UserStack {
    /// The innermost frame outside the C library and the language's runtime: the one that says what the program was doing. Where an
    /// interpreter runs, the innermost of its calls outside its standard library, or else its innermost.
    public var firstApplicationFrame: StackFrame? {
        let interpreted = frames.lazy.filter { $0.language != nil }
        return interpreted.first { !PythonLibrary.contains($0.file ?? "") } ?? interpreted.first
            ?? frames.first { !KnownCode.isRuntime($0) }
    }

    /// The frames of machine code alone: names of functions mean nothing across languages.
    public var nativeFrames: [StackFrame] { frames.filter { $0.language == nil } }
}
