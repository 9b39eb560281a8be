// Leases that somebody must give up, and accesses that a fanotify listener must allow.
#include "fuse_daemon.h"

#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/stat.h>

enum { ready, second_ready, opened };

// ---- leases ----

static int lease_file(void) {
    int file = open_file("file");
    must(fcntl(file, F_SETLEASE, F_WRLCK), "F_SETLEASE");
    return file;
}

static void ignores_break(int signal_number) { (void)signal_number; }

static void leases(void *unused) {
    (void)unused;
    signal(SIGIO, ignores_break);
    int file = lease_file();
    fact("file", "%lu", lock_inode_of(file));
    give_cue(ready);
    will_wait(ANY_CALL);
    for (;;) pause();
}

static void opens_leased(void *unused) {
    (void)unused;
    await_cue(ready);
    will_wait(SYS_openat);
    open(private_path("file"), O_RDWR);
}

static void lease(void) {
    private_path("file");
    actor("holder", leases, NULL);
    actor("victim", opens_leased, NULL);
}

static void lease_stopped(void) {
    lease();
    await_blocked("victim");
    await_blocked("holder");
    stop("holder");
}

// ---- fanotify ----

// The watched file lies on a file system of its own: a group that somebody else has on this host cannot cover it.
static const char *watched(void) {
    static char path[300];
    snprintf(path, sizeof path, "%s/file", private_path("mnt"));
    return path;
}

static void stage_file(void) {
    private_mounts();
    must(mount("lab", private_mount_point("mnt"), "tmpfs", 0, NULL), "mount of a tmpfs");
    close(must(open(watched(), O_RDWR | O_CREAT, 0755), "open"));
}

static int group = -1;

static void watch(unsigned long mask, const char *path) {
    group = must((int)syscall(SYS_fanotify_init, FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY), "fanotify_init");
    must((int)syscall(SYS_fanotify_mark, group, FAN_MARK_ADD, mask, AT_FDCWD, path), "fanotify_mark");
}

static void watches_and_sleeps(void *unused) {
    (void)unused;
    watch(FAN_OPEN_PERM, watched());
    give_cue(ready);
    sleep_for_good();
}

static void watches_and_reads(void *unused) {
    (void)unused;
    watch(FAN_OPEN_PERM, watched());
    give_cue(ready);
    char events[4096];
    for (;;) {
        will_wait(SYS_read);
        if (read(group, events, sizeof events) < 0) fail("read of a fanotify group");
    }
}

static void opens_watched(void *unused) {
    (void)unused;
    keep_only(-1);
    await_cue(ready);
    will_wait(SYS_openat);
    open(watched(), O_RDONLY);
}

static void executes_watched(void *unused) {
    (void)unused;
    keep_only(-1);
    await_cue(ready);
    char *const arguments[] = {"file", NULL};
    will_wait(SYS_execve);
    execv(watched(), arguments);
}

static void stage_watch(actor_body listener, actor_body victim) {
    stage_file();
    actor("holder", listener, NULL);
    actor("victim", victim, NULL);
}

static void fanotify_open(void) { stage_watch(watches_and_sleeps, opens_watched); }
static void fanotify_idle(void) { stage_watch(watches_and_reads, opens_watched); }

static void fanotify_stopped(void) {
    fanotify_open();
    await_blocked("victim");
    await_blocked("holder");
    stop("holder");
}

static void fanotify_execute(void) {
    stage_watch(watches_and_sleeps, executes_watched);
}

// A second listener watches another file system.
static void watches_elsewhere(void *unused) {
    (void)unused;
    must(mount("lab", private_path("mnt-2"), "tmpfs", 0, NULL), "mount of a tmpfs");
    group = must((int)syscall(SYS_fanotify_init, FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY), "fanotify_init");
    must(
        (int)syscall(SYS_fanotify_mark, group, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN_PERM, AT_FDCWD, private_path("mnt-2")),
        "fanotify_mark");
    give_cue(second_ready);
    sleep_for_good();
}

static void fanotify_two(void) {
    private_mounts();
    private_mount_point("mnt-2");
    actor("bystander", watches_elsewhere, NULL);
    await_cue(second_ready);
    fanotify_open();
}

// A listener that is only told, and need not be asked.
static void watches_only(void *unused) {
    (void)unused;
    group = must((int)syscall(SYS_fanotify_init, FAN_CLASS_NOTIF | FAN_CLOEXEC, O_RDONLY), "fanotify_init");
    must((int)syscall(SYS_fanotify_mark, group, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, watched()), "fanotify_mark");
    give_cue(ready);
    char events[4096];
    for (;;) {
        will_wait(SYS_read);
        if (read(group, events, sizeof events) < 0) fail("read of a fanotify group");
    }
}

static void fanotify_at_rest(void) {
    stage_file();
    actor("victim", watches_only, NULL);
}

const struct scenario file_watch_scenarios[] = {
    {"lease", lease, 2},
    {"lease-holder-stopped", lease_stopped, 2},
    {"fanotify-open", fanotify_open, 2},
    {"fanotify-listener-idle", fanotify_idle, 2},
    {"fanotify-listener-stopped", fanotify_stopped, 2},
    {"fanotify-execve", fanotify_execute, 2},
    {"fanotify-two-listeners", fanotify_two, 3},
    {"fanotify-at-rest", fanotify_at_rest, 1},
    {0},
};
