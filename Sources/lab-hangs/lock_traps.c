// Locks of which memory says too much or too little: refused by the kernel, given to a stranger, moved from queue to queue, or no locks.
#include "lab.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>

enum { held = 0, ready = 1, gone = 2 };

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#ifndef SYS_futex_wait
#define SYS_futex_wait 455
#endif

static pthread_mutex_t mutex;

static void make_mutex(int type, int robust, int protocol) {
    pthread_mutexattr_t attributes;
    must_be_zero(pthread_mutexattr_init(&attributes), "pthread_mutexattr_init");
    must_be_zero(pthread_mutexattr_settype(&attributes, type), "settype");
    must_be_zero(pthread_mutexattr_setrobust(&attributes, robust), "setrobust");
    must_be_zero(pthread_mutexattr_setprotocol(&attributes, protocol), "setprotocol");
    must_be_zero(pthread_mutex_init(&mutex, &attributes), "pthread_mutex_init");
}

static void *hold(void *unused) {
    pthread_mutex_lock(&mutex);
    give_cue(held);
    sleep_for_good();
    return unused;
}

static void *hold_and_end(void *unused) {
    pthread_mutex_lock(&mutex);
    will_end(false);
    return unused;
}

static void *bystander(void *unused) {
    sleep_for_good();
    return unused;
}

// ---- refused by the kernel ----

static void lock_twice_inheriting(void *unused) {
    (void)unused;
    make_mutex(PTHREAD_MUTEX_NORMAL, 0, PTHREAD_PRIO_INHERIT);
    performer("bystander", bystander, NULL);
    pthread_mutex_lock(&mutex);
    will_wait(SYS_futex);
    pthread_mutex_lock(&mutex);
}

static void inheriting_self(void) { actor("victim", lock_twice_inheriting, NULL); }

// The same, and the stack still points to the mutex.
static void lock_own_twice_inheriting(void *unused) {
    (void)unused;
    make_mutex(PTHREAD_MUTEX_NORMAL, 0, PTHREAD_PRIO_INHERIT);
    pthread_mutex_t *volatile pointed = &mutex;
    pthread_mutex_lock(pointed);
    will_wait(SYS_futex);
    pthread_mutex_lock(pointed);
    pthread_mutex_unlock(pointed);
}

static void inheriting_self_pointed(void) { actor("victim", lock_own_twice_inheriting, NULL); }

static void lock_of_the_dead_inheriting(void *unused) {
    (void)unused;
    make_mutex(PTHREAD_MUTEX_NORMAL, 0, PTHREAD_PRIO_INHERIT);
    pthread_mutex_t *volatile pointed = &mutex;
    pthread_join(performer("owner", hold_and_end, NULL), NULL);
    will_wait(SYS_futex);
    pthread_mutex_lock(pointed);
    pthread_mutex_unlock(pointed);
}

static void inheriting_owner_exited(void) { actor("victim", lock_of_the_dead_inheriting, NULL); }

static void lock_twice_robust(void *unused) {
    (void)unused;
    make_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, 0);
    pthread_mutex_lock(&mutex);
    will_wait(SYS_futex);
    pthread_mutex_lock(&mutex);
}

static void robust_self(void) { actor("victim", lock_twice_robust, NULL); }

// ---- given to a stranger ----

// The owner ends; a thread that begins long after the victim went to sleep is given its number.
static pid_t wanted_number;

static void *be_the_heir(void *unused) {
    for (;;) {
        if ((pid_t)syscall(SYS_gettid) == wanted_number) {
            play("heir");
            sleep_for_good();
        }
        return unused;
    }
}

static void *hold_and_tell(void *unused) {
    pthread_mutex_lock(&mutex);
    wanted_number = (pid_t)syscall(SYS_gettid);
    return unused;
}

static void *breed_heir(void *unused) {
    play("breeder");
    await_blocked("victim");
    struct timespec while_asleep = {2, 500000000};
    nanosleep(&while_asleep, NULL);
    for (int tries = 0; tries < 100; tries++) {
        int file = must(open("/proc/sys/kernel/ns_last_pid", O_WRONLY), "ns_last_pid");
        char number[16];
        int length = snprintf(number, sizeof number, "%d", (int)wanted_number - 1);
        must((int)write(file, number, (size_t)length), "ns_last_pid");
        close(file);
        pthread_t thread;
        must_be_zero(pthread_create(&thread, NULL, be_the_heir, NULL), "pthread_create");
        struct timespec moment = {0, 20000000};
        nanosleep(&moment, NULL);
        int count = atomic_load(&stage->role_count);
        for (int i = 0; i < count; i++)
            if (strcmp(stage->roles[i].name, "heir") == 0) sleep_for_good();
    }
    errno = EAGAIN;
    fail("no thread was given the number");
    return unused;
}

