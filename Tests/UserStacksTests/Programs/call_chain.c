// Threads that wait for a mutex, behind calls with every kind of frame: large, of variable size, aligned, with many arguments, recursive.
// Arguments: threads, depth of the recursion.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <alloca.h>
#include <unistd.h>
#define APART __attribute__((noinline))
volatile int sink;
pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
APART int leaf(int n) { pthread_mutex_lock(&lock); sink = n; pthread_mutex_unlock(&lock); return n; }
APART int buffered(int n) { char b[200]; memset(b, n, sizeof b); int r = leaf(n + 1); sink += b[3]; return r + 1; }
APART int on_alloca(int n) { char *p = alloca(n * 16 + 64); memset(p, n, n * 16); int r = buffered(n); sink += p[1]; return r; }
APART int aligned(int n) { _Alignas(64) volatile char b[128]; b[n] = 1; int r = on_alloca(n); sink += b[n]; return r; }
APART int many(int a, int b, int c, int d, int e, int f, int g, int h) { int r = aligned((a + b + c + d + e + f + g + h) & 63); return r + sink; }
APART int outer(int n) { int r = many(n, 1, 2, 3, 4, 5, 6, 7); return r + 1; }
APART int again(int n) { int r = n ? again(n - 1) : outer(3); sink += r; return r + 1; }
void *thread_main(void *a) { int r = again((long)a); sink += r; return 0; }
int main(int c, char **v) {
    int n = c > 1 ? atoi(v[1]) : 2; long depth = c > 2 ? atol(v[2]) : 3;
    alarm(300);
    pthread_mutex_lock(&lock);
    pthread_attr_t at; pthread_attr_init(&at); pthread_attr_setstacksize(&at, depth > 100 ? 16 << 20 : 256 << 10);
    for (int i = 0; i < n; i++) { pthread_t t; if (pthread_create(&t, &at, thread_main, (void *)depth)) return 1; }
    puts("ready"); fflush(stdout);
    for (;;) poll(0, 0, -1);
}
