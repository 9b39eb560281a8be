import WaitModel

/// Rust's standard library, and what nearly every program builds on it: parking_lot, Tokio, Rayon. None of its locks records an owner.
/// Source: library/std/src/sys/sync (sys/unix/locks before 1.68), std/src/sync, std/src/thread; tokio/src/runtime.
extension LanguageRuntime {
    private static let mutex = "waits for a Rust Mutex, which records no owner"
    private static let rwlock = "waits for a Rust RwLock, which records no owner"
    private static let parked = "is parked by Rust (thread::park)"

    static let rust = LanguageRuntime(
        rows: [
            row("std::sys::sync::mutex", mutex, kind: .futexMutex),
            row("std::sys::unix::locks::futex_mutex", mutex, kind: .futexMutex),
            row("std::sys::unix::locks::futex::Mutex", mutex, kind: .futexMutex),
            row("std::sys::sync::rwlock", rwlock, kind: .futexRwlock),
            row("std::sys::unix::locks::futex_rwlock", rwlock, kind: .futexRwlock),
            row("std::sys::sync::once", "waits for a Rust Once that another thread runs", kind: .futexOnce),
            row("std::sys_common::once", "waits for a Rust Once that another thread runs", kind: .futexOnce),
            row("parking_lot::raw_mutex", "waits for a Mutex of parking_lot, which records no owner", kind: .futexMutex),
            row("parking_lot::raw_rwlock", "waits for a RwLock of parking_lot, which records no owner", kind: .futexRwlock),
            row("parking_lot::condvar", "waits on a Condvar of parking_lot", part: .inner, kind: .futexCondvar),
            row("parking_lot_core", "is parked by parking_lot", part: .inner),
            row("std::sync::barrier", "waits at a Rust Barrier for the threads that have not come", kind: .futexBarrier),
            row("std::sync::poison::barrier", "waits at a Rust Barrier for the threads that have not come", kind: .futexBarrier),
            row("std::sync::mpsc", channel),
            row("std::sync::mpmc", channel),
            row("crossbeam_channel", "waits at a channel of crossbeam"),
            row("std::thread::scoped::scope", "waits for the threads of a Rust scope to end"),
            row("tokio::runtime::blocking::pool", "waits for work as a thread of Tokio's blocking pool", .idle, part: .outer),
            row("tokio::runtime::scheduler", "waits for work as a thread of Tokio's runtime", .idle, part: .outer),
            row("tokio::runtime::thread_pool", "waits for work as a thread of Tokio's runtime", .idle, part: .outer),
            row("tokio::runtime::park::CachedParkThread", "waits for a Tokio task (block_on)", part: .outer),
            row("tokio::runtime::park", "waits for work as a thread of Tokio's runtime", .idle, part: .inner),
            row("rayon_core::sleep", "waits for work as a thread of Rayon's pool", .idle, part: .outer),
            row("rayon_core::latch", "waits for a job that it gave to Rayon's pool", part: .outer),
            row("std::sys::sync::condvar", "waits on a Rust Condvar", part: .inner, kind: .futexCondvar),
            row("std::sys::unix::locks::futex_condvar", "waits on a Rust Condvar", part: .inner, kind: .futexCondvar),
            row("std::sync::poison::condvar", "waits on a Rust Condvar", part: .inner, kind: .futexCondvar),
            row("std::sync::condvar", "waits on a Rust Condvar", part: .inner, kind: .futexCondvar),
            row("std::thread::functions::park", parked, part: .inner),
            row("std::thread::park", parked, part: .inner),
            row("std::thread::thread::Thread>::park", parked, part: .inner),
            row("std::thread::Thread>::park", parked, part: .inner),
            row("std::thread::current::", parked, part: .inner),
            row("std::sys::sync::thread_parking", parked, part: .inner),
            row("std::sys_common::thread_park", parked, part: .inner),
        ],
        owns: { function, _ in
            guard let function else { return false }
            return ["std::", "core::", "alloc::", "tokio::", "parking_lot", "rayon_core::", "crossbeam_"].contains {
                function.hasPrefix($0)
            }
        })

    private static let channel = "waits at a Rust channel (mpsc) for the other side"
}
