// A file system in user space without libfuse: it answers what it must, and falls silent where a scenario wants it to.
#ifndef FUSE_DAEMON_H
#define FUSE_DAEMON_H

#include "lab.h"

// What one daemon does. Set up before its actor is forked.
struct fuse_plan {
    const char *mount_point;     // name in the private directory
    int mounted;                 // cue that is given when it is mounted
    int hush;                    // from this cue on nothing is answered any more; -1 for never
    unsigned silent[8];          // operations (FUSE_READ …) that are never answered; ends with 0
    void (*when_silent)(void);   // what it does with the first request that it does not answer; NULL: goes on reading
    const char *content;         // path of the file whose bytes `file` has; NULL for zeros
    bool is_writable;            // what is written to `file` goes there
};

// Body of the actor that mounts and serves. Its descriptor of /dev/fuse is `fuse_descriptor`.
void fuse_daemon(void *plan);
extern int fuse_descriptor;

// Gives this run a mount namespace of its own, so that its mounts go with its last process, however that ends.
void private_mounts(void);
// A directory of the private directory, to mount on; it is unmounted and removed at the end.
const char *private_mount_point(const char *name);
// Opens the first free loop device over the file; it goes with its last user.
int private_loop_device(const char *backing, char device[32]);
// Calls `body` before the actors are ended: what must be undone for them to be able to end.
void before_clearing(void (*body)(void));
// Calls `body` in a process of its own if the conductor is killed and can clear up nothing itself.
void when_killed(void (*body)(void));

#endif
