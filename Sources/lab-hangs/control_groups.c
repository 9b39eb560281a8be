// Waits that a cgroup brings about: frozen, out of CPU quota, out of memory; and endings that a frozen thread delays.
#include "lab.h"

#include <limits.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int ends[2];
enum { entered, go };

// ---- groups ----

// Where a hierarchy is mounted: a v1 controller, or the unified one for NULL.
static void find_mount(const char *controller, char *point, size_t size) {
    FILE *mounts = fopen("/proc/self/mountinfo", "r");
    char line[1024];
    point[0] = 0;
    while (mounts && fgets(line, sizeof line, mounts)) {
        char place[512], type[32], options[256];
        char *rest = strstr(line, " - ");
        if (!rest || sscanf(line, "%*s %*s %*s %*s %511s", place) != 1) continue;
        if (sscanf(rest, " - %31s %*s %255s", type, options) != 2) continue;
        bool fits = false;
        if (!controller) fits = strcmp(type, "cgroup2") == 0;
        else if (strcmp(type, "cgroup") == 0)
            for (char *word = strtok(options, ","); word; word = strtok(NULL, ",")) fits = fits || strcmp(word, controller) == 0;
        if (fits) snprintf(point, size, "%s", place);
        if (fits) break;
    }
    if (mounts) fclose(mounts);
    if (!point[0]) {
        errno = ENOENT;
        fail(controller ? controller : "cgroup2");
    }
}

static void write_group(const char *group, const char *file, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", group, file);
    int descriptor = must(open(path, O_WRONLY), path);
    must((int)write(descriptor, text, strlen(text)), path);
    close(descriptor);
}

static bool group_says(const char *group, const char *file, const char *text) {
    char path[256], content[512] = "";
    snprintf(path, sizeof path, "%s/%s", group, file);
    int descriptor = open(path, O_RDONLY);
    if (descriptor < 0) return false;
    ssize_t length = read(descriptor, content, sizeof content - 1);
    close(descriptor);
    return length > 0 && strstr(content, text);
}

// Makes a group that goes with the scenario, and says its directory as the fact `key`. `below` is a group or NULL.
static const char *make_group(const char *controller, const char *below, const char *key) {
    char point[128];
    if (below) snprintf(point, sizeof point, "%s", below);
    else find_mount(controller, point, sizeof point);
    char *group = stage->groups[stage->group_count++];
    snprintf(group, sizeof stage->groups[0], "%.120s/lab-hangs-%d", point, (int)getpid());
    must(mkdir(group, 0755), group);
    fact(key, "%s", group);
    return group;
}

static const char *group;

static void enter(const char *which) { write_group(which, "cgroup.procs", "0"); }
static void enter_alone(const char *which) { write_group(which, "tasks", "0"); }

static void await_text(const char *which, const char *file, const char *text) {
    struct timespec moment = {0, 1000000};
    for (int looks = 0; !group_says(which, file, text); looks++) {
        nanosleep(&moment, NULL);
        if (looks > 10000) {
            errno = ETIMEDOUT;
            fail(file);
        }
    }
}

static void freeze_unified(const char *which) {
    write_group(which, "cgroup.freeze", "1");
    await_text(which, "cgroup.events", "frozen 1");
}

static void freeze_old(const char *which) {
    write_group(which, "freezer.state", "FROZEN");
    await_text(which, "freezer.state", "FROZEN");
}

void thaw_groups(void) {
    for (int i = 0; i < stage->group_count; i++) {
        static const char *const thaws[][2] = {{"cgroup.freeze", "0"}, {"freezer.state", "THAWED"}};
        for (int t = 0; t < 2; t++) {
            char path[256];
            snprintf(path, sizeof path, "%s/%s", stage->groups[i], thaws[t][0]);
            int descriptor = open(path, O_WRONLY);
            if (descriptor < 0) continue;
            ssize_t length = write(descriptor, thaws[t][1], strlen(thaws[t][1]));
            (void)length;
            close(descriptor);
        }
    }
}

void remove_groups(void) {
    struct timespec moment = {0, 2000000};
    for (int i = stage->group_count - 1; i >= 0; i--)
        for (int tries = 0; rmdir(stage->groups[i]) == -1 && errno == EBUSY && tries < 1000; tries++) nanosleep(&moment, NULL);
}

// ---- frozen ----

static void read_the_pipe(void *unused) {
    (void)unused;
    keep_only(ends[0], -1);
    char byte;
    will_wait(SYS_read);
    ssize_t length = read(ends[0], &byte, 1);
    (void)length;
}

static void keep_writing_end(void *unused) {
    (void)unused;
    enter(group);
    keep_only(ends[1], -1);
    sleep_for_good();
}