static void want_of_the_heir(void *unused) {
    (void)unused;
    make_mutex(PTHREAD_MUTEX_NORMAL, 0, 0);
    pthread_t owner, breeder;
    must_be_zero(pthread_create(&owner, NULL, hold_and_tell, NULL), "pthread_create");
    pthread_join(owner, NULL);
    must_be_zero(pthread_create(&breeder, NULL, breed_heir, NULL), "pthread_create");
    will_wait(SYS_futex);
    pthread_mutex_lock(&mutex);
}

static void number_reused(void *unused) {
    (void)unused;
    keep_only(-1);
    must(unshare(CLONE_NEWPID), "unshare");
    actor("victim", want_of_the_heir, NULL);
    pause_for_good();
}

static void reused(void) { actor("outside", number_reused, NULL); }

// A process in a pid namespace of its own, forked while a thread of its parent held a private lock: numbers of two namespaces.
static void want_copy(void *unused) {
    (void)unused;
    will_wait(SYS_futex);
    pthread_mutex_lock(&mutex);
}

static void fork_into_namespace(void *unused) {
    (void)unused;
    make_mutex(PTHREAD_MUTEX_NORMAL, 0, 0);
    performer("holder", hold, NULL);
    await_cue(held);
    must(unshare(CLONE_NEWPID), "unshare");
    actor("victim", want_copy, NULL);
    pause_for_good();
}

static void copied_into_namespace(void) { actor("parent", fork_into_namespace, NULL); }

static void fork_holding(void *unused) {
    (void)unused;
    make_mutex(PTHREAD_MUTEX_NORMAL, 0, 0);
    performer("holder", hold, NULL);
    await_cue(held);
    actor("victim", want_copy, NULL);
    pause_for_good();
}

static void copied_from_thread(void) { actor("parent", fork_holding, NULL); }

// The first thread of the process ends holding the lock, and stays as a zombie.
static void *want_of_zombie(void *unused) {
    await_cue(held);
    now_in_state("owner", 'Z');
    will_wait(SYS_futex);
    pthread_mutex_lock(&mutex);
    return unused;
}

static void hold_and_leave(void *unused) {
    (void)unused;
    make_mutex(PTHREAD_MUTEX_NORMAL, 0, 0);
    pthread_mutex_lock(&mutex);
    performer("victim", want_of_zombie, NULL);
    give_cue(held);
    pthread_exit(NULL);
}

static void zombie_owner(void) { actor("owner", hold_and_leave, NULL); }

// Between vfork and exec the child uses its parent's memory, and its locks.
static void lock_and_vfork(void *unused) {
    (void)unused;
    keep_only(-1);
    make_mutex(PTHREAD_MUTEX_NORMAL, 0, 0);
    pthread_mutex_lock(&mutex);
    will_wait(ANY_CALL);
    if (vfork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
        play("victim");
        will_wait(SYS_futex);
        pthread_mutex_lock(&mutex);
    }
}

static void lock_of_lender(void) { actor("holder", lock_and_vfork, NULL); }

// ---- no locks ----

// All that glibc's mutex has, to the last field, but the program waits on it by itself: no lock of the C library's.
static _Alignas(64) struct {
    int lock;
    unsigned count;
    int owner;
    unsigned users;
    int kind;
    int rest[11];
} twin;

static void wait_on_twin(void *unused) {
    (void)unused;
    performer("bystander", bystander, NULL);
    twin.lock = 2;
    twin.owner = (int)tid_of("bystander");
    twin.users = 1;
    will_wait(SYS_futex);
    for (;;) syscall(SYS_futex, &twin.lock, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 2, NULL, NULL, 0);
}

static void twin_of_mutex(void) { actor("victim", wait_on_twin, NULL); }

// The same, and the number in it is nobody's.
static void wait_on_dead_twin(void *unused) {
    (void)unused;
    performer("bystander", bystander, NULL);
    twin.lock = 2;
    twin.owner = 4000000;
    twin.users = 1;
    will_wait(SYS_futex);
    for (;;) syscall(SYS_futex, &twin.lock, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 2, NULL, NULL, 0);
}

static void dead_twin(void) { actor("victim", wait_on_dead_twin, NULL); }

// A word that changed without a wake-up.
static void *change_silently(void *word) {
    await_blocked("victim");
    atomic_store((_Atomic int *)word, 7);
    sleep_for_good();
    return NULL;
}

