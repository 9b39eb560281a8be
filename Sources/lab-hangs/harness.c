// The stage, its actors and performers, and the order in which they act.
#include "lab.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

struct stage *stage;
static __thread int own_role = -1;

void open_stage(void) {
    stage = shared_memory(sizeof *stage);
    atomic_store(&stage->longest_pause_us, -1);
}

const int ending_signals[] = {SIGTERM, SIGINT, SIGHUP};
const size_t ending_signal_count = sizeof ending_signals / sizeof ending_signals[0];

// The conductor clears the stage before it goes; an actor just goes.
static _Noreturn void leave(void) {
    if (stage && getpid() == stage->conductor) clear_stage();
    _exit(1);
}

_Noreturn void fail(const char *what) {
    fprintf(stderr, "lab-hangs: %s: %s\n", what, strerror(errno));
    if (stage) atomic_store(&stage->failed, 1);
    leave();
}

int must(int result, const char *what) {
    if (result == -1) fail(what);
    return result;
}

void must_be_zero(int error, const char *what) {
    errno = error;
    if (error) fail(what);
}

bool stage_failed(void) { return atomic_load(&stage->failed); }

// ---- roles ----

// Our numbers as the conductor's /proc has them, also when we live in a pid namespace of our own.
static void own_number(pid_t *pid, pid_t *tid) {
    char link[64];
    ssize_t length = readlink("/proc/thread-self", link, sizeof link - 1);
    link[length > 0 ? length : 0] = 0;
    if (sscanf(link, "%d/task/%d", pid, tid) == 2) return;
    *pid = getpid();
    *tid = (pid_t)syscall(SYS_gettid);
}

void play(const char *role) {
    int index = atomic_fetch_add(&stage->role_count, 1);
    if (index >= max_roles) {
        errno = ENOSPC;
        fail("too many roles");
    }
    struct role *entry = &stage->roles[index];
    snprintf(entry->name, sizeof entry->name, "%s", role);
    own_number(&entry->pid, &entry->tid);
    own_role = index;
    char name[16];
    snprintf(name, sizeof name, "%.15s", role);
    prctl(PR_SET_NAME, name);
    atomic_store(&entry->reported, 1);
}

static void announce(int index, long system_call, char state) {
    if (index < 0) return;
    stage->roles[index].system_call = system_call;
    stage->roles[index].state = state;
    atomic_store(&stage->roles[index].announced, 1);
}

void will_wait(long system_call) { announce(own_role, system_call, 'S'); }
void will_move(void) { announce(own_role, ANY_CALL, 'M'); }
void will_end(bool as_zombie) { announce(own_role, ANY_CALL, as_zombie ? 'Z' : 'X'); }

static int find_role(const char *role) {
    int count = atomic_load(&stage->role_count);
    for (int i = 0; i < count && i < max_roles; i++)
        if (atomic_load(&stage->roles[i].reported) && strcmp(stage->roles[i].name, role) == 0) return i;
    return -1;
}

// A short nap between two looks at something that another process is about to do; ends the scenario after 20 s.
static void look_again_later(int *looks, const char *what) {
    struct timespec millisecond = {0, 1000000};
    nanosleep(&millisecond, NULL);
    if (stage_failed()) leave();
    if (++*looks > 20000) {
        errno = ETIMEDOUT;
        fail(what);
    }
}

static int await_role(const char *role) {
    int looks = 0, index;
    while ((index = find_role(role)) < 0) look_again_later(&looks, role);
    return index;
}

pid_t pid_of(const char *role) { return stage->roles[await_role(role)].pid; }
pid_t tid_of(const char *role) { return stage->roles[await_role(role)].tid; }

void await_all_roles(int count) {
    int looks = 0;
    for (;;) {
        int reported = atomic_load(&stage->role_count);
        if (reported >= count) break;
        look_again_later(&looks, "not all roles reported themselves");
    }
    for (int unsettled; (unsettled = first_unsettled(0, count)) >= 0;)
        look_again_later(&looks, stage->roles[unsettled].name);
}

void await_blocked(const char *role) {
    int looks = 0, index = await_role(role);
    while (first_unsettled(index, index + 1) >= 0) look_again_later(&looks, role);
}

void now_in_state(const char *role, char state) { announce(await_role(role), ANY_CALL, state); }

void stop(const char *role) {
    must(kill(pid_of(role), SIGSTOP), "kill -STOP");
    now_in_state(role, 'T');
    await_blocked(role);
}

void await_exit(const char *role) {
    pid_t process = pid_of(role);
    while (waitpid(process, NULL, 0) == -1 && errno == EINTR) continue;
}

// ---- actors and performers ----

pid_t actor(const char *role, actor_body body, void *argument) {
    pid_t parent = getpid();
    pid_t child = must(fork(), "fork");
    if (child > 0) return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pid_t seen = getppid();  // 0 when the parent is outside our pid namespace
    if (seen != parent && seen != 0) _exit(1);
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);  // under Yama, let an unprivileged tool read us
    // Whatever we inherited: a shell ignores SIGQUIT for background jobs, Swift's runtime catches it.
    for (int number = 1; number < SIGRTMIN; number++) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int nothing = must(open("/dev/null", O_RDWR), "/dev/null");
    dup2(nothing, 0);
    dup2(nothing, 1);
    if (nothing > 2) close(nothing);
    play(role);
    body(argument);
    _exit(0);
}

struct part {
    char role[32];
    performer_body body;
    void *argument;
};

static void *perform(void *argument) {
    struct part part = *(struct part *)argument;
    free(argument);
    play(part.role);
    return part.body(part.argument);
}

pthread_t performer(const char *role, performer_body body, void *argument) {
    struct part *part = malloc(sizeof *part);
    if (!part) fail("malloc");
    snprintf(part->role, sizeof part->role, "%s", role);
    part->body = body;
    part->argument = argument;
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 256 * 1024);
    pthread_t thread;
    must_be_zero(pthread_create(&thread, &small, perform, part), "pthread_create");
    return thread;
}

pthread_t numbered_performer(const char *role, int number, performer_body body, void *argument) {
    char name[32];
    snprintf(name, sizeof name, "%.18s-%d", role, number);
    return performer(name, body, argument);
}

// ---- cues ----

void give_cue(int cue) {
    atomic_store(&stage->cues[cue], 1);
    syscall(SYS_futex, &stage->cues[cue], FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void await_cue(int cue) {
    while (!atomic_load(&stage->cues[cue])) syscall(SYS_futex, &stage->cues[cue], FUTEX_WAIT, 0, NULL, NULL, 0);
}

// ---- endings ----

void sleep_for_good(void) {
    will_wait(SYS_clock_nanosleep);
    struct timespec hours = {100000, 0};
    for (;;) syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &hours, NULL);
}

void pause_for_good(void) {
    will_wait(ANY_CALL);  // pause, or ppoll on machines without it
    for (;;) pause();
}

void spin_for_good(void) {
    will_move();
    for (volatile unsigned long turns = 0;; turns++) continue;
}

void sleeper(void *unused) {
    (void)unused;
    keep_only(-1);
    sleep_for_good();
}

void pauser(void *unused) {
    (void)unused;
    keep_only(-1);
    pause_for_good();
}

void keep_only(int first, ...) {
    bool kept[1024] = {false};
    va_list rest;
    va_start(rest, first);
    for (int fd = first; fd >= 0; fd = va_arg(rest, int))
        if (fd < 1024) kept[fd] = true;
    va_end(rest);
    for (int fd = 3; fd < 1024; fd++)
        if (!kept[fd]) close(fd);
}
