// Hangs of C++ programs: hangs SCENARIO tells who plays what, prints `ready`, and stays as it is. A suffix `-stripped` of the
// name is ignored: the same hang, played by a program without symbols.
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <future>
#include <latch>
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <string>
#include <thread>

namespace {

enum { moving = -2, anything = -1 };

/// Threads that were started and have not said yet which role they play.
std::atomic<int> silent = 0;

/// Says that the calling thread plays `name` and is about to block in `call`.
void role(const char *name, long call = SYS_futex) {
    char text[160];
    int count = snprintf(
        text, sizeof text, "role %s %d %d\nwaits %s %c %ld -\n", name, getpid(), gettid(), name, call == moving ? 'M' : 'S', call);
    if (write(1, text, count) != count) _exit(1);
    silent--;
}

/// A thread that will play one role.
template <class Body>
std::thread play(Body body) {
    silent++;
    return std::thread(body);
}

void ready() {
    while (silent > 0) std::this_thread::yield();
    if (write(1, "ready\n", 6) != 6) _exit(1);
}

void sleep_on() {
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

/// The main thread has nothing to do with the hang; it sleeps.
void stay() {
    ready();
    sleep_on();
}

/// A thread that does `take`, tells that it is the holder, and sleeps; returns when it has taken.
template <class Take>
void holding(Take take, const char *name = "holder") {
    static std::promise<void> taken;
    play([=] {
        take();
        role(name, SYS_clock_nanosleep);
        taken.set_value();
        sleep_on();
    }).detach();
    taken.get_future().wait();
}

template <class Block>
void victim(Block block, long call = SYS_futex) {
    play([=] {
        role("victim", call);
        block();
    }).detach();
}

template <class Mutex>
void held() {
    static Mutex mutex;
    holding([] { mutex.lock(); });
    victim([] { mutex.lock(); });
    stay();
}

void timed_mutex() {
    static std::timed_mutex mutex;
    holding([] { mutex.lock(); });
    victim([] { (void)mutex.try_lock_for(std::chrono::hours(1)); });
    stay();
}

void abba() {
    static std::mutex a, b;
    static std::barrier both(2);
    play([] {
        std::scoped_lock mine(a);
        both.arrive_and_wait();
        role("victim");
        b.lock();
    }).detach();
    play([] {
        std::scoped_lock mine(b);
        both.arrive_and_wait();
        role("member-1");
        a.lock();
    }).detach();
    stay();
}

void self_deadlock() {
    static std::mutex mutex;
    mutex.lock();
    silent++;
    role("victim");
    ready();
    mutex.lock();
}

void shared_reader() {
    static std::shared_mutex mutex;
    holding([] { mutex.lock(); });
    victim([] { mutex.lock_shared(); });
    stay();
}

void shared_writer() {
    static std::shared_mutex mutex;
    holding([] { mutex.lock_shared(); });
    victim([] { mutex.lock(); });
    stay();
}

void condition() {
    static std::mutex mutex;
    static std::condition_variable changed;
    victim([] {
        std::unique_lock lock(mutex);
        changed.wait(lock);
    });
    stay();
}

void condition_timed() {
    static std::mutex mutex;
    static std::condition_variable changed;
    victim([] {
        std::unique_lock lock(mutex);
        changed.wait_for(lock, std::chrono::hours(1));
    });
    stay();
}

void condition_any() {
    static std::shared_mutex mutex;
    static std::condition_variable_any changed;
    victim([] {
        std::shared_lock lock(mutex);
        changed.wait(lock);
    });
    stay();
}

void promise() {
    static std::promise<int> answer;
    victim([] { answer.get_future().get(); });
    stay();
}

void async_future() {
    silent++;
    static auto answer = std::async(std::launch::async, [] {
        role("worker", SYS_clock_nanosleep);
        sleep_on();
    });
    victim([] { answer.get(); });
    stay();
}

void latch() {
    static std::latch latch(2);
    victim([] { latch.arrive_and_wait(); });
    stay();
}

void barrier() {
    static std::barrier barrier(2);
    victim([] { barrier.arrive_and_wait(); });
    stay();
}

void semaphore() {
    static std::counting_semaphore<4> semaphore(0);
    victim([] { semaphore.acquire(); });
    stay();
}

void atomic_wait() {
    static std::atomic<int> word = 7;
    victim([] { word.wait(7); });
    stay();
}

void call_once() {
    static std::once_flag once;
    static std::promise<void> begun;
    play([] {
        std::call_once(once, [] {
            role("holder", SYS_clock_nanosleep);
            begun.set_value();
            sleep_on();
        });
    }).detach();
    begun.get_future().wait();
    victim([] { std::call_once(once, [] {}); });
    stay();
}

std::promise<void> initialising;

struct Slow {
    Slow() {
        role("holder", SYS_clock_nanosleep);
        initialising.set_value();
        sleep_on();
    }
};

Slow &slow() {
    static Slow value;
    return value;
}

void static_initialiser() {
    play([] { slow(); }).detach();
    initialising.get_future().wait();
    victim([] { slow(); });
    stay();
}

void join() {
    static std::thread worker = play([] {
        role("worker", SYS_clock_nanosleep);
        sleep_on();
    });
    victim([] { worker.join(); });
    stay();
}

/// A jthread that ignores its stop token: its destructor waits for it.
void jthread_join() {
    silent++;
    victim([] {
        std::jthread worker([] {
            role("worker", SYS_clock_nanosleep);
            sleep_on();
        });
    });
    stay();
}

/// A queue's consumer at rest, as every thread pool has it.
void idle_pool() {
    static std::mutex mutex;
    static std::condition_variable filled;
    for (const char *name : {"victim", "other"})
        play([name] {
            std::unique_lock lock(mutex);
            role(name);
            filled.wait(lock, [] { return false; });
        }).detach();
    stay();
}

struct {
    const char *name;
    void (*play)();
} scenarios[] = {
    {"c++-mutex", held<std::mutex>},
    {"c++-recursive-mutex", held<std::recursive_mutex>},
    {"c++-timed-mutex", timed_mutex},
    {"c++-abba", abba},
    {"c++-self-deadlock", self_deadlock},
    {"c++-shared-reader", shared_reader},
    {"c++-shared-writer", shared_writer},
    {"c++-condition", condition},
    {"c++-condition-timed", condition_timed},
    {"c++-condition-any", condition_any},
    {"c++-promise", promise},
    {"c++-async", async_future},
    {"c++-latch", latch},
    {"c++-barrier", barrier},
    {"c++-semaphore", semaphore},
    {"c++-atomic", atomic_wait},
    {"c++-call-once", call_once},
    {"c++-static", static_initialiser},
    {"c++-join", join},
    {"c++-jthread", jthread_join},
    {"c++-pool-idle", idle_pool},
};

}  // namespace

int main(int count, char **words) {
    std::string name = count == 2 ? words[1] : "";
    if (const std::string suffix = "-stripped"; name.ends_with(suffix)) name.resize(name.size() - suffix.size());
    for (auto &scenario : scenarios)
        if (name == scenario.name) scenario.play();
    fprintf(stderr, "hangs SCENARIO: there is no “%s”\n", name.c_str());
    return 64;
}
