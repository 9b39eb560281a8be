// Threads that wait for a block device that does not answer, for its journal, or for a frozen file system.
#include "fuse_daemon.h"

#include <linux/fs.h>
#include <linux/fuse.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>

enum { mounted, looped, frozen, hush };

static char device[32];
static int loop = -1;

static void make_image(const char *name, off_t size) {
    int file = open_file(name);
    must(ftruncate(file, size), "ftruncate");
    close(file);
}

// ---- a loop device on a file of a FUSE file system whose daemon falls silent ----

static struct fuse_plan plan = {.mount_point = "mnt", .mounted = mounted, .hush = hush};

static const char *image_on_mount(void) {
    static char path[300];
    snprintf(path, sizeof path, "%s/file", private_path("mnt"));
    return path;
}

static void reads_device(void *unused) {
    (void)unused;
    await_cue(mounted);
    loop = private_loop_device(image_on_mount(), device);
    void *block = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int direct = must(open(device, O_RDONLY | O_DIRECT | O_CLOEXEC), device);
    fact("device", "%s", device + 5);
    give_cue(hush);
    will_wait(SYS_pread64);
    if (pread(direct, block, 4096, 4096 * 16) < 0) fail("pread");
}

static void loop_on_fuse(void) {
    private_mounts();
    private_mount_point("mnt");
    plan.when_silent = sleep_for_good;
    actor("holder", fuse_daemon, &plan);
    actor("victim", reads_device, NULL);
}

static void loop_on_fuse_stopped(void) {
    loop_on_fuse();
    await_blocked("victim");
    await_blocked("holder");
    stop("holder");
}

// ---- a real file system on a loop device ----

static void format_image(void) {
    make_image("image", 16 << 20);
    pid_t child = must(fork(), "fork");
    if (child == 0) {
        int nothing = open("/dev/null", O_RDWR);
        dup2(nothing, 1);
        dup2(nothing, 2);
        execl("/usr/sbin/mkfs.ext4", "mkfs.ext4", "-q", "-F", private_path("image"), (char *)NULL);
        execl("/sbin/mkfs.ext4", "mkfs.ext4", "-q", "-F", private_path("image"), (char *)NULL);
        _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0) {
        errno = ENOENT;
        fail("mkfs.ext4");
    }
}

static void make_file_system(void) {
    private_mounts();
    private_mount_point("mnt");
    format_image();
    loop = private_loop_device(private_path("image"), device);
    must(mount(device, private_path("mnt"), "ext4", 0, NULL), "mount of an ext4");
    fact("device", "%s", device + 5);
    close(loop);
}

static const char *on_mount(const char *name) {
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", private_path("mnt"), name);
    return path;
}

// ---- a journal on a loop device on a FUSE file ----

static void syncs_file(void *unused) {
    (void)unused;
    await_cue(mounted);
    loop = private_loop_device(image_on_mount(), device);
    char place[300];
    snprintf(place, sizeof place, "%s", private_path("mnt-2"));
    must(mount(device, place, "ext4", 0, NULL), "mount of an ext4");
    close(loop);
    fact("device", "%s", device + 5);
    char path[310];
    snprintf(path, sizeof path, "%s/file", place);
    int file = must(open(path, O_RDWR | O_CREAT, 0600), "open");
    must((int)write(file, "x", 1), "write");
    must(fsync(file), "fsync");
    give_cue(hush);
    must(fchmod(file, 0700), "fchmod");
    will_wait(SYS_fsync);
    fsync(file);
}

static void disk_journal(void) {
    static char image[300];
    private_mounts();
    private_mount_point("mnt");
    private_mount_point("mnt-2");
    format_image();
    snprintf(image, sizeof image, "%s", private_path("image"));
    plan.content = image;
    plan.is_writable = true;
    plan.when_silent = sleep_for_good;
    actor("holder", fuse_daemon, &plan);
    actor("victim", syncs_file, NULL);
}

static int mount_directory = -1;

static void thaw(void) {
    if (mount_directory >= 0) ioctl(mount_directory, FITHAW, 0);
}

