// Threads that wait for a FUSE daemon which sleeps, is stopped, waits itself, or waits for them.
#include "fuse_daemon.h"

#include <linux/fuse.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>

enum { mounted, second_mounted, opened, locked, second_opened, hush };

static struct fuse_plan plan = {.mount_point = "mnt", .mounted = mounted, .hush = -1};
static struct fuse_plan second_plan = {.mount_point = "mnt-2", .mounted = second_mounted, .hush = -1};

static const char *on_mount(const char *name) {
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", private_path("mnt"), name);
    return path;
}

static void stage_mount(unsigned silent_operation, void (*when_silent)(void)) {
    private_mounts();
    private_mount_point("mnt");
    plan.silent[0] = silent_operation;
    plan.when_silent = when_silent;
}

// ---- daemons that have something else to do ----

static void sleeps(void) { sleep_for_good(); }

static int pipe_ends[2];

static void reads_pipe(void) {
    char byte;
    will_wait(SYS_read);
    if (read(pipe_ends[0], &byte, 1) < 0) fail("read");
}

static void wants_lock(void) {
    int file = open_file("lock");
    will_wait(SYS_flock);
    flock(file, LOCK_EX);
}

static void touches_itself(void) {
    struct stat status;
    will_wait(SYS_newfstatat);
    stat(on_mount("file-again"), &status);
}

// ---- victims ----

static void reads_file(void *unused) {
    (void)unused;
    keep_only(-1);
    await_cue(mounted);
    int file = must(open(on_mount("file"), O_RDONLY), "open");
    char byte;
    will_wait(SYS_read);
    if (read(file, &byte, 1) < 0) fail("read");
}

static void reads_directory(void *unused) {
    (void)unused;
    keep_only(-1);
    await_cue(mounted);
    int directory = must(open(on_mount("dir"), O_RDONLY | O_DIRECTORY), "open");
    char entries[1024];
    will_wait(SYS_getdents64);
    syscall(SYS_getdents64, directory, entries, sizeof entries);
}

static void asks_status(void *unused) {
    (void)unused;
    keep_only(-1);
    await_cue(mounted);
    struct stat status;
    will_wait(SYS_newfstatat);
    syscall(SYS_newfstatat, AT_FDCWD, on_mount("file"), &status, 0);
}

static void asks_status_in_directory(void *unused) {
    (void)unused;
    keep_only(-1);
    await_cue(mounted);
    must(chdir(on_mount("dir")), "chdir");
    give_cue(opened);
    struct stat status;
    will_wait(SYS_newfstatat);
    syscall(SYS_newfstatat, AT_FDCWD, "file-2", &status, 0);
}

static void touches_page(void *unused) {
    (void)unused;
    keep_only(-1);
    await_cue(mounted);
    int file = must(open(on_mount("file"), O_RDONLY), "open");
    volatile const char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0);
    if (page == MAP_FAILED) fail("mmap");
    close(file);
    will_wait(ANY_CALL);
    (void)*page;
}

static void executes(void *unused) {
    (void)unused;
    keep_only(-1);
    await_cue(mounted);
    char *const arguments[] = {"file", NULL};
    will_wait(SYS_execve);
    execv(on_mount("file"), arguments);
}

static void syncs_file(void *unused) {
    (void)unused;
    keep_only(-1);
    await_cue(mounted);
    int file = must(open(on_mount("file"), O_RDWR), "open");
    will_wait(SYS_fsync);
    fsync(file);
}

static void locks_and_reads(void *unused) {
    int lock = open_file("lock");
    must(flock(lock, LOCK_EX), "flock");
    give_cue(locked);
    keep_only(lock, -1);
    await_cue(mounted);
    (void)unused;
    int file = must(open(on_mount("file"), O_RDONLY), "open");
    char byte;
    will_wait(SYS_read);
    if (read(file, &byte, 1) < 0) fail("read");
}

// ---- scenarios ----

static void fuse_read(void) {
    stage_mount(FUSE_READ, sleeps);
    actor("holder", fuse_daemon, &plan);
    actor("victim", reads_file, NULL);
}

static void fuse_idle(void) {
    stage_mount(FUSE_READ, NULL);
    actor("holder", fuse_daemon, &plan);
    actor("victim", reads_file, NULL);
}

static void fuse_running(void) {
    stage_mount(FUSE_READ, spin_for_good);
    actor("holder", fuse_daemon, &plan);
    actor("victim", reads_file, NULL);
}

