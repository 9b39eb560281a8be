import WaitModel

/// OpenJDK's HotSpot. Each Java thread parks on a condition variable of its own, whatever it waits for; who is in a monitor or has a lock
/// of java.util.concurrent stands in objects of the heap, which nobody outside can find. Source: src/hotspot/share/runtime
/// (objectMonitor.cpp, vmThread.cpp, safepoint.cpp, monitorDeflationThread.cpp, …), share/gc, share/compiler/compileBroker.cpp,
/// os/posix/os_posix.cpp (PlatformEvent, PlatformMonitor, Parker).
extension LanguageRuntime {
    private static let monitor = "waits to enter a Java monitor (jstack shows who is in it)"
    private static let park =
        "is parked by Java: LockSupport.park, on which the locks, queues and futures of java.util.concurrent rest (jstack shows which)"
    private static let resting = "waits for work as a thread of the Java virtual machine's own"

    static let java = LanguageRuntime(
        rows: [
            row("ObjectMonitor::enter", monitor, .runtimeInternal),
            row("ObjectMonitor::EnterI", monitor, .runtimeInternal),
            row("ObjectMonitor::ReenterI", "waits to enter a Java monitor again after Object.wait", .runtimeInternal),
            row("ObjectMonitor::reenter", "waits to enter a Java monitor again after Object.wait", .runtimeInternal),
            row("ObjectMonitor::wait", "waits in Object.wait of Java"),
            row("ObjectSynchronizer::wait", "waits in Object.wait of Java"),
            row("JVM_MonitorWait", "waits in Object.wait of Java"),
            row("Unsafe_Park", park),
            row("Parker::park", park),
            row("JavaThread::sleep", "sleeps (Thread.sleep of Java)", .sleeping, kind: .sleep),
            row("JVM_Sleep", "sleeps (Thread.sleep of Java)", .sleeping, kind: .sleep),
            row("VMThread::execute", "waits for the Java virtual machine to carry out an operation (a safepoint)", .runtimeInternal),
            row(
                "VMThread::wait_until_executed", "waits for the Java virtual machine to carry out an operation (a safepoint)",
                .runtimeInternal),
            row(
                "SafepointSynchronize::block", "waits for a safepoint of the Java virtual machine to end (garbage collection)",
                .runtimeInternal),
            row("SafepointSynchronize::", "waits for Java's threads to come to a safepoint", .runtimeInternal),
            row("CompileBroker::wait_for_completion", "waits for Java's compiler", .runtimeInternal),
            row("Threads::destroy_vm", "waits for the last thread of the Java program to end", .idle),
            row("JavaThread::java_suspend_self", "was suspended by Java"),
            row("JVM_WaitForReferencePendingList", resting, .idle),
            row("os::signal_wait", resting, .idle),
            row("VMThread::", resting, .idle),
            row("GangWorker::", resting, .idle),
            row("AbstractGangWorker::", resting, .idle),
            row("WorkerThread::", resting, .idle),
            row("GCTaskThread::", resting, .idle),
            row("CompileQueue::get", resting, .idle),
            row("CompileBroker::compiler_thread_loop", resting, .idle),
            row("ServiceThread::", resting, .idle),
            row("NotificationThread::", resting, .idle),
            row("MonitorDeflationThread::", resting, .idle),
            row("NMethodSweeper::", resting, .idle),
            row("WatcherThread::", resting, .idle),
            row("AttachListener::", resting, .idle),
            row("ConcurrentGCThread::run", resting, .idle, part: .outer),
            row("os::Platform", "waits inside the Java virtual machine", part: .inner),
            row("PosixSemaphore::", "waits inside the Java virtual machine", part: .inner),
            row("Monitor::", "waits inside the Java virtual machine", part: .inner),
            row("Semaphore::", "waits inside the Java virtual machine", part: .inner),
            row("LinuxWaitBarrier::", "waits inside the Java virtual machine", part: .inner),
        ],
        owns: { _, module in module.hasPrefix("libjvm.so") },
        unnamed: FutexFrames.Meaning(kind: .runtimePark, text: "is parked by the Java virtual machine", deadEnd: .noSignaller),
        byThreadName: { name in
            serviceThreads.contains { name.hasPrefix($0) }
                ? FutexFrames.Meaning(kind: .runtimePark, text: resting, deadEnd: .idle) : nil
        })

    /// Beginnings of the names, of which the kernel keeps 15 characters, that HotSpot and the class library give to threads of their own.
    /// They tell rest where the library has no symbols, and for those that wait in Java code for work.
    private static let serviceThreads = [
        "GC Thread#", "G1 ", "GC task thread", "ParGC Thread", "Shenandoah", "ZDriver", "ZDirector", "ZStat", "ZWorker", "VM Thread",
        "VM Periodic Tas", "C1 CompilerThre", "C2 CompilerThre", "Sweeper thread", "Reference Handl", "Finalizer", "Common-Cleaner",
        "Signal Dispatch", "Service Thread", "Notification Th", "Monitor Deflati", "Attach Listener",
    ]
}
