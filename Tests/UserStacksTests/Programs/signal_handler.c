// Blocked in a signal handler on its own stack, over a loop that has no call in it.
#include <signal.h>
#include <stdlib.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/time.h>
#define APART __attribute__((noinline))
volatile int sink;
APART void blocked(void) { puts("ready"); fflush(stdout); for (;;) pause(); }
void on_signal(int s) { blocked(); sink++; }
APART int interrupted(int n) { volatile long x = n; while (x) x++; return x; }
APART int caller(int n) { int r = interrupted(n); sink += r; return r + 1; }
int main(void) {
    stack_t st = {.ss_sp = malloc(65536), .ss_size = 65536}; sigaltstack(&st, 0);
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK}; sigaction(SIGALRM, &sa, 0);
    struct itimerval it = {{0, 0}, {0, 50000}}; setitimer(ITIMER_REAL, &it, 0);
    return caller(1) + sink;
}
