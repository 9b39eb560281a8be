// Read-write locks: a writer is on record (in glibc), readers are only counted, a waiting writer is neither.
#include "lab.h"

#include <time.h>

enum { held = 0, queued = 1 };

static pthread_rwlock_t private_lock;
static pthread_rwlock_t *lock = &private_lock;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void make_lock(bool shared, bool prefers_writers) {
    pthread_rwlockattr_t attributes;
    must_be_zero(pthread_rwlockattr_init(&attributes), "pthread_rwlockattr_init");
    if (shared) must_be_zero(pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "setpshared");
#ifdef __GLIBC__
    if (prefers_writers)
        must_be_zero(pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP), "setkind");
#else
    (void)prefers_writers;
#endif
    must_be_zero(pthread_rwlock_init(lock, &attributes), "pthread_rwlock_init");
}

static void *write_and_sleep(void *unused) {
    must_be_zero(pthread_rwlock_wrlock(lock), "wrlock");
    give_cue(held);
    sleep_for_good();
    return unused;
}

static void *write_and_end(void *unused) {
    must_be_zero(pthread_rwlock_wrlock(lock), "wrlock");
    give_cue(held);
    will_end(false);
    return unused;
}

static void *read_and_sleep(void *unused) {
    must_be_zero(pthread_rwlock_rdlock(lock), "rdlock");
    give_cue(held);
    sleep_for_good();
    return unused;
}

static void *want_to_read(void *unused) {
    await_cue(held);
    will_wait(SYS_futex);
    pthread_rwlock_rdlock(lock);
    return unused;
}

static void *want_to_write(void *unused) {
    await_cue(held);
    will_wait(SYS_futex);
    pthread_rwlock_wrlock(lock);
    return unused;
}

static void *want_for_a_while(void *writes) {
    await_cue(held);
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += 36000;
    will_wait(SYS_futex);
    if (writes) pthread_rwlock_timedwrlock(lock, &limit);
    else pthread_rwlock_timedrdlock(lock, &limit);
    return NULL;
}

// ---- one process ----

struct play {
    bool prefers_writers;
    performer_body holder;
    int holders;
    performer_body between;  // waits between the holder and the victim
    performer_body victim;
    void *argument;
};

static void one_process(void *argument) {
    const struct play *play = argument;
    make_lock(false, play->prefers_writers);
    if (play->holders == 1) performer("holder", play->holder, NULL);
    else
        for (int i = 1; i <= play->holders; i++) numbered_performer("holder", i, play->holder, NULL);
    for (int i = 1; play->holders > 1 && i <= play->holders; i++) {
        char name[32];
        snprintf(name, sizeof name, "holder-%d", i);
        await_blocked(name);
    }
    if (play->between) {
        performer("member", play->between, NULL);
        await_blocked("member");
    }
    play->victim(play->argument);
}

static void in_one_process(struct play play) { actor("victim", one_process, &play); }

static void write_behind_writer(void) { in_one_process((struct play){false, write_and_sleep, 1, NULL, want_to_write, NULL}); }
static void read_timed(void) { in_one_process((struct play){false, write_and_sleep, 1, NULL, want_for_a_while, NULL}); }
static void write_timed(void) { in_one_process((struct play){false, write_and_sleep, 1, NULL, want_for_a_while, (void *)1}); }
static void three_readers(void) { in_one_process((struct play){false, read_and_sleep, 3, NULL, want_to_write, NULL}); }
// The reader stands behind a writer that itself stands behind a reader.
static void read_behind_waiting(void) {
    in_one_process((struct play){true, read_and_sleep, 1, want_to_write, want_to_read, NULL});
}
static void write_behind_waiting(void) {
    in_one_process((struct play){false, read_and_sleep, 1, want_to_write, want_to_write, NULL});
}
static void prefer_writers(void) { in_one_process((struct play){true, write_and_sleep, 1, NULL, want_to_read, NULL}); }

static void read_and_write(void *unused) {
    (void)unused;
    make_lock(false, false);
    must_be_zero(pthread_rwlock_rdlock(lock), "rdlock");
    will_wait(SYS_futex);
    pthread_rwlock_wrlock(lock);
}

