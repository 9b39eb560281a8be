// Loads for measuring: many threads, many processes, many descriptors, a heartbeat that feels being stopped.
#include "lab.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

static long wanted(long fallback, long most) {
    long number = option_number(fallback);
    return number < 1 ? 1 : number > most ? most : number;
}

static void *rest(void *unused) {
    for (;;) pause();
    return unused;
}

static pthread_attr_t small_stack(void) {
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 * 1024);
    return small;
}

static void idle_crowd(void *count) {
    keep_only(-1);
    pthread_attr_t small = small_stack();
    for (long i = 0; i < (long)count; i++) {
        pthread_t thread;
        must_be_zero(pthread_create(&thread, &small, rest, NULL), "pthread_create");
    }
    pause_for_good();
}

static void idle_threads(void) { actor("crowd", idle_crowd, (void *)wanted(1000, 100000)); }

static void idle_parents(void *count) {
    keep_only(-1);
    for (long i = 0; i < (long)count; i++)
        if (must(fork(), "fork") == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;) pause();
        }
    pause_for_good();
}

static void idle_processes(void) { actor("crowd", idle_parents, (void *)wanted(100, 30000)); }

static void open_many(void *count) {
    keep_only(-1);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (long i = 0; i < (long)count; i += 2) {
        int ends[2];
        if (pipe(ends) == -1) break;
    }
    pause_for_good();
}

static void descriptors(void) { actor("crowd", open_many, (void *)wanted(1000, 1000000)); }

// Half of them Unix pairs, half both ends of TCP connections over loopback.
static void open_sockets(void *count) {
    keep_only(-1);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    int listener = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof own;
    must(bind(listener, (struct sockaddr *)&own, length), "bind");
    must(listen(listener, 5), "listen");
    must(getsockname(listener, (struct sockaddr *)&own, &length), "getsockname");
    for (long i = 0; i < (long)count; i += 4) {
        int ends[2];
        must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
        int client = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
        must(connect(client, (struct sockaddr *)&own, sizeof own), "connect");
        must(accept(listener, NULL, NULL), "accept");
    }
    pause_for_good();
}

static void sockets(void) { actor("crowd", open_sockets, (void *)wanted(1000, 100000)); }

// Runs every millisecond; the longest gap between two runs is said when the scenario ends. A reader that stops its
// target, even for a moment, shows here.
static void beat(void *unused) {
    (void)unused;
    keep_only(-1);
    will_move();
    atomic_store(&stage->longest_pause_us, 0);
    struct timespec period = {0, 1000000}, last, now;
    clock_gettime(CLOCK_MONOTONIC, &last);
    for (;;) {
        nanosleep(&period, NULL);
        clock_gettime(CLOCK_MONOTONIC, &now);
        long gap = (now.tv_sec - last.tv_sec) * 1000000 + (now.tv_nsec - last.tv_nsec) / 1000;
        if (gap > atomic_load(&stage->longest_pause_us)) atomic_store(&stage->longest_pause_us, gap);
        last = now;
    }
}

static void heartbeat(void) { actor("heartbeat", beat, NULL); }

// One small process with one hung thread, to be explained among many others.
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *hold_asleep(void *unused) {
    pthread_mutex_lock(&mutex);
    give_cue(0);
    sleep_for_good();
    return unused;
}

static void want(void *unused) {
    (void)unused;
    keep_only(-1);
    performer("holder", hold_asleep, NULL);
    await_cue(0);
    will_wait(SYS_futex);
    pthread_mutex_lock(&mutex);
}

static void hung_pair(void) { actor("victim", want, NULL); }

const struct scenario load_scenarios[] = {
    {"idle-threads", idle_threads, 1},
    {"idle-processes", idle_processes, 1},
    {"descriptors", descriptors, 1},
    {"sockets", sockets, 1},
    {"heartbeat", heartbeat, 1},
    {"hung-pair", hung_pair, 2},
    {NULL, NULL, 0},
};
