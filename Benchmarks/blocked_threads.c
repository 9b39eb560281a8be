// 500 threads, each a dozen calls deep in a condition variable: what `waitchain stack` is measured on. Prints its pid when all stand.
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum { threads = 500, depth = 8 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER, arrived = PTHREAD_COND_INITIALIZER;
static int waiting;

__attribute__((noinline)) static int wait_for_ever(int n) {
    pthread_mutex_lock(&mutex);
    if (++waiting == threads) pthread_cond_signal(&arrived);
    for (;;) pthread_cond_wait(&never, &mutex);
    return n;
}

__attribute__((noinline)) static int descend(int n) { return (n ? descend(n - 1) : wait_for_ever(n)) + 1; }

static void *thread(void *unused) {
    (void)unused;
    descend(depth);
    return NULL;
}

int main(void) {
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 << 10);
    for (int i = 0; i < threads; i++) {
        pthread_t id;
        if (pthread_create(&id, &small, thread, NULL)) return 1;
    }
    pthread_mutex_lock(&mutex);
    while (waiting < threads) pthread_cond_wait(&arrived, &mutex);
    pthread_mutex_unlock(&mutex);
    printf("%d\n", (int)getpid());
    fflush(stdout);
    // Ends with whoever started it.
    char byte;
    while (read(0, &byte, 1) > 0) {}
    return 0;
}