// keep_only leaves descriptors from 1024 on alone.
static void freeze(void) {
    int directory = must(open(private_path("mnt"), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open");
    mount_directory = fcntl(directory, F_DUPFD_CLOEXEC, 1024);
    if (mount_directory < 0) mount_directory = directory;
    before_clearing(thaw);
    when_killed(thaw);
    must(ioctl(mount_directory, FIFREEZE, 0), "FIFREEZE");
    give_cue(frozen);
}

static void writes_file(void *unused) {
    (void)unused;
    keep_only(-1);
    int file = must(open(on_mount("file"), O_RDWR | O_CREAT, 0600), "open");
    give_cue(looped);
    await_cue(frozen);
    will_wait(SYS_write);
    if (write(file, "x", 1) < 0) fail("write");
}

static void creates_file(void *unused) {
    (void)unused;
    keep_only(-1);
    await_cue(frozen);
    will_wait(SYS_mkdirat);
    syscall(SYS_mkdirat, AT_FDCWD, on_mount("dir"), 0700);
}

static void touches_shared_page(void *unused) {
    (void)unused;
    keep_only(-1);
    int file = must(open(on_mount("file"), O_RDWR | O_CREAT, 0600), "open");
    must(ftruncate(file, 4096), "ftruncate");
    volatile char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (page == MAP_FAILED) fail("mmap");
    (void)*page;
    give_cue(looped);
    await_cue(frozen);
    will_wait(ANY_CALL);
    *page = 1;
}

static void fs_frozen_write(void) {
    make_file_system();
    actor("victim", writes_file, NULL);
    await_cue(looped);
    freeze();
}

static void fs_frozen_create(void) {
    make_file_system();
    freeze();
    actor("victim", creates_file, NULL);
}

static void fs_frozen_page(void) {
    make_file_system();
    actor("victim", touches_shared_page, NULL);
    await_cue(looped);
    freeze();
}

// ---- a device that is slowed down to nothing by its control group ----

static char group[64];

static void write_to(const char *path, const char *text) {
    int file = must(open(path, O_WRONLY | O_CLOEXEC), path);
    must((int)write(file, text, strlen(text)), path);
    close(file);
}

static void limit_reads(unsigned long bytes_per_second) {
    char path[128], text[64];
    struct stat status;
    if (stat(device, &status) < 0) return;
    snprintf(path, sizeof path, "%s/blkio.throttle.read_bps_device", group);
    snprintf(text, sizeof text, "%u:%u %lu", major(status.st_rdev), minor(status.st_rdev), bytes_per_second);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0 || write(file, text, strlen(text)) < 0) fprintf(stderr, "lab-hangs: %s: %s\n", path, strerror(errno));
    close(file);
}

// A request that is held back cannot be killed: the limit is lifted first. A group that still has members is theirs to the end.
static void remove_group(void) {
    char path[128];
    limit_reads(0);
    snprintf(path, sizeof path, "%s/cgroup.procs", group);
    struct timespec moment = {0, 1000000};
    for (int attempt = 0; attempt < 5000; attempt++) {
        FILE *members = fopen(path, "r");
        if (members) {
            for (int member; fscanf(members, "%d", &member) == 1;) kill(member, SIGKILL);
            fclose(members);
        }
        if (rmdir(group) == 0 || errno == ENOENT) return;
        nanosleep(&moment, NULL);
    }
}

static void reads_slowly(void *unused) {
    (void)unused;
    keep_only(-1);
    char path[128], text[64];
    limit_reads(1);
    snprintf(path, sizeof path, "%s/cgroup.procs", group);
    snprintf(text, sizeof text, "%d", (int)getpid());
    write_to(path, text);
    int file = must(open(on_mount("file"), O_RDONLY | O_DIRECT), "open");
    void *block = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    will_wait(SYS_pread64);
    for (;;)
        if (pread(file, block, 1 << 16, 0) < 0) fail("pread");
}

static void disk_throttled(void) {
    make_file_system();
    int file = must(open(on_mount("file"), O_RDWR | O_CREAT, 0600), "open");
    static char zeros[1 << 16] = {1};
    must((int)write(file, zeros, sizeof zeros), "write");
    must(fsync(file), "fsync");
    close(file);
    snprintf(group, sizeof group, "/sys/fs/cgroup/blkio/lab-hangs.%d", (int)getpid());
    must(mkdir(group, 0755), group);
    before_clearing(remove_group);
    when_killed(remove_group);
    actor("victim", reads_slowly, NULL);
}

const struct scenario disk_scenarios[] = {
    {"disk-loop-on-fuse", loop_on_fuse, 2},
    {"disk-loop-daemon-stopped", loop_on_fuse_stopped, 2},
    {"disk-journal", disk_journal, 2},
    {"disk-throttled", disk_throttled, 1},
    {"fs-frozen-write", fs_frozen_write, 1},
    {"fs-frozen-create", fs_frozen_create, 1},
    {"fs-frozen-mapped-page", fs_frozen_page, 1},
    {0},
};
