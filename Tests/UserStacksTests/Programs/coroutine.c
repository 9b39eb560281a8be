// Blocked on a stack that makecontext made.
#include <ucontext.h>
#include <stdlib.h>
#include <stdio.h>
#include <poll.h>
#include <unistd.h>
#define APART __attribute__((noinline))
volatile int sink; ucontext_t outside, inside;
APART void deep(int n) { if (n) { deep(n - 1); sink++; return; } puts("ready"); fflush(stdout); for (;;) poll(0, 0, -1); }
void body(void) { deep(3); sink++; }
int main(void) {
    alarm(300);
    getcontext(&inside); inside.uc_stack.ss_sp = malloc(65536); inside.uc_stack.ss_size = 65536; inside.uc_link = &outside;
    makecontext(&inside, body, 0); swapcontext(&outside, &inside); return sink;
}
