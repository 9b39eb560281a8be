// One mutex of glibc's, of every kind: held by a thread that sleeps, runs, pauses, is stopped, or is gone.
#include "lab.h"

#include <sys/mman.h>
#include <time.h>

enum { held = 0 };

struct flavour {
    int type, robust, protocol;
    bool timed;
};

static pthread_mutex_t *mutex;

static void make_mutex(pthread_mutex_t *made, struct flavour flavour, bool shared) {
    pthread_mutexattr_t attributes;
    must_be_zero(pthread_mutexattr_init(&attributes), "pthread_mutexattr_init");
    must_be_zero(pthread_mutexattr_settype(&attributes, flavour.type), "settype");
    must_be_zero(pthread_mutexattr_setrobust(&attributes, flavour.robust), "setrobust");
    must_be_zero(pthread_mutexattr_setprotocol(&attributes, flavour.protocol), "setprotocol");
    if (shared) must_be_zero(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "setpshared");
    must_be_zero(pthread_mutex_init(made, &attributes), "pthread_mutex_init");
}

static void hold(void) {
    int result = pthread_mutex_lock(mutex);
    if (result != EOWNERDEAD) must_be_zero(result, "pthread_mutex_lock");
    give_cue(held);
}

static void *hold_asleep(void *unused) {
    hold();
    sleep_for_good();
    return unused;
}

static void *hold_running(void *unused) {
    hold();
    spin_for_good();
    return unused;
}

static void *hold_paused(void *unused) {
    hold();
    pause_for_good();
    return unused;
}

static void *hold_and_end(void *unused) {
    hold();
    will_end(false);
    return unused;
}

static void want(bool timed) {
    await_cue(held);
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += 36000;
    will_wait(SYS_futex);
    if (timed) pthread_mutex_timedlock(mutex, &limit);
    else pthread_mutex_lock(mutex);
}

// ---- one process: the main thread wants what another thread holds ----

struct play {
    struct flavour flavour;
    performer_body holder;
};

static void one_process(void *argument) {
    const struct play *play = argument;
    static pthread_mutex_t private_mutex;
    mutex = &private_mutex;
    make_mutex(mutex, play->flavour, false);
    performer("holder", play->holder, NULL);
    want(play->flavour.timed);
}

static void set_up_private(struct play play) { actor("victim", one_process, &play); }

static void normal(void) { set_up_private((struct play){{PTHREAD_MUTEX_NORMAL, 0, 0, false}, hold_asleep}); }
static void recursive(void) { set_up_private((struct play){{PTHREAD_MUTEX_RECURSIVE, 0, 0, false}, hold_asleep}); }
static void errorcheck(void) { set_up_private((struct play){{PTHREAD_MUTEX_ERRORCHECK, 0, 0, false}, hold_asleep}); }
static void adaptive(void) { set_up_private((struct play){{PTHREAD_MUTEX_ADAPTIVE_NP, 0, 0, false}, hold_asleep}); }
static void robust(void) {
    set_up_private((struct play){{PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, 0, false}, hold_asleep});
}
static void inheriting(void) {
    set_up_private((struct play){{PTHREAD_MUTEX_NORMAL, 0, PTHREAD_PRIO_INHERIT, false}, hold_asleep});
}
static void robust_inheriting(void) {
    set_up_private(
        (struct play){{PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_INHERIT, false}, hold_asleep});
}
static void timed(void) { set_up_private((struct play){{PTHREAD_MUTEX_NORMAL, 0, 0, true}, hold_asleep}); }
static void running(void) { set_up_private((struct play){{PTHREAD_MUTEX_NORMAL, 0, 0, false}, hold_running}); }
static void paused(void) { set_up_private((struct play){{PTHREAD_MUTEX_NORMAL, 0, 0, false}, hold_paused}); }

static void want_of_the_dead(void *argument) {
    (void)argument;
    static pthread_mutex_t private_mutex;
    mutex = &private_mutex;
    make_mutex(mutex, (struct flavour){PTHREAD_MUTEX_NORMAL, 0, 0, false}, false);
    pthread_join(performer("owner", hold_and_end, NULL), NULL);
    want(false);
}

static void owner_exited(void) { actor("victim", want_of_the_dead, NULL); }