static void fuse_stopped(void) {
    fuse_idle();
    await_blocked("victim");
    await_blocked("holder");
    stop("holder");
}

static void holds_write_end(void *unused) {
    (void)unused;
    close(pipe_ends[0]);
    sleep_for_good();
}

static void daemon_with_read_end(void *given) {
    close(pipe_ends[1]);
    fuse_daemon(given);
}

static void fuse_pipe(void) {
    stage_mount(FUSE_READ, reads_pipe);
    make_pipe(pipe_ends, "pipe");
    actor("root", holds_write_end, NULL);
    actor("holder", daemon_with_read_end, &plan);
    actor("victim", reads_file, NULL);
}

static void fuse_status(void) {
    stage_mount(FUSE_LOOKUP, sleeps);
    actor("holder", fuse_daemon, &plan);
    actor("victim", asks_status, NULL);
}

static void fuse_in_directory(void) {
    stage_mount(0, sleeps);
    plan.hush = opened;
    actor("holder", fuse_daemon, &plan);
    actor("victim", asks_status_in_directory, NULL);
}

static void fuse_directory(void) {
    stage_mount(FUSE_READDIR, sleeps);
    actor("holder", fuse_daemon, &plan);
    actor("victim", reads_directory, NULL);
}

static void fuse_mapped(void) {
    stage_mount(FUSE_READ, sleeps);
    actor("holder", fuse_daemon, &plan);
    actor("victim", touches_page, NULL);
}

static void fuse_executable(void) {
    stage_mount(FUSE_READ, sleeps);
    actor("holder", fuse_daemon, &plan);
    actor("victim", executes, NULL);
}

static void fuse_fsync(void) {
    stage_mount(FUSE_FSYNC, sleeps);
    actor("holder", fuse_daemon, &plan);
    actor("victim", syncs_file, NULL);
}

static void fuse_two(void) {
    stage_mount(FUSE_READ, sleeps);
    private_mount_point("mnt-2");
    actor("bystander", fuse_daemon, &second_plan);
    actor("holder", fuse_daemon, &plan);
    actor("victim", reads_file, NULL);
}

static void keeps_the_descriptor(void *unused) {
    (void)unused;
    sleep_for_good();
}

static void forks_first(void) {
    actor("heir", keeps_the_descriptor, NULL);
    sleep_for_good();
}

static void fuse_inherited(void) {
    stage_mount(FUSE_READ, forks_first);
    actor("holder", fuse_daemon, &plan);
    actor("victim", reads_file, NULL);
}

static void fuse_deadlock(void) {
    stage_mount(FUSE_READ, wants_lock);
    actor("victim", locks_and_reads, NULL);
    await_cue(locked);
    actor("holder", fuse_daemon, &plan);
}

static void fuse_itself(void) {
    stage_mount(FUSE_READ, touches_itself);
    actor("victim", fuse_daemon, &plan);
    actor("reader", reads_file, NULL);
}

// Ends while it has a file there: closing waits for the daemon, with no descriptors or memory left to tell which.
static void ends_with_file(void *unused) {
    (void)unused;
    keep_only(-1);
    await_cue(mounted);
    must(open(on_mount("file"), O_RDWR), "open");
    will_wait(ANY_CALL);
}

static void fuse_exit(void) {
    stage_mount(FUSE_FLUSH, sleeps);
    actor("holder", fuse_daemon, &plan);
    actor("victim", ends_with_file, NULL);
}

// Executes a program with a file there that is closed on the way (fs/exec.c `do_close_on_exec`). On kernels of 2026 it then holds the lock
// that readers of its procfs files need, the conductor among them: so it is no role, and the daemon dies after a while, lest
// every reader of this host's procfs stand still as long as this scenario does.
static void sleeps_a_while(void) {
    give_cue(opened);
    will_wait(SYS_clock_nanosleep);
    struct timespec while_long = {15, 0};
    syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &while_long, NULL);
    _exit(0);
}

static void stuck_in_execve(void) {
    stage_mount(FUSE_FLUSH, sleeps_a_while);
    actor("holder", fuse_daemon, &plan);
    await_cue(mounted);
    pid_t victim = must(fork(), "fork");
    if (victim == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        must(open(on_mount("file"), O_RDWR | O_CLOEXEC), "open");
        char *const arguments[] = {"sleep", "100000", NULL};
        execv("/bin/sleep", arguments);
        _exit(1);
    }
    fact("victim", "%d", (int)victim);
    await_cue(opened);
}