static void frozen_writer(const char *controller, bool from_above) {
    make_pipe(ends, "pipe");
    const char *above = make_group(controller, NULL, "group");
    group = from_above ? make_group(controller, above, "inner") : above;
    actor("holder", keep_writing_end, NULL);
    actor("victim", read_the_pipe, NULL);
    await_blocked("holder");
    if (controller) freeze_old(above);
    else freeze_unified(above);
}

static void frozen_unified(void) { frozen_writer(NULL, false); }
static void frozen_unified_above(void) { frozen_writer(NULL, true); }
static void frozen_old(void) { frozen_writer("freezer", false); }
static void frozen_old_above(void) { frozen_writer("freezer", true); }

static void spin_in_group(void *unused) {
    (void)unused;
    keep_only(-1);
    enter(group);
    will_wait(ANY_CALL);  // frozen it stands still, outside every call
    give_cue(entered);
    for (volatile unsigned long turns = 0;; turns++) continue;
}

static void frozen_spinner(const char *controller) {
    group = make_group(controller, NULL, "group");
    actor("victim", spin_in_group, NULL);
    await_cue(entered);
    if (controller) freeze_old(group);
    else freeze_unified(group);
}

static void frozen_spinner_unified(void) { frozen_spinner(NULL); }
static void frozen_spinner_old(void) { frozen_spinner("freezer"); }

// One thread of a process is frozen with a lock that another wants: v1 groups hold threads.
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *hold_in_group(void *unused) {
    pthread_mutex_lock(&mutex);
    enter_alone(group);
    give_cue(entered);
    sleep_for_good();
    return unused;
}

static void one_frozen_thread(void *unused) {
    (void)unused;
    keep_only(-1);
    performer("holder", hold_in_group, NULL);
    await_cue(entered);
    will_wait(SYS_futex);
    pthread_mutex_lock(&mutex);
}

static void frozen_thread(void) {
    group = make_group("freezer", NULL, "group");
    actor("victim", one_frozen_thread, NULL);
    await_blocked("holder");
    freeze_old(group);
}

// A frozen group beside it, and a group that is not: neither is the sleeper's trouble.
static void sleep_in_group(void *unused) {
    (void)unused;
    keep_only(-1);
    enter(group);
    sleep_for_good();
}

static void pause_in_group(void *unused) {
    (void)unused;
    keep_only(-1);
    enter(group);
    pause_for_good();
}

static void thawed(void) {
    group = make_group(NULL, NULL, "group");
    actor("victim", pause_in_group, NULL);
    await_blocked("victim");
    freeze_unified(group);
    write_group(group, "cgroup.freeze", "0");
    await_text(group, "cgroup.events", "frozen 0");
}

// ---- quota and memory ----

static void throttled_writer(void *unused) {
    (void)unused;
    keep_only(ends[1], -1);
    enter(group);
    spin_for_good();
}

static void cpu_quota(void) {
    make_pipe(ends, "pipe");
    group = make_group("cpu", NULL, "group");
    write_group(group, "cpu.cfs_period_us", "1000000");
    write_group(group, "cpu.cfs_quota_us", "1000");
    actor("holder", throttled_writer, NULL);
    actor("victim", read_the_pipe, NULL);
    await_text(group, "cpu.stat", "nr_throttled 1\n");
}

static void take_memory(void *unused) {
    (void)unused;
    keep_only(-1);
    enter(group);
    size_t size = 64 << 20;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    will_wait(ANY_CALL);  // a page fault
    for (size_t at = 0; at < size; at += 4096) memory[at] = 1;
}

static void memory_limit(void) {
    group = make_group("memory", NULL, "group");
    write_group(group, "memory.limit_in_bytes", "8388608");
    write_group(group, "memory.oom_control", "1");
    actor("victim", take_memory, NULL);
}

// ---- a CPU that others have ----

static void pin(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    must(sched_setaffinity(0, sizeof set, &set), "sched_setaffinity");
}

static int chosen_cpu(void) {
    cpu_set_t set;
    must(sched_getaffinity(0, sizeof set, &set), "sched_getaffinity");
    for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--)
        if (CPU_ISSET(cpu, &set)) return cpu;
    return 0;
}

static void occupy(void *unused) {
    (void)unused;
    keep_only(-1);
    pin(chosen_cpu());
    // The idle class gets 3 shares where each of these gets 29154 (kernel/sched/core.c sched_prio_to_weight): one moment in half a minute.
    setpriority(PRIO_PROCESS, 0, -15);
    give_cue(entered);
    spin_for_good();
}

