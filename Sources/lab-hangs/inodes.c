// Threads that wait for the kernel's own lock of a directory, a name or an open file, behind one that waits for a FUSE daemon.
#include "fuse_daemon.h"

#include <linux/fuse.h>
#include <sys/stat.h>

enum { mounted, second_ready };

static struct fuse_plan plan = {.mount_point = "mnt", .mounted = mounted, .hush = -1};

static const char *on_mount(const char *name) {
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", private_path("mnt"), name);
    return path;
}

static void stage_mount(unsigned silent_operation) {
    private_mounts();
    private_mount_point("mnt");
    plan.silent[0] = silent_operation;
    plan.when_silent = sleep_for_good;
    actor("root", fuse_daemon, &plan);
}

static void creates(void *name) {
    keep_only(-1);
    await_cue(mounted);
    will_wait(SYS_openat);
    open(on_mount(name), O_RDWR | O_CREAT, 0600);
}

static void looks_up(void *name) {
    keep_only(-1);
    await_cue(mounted);
    will_wait(SYS_openat);
    open(on_mount(name), O_RDONLY);
}

static void removes(void *name) {
    keep_only(-1);
    await_cue(mounted);
    will_wait(SYS_unlink);
    syscall(SYS_unlink, on_mount(name));
}

static void renames(void *name) {
    keep_only(-1);
    await_cue(mounted);
    char from[300];
    snprintf(from, sizeof from, "%s", on_mount(name));
    will_wait(SYS_rename);
    syscall(SYS_rename, from, on_mount("file-new"));
}

static void inode_create(void) {
    stage_mount(FUSE_LOOKUP);
    actor("holder", creates, "new-1");
    await_blocked("holder");
    actor("victim", creates, "new-2");
}

static void inode_lookup(void) {
    stage_mount(FUSE_LOOKUP);
    actor("holder", looks_up, "new-1");
    await_blocked("holder");
    actor("victim", looks_up, "new-1");
}

static void inode_unlink(void) {
    stage_mount(FUSE_UNLINK);
    actor("holder", removes, "file");
    await_blocked("holder");
    actor("victim", creates, "new-2");
}

static void inode_rename(void) {
    stage_mount(FUSE_UNLINK);
    actor("holder", removes, "file");
    await_blocked("holder");
    actor("victim", renames, "file-2");
}

// ---- the position of an open file ----

static int directory;

static void *lists(void *unused) {
    (void)unused;
    char entries[1024];
    will_wait(SYS_getdents64);
    syscall(SYS_getdents64, directory, entries, sizeof entries);
    return NULL;
}

static void lists_twice(void *unused) {
    keep_only(-1);
    await_cue(mounted);
    directory = must(open(on_mount("dir"), O_RDONLY | O_DIRECTORY), "open");
    performer("holder", lists, NULL);
    await_blocked("holder");
    lists(unused);
}

static void file_position(void) {
    stage_mount(FUSE_READDIR);
    actor("victim", lists_twice, NULL);
}

static void lists_here(void *unused) { lists(unused); }

static void lists_in_child(void *unused) {
    keep_only(-1);
    await_cue(mounted);
    directory = must(open(on_mount("dir"), O_RDONLY | O_DIRECTORY), "open");
    actor("victim", lists_here, NULL);
    lists(unused);
}

static void file_position_shared(void) {
    stage_mount(FUSE_READDIR);
    actor("parent", lists_in_child, NULL);
}

// Others stand in the same directory and hold nothing.
static void trap_directory(void) {
    inode_create();
    await_blocked("victim");
    actor("waiter-2", creates, "new-3");
}

const struct scenario inode_scenarios[] = {
    {"inode-lock-create", inode_create, 3},
    {"inode-lock-lookup", inode_lookup, 3},
    {"inode-lock-unlink", inode_unlink, 3},
    {"inode-lock-rename", inode_rename, 3},
    {"file-position", file_position, 3},
    {"file-position-shared", file_position_shared, 3},
    {"inode-lock-convoy", trap_directory, 4},
    {0},
};