static void wait_for_lost(void *unused) {
    (void)unused;
    static _Atomic int word = 1;
    performer("bystander", change_silently, (void *)&word);
    will_wait(SYS_futex);
    for (;;) syscall(SYS_futex, &word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
}

static void lost_wakeup(void) { actor("victim", wait_for_lost, NULL); }

// The same with a mutex of the C library's: somebody has written over it.
static void *overwrite(void *unused) {
    await_blocked("victim");
    memset(&mutex, 0, sizeof mutex);
    sleep_for_good();
    return unused;
}

static void want_overwritten(void *unused) {
    (void)unused;
    pthread_mutex_lock(&mutex);
    performer("bystander", overwrite, NULL);
    will_wait(SYS_futex);
    pthread_mutex_lock(&mutex);
}

static void overwritten(void) { actor("victim", want_overwritten, NULL); }

// A condition variable as glibc has it since 2.42: without the groups' reference counts.
static _Alignas(64) struct {
    unsigned long long sequence, start;
    unsigned sizes[2], first_size, references, signals[2], unused[2];
} new_condition;

static void wait_on_new_condition(void *unused) {
    (void)unused;
    new_condition.sequence = 14;
    new_condition.start = 12;
    new_condition.references = 1 << 3;
    new_condition.signals[1] = 6;
    will_wait(SYS_futex);
    int operation = FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME;
    syscall(SYS_futex, &new_condition.signals[1], operation, 6, NULL, NULL, FUTEX_BITSET_MATCH_ANY);
}

static void new_condvar(void) { actor("victim", wait_on_new_condition, NULL); }

#ifdef __GLIBC__
// The ceiling of a priority-protecting mutex is in its word. Only real-time threads may have one.
static void want_protected(void *unused) {
    (void)unused;
    make_mutex(PTHREAD_MUTEX_NORMAL, 0, PTHREAD_PRIO_PROTECT);
    struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_FIFO)};
    must_be_zero(pthread_setschedparam(pthread_self(), SCHED_FIFO, &lowest), "pthread_setschedparam");
    performer("holder", hold, NULL);
    await_cue(held);
    will_wait(SYS_futex);
    pthread_mutex_lock(&mutex);
}

static void protecting(void) { actor("victim", want_protected, NULL); }
#endif

// ---- rarer calls ----

static void *hold_word(void *word) {
    atomic_store((_Atomic int *)word, (int)syscall(SYS_gettid));
    give_cue(held);
    sleep_for_good();
    return NULL;
}

static void lock_word(void *operation) {
    static _Atomic int word;
    performer("holder", hold_word, (void *)&word);
    await_cue(held);
    will_wait(SYS_futex);
    syscall(SYS_futex, &word, (int)(long)operation, 0, NULL, NULL, 0);
}

static void lock_inheriting_2(void) { actor("victim", lock_word, (void *)(long)(FUTEX_LOCK_PI2 | FUTEX_PRIVATE_FLAG)); }

struct word_in_vector {
    unsigned long long value, address;
    unsigned flags, reserved;
};

static void wait_for_vector(void *with_mutex) {
    static _Atomic int words[2];
    performer("holder", hold, NULL);
    await_cue(held);
    struct word_in_vector vector[2] = {
        {0, (unsigned long)&words[0], 2 | 128, 0},
        {0, (unsigned long)&words[1], 2 | 128, 0},
    };
    if (with_mutex) {
        // What a waiter for a mutex does first.
        *(_Atomic int *)&mutex = 2;
        vector[1] = (struct word_in_vector){2, (unsigned long)&mutex, 2 | 128, 0};
    }
    will_wait(SYS_futex_waitv);
    syscall(SYS_futex_waitv, vector, 2, 0, NULL, 0);
}

static void vector(void) { actor("victim", wait_for_vector, NULL); }
static void vector_with_mutex(void) { actor("victim", wait_for_vector, (void *)1); }

static void wait_by_second_call(void *unused) {
    (void)unused;
    static _Atomic int word;
    will_wait(SYS_futex_wait);
    syscall(SYS_futex_wait, &word, 0L, 0xffffffffL, 2L | 128L, NULL, CLOCK_MONOTONIC);
}

static void second_call(void) { actor("victim", wait_by_second_call, NULL); }

// ---- moved from queue to queue ----

static _Atomic int first_word;

static void *requeue_inheriting(void *unused) {
    pthread_mutex_lock(&mutex);
    await_blocked("victim");
    atomic_store(&first_word, 1);
    long moved = syscall(SYS_futex, &first_word, FUTEX_CMP_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 1, 1L, &mutex, 1);
    if (moved < 0) fail("FUTEX_CMP_REQUEUE_PI");
    give_cue(held);
    sleep_for_good();
    return unused;
}

static void wait_requeued_inheriting(void *moves) {
    make_mutex(PTHREAD_MUTEX_NORMAL, 0, PTHREAD_PRIO_INHERIT);
    if (moves) performer("holder", requeue_inheriting, NULL);
    will_wait(SYS_futex);
    syscall(SYS_futex, &first_word, FUTEX_WAIT_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 0, NULL, &mutex, 0);
}

