// File locks: flock, POSIX records and open-file-description locks, held by processes that sleep, stop or forgot them.
#include "lab.h"

#include <sys/file.h>
#include <sys/prctl.h>
#include <time.h>

enum { held = 0, second_held = 1, third_held = 2 };

static void lock_whole(int file, int operation) {
    will_wait(SYS_flock);
    flock(file, operation);
}

static int open_and_flock(const char *name, int operation, int cue) {
    int file = open_file(name);
    must(flock(file, operation), "flock");
    give_cue(cue);
    return file;
}

static void make_file(const char *name) {
    int file = open_file(name);
    fact(name, "%lu", lock_inode_of(file));
    close(file);
}

// ---- flock ----

static void exclusive_sleeper(void *unused) {
    (void)unused;
    open_and_flock("file", LOCK_EX, held);
    sleep_for_good();
}

static void exclusive_runner(void *unused) {
    (void)unused;
    open_and_flock("file", LOCK_EX, held);
    spin_for_good();
}

static void shared_sleeper(void *cue) {
    open_and_flock("file", LOCK_SH, (int)(long)cue);
    sleep_for_good();
}

static void wants_exclusive(void *unused) {
    (void)unused;
    await_cue(held);
    lock_whole(open_file("file"), LOCK_EX);
}

static void flock_exclusive(void) {
    make_file("file");
    actor("holder", exclusive_sleeper, NULL);
    actor("victim", wants_exclusive, NULL);
}

static void flock_running(void) {
    make_file("file");
    actor("holder", exclusive_runner, NULL);
    actor("victim", wants_exclusive, NULL);
}

static void flock_stopped(void) {
    flock_exclusive();
    await_blocked("victim");
    await_blocked("holder");
    stop("holder");
}

static void flock_readers(void) {
    make_file("file");
    actor("holder-1", shared_sleeper, (void *)(long)held);
    actor("holder-2", shared_sleeper, (void *)(long)second_held);
    actor("holder-3", shared_sleeper, (void *)(long)third_held);
    await_cue(second_held);
    await_cue(third_held);
    actor("victim", wants_exclusive, NULL);
}

static void flock_queue(void) {
    flock_exclusive();
    await_blocked("victim");
    actor("waiter-2", wants_exclusive, NULL);
    await_blocked("waiter-2");
    actor("waiter-3", wants_exclusive, NULL);
}

// The process that locked has exited; its child never closed the descriptor.
static void keeps_descriptor(void *unused) {
    (void)unused;
    pid_t parent = getppid();
    prctl(PR_SET_PDEATHSIG, 0);
    give_cue(third_held);
    struct timespec moment = {0, 500000};
    while (getppid() == parent) nanosleep(&moment, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    give_cue(held);
    sleep_for_good();
}

static void locks_and_leaves(void *unused) {
    (void)unused;
    open_and_flock("file", LOCK_EX, second_held);
    actor("holder", keeps_descriptor, NULL);
    await_cue(third_held);
    will_end(false);
}

static void flock_inherited(void) {
    make_file("file");
    actor("locker", locks_and_leaves, NULL);
    await_exit("locker");
    actor("victim", wants_exclusive, NULL);
}

static void one_then_other(void *unused) {
    (void)unused;
    open_and_flock("file", LOCK_EX, held);
    await_cue(second_held);
    lock_whole(open_file("other"), LOCK_EX);
}

static void other_then_one(void *unused) {
    (void)unused;
    open_and_flock("other", LOCK_EX, second_held);
    await_cue(held);
    lock_whole(open_file("file"), LOCK_EX);
}

static void flock_abba(void) {
    make_file("file");
    make_file("other");
    actor("victim", one_then_other, NULL);
    actor("holder", other_then_one, NULL);
}

static void against_itself(void *unused) {
    (void)unused;
    open_and_flock("file", LOCK_EX, held);
    lock_whole(open_file("file"), LOCK_EX);
}

static void flock_self(void) {
    make_file("file");
    actor("victim", against_itself, NULL);
}

// ---- record locks ----

static struct flock bytes(off_t start, off_t length) {
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
}

static void record_sleeper(void *command) {
    int file = open_file("file");
    struct flock range = bytes(0, 100);
    must(fcntl(file, (int)(long)command, &range), "fcntl");
    give_cue(held);
    sleep_for_good();
}

// Holds other bytes of the same file: in nobody's way.
static void other_record_sleeper(void *command) {
    int file = open_file("file");
    struct flock range = bytes(200, 100);
    must(fcntl(file, (int)(long)command, &range), "fcntl");
    give_cue(second_held);
    sleep_for_good();
}

static void wants_record(void *command) {
    await_cue(held);
    await_cue(second_held);
    int file = open_file("file");
    struct flock range = bytes(50, 10);
    will_wait(SYS_fcntl);
    fcntl(file, (int)(long)command, &range);
}

static void posix_range(void) {
    make_file("file");
    actor("holder", record_sleeper, (void *)(long)F_SETLK);
    actor("bystander", other_record_sleeper, (void *)(long)F_SETLK);
    actor("victim", wants_record, (void *)(long)F_SETLKW);
}

static void ofd_range(void) {
    make_file("file");
    actor("holder", record_sleeper, (void *)(long)F_OFD_SETLK);
    actor("bystander", other_record_sleeper, (void *)(long)F_OFD_SETLK);
    actor("victim", wants_record, (void *)(long)F_OFD_SETLKW);
}

// The kernel looks for cycles among POSIX locks, not among those of open file descriptions.
static void ofd_member(void *number) {
    long own = (long)number;
    int file = open_file("file");
    struct flock range = bytes(own * 10, 10);
    must(fcntl(file, F_OFD_SETLK, &range), "F_OFD_SETLK");
    give_cue((int)own);
    await_cue((int)(1 - own));
    range = bytes((1 - own) * 10, 10);
    will_wait(SYS_fcntl);
    fcntl(file, F_OFD_SETLKW, &range);
}

static void ofd_abba(void) {
    make_file("file");
    actor("victim", ofd_member, (void *)0L);
    actor("holder", ofd_member, (void *)1L);
}

const struct scenario file_lock_scenarios[] = {
    {"flock", flock_exclusive, 2},
    {"flock-holder-running", flock_running, 2},
    {"flock-holder-stopped", flock_stopped, 2},
    {"flock-three-readers", flock_readers, 4},
    {"flock-queue", flock_queue, 4},
    {"flock-inherited", flock_inherited, 3},
    {"flock-abba", flock_abba, 2},
    {"flock-self", flock_self, 1},
    {"lock-posix", posix_range, 3},
    {"lock-ofd", ofd_range, 3},
    {"lock-ofd-abba", ofd_abba, 2},
    {NULL, NULL, 0},
};
