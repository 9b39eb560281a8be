// Blocked in a destructor while an exception is on its way up.
#include <cstdio>
#include <string>
#include <poll.h>
#include <unistd.h>
#define APART __attribute__((noinline))
volatile int sink;
namespace app {
struct Holder { std::string name; APART ~Holder() { std::puts("ready"); std::fflush(stdout); while (sink >= 0) poll(0, 0, -1); } };
template <class T> struct Box { APART static void fill(T v) { Holder h{"x"}; if (v) throw 1; sink = 1; } };
APART int inner(int n) { Box<int>::fill(n); sink++; return n; }
APART int steady(int n) noexcept { try { return inner(n) + 1; } catch (int) { return 2; } }
}
int main(int c, char **) { alarm(300); int r = app::steady(c); sink += r; return r; }
