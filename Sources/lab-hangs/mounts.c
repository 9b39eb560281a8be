// Mounts and loop devices that go with the scenario, also when it is killed.
#include "fuse_daemon.h"

#include <linux/fs.h>
#include <linux/loop.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>

enum { max_mounts = 4 };
static char mount_points[max_mounts][128];
static int mount_count;

void private_mounts(void) {
    must(unshare(CLONE_NEWNS), "a mount namespace");
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
}

const char *private_mount_point(const char *name) {
    const char *path = private_path(name);
    must(mkdir(path, 0755), "mkdir");
    if (mount_count < max_mounts) snprintf(mount_points[mount_count++], sizeof mount_points[0], "%s", path);
    return path;
}

static void (*clearing)(void);

void before_clearing(void (*body)(void)) { clearing = body; }

// Called before the actors are ended: a forced unmount gives up what hangs in a FUSE file system.
void clear_mounts(void) {
    if (clearing) clearing();
    for (int i = mount_count - 1; i >= 0; i--) {
        umount2(mount_points[i], MNT_FORCE | MNT_DETACH);
    }
    // What was hidden under the mounts shows again once they are gone for good.
    for (int i = 0; i < mount_count; i++) rmdir(mount_points[i]);
}

int private_loop_device(const char *backing, char device[32]) {
    int control = must(open("/dev/loop-control", O_RDWR | O_CLOEXEC), "/dev/loop-control");
    for (int attempt = 0; attempt < 64; attempt++) {
        int number = must(ioctl(control, LOOP_CTL_GET_FREE), "a free loop device");
        snprintf(device, 32, "/dev/loop%d", number);
        int loop = must(open(device, O_RDWR | O_CLOEXEC), device);
        int file = must(open(backing, O_RDWR | O_CLOEXEC), backing);
        struct loop_config config = {.fd = (uint32_t)file, .info = {.lo_flags = LO_FLAGS_AUTOCLEAR}};
        int result = ioctl(loop, LOOP_CONFIGURE, &config);
        close(file);
        if (result == 0) {
            close(control);
            return loop;
        }
        close(loop);  // somebody else was faster
        if (errno != EBUSY) fail("LOOP_CONFIGURE");
    }
    fail("no free loop device");
}

void when_killed(void (*body)(void)) {
    pid_t conductor = getpid();
    sigset_t death;
    sigemptyset(&death);
    sigaddset(&death, SIGUSR1);
    if (must(fork(), "fork") > 0) return;
    // At the ordinary end the conductor clears up itself, and this process is ended with the actors.
    sigprocmask(SIG_BLOCK, &death, NULL);
    prctl(PR_SET_NAME, "stagehand");
    prctl(PR_SET_PDEATHSIG, SIGUSR1);
    if (getppid() == conductor) sigwaitinfo(&death, NULL);
    body();
    _exit(0);
}