// A thread that maps a file waits for a page of it, with the lock of its process's memory map: nobody can read that memory, and many
// threads of it wait for other things.
static int buffered_file;

static void *reads_buffered(void *unused) {
    (void)unused;
    char byte;
    will_wait(SYS_pread64);
    if (pread(buffered_file, &byte, 1, 0) < 0) fail("pread");
    return NULL;
}

static pthread_mutex_t crowd_lock = PTHREAD_MUTEX_INITIALIZER;

static void *crowds(void *unused) {
    pthread_mutex_lock(&crowd_lock);
    return unused;
}

static void *maps_memory(void *unused) {
    await_blocked("owner");
    will_wait(SYS_mmap);
    syscall(SYS_mmap, NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return unused;
}

static void maps_file_as(const char *role) {
    keep_only(-1);
    await_cue(mounted);
    pthread_mutex_lock(&crowd_lock);
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        must_be_zero(pthread_create(&thread, NULL, crowds, NULL), "pthread_create");
    }
    buffered_file = must(open(on_mount("file"), O_RDONLY), "open");
    int direct_file = must(open(on_mount("file"), O_RDONLY | O_APPEND), "open");
    performer("reader", reads_buffered, NULL);
    if (role) {
        performer("victim", maps_memory, NULL);
        tid_of("victim");  // once the map is locked, a thread may not come far enough to report itself
    }
    await_blocked("reader");
    will_wait(SYS_mmap);
    mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, direct_file, 0);
}

static void maps_file(void *unused) {
    (void)unused;
    maps_file_as(NULL);
}

static void maps_file_and_memory(void *unused) {
    (void)unused;
    maps_file_as("owner");
}

static void memory_map(void) {
    stage_mount(FUSE_READ, sleeps);
    actor("holder", fuse_daemon, &plan);
    actor("owner", maps_file_and_memory, NULL);
}

static void fuse_memory_map(void) {
    stage_mount(FUSE_READ, sleeps);
    actor("holder", fuse_daemon, &plan);
    actor("victim", maps_file, NULL);
}

// Its program and all that it has mapped lie there; it sleeps, and needs none of it now.
static void executes_sleep(void *unused) {
    (void)unused;
    keep_only(-1);
    await_cue(mounted);
    char *const arguments[] = {"sleep", "100000", NULL};
    will_wait(SYS_clock_nanosleep);
    execv(on_mount("file"), arguments);
}

static void dead_executable(void) {
    stage_mount(0, NULL);
    plan.content = "/bin/sleep";
    plan.hush = hush;
    actor("holder", fuse_daemon, &plan);
    actor("victim", executes_sleep, NULL);
    await_blocked("victim");
    give_cue(hush);
}

static void fuse_at_rest(void) {
    stage_mount(0, NULL);
    actor("victim", fuse_daemon, &plan);
    await_cue(mounted);
}

const struct scenario fuse_scenarios[] = {
    {"fuse-read", fuse_read, 2},
    {"fuse-daemon-idle", fuse_idle, 2},
    {"fuse-daemon-running", fuse_running, 2},
    {"fuse-daemon-stopped", fuse_stopped, 2},
    {"fuse-daemon-waits", fuse_pipe, 3},
    {"fuse-stat", fuse_status, 2},
    {"fuse-working-directory", fuse_in_directory, 2},
    {"fuse-readdir", fuse_directory, 2},
    {"fuse-mapped-page", fuse_mapped, 2},
    {"fuse-execve", fuse_executable, 2},
    {"fuse-fsync", fuse_fsync, 2},
    {"fuse-two-mounts", fuse_two, 3},
    {"fuse-inherited", fuse_inherited, 3},
    {"fuse-flock-deadlock", fuse_deadlock, 2},
    {"fuse-self", fuse_itself, 2},
    {"fuse-exit", fuse_exit, 2},
    {"stuck-in-execve", stuck_in_execve, 1},
    {"memory-map-lock", memory_map, 4},
    {"fuse-memory-map", fuse_memory_map, 3},
    {"fuse-executable", dead_executable, 2},
    {"fuse-at-rest", fuse_at_rest, 1},
    {0},
};
