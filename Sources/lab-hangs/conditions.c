// Condition variables, semaphores, barriers, one-time initialisations and C11 threads: what records nobody, in all its forms.
#include "lab.h"

#include <semaphore.h>
#include <threads.h>
#include <time.h>

enum { held = 0, ready = 1, woken = 2 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t private_condition = PTHREAD_COND_INITIALIZER;
static pthread_cond_t *condition = &private_condition;
static sem_t private_semaphore;
static sem_t *semaphore = &private_semaphore;
static pthread_barrier_t private_barrier;
static pthread_barrier_t *barrier = &private_barrier;

static struct timespec far_away(clockid_t clock) {
    struct timespec limit;
    clock_gettime(clock, &limit);
    limit.tv_sec += 36000;
    return limit;
}

static void *asleep(void *unused) {
    sleep_for_good();
    return unused;
}

// ---- condition variables ----

static void make_condition(bool shared, clockid_t clock) {
    pthread_condattr_t attributes;
    must_be_zero(pthread_condattr_init(&attributes), "pthread_condattr_init");
    must_be_zero(pthread_condattr_setclock(&attributes, clock), "setclock");
    if (shared) must_be_zero(pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "setpshared");
    must_be_zero(pthread_cond_init(condition, &attributes), "pthread_cond_init");
}

static void wait_shared(void *unused) {
    (void)unused;
    pthread_mutex_lock(&mutex);
    will_wait(SYS_futex);
    for (;;) pthread_cond_wait(condition, &mutex);
}

static void condition_shared(void) {
    condition = shared_memory(4096);
    make_condition(true, CLOCK_REALTIME);
    actor("victim", wait_shared, NULL);
    actor("bystander", sleeper, NULL);
}

static void wait_until(void *clock) {
    make_condition(false, (clockid_t)(long)clock);
    struct timespec limit = far_away((clockid_t)(long)clock);
    pthread_mutex_lock(&mutex);
    will_wait(SYS_futex);
    pthread_cond_timedwait(condition, &mutex, &limit);
}

static void condition_timed(void) { actor("victim", wait_until, (void *)CLOCK_REALTIME); }
static void condition_monotonic(void) { actor("victim", wait_until, (void *)CLOCK_MONOTONIC); }

// Once around: the second wait is on the other of a condition variable's two words.
static void *signal_once(void *unused) {
    await_cue(ready);
    pthread_mutex_lock(&mutex);
    pthread_cond_signal(condition);
    pthread_mutex_unlock(&mutex);
    sleep_for_good();
    return unused;
}

static void wait_twice(void *unused) {
    (void)unused;
    performer("bystander", signal_once, NULL);
    pthread_mutex_lock(&mutex);
    give_cue(ready);
    pthread_cond_wait(condition, &mutex);
    will_wait(SYS_futex);
    for (;;) pthread_cond_wait(condition, &mutex);
}

static void condition_second_group(void) { actor("victim", wait_twice, NULL); }

static void wait_on_stack(void *unused) {
    (void)unused;
    pthread_cond_t own = PTHREAD_COND_INITIALIZER;
    pthread_mutex_lock(&mutex);
    will_wait(SYS_futex);
    for (;;) pthread_cond_wait(&own, &mutex);
}

static void condition_on_stack(void) { actor("victim", wait_on_stack, NULL); }

// The waiter is woken, and whoever woke it keeps the mutex.
static void *wake_and_keep(void *unused) {
    await_cue(ready);
    pthread_mutex_lock(&mutex);
    pthread_cond_broadcast(condition);
    give_cue(woken);
    sleep_for_good();
    return unused;
}

static void wait_and_want_again(void *unused) {
    (void)unused;
    performer("holder", wake_and_keep, NULL);
    pthread_mutex_lock(&mutex);
    give_cue(ready);
    will_wait(SYS_futex);
    pthread_cond_wait(condition, &mutex);
}

static void condition_mutex_again(void) { actor("victim", wait_and_want_again, NULL); }

// ---- semaphores ----

static void wait_for_semaphore(void *unused) {
    (void)unused;
    will_wait(SYS_futex);
    while (sem_wait(semaphore) == -1 && errno == EINTR) continue;
}

static void semaphore_shared(void) {
    semaphore = shared_memory(4096);
    sem_init(semaphore, 1, 0);
    actor("victim", wait_for_semaphore, NULL);
    actor("bystander", sleeper, NULL);
}

static void wait_for_semaphore_timed(void *unused) {
    (void)unused;
    sem_init(semaphore, 0, 0);
    struct timespec limit = far_away(CLOCK_REALTIME);
    will_wait(SYS_futex);
    sem_timedwait(semaphore, &limit);
}

static void semaphore_timed(void) { actor("victim", wait_for_semaphore_timed, NULL); }

static void wait_for_semaphore_on_stack(void *unused) {
    (void)unused;
    sem_t own;
    sem_init(&own, 0, 0);
    will_wait(SYS_futex);
    while (sem_wait(&own) == -1 && errno == EINTR) continue;
}

static void semaphore_on_stack(void) { actor("victim", wait_for_semaphore_on_stack, NULL); }

// sem_open shares a file; whoever else has it open could post it.
static char semaphore_name[64];

static void open_semaphore(void) {
    semaphore = sem_open(semaphore_name, O_CREAT, 0600, 0);
    if (semaphore == SEM_FAILED) fail("sem_open");
    give_cue(held);
}

static void named_victim(void *unused) {
    open_semaphore();
    await_cue(ready);
    wait_for_semaphore(unused);
}

static void named_opener(void *unused) {
    await_cue(held);
    open_semaphore();
    sem_unlink(semaphore_name);
    give_cue(ready);
    (void)unused;
    sleep_for_good();
}

static void semaphore_named(void) {
    snprintf(semaphore_name, sizeof semaphore_name, "/lab-hangs-%d", (int)getpid());
    fact("name", "%s", semaphore_name + 1);
    actor("victim", named_victim, NULL);
    actor("opener", named_opener, NULL);
}

// ---- barriers ----

static void make_barrier(bool shared, unsigned count) {
    pthread_barrierattr_t attributes;
    must_be_zero(pthread_barrierattr_init(&attributes), "pthread_barrierattr_init");
    if (shared) must_be_zero(pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "setpshared");
    must_be_zero(pthread_barrier_init(barrier, &attributes, count), "pthread_barrier_init");
}

static void *arrive(void *unused) {
    will_wait(SYS_futex);
    pthread_barrier_wait(barrier);
    return unused;
}

static void two_of_three(void *unused) {
    (void)unused;
    make_barrier(false, 3);
    performer("member", arrive, NULL);
    await_blocked("member");
    arrive(NULL);
}

static void barrier_of_three(void) { actor("victim", two_of_three, NULL); }

static void *pass_and_sleep(void *unused) {
    pthread_barrier_wait(barrier);
    sleep_for_good();
    return unused;
}

static void second_round(void *unused) {
    (void)unused;
    make_barrier(false, 2);
    performer("bystander", pass_and_sleep, NULL);
    pthread_barrier_wait(barrier);
    arrive(NULL);
}

static void barrier_again(void) { actor("victim", second_round, NULL); }

static void arrive_shared(void *unused) {
    keep_only(-1);
    arrive(unused);
}

static void barrier_shared(void) {
    barrier = shared_memory(4096);
    make_barrier(true, 2);
    actor("victim", arrive_shared, NULL);
}

// ---- one-time initialisation ----

static pthread_once_t once = PTHREAD_ONCE_INIT;
static once_flag flag = ONCE_FLAG_INIT;

static void initialise(void) {
    give_cue(held);
    sleep_for_good();
}

static void *run_once(void *unused) {
    pthread_once(&once, initialise);
    return unused;
}

static void want_once(void *unused) {
    (void)unused;
    performer("holder", run_once, NULL);
    await_cue(held);
    will_wait(SYS_futex);
    pthread_once(&once, initialise);
}

static void once_posix(void) { actor("victim", want_once, NULL); }

static void *call_it_once(void *unused) {
    call_once(&flag, initialise);
    return unused;
}

static void want_call_once(void *unused) {
    (void)unused;
    performer("holder", call_it_once, NULL);
    await_cue(held);
    will_wait(SYS_futex);
    call_once(&flag, initialise);
}

static void once_c11(void) { actor("victim", want_call_once, NULL); }

// ---- C11 threads ----

static mtx_t c11_mutex;
static cnd_t c11_condition;
static thrd_t c11_thread;

static void *hold_c11_mutex(void *unused) {
    mtx_lock(&c11_mutex);
    give_cue(held);
    sleep_for_good();
    return unused;
}

static void want_c11_mutex(void *type) {
    mtx_init(&c11_mutex, (int)(long)type);
    performer("holder", hold_c11_mutex, NULL);
    await_cue(held);
    will_wait(SYS_futex);
    mtx_lock(&c11_mutex);
}

static void mutex_c11(void) { actor("victim", want_c11_mutex, (void *)(long)mtx_plain); }
static void mutex_c11_recursive(void) { actor("victim", want_c11_mutex, (void *)(long)(mtx_plain | mtx_recursive)); }

static void wait_for_c11_condition(void *unused) {
    (void)unused;
    mtx_init(&c11_mutex, mtx_plain);
    cnd_init(&c11_condition);
    performer("bystander", asleep, NULL);
    mtx_lock(&c11_mutex);
    will_wait(SYS_futex);
    for (;;) cnd_wait(&c11_condition, &c11_mutex);
}

static void condition_c11(void) { actor("victim", wait_for_c11_condition, NULL); }

static int play_holder(void *unused) {
    (void)unused;
    play("holder");
    sleep_for_good();
    return 0;
}

static void join_c11_thread(void *unused) {
    (void)unused;
    if (thrd_create(&c11_thread, play_holder, NULL) != thrd_success) fail("thrd_create");
    tid_of("holder");
    will_wait(SYS_futex);
    thrd_join(c11_thread, NULL);
}

static void join_c11(void) { actor("victim", join_c11_thread, NULL); }

const struct scenario condition_scenarios[] = {
    {"condvar-shared", condition_shared, 2},
    {"condvar-timed", condition_timed, 1},
    {"condvar-monotonic", condition_monotonic, 1},
    {"condvar-second-group", condition_second_group, 2},
    {"condvar-on-stack", condition_on_stack, 1},
    {"condvar-mutex-again", condition_mutex_again, 2},
    {"semaphore-shared", semaphore_shared, 2},
    {"semaphore-timed", semaphore_timed, 1},
    {"semaphore-on-stack", semaphore_on_stack, 1},
    {"semaphore-named", semaphore_named, 2},
    {"barrier-of-three", barrier_of_three, 2},
    {"barrier-again", barrier_again, 2},
    {"barrier-shared", barrier_shared, 1},
    {"once", once_posix, 2},
    {"once-c11", once_c11, 2},
    {"mutex-c11", mutex_c11, 2},
    {"mutex-c11-recursive", mutex_c11_recursive, 2},
    {"condvar-c11", condition_c11, 2},
    {"join-c11", join_c11, 2},
    {NULL, NULL, 0},
};