static void upgrade(void) { actor("victim", read_and_write, NULL); }

static void want_of_the_dead(void *unused) {
    (void)unused;
    make_lock(false, false);
    pthread_join(performer("owner", write_and_end, NULL), NULL);
    want_to_read(NULL);
}

static void writer_exited(void) { actor("victim", want_of_the_dead, NULL); }

// The writer wants a mutex of the reader's: neither can go on.
static void *write_and_want_mutex(void *unused) {
    must_be_zero(pthread_rwlock_wrlock(lock), "wrlock");
    give_cue(held);
    await_cue(queued);
    will_wait(SYS_futex);
    pthread_mutex_lock(&mutex);
    return unused;
}

static void hold_mutex_and_read(void *unused) {
    (void)unused;
    make_lock(false, false);
    pthread_mutex_lock(&mutex);
    performer("member-1", write_and_want_mutex, NULL);
    await_cue(held);
    give_cue(queued);
    will_wait(SYS_futex);
    pthread_rwlock_rdlock(lock);
}

static void with_mutex(void) { actor("victim", hold_mutex_and_read, NULL); }

// Two readers hold it, a writer wants it, and wants it of both; one of the readers waits for a mutex of the writer's. The other may leave
// and change nothing: a deadlock, but who the readers are nobody records.
static void *read_and_want_mutex(void *unused) {
    must_be_zero(pthread_rwlock_rdlock(lock), "rdlock");
    give_cue(held);
    await_cue(queued);
    will_wait(SYS_futex);
    pthread_mutex_lock(&mutex);
    return unused;
}

static void hold_mutex_and_write(void *unused) {
    (void)unused;
    make_lock(false, false);
    pthread_mutex_lock(&mutex);
    performer("holder", read_and_want_mutex, NULL);
    await_cue(held);
    give_cue(queued);
    await_blocked("holder");
    will_wait(SYS_futex);
    pthread_rwlock_wrlock(lock);
}

static void unseen_knot(void) { actor("victim", hold_mutex_and_write, NULL); }

// ---- several processes ----

static void holder_process(void *body) {
    keep_only(-1);
    ((performer_body)body)(NULL);
}

static void two_processes(performer_body holder, performer_body victim) {
    lock = shared_memory(4096);
    make_lock(true, false);
    actor("holder", holder_process, (void *)holder);
    actor("victim", holder_process, (void *)victim);
}

static void shared_writer(void) { two_processes(write_and_sleep, want_to_read); }
static void shared_reader(void) { two_processes(read_and_sleep, want_to_write); }

static void shared_writer_stopped(void) {
    two_processes(write_and_sleep, want_to_write);
    await_blocked("victim");
    stop("holder");
}

static void shared_writer_exited(void) {
    lock = shared_memory(4096);
    make_lock(true, false);
    actor("holder", holder_process, (void *)write_and_end);
    await_cue(held);
    await_exit("holder");
    actor("victim", holder_process, (void *)want_to_write);
}

const struct scenario rwlock_scenarios[] = {
    {"rwlock-write-write", write_behind_writer, 2},
    {"rwlock-read-timed", read_timed, 2},
    {"rwlock-write-timed", write_timed, 2},
    {"rwlock-three-readers", three_readers, 4},
    {"rwlock-read-behind-waiting", read_behind_waiting, 3},
    {"rwlock-write-behind-waiting", write_behind_waiting, 3},
    {"rwlock-prefers-writers", prefer_writers, 2},
    {"rwlock-upgrade", upgrade, 1},
    {"rwlock-writer-exited", writer_exited, 2},
    {"rwlock-and-mutex", with_mutex, 2},
    {"rwlock-unseen-knot", unseen_knot, 2},
    {"rwlock-shared-writer", shared_writer, 2},
    {"rwlock-shared-reader", shared_reader, 2},
    {"rwlock-shared-stopped", shared_writer_stopped, 2},
    {"rwlock-shared-writer-exited", shared_writer_exited, 2},
    {NULL, NULL, 0},
};
