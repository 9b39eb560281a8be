// Futexes that are no mutexes, and those that merely look like one: a tool must not name a holder it cannot know.
#include "lab.h"

#include <linux/futex.h>
#include <semaphore.h>

enum { held = 0 };

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static sem_t semaphore;

static void *hold_for_writing(void *unused) {
    pthread_rwlock_wrlock(&rwlock);
    give_cue(held);
    sleep_for_good();
    return unused;
}

static void *hold_for_reading(void *unused) {
    pthread_rwlock_rdlock(&rwlock);
    give_cue(held);
    sleep_for_good();
    return unused;
}

static void want_to_read(void *holder) {
    performer("holder", (performer_body)holder, NULL);
    await_cue(held);
    will_wait(SYS_futex);
    pthread_rwlock_rdlock(&rwlock);
}

static void want_to_write(void *holder) {
    performer("holder", (performer_body)holder, NULL);
    await_cue(held);
    will_wait(SYS_futex);
    pthread_rwlock_wrlock(&rwlock);
}

static void rwlock_writer(void) { actor("victim", want_to_read, (void *)hold_for_writing); }
static void rwlock_reader(void) { actor("victim", want_to_write, (void *)hold_for_reading); }

static void *bystander(void *unused) {
    sleep_for_good();
    return unused;
}

static void wait_for_condition(void *unused) {
    (void)unused;
    performer("bystander", bystander, NULL);
    pthread_mutex_lock(&mutex);
    will_wait(SYS_futex);
    for (;;) pthread_cond_wait(&condition, &mutex);
}

static void condvar(void) { actor("victim", wait_for_condition, NULL); }

static void wait_for_semaphore(void *unused) {
    (void)unused;
    sem_init(&semaphore, 0, 0);
    performer("bystander", bystander, NULL);
    will_wait(SYS_futex);
    while (sem_wait(&semaphore) == -1 && errno == EINTR) continue;
}

static void semaphore_wait(void) { actor("victim", wait_for_semaphore, NULL); }

static void wait_at_barrier(void *unused) {
    (void)unused;
    pthread_barrier_init(&barrier, NULL, 2);
    performer("bystander", bystander, NULL);
    will_wait(SYS_futex);
    pthread_barrier_wait(&barrier);
}

static void barrier_wait(void) { actor("victim", wait_at_barrier, NULL); }

// A FILE's lock has the same value 2 in its word, but a pointer where a mutex keeps its owner's number.
static void *hold_file(void *file) {
    flockfile(file);
    give_cue(held);
    sleep_for_good();
    return NULL;
}

static void want_file(void *unused) {
    (void)unused;
    FILE *file = fopen("/dev/null", "w");
    if (!file) fail("fopen");
    performer("holder", hold_file, file);
    await_cue(held);
    will_wait(SYS_futex);
    flockfile(file);
}

static void stdio_lock(void) { actor("victim", want_file, NULL); }

// A futex of somebody's own making: word 2, and no mutex around it. The bystander's number stands beside it.
static _Alignas(64) struct { _Atomic int before[4], word, after[11]; } handmade;

static void wait_on_word(void *unused) {
    (void)unused;
    performer("bystander", bystander, NULL);
    atomic_store(&handmade.word, 2);
    for (int i = 0; i < 11; i++) atomic_store(&handmade.after[i], 0x5a5a5a);
    atomic_store(&handmade.after[0], (int)tid_of("bystander"));
    will_wait(SYS_futex);
    for (;;) syscall(SYS_futex, &handmade.word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 2, NULL, NULL, 0);
}

static void handmade_futex(void) { actor("victim", wait_on_word, NULL); }

// Workers with nothing to do, at rest on a condition variable.
static void *work(void *unused) {
    pthread_mutex_lock(&mutex);
    will_wait(SYS_futex);
    for (;;) pthread_cond_wait(&condition, &mutex);
    return unused;
}

static void pool(void *unused) {
    (void)unused;
    for (int i = 1; i < 4; i++) numbered_performer("worker", i, work, NULL);
    work(NULL);
}

static void thread_pool(void) { actor("victim", pool, NULL); }

const struct scenario other_futex_scenarios[] = {
    {"rwlock-writer", rwlock_writer, 2},
    {"rwlock-reader", rwlock_reader, 2},
    {"condvar", condvar, 2},
    {"semaphore", semaphore_wait, 2},
    {"barrier", barrier_wait, 2},
    {"stdio-lock", stdio_lock, 2},
    {"handmade-futex", handmade_futex, 2},
    {"control-thread-pool", thread_pool, 4},
    {NULL, NULL, 0},
};
