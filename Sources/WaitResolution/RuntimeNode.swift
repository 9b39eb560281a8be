import WaitModel

/// Node: the main thread and each worker run an event loop; libuv's pool does file operations, V8's pool compiles and collects.
/// Source: libuv src/threadpool.c (worker), node src/node_platform.cc (PlatformWorkerThread), src/inspector_agent.cc
/// (StartIoThreadMain), V8 src/execution/futex-emulation.cc.
extension LanguageRuntime {
    static let node = LanguageRuntime(
        rows: [
            row("v8::internal::FutexEmulation::Wait", "waits in Atomics.wait of JavaScript"),
            row("v8::internal::Builtin_AtomicsWait", "waits in Atomics.wait of JavaScript"),
            row("node::(anonymous namespace)::PlatformWorkerThread", "waits for work as a thread of Node's pool (V8)", .idle),
            row("node::WorkerThreadsTaskRunner", "waits for work as a thread of Node's pool (V8)", .idle),
            row("node::inspector::(anonymous namespace)::StartIoThreadMain", "waits for a debugger to be asked for (SIGUSR1)", .idle),
            row("v8::platform::", "waits for work as a thread of V8's pool", .idle),
            row("v8::internal::OptimizingCompileDispatcher", "waits for V8's compiler"),
            row("worker$", "waits for work as a thread of libuv's pool", .idle, part: .outer),
            row("v8::base::ConditionVariable::Wait", "waits inside V8", part: .inner, kind: .futexCondvar),
            row("v8::base::Semaphore::Wait", "waits inside V8", part: .inner, kind: .futexSemaphore),
            row("uv_cond_wait", "waits on a condition variable (libuv)", part: .inner, kind: .futexCondvar),
            row("uv_cond_timedwait", "waits on a condition variable (libuv)", part: .inner, kind: .futexCondvar),
            row("uv_sem_wait", "waits on a semaphore (libuv)", part: .inner, kind: .futexSemaphore),
        ],
        owns: { function, _ in
            guard let function else { return false }
            return ["node::", "v8::", "uv_", "uv__"].contains { function.hasPrefix($0) }
        })
}
