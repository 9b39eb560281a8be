// Several mutexes, several holders: chains, rings, a convoy; and joins, which are waits for threads.
#include "lab.h"

#include <time.h>

enum { most = 8 };

// ---- inside one process: performer i holds mutex i and wants mutex i+1 ----

static pthread_mutex_t *mutexes[most];
static pthread_mutex_t private_mutexes[most];
static int last;        // the number of the last member
static bool is_ring;    // the last member wants mutex 0; otherwise it sleeps
static int timed = -1;  // the member that wants its mutex for a limited time only

static void all_hold(int own) {
    must_be_zero(pthread_mutex_lock(mutexes[own]), "pthread_mutex_lock");
    give_cue(own);
    for (int i = 0; i <= last; i++) await_cue(i);
}

static void take_part(int own) {
    all_hold(own);
    if (own == last && !is_ring) sleep_for_good();
    int wanted = own == last ? 0 : own + 1;
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += 36000;
    will_wait(SYS_futex);
    if (own == timed) pthread_mutex_timedlock(mutexes[wanted], &limit);
    else pthread_mutex_lock(mutexes[wanted]);
}

static void *member_thread(void *number) {
    take_part((int)(long)number);
    return NULL;
}

static void member_threads(void *unused) {
    (void)unused;
    for (int i = 0; i <= last; i++) {
        mutexes[i] = &private_mutexes[i];
        must_be_zero(pthread_mutex_init(mutexes[i], NULL), "pthread_mutex_init");
    }
    for (long i = 1; i <= last; i++) numbered_performer("member", (int)i, member_thread, (void *)i);
    take_part(0);
}

static void threads(int members, bool ring, int limited) {
    last = members - 1;
    is_ring = ring;
    timed = limited;
    actor("victim", member_threads, NULL);
}

static void abba(void) { threads(2, true, -1); }
static void abba_timed(void) { threads(2, true, 1); }
static void ring_of_3(void) { threads(3, true, -1); }
static void chain_of_3(void) { threads(4, false, -1); }
static void chain_of_5(void) { threads(6, false, -1); }

// ---- across processes ----

static void member_process(void *number) {
    keep_only(-1);
    take_part((int)(long)number);
}

static void processes(int members) {
    last = members - 1;
    is_ring = true;
    char *memory = shared_memory(4096);
    pthread_mutexattr_t shared;
    pthread_mutexattr_init(&shared);
    pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    for (int i = 0; i < members; i++) {
        mutexes[i] = (pthread_mutex_t *)(memory + 64 * i);
        must_be_zero(pthread_mutex_init(mutexes[i], &shared), "pthread_mutex_init");
    }
    actor("victim", member_process, (void *)0L);
    for (long i = 1; i < members; i++) {
        char name[16];
        snprintf(name, sizeof name, "member-%ld", i);
        actor(name, member_process, (void *)i);
    }
}

static void ring_of_3_processes(void) { processes(3); }

static void abba_stopped(void) {
    processes(2);
    await_blocked("victim");
    await_blocked("member-1");
    stop("member-1");
}

// ---- one thread against itself ----

static void relock(void *unused) {
    (void)unused;
    pthread_mutex_lock(&private_mutexes[0]);
    will_wait(SYS_futex);
    pthread_mutex_lock(&private_mutexes[0]);
}

static void self_deadlock(void) { actor("victim", relock, NULL); }

// ---- many behind one ----

static void *hold_asleep(void *unused) {
    pthread_mutex_lock(&private_mutexes[0]);
    give_cue(0);
    sleep_for_good();
    return unused;
}

static void *queue_up(void *unused) {
    await_cue(0);
    will_wait(SYS_futex);
    pthread_mutex_lock(&private_mutexes[0]);
    return unused;
}

static void lead_convoy(void *count) {
    performer("holder", hold_asleep, NULL);
    await_cue(0);
    for (int i = 1; i < (int)(long)count; i++) numbered_performer("waiter", i, queue_up, NULL);
    queue_up(NULL);
}

static void convoy(void) {
    long count = option_number(200);
    if (count < 1 || count > max_roles - 1) count = max_roles - 1;
    stage->expected_roles = (int)count + 1;
    actor("victim", lead_convoy, (void *)count);
}

// ---- contended, but moving ----

static void *take_turns(void *unused) {
    will_move();
    struct timespec work = {0, 300000};
    for (;;) {
        pthread_mutex_lock(&private_mutexes[0]);
        nanosleep(&work, NULL);
        pthread_mutex_unlock(&private_mutexes[0]);
    }
    return unused;
}

static void turn_takers(void *unused) {
    (void)unused;
    for (int i = 1; i < 4; i++) numbered_performer("member", i, take_turns, NULL);
    take_turns(NULL);
}

static void contended(void) { actor("victim", turn_takers, NULL); }

// ---- joins ----

static pthread_t joined[most];

static void *asleep(void *unused) {
    sleep_for_good();
    return unused;
}

static void join_one(void *unused) {
    (void)unused;
    joined[0] = performer("holder", asleep, NULL);
    await_blocked("holder");
    will_wait(SYS_futex);
    pthread_join(joined[0], NULL);
}

static void join(void) { actor("victim", join_one, NULL); }

static void *join_next(void *number) {
    long own = (long)number;
    await_cue(0);
    if (own == last && !is_ring) sleep_for_good();
    will_wait(SYS_futex);
    pthread_join(joined[own == last ? 0 : own + 1], NULL);
    return NULL;
}

static void joiners(void *unused) {
    (void)unused;
    joined[0] = pthread_self();
    for (long i = 1; i <= last; i++) joined[i] = numbered_performer("member", (int)i, join_next, (void *)i);
    give_cue(0);
    join_next((void *)0L);
}

static void join_chain(void) {
    last = 3;
    actor("victim", joiners, NULL);
}

static void join_ring(void) {
    last = 2;
    is_ring = true;
    actor("victim", joiners, NULL);
}

const struct scenario mutex_graph_scenarios[] = {
    {"mutex-abba", abba, 2},
    {"mutex-abba-timed", abba_timed, 2},
    {"mutex-abba-stopped", abba_stopped, 2},
    {"mutex-ring-3", ring_of_3, 3},
    {"mutex-ring-3-processes", ring_of_3_processes, 3},
    {"mutex-chain-3", chain_of_3, 4},
    {"mutex-chain-5", chain_of_5, 6},
    {"mutex-self-deadlock", self_deadlock, 1},
    {"convoy", convoy, 0},
    {"control-contended", contended, 4},
    {"join", join, 2},
    {"join-chain", join_chain, 4},
    {"join-ring-3", join_ring, 3},
    {NULL, NULL, 0},
};
