//! Hangs of Rust programs: hangs SCENARIO tells who plays what, prints `ready`, and stays as it is. A suffix `-stripped` of the
//! name is ignored: the same hang, played by a program without symbols.
use std::io::Write;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::sync::{mpsc, Arc, Barrier, Condvar, Mutex, Once, RwLock};
use std::thread;
use std::time::Duration;

extern "C" {
    fn gettid() -> i32;
    fn getpid() -> i32;
}

#[cfg(target_arch = "x86_64")]
const FUTEX: i64 = 202;
#[cfg(target_arch = "x86_64")]
const SLEEP: i64 = 230;
#[cfg(not(target_arch = "x86_64"))]
const FUTEX: i64 = -1;
#[cfg(not(target_arch = "x86_64"))]
const SLEEP: i64 = -1;

fn tell(text: String) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// Roles that were told; `ready` waits for as many as there are threads of the scenario.
static TOLD: AtomicIsize = AtomicIsize::new(0);

/// Says that the calling thread plays `name` and is about to block in `call`.
fn role(name: &str, call: i64) {
    let (pid, tid) = unsafe { (getpid(), gettid()) };
    tell(format!("role {name} {pid} {tid}\nwaits {name} S {call} -\n"));
    TOLD.fetch_add(1, Ordering::SeqCst);
}

fn ready(roles: isize) {
    while TOLD.load(Ordering::SeqCst) < roles {
        thread::yield_now();
    }
    tell("ready\n".into());
}

fn sleep() {
    thread::sleep(Duration::from_secs(100_000));
}

/// The main thread has nothing to do with the hang; it sleeps.
fn stay(roles: isize) {
    ready(roles);
    sleep();
}

/// A thread that does `take`, tells that it is the holder, and sleeps with what it got; returns when it has it.
fn holding<G, F: FnOnce() -> G + Send + 'static>(take: F) {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let _guard = take();
        role("holder", SLEEP);
        let _ = sender.send(());
        sleep();
    });
    let _ = receiver.recv();
}

fn victim<F: FnOnce() + Send + 'static>(block: F) {
    thread::spawn(move || {
        role("victim", FUTEX);
        block();
    });
}

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn mutex() {
    let lock = leak(Mutex::new(0));
    holding(move || lock.lock());
    victim(move || drop(lock.lock()));
    stay(2);
}

fn abba() {
    let (a, b) = (leak(Mutex::new(0)), leak(Mutex::new(0)));
    let both = leak(Barrier::new(2));
    for (name, mine, other) in [("victim", a, b), ("member-1", b, a)] {
        thread::spawn(move || {
            let _mine = mine.lock();
            both.wait();
            role(name, FUTEX);
            drop(other.lock());
        });
    }
    stay(2);
}

fn reentered() {
    let lock = Mutex::new(0);
    let _first = lock.lock();
    role("victim", FUTEX);
    ready(1);
    drop(lock.lock());
}

fn rwlock_read() {
    let lock = leak(RwLock::new(0));
    holding(move || lock.write());
    victim(move || drop(lock.read()));
    stay(2);
}

fn rwlock_write() {
    let lock = leak(RwLock::new(0));
    holding(move || lock.read());
    victim(move || drop(lock.write()));
    stay(2);
}

fn condvar() {
    let lock = leak(Mutex::new(0));
    let changed = leak(Condvar::new());
    victim(move || {
        let guard = lock.lock().unwrap();
        drop(changed.wait(guard));
    });
    stay(1);
}

fn channel() {
    let (sender, receiver) = mpsc::channel::<i32>();
    victim(move || {
        let _ = receiver.recv();
    });
    stay(1);
    drop(sender);
}

fn full_channel() {
    let (sender, receiver) = mpsc::sync_channel::<i32>(1);
    let _ = sender.send(1);
    victim(move || {
        let _ = sender.send(2);
    });
    stay(1);
    drop(receiver);
}

fn join() {
    let worker = thread::spawn(|| {
        role("worker", SLEEP);
        sleep();
    });
    role("victim", FUTEX);
    ready(2);
    let _ = worker.join();
}

fn scope() {
    victim(|| {
        thread::scope(|scope| {
            scope.spawn(|| {
                role("worker", SLEEP);
                sleep();
            });
        });
    });
    stay(2);
}

fn park() {
    victim(thread::park);
    stay(1);
}

fn barrier() {
    let barrier = Arc::new(Barrier::new(2));
    victim(move || {
        barrier.wait();
    });
    stay(1);
}

static ONCE: Once = Once::new();

fn once() {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        ONCE.call_once(|| {
            role("holder", SLEEP);
            let _ = sender.send(());
            sleep();
        })
    });
    let _ = receiver.recv();
    victim(|| ONCE.call_once(|| ()));
    stay(2);
}

/// Workers at rest, as a runtime parks them: one waits on a condition variable, the other is parked.
fn pool_idle() {
    let queue = leak((Mutex::new(Vec::<i32>::new()), Condvar::new()));
    thread::Builder::new()
        .name("worker-0".into())
        .spawn(move || {
            role("victim", FUTEX);
            let mut jobs = queue.0.lock().unwrap();
            while jobs.is_empty() {
                jobs = queue.1.wait(jobs).unwrap();
            }
        })
        .unwrap();
    stay(1);
}

fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    match name.strip_suffix("-stripped").unwrap_or(&name) {
        "rust-mutex" => mutex(),
        "rust-abba" => abba(),
        "rust-reentered" => reentered(),
        "rust-rwlock-read" => rwlock_read(),
        "rust-rwlock-write" => rwlock_write(),
        "rust-condvar" => condvar(),
        "rust-channel" => channel(),
        "rust-full-channel" => full_channel(),
        "rust-join" => join(),
        "rust-scope" => scope(),
        "rust-park" => park(),
        "rust-barrier" => barrier(),
        "rust-once" => once(),
        "rust-pool-idle" => pool_idle(),
        other => {
            eprintln!("hangs SCENARIO: there is no “{other}”");
            std::process::exit(64);
        }
    }
}