static void requeued_inheriting(void) { actor("victim", wait_requeued_inheriting, (void *)1); }
static void not_yet_requeued(void) { actor("victim", wait_requeued_inheriting, NULL); }

// A condition variable as glibc before 2.25 had it, and what its broadcast did.
static struct {
    int lock;
    unsigned futex;
    unsigned long long total, wakeups, woken;
    void *mutex;
    unsigned users, broadcasts;
} old_condition;

static void *broadcast_old(void *unused) {
    pthread_mutex_lock(&mutex);
    await_blocked("victim");
    *(_Atomic int *)&mutex = 2;
    old_condition.wakeups = old_condition.total;
    old_condition.futex = (unsigned)(2 * old_condition.total);
    old_condition.broadcasts++;
    long moved = syscall(
        SYS_futex, &old_condition.futex, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG, 0, 1L, &mutex, (long)old_condition.futex);
    if (moved < 0) fail("FUTEX_CMP_REQUEUE");
    give_cue(held);
    sleep_for_good();
    return unused;
}

static void wait_on_old_condition(void *moves) {
    if (moves) performer("holder", broadcast_old, NULL);
    old_condition.total = 1;
    old_condition.futex = 1;
    old_condition.mutex = &mutex;
    old_condition.users = 1 << 1;
    will_wait(SYS_futex);
    syscall(SYS_futex, &old_condition.futex, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
}

static void requeued_old(void) { actor("victim", wait_on_old_condition, (void *)1); }
static void old_condvar(void) { actor("victim", wait_on_old_condition, NULL); }

// ---- locks inside the C library ----

// localtime reads the zone's file under a lock without an owner, and the file is a FIFO that nobody writes.
static void *read_zone(void *unused) {
    give_cue(held);
    will_wait(ANY_CALL);
    time_t now = 0;
    struct tm parts;
    localtime_r(&now, &parts);
    return unused;
}

static void want_zone(void *unused) {
    performer("holder", read_zone, NULL);
    await_cue(held);
    await_blocked("holder");
    will_wait(SYS_futex);
    time_t now = 0;
    struct tm *parts = localtime(&now);
    (void)parts;
    (void)unused;
}

static void zone_lock(void) {
    const char *path = private_path("zone");
    must(mkfifo(path, 0600), "mkfifo");
    char zone[300];
    snprintf(zone, sizeof zone, ":%s", path);
    setenv("TZ", zone, 1);
    actor("victim", want_zone, NULL);
}

// fflush(NULL) keeps the list of all streams while it waits for one of them; whoever opens another waits for the list.
static FILE *stream;

static void *hold_stream(void *unused) {
    flockfile(stream);
    give_cue(held);
    sleep_for_good();
    return unused;
}

static void *flush_all(void *unused) {
    await_cue(held);
    will_wait(SYS_futex);
    fflush(NULL);
    return unused;
}

static void want_list(void *unused) {
    (void)unused;
    stream = fopen("/dev/null", "w");
    if (!stream) fail("fopen");
    fputs("kept back", stream);
    performer("holder", hold_stream, NULL);
    performer("member", flush_all, NULL);
    await_blocked("member");
    will_wait(SYS_futex);
    fopen("/dev/null", "r");
}

static void stream_list(void) { actor("victim", want_list, NULL); }

const struct scenario lock_trap_scenarios[] = {
    {"mutex-pi-self", inheriting_self, 2},
    {"mutex-pi-self-pointed", inheriting_self_pointed, 1},
    {"mutex-pi-owner-exited", inheriting_owner_exited, 2},
    {"mutex-robust-self", robust_self, 1},
    {"mutex-number-reused", reused, 4},
    {"mutex-copied-into-namespace", copied_into_namespace, 3},
    {"mutex-copied-from-thread", copied_from_thread, 3},
    {"mutex-zombie-owner", zombie_owner, 2},
    {"mutex-vfork", lock_of_lender, 2},
    {"handmade-twin", twin_of_mutex, 2},
    {"handmade-dead-twin", dead_twin, 2},
    {"futex-lost-wakeup", lost_wakeup, 2},
    {"mutex-overwritten", overwritten, 2},
    {"condvar-new", new_condvar, 1},
#ifdef __GLIBC__
    {"mutex-protecting", protecting, 2},
#endif
    {"futex-lock-pi2", lock_inheriting_2, 2},
    {"futex-vector", vector, 2},
    {"futex-vector-mutex", vector_with_mutex, 2},
    {"futex-second-call", second_call, 1},
    {"futex-requeued-pi", requeued_inheriting, 2},
    {"futex-requeue-pi", not_yet_requeued, 1},
    {"condvar-requeued", requeued_old, 2},
    {"condvar-old", old_condvar, 1},
    {"libc-lock", zone_lock, 2},
    {"stdio-list", stream_list, 3},
    {NULL, NULL, 0},
};