// Two threads die holding the robust mutex in turn; the heir got EOWNERDEAD and sleeps on it.
static void want_from_heir(void *argument) {
    (void)argument;
    static pthread_mutex_t private_mutex;
    mutex = &private_mutex;
    make_mutex(mutex, (struct flavour){PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, 0, false}, false);
    pthread_join(performer("owner", hold_and_end, NULL), NULL);
    performer("holder", hold_asleep, NULL);
    await_blocked("holder");
    want(false);
}

static void robust_owner_died(void) { actor("victim", want_from_heir, NULL); }

// ---- several processes ----

static void holder_process(void *body) {
    keep_only(-1);
    ((performer_body)body)(NULL);
}

static void victim_process(void *unused) {
    (void)unused;
    keep_only(-1);
    want(false);
}

static void two_processes(struct flavour flavour, performer_body holder) {
    make_mutex(mutex, flavour, true);
    actor("holder", holder_process, (void *)holder);
    actor("victim", victim_process, NULL);
}

static void shared_anonymous(void) {
    mutex = shared_memory(4096);
    two_processes((struct flavour){0}, hold_asleep);
}

static void shared_robust(void) {
    mutex = shared_memory(4096);
    two_processes((struct flavour){PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, 0, false}, hold_asleep);
}

static void shared_inheriting(void) {
    mutex = shared_memory(4096);
    two_processes((struct flavour){PTHREAD_MUTEX_NORMAL, 0, PTHREAD_PRIO_INHERIT, false}, hold_asleep);
}

static void holder_stopped(void) {
    mutex = shared_memory(4096);
    two_processes((struct flavour){0}, hold_asleep);
    await_blocked("victim");
    stop("holder");
}

static void shared_owner_exited(void) {
    mutex = shared_memory(4096);
    two_processes((struct flavour){0}, hold_and_end);
    await_cue(held);
    await_exit("holder");
}

// Each process maps the file anew, the victim behind a page of padding, so that the addresses differ.
static void map_file(bool padded) {
    int file = open_file("mutex");
    must(ftruncate(file, 4096), "ftruncate");
    if (padded && mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED) fail("mmap");
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) fail("mmap");
    close(file);
    mutex = (pthread_mutex_t *)((char *)memory + 128);
}

static void file_holder(void *unused) {
    map_file(false);
    make_mutex(mutex, (struct flavour){0}, true);
    hold_asleep(unused);
}

static void file_victim(void *unused) {
    (void)unused;
    await_cue(held);
    map_file(true);
    want(false);
}

static void shared_file(void) {
    private_path("mutex");
    actor("holder", file_holder, NULL);
    actor("victim", file_victim, NULL);
}

// The parent's lock, copied by fork into a child: the child's copy is locked for ever, by a thread it does not have.
static void forking_holder(void *unused) {
    static pthread_mutex_t private_mutex;
    mutex = &private_mutex;
    hold();
    actor("victim", victim_process, NULL);
    (void)unused;
    sleep_for_good();
}

static void after_fork(void) { actor("parent", forking_holder, NULL); }

const struct scenario mutex_scenarios[] = {
    {"mutex-normal", normal, 2},
    {"mutex-recursive", recursive, 2},
    {"mutex-errorcheck", errorcheck, 2},
    {"mutex-adaptive", adaptive, 2},
    {"mutex-robust", robust, 2},
    {"mutex-pi", inheriting, 2},
    {"mutex-pi-robust", robust_inheriting, 2},
    {"mutex-timed", timed, 2},
    {"mutex-holder-running", running, 2},
    {"mutex-holder-paused", paused, 2},
    {"mutex-owner-exited", owner_exited, 2},
    {"mutex-robust-heir", robust_owner_died, 3},
    {"mutex-shared", shared_anonymous, 2},
    {"mutex-shared-file", shared_file, 2},
    {"mutex-shared-robust", shared_robust, 2},
    {"mutex-shared-pi", shared_inheriting, 2},
    {"mutex-holder-stopped", holder_stopped, 2},
    {"mutex-shared-owner-exited", shared_owner_exited, 2},
    {"mutex-copied-by-fork", after_fork, 2},
    {NULL, NULL, 0},
};
