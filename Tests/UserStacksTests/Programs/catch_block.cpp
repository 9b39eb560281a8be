// Blocked in a catch block, in a constructor that a second thread's first function calls; and in a condition variable's wait.
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <poll.h>
#include <unistd.h>
#define APART __attribute__((noinline))
volatile int sink;
namespace app {
APART int thrower(int n) { if (n) throw std::runtime_error("on purpose"); return sink; }
APART int blocked(const std::exception &e) { while (sink >= 0) poll(0, 0, -1); return e.what()[0]; }
struct Session {
    int result;
    APART explicit Session(int n) {
        try { result = thrower(n) + 1; } catch (const std::exception &e) { result = blocked(e) + 1; }
        sink = result;
    }
};
APART void serve(int n) { Session session(n); sink = session.result; }
std::mutex mutex;
std::condition_variable arrived;
APART void wait_for_work() { std::unique_lock<std::mutex> lock(mutex); arrived.wait(lock, [] { return sink < 0; }); sink = 1; }
}
int main(int c, char **) {
    alarm(300);
    std::thread first(app::serve, c), second(app::wait_for_work);
    std::puts("ready"); std::fflush(stdout);
    first.join(); second.join();
    return sink;
}