static void starve(void *unused) {
    (void)unused;
    keep_only(ends[1], -1);
    await_cue(entered);
    struct sched_param none = {0};
    must(sched_setscheduler(0, SCHED_IDLE, &none), "SCHED_IDLE");
    will_move();
    pin(chosen_cpu());
    spin_for_good();
}

// Waits until a process was given no CPU in 300 looks, a millisecond or more apart.
static void await_starved(pid_t process) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/schedstat", (int)process);
    struct timespec moment = {0, 1000000};
    unsigned long last = 0;
    for (int looks = 0, same = 0; same < 300; looks++) {
        unsigned long used = 0;
        FILE *file = fopen(path, "r");
        if (!file || fscanf(file, "%lu", &used) != 1 || looks > 15000) fail(path);
        fclose(file);
        same = used == last ? same + 1 : 0;
        last = used;
        nanosleep(&moment, NULL);
    }
}

static void starved(void) {
    make_pipe(ends, "pipe");
    actor("hog", occupy, NULL);
    actor("hog-2", occupy, NULL);
    actor("holder", starve, NULL);
    actor("victim", read_the_pipe, NULL);
    await_starved(pid_of("holder"));
}

// ---- endings that a frozen thread delays ----

static void *sleep_in_group_alone(void *unused) {
    enter_alone(group);
    give_cue(entered);
    sleep_for_good();
    return unused;
}

static void execute(void *unused) {
    (void)unused;
    keep_only(-1);
    performer("holder", sleep_in_group_alone, NULL);
    await_cue(go);
    char *const arguments[] = {"true", NULL};
    will_wait(SYS_execve);
    execv("/bin/true", arguments);
}

static void exec_among_threads(void) {
    group = make_group("freezer", NULL, "group");
    actor("victim", execute, NULL);
    await_blocked("holder");
    freeze_old(group);
    give_cue(go);
}

static void end_with_threads(void *unused) {
    (void)unused;
    keep_only(-1);
    performer("holder", sleep_in_group_alone, NULL);
    await_cue(go);
    will_end(true);
    _exit(0);
}

static void await_ending_child(void *unused) {
    (void)unused;
    keep_only(-1);
    pid_t child = actor("leader", end_with_threads, NULL);
    will_wait(SYS_wait4);
    syscall(SYS_wait4, child, NULL, 0, NULL);
}

static void exit_among_threads(void) {
    group = make_group("freezer", NULL, "group");
    actor("victim", await_ending_child, NULL);
    await_blocked("holder");
    freeze_old(group);
    give_cue(go);
}

static void dump_core(void *unused) {
    (void)unused;
    keep_only(-1);
    struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    must(setrlimit(RLIMIT_CORE, &all), "RLIMIT_CORE");
    must(chdir(stage->directory), "chdir");
    performer("holder", sleep_in_group_alone, NULL);
    await_cue(go);
    will_wait(ANY_CALL);
    abort();
}

static void core_among_threads(void) {
    private_path("");
    group = make_group("freezer", NULL, "group");
    actor("victim", dump_core, NULL);
    await_blocked("holder");
    freeze_old(group);
    give_cue(go);
}

static void first_of_namespace(void *unused) {
    (void)unused;
    keep_only(-1);
    actor("holder", sleep_in_group, NULL);
    await_cue(go);
    will_wait(SYS_exit_group);
    _exit(0);
}

static void make_namespace(void *unused) {
    (void)unused;
    keep_only(-1);
    must(unshare(CLONE_NEWPID), "CLONE_NEWPID");
    pid_t child = actor("victim", first_of_namespace, NULL);
    will_wait(SYS_wait4);
    syscall(SYS_wait4, child, NULL, 0, NULL);
}

static void namespace_ends(void) {
    group = make_group("freezer", NULL, "group");
    actor("outside", make_namespace, NULL);
    await_blocked("holder");
    freeze_old(group);
    give_cue(go);
}

const struct scenario control_group_scenarios[] = {
    {"frozen-v2", frozen_unified, 2},
    {"frozen-v2-above", frozen_unified_above, 2},
    {"frozen-v2-spinner", frozen_spinner_unified, 1},
    {"frozen-v1", frozen_old, 2},
    {"frozen-v1-above", frozen_old_above, 2},
    {"frozen-v1-spinner", frozen_spinner_old, 1},
    {"frozen-v1-thread", frozen_thread, 2},
    {"thawed-v2", thawed, 1},
    {"cpu-quota", cpu_quota, 2},
    {"memory-limit-v1", memory_limit, 1},
    {"starved-idle-class", starved, 4},
    {"exec-wait", exec_among_threads, 2},
    {"exit-wait", exit_among_threads, 3},
    {"core-dump-wait", core_among_threads, 2},
    {"pid-namespace-ends", namespace_ends, 3},
    {NULL, NULL, 0},
};
