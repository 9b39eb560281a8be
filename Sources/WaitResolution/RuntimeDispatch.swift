import WaitModel

/// libdispatch and Swift. Who drains a queue is recorded (see `DispatchQueues`), who would signal a semaphore or leave a group is not.
/// Source: swift-corelibs-libdispatch src/queue.c, src/semaphore.c, src/shims/lock.c; swift stdlib/public/Threading.
extension LanguageRuntime {
    static let dispatch = LanguageRuntime(
        rows: [
            row("__DISPATCH_WAIT_FOR_QUEUE__", "waits in DispatchQueue.sync", .runtimeInternal),
            row("_dispatch_sync_f_slow", "waits in DispatchQueue.sync", .runtimeInternal),
            row("_dispatch_async_and_wait", "waits in DispatchQueue.asyncAndWait", .runtimeInternal),
            row("_dispatch_group_wait", "waits for the members of a DispatchGroup to leave"),
            row("dispatch_group_wait", "waits for the members of a DispatchGroup to leave"),
            row("dispatch_block_wait", "waits for a DispatchWorkItem to end"),
            row("_dispatch_once_wait", "waits for a dispatch_once that another thread runs", kind: .futexOnce),
            row("_dispatch_unfair_lock_lock", "waits for a lock of libdispatch", .runtimeInternal, kind: .futexMutex),
            row("_dispatch_worker_thread", "waits for work as a thread of libdispatch's pool", .idle),
            row("_dispatch_root_queue_drain", "waits for work as a thread of libdispatch's pool", .idle),
            row("_dispatch_semaphore_wait", "waits on a DispatchSemaphore", part: .inner, kind: .futexSemaphore),
            row("dispatch_semaphore_wait", "waits on a DispatchSemaphore", part: .inner, kind: .futexSemaphore),
            row("_dispatch_sema4_", "waits on a semaphore of libdispatch", part: .inner, kind: .futexSemaphore),
            row("_dispatch_thread_event_wait", "is parked by libdispatch", part: .inner),
            row("_dispatch_wait_on_address", "is parked by libdispatch", part: .inner),
            row("_dispatch_futex_wait", "is parked by libdispatch", part: .inner),
        ],
        owns: { function, module in
            module.hasPrefix("libdispatch") || function?.hasPrefix("_dispatch_") ?? false || function?.hasPrefix("Dispatch.") ?? false
        })

    static let swift = LanguageRuntime(
        rows: [
            row("swift::threading_impl::once_slow", "waits for a Swift global that another thread initialises", kind: .futexOnce),
            row("swift_once", "waits for a Swift global that another thread initialises", kind: .futexOnce),
        ],
        owns: { _, module in module.hasPrefix("libswiftCore") })
}
