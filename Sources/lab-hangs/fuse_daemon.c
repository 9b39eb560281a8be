// The daemon speaks the kernel's protocol (include/uapi/linux/fuse.h) on /dev/fuse.
#include "fuse_daemon.h"

#include <linux/fuse.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>

enum { node_root = 1, node_file = 2, node_directory = 3 };

int fuse_descriptor = -1;
static off_t content_size = 1 << 20;
static int content = -1;

static void answer(uint64_t unique, int error, const void *data, size_t size) {
    struct fuse_out_header header = {.len = (uint32_t)(sizeof header + (error ? 0 : size)), .error = -error, .unique = unique};
    struct iovec parts[2] = {{&header, sizeof header}, {(void *)(uintptr_t)data, error ? 0 : size}};
    if (writev(fuse_descriptor, parts, 2) < 0 && errno != ENOENT && errno != ENODEV) fail("answer of a FUSE daemon");
}

static struct fuse_attr attributes(uint64_t node) {
    struct fuse_attr attributes = {.ino = node, .nlink = 1, .blksize = 4096};
    attributes.mode = node == node_file ? S_IFREG | 0755 : S_IFDIR | 0755;
    attributes.size = node == node_file ? (uint64_t)content_size : 0;
    return attributes;
}

static void look_up(uint64_t unique, const char *name) {
    // Names that begin so are known: `file`, `file-2`, `dir`, `dir-2`.
    uint64_t node = strncmp(name, "file", 4) == 0 ? node_file : strncmp(name, "dir", 3) == 0 ? node_directory : 0;
    struct fuse_entry_out entry = {.nodeid = node, .entry_valid = 10000, .attr_valid = 10000, .attr = attributes(node)};
    answer(unique, node ? 0 : ENOENT, &entry, sizeof entry);
}

static void give_bytes(uint64_t unique, const struct fuse_read_in *request) {
    static char bytes[1 << 20];
    size_t size = request->size < sizeof bytes ? request->size : sizeof bytes;
    ssize_t got = 0;
    if (content >= 0) got = pread(content, bytes, size, (off_t)request->offset);
    else if ((off_t)request->offset < content_size) got = (ssize_t)size;
    answer(unique, got < 0 ? errno : 0, bytes, got < 0 ? 0 : (size_t)got);
}

static void serve(const struct fuse_in_header *request, const void *body) {
    switch (request->opcode) {
        case FUSE_INIT: {
            struct fuse_init_out out = {
                .major = FUSE_KERNEL_VERSION, .minor = 31, .max_readahead = 1 << 16, .max_background = 12, .congestion_threshold = 9,
                .max_write = 1 << 16, .time_gran = 1};
            answer(request->unique, 0, &out, sizeof out);
            return;
        }
        case FUSE_LOOKUP: look_up(request->unique, body); return;
        case FUSE_GETATTR:
        case FUSE_SETATTR: {
            struct fuse_attr_out out = {.attr_valid = 10000, .attr = attributes(request->nodeid)};
            answer(request->unique, 0, &out, sizeof out);
            return;
        }
        case FUSE_OPEN:
        case FUSE_OPENDIR: {
            // Opened with O_APPEND, it is read past the page cache.
            bool is_direct = ((const struct fuse_open_in *)body)->flags & O_APPEND;
            struct fuse_open_out out = {
                .fh = request->nodeid, .open_flags = (uint32_t)(FOPEN_KEEP_CACHE | (is_direct ? FOPEN_DIRECT_IO : 0))};
            answer(request->unique, 0, &out, sizeof out);
            return;
        }
        case FUSE_READ: give_bytes(request->unique, body); return;
        case FUSE_WRITE: {
            const struct fuse_write_in *written = body;
            struct fuse_write_out out = {.size = written->size};
            if (content >= 0) pwrite(content, (const char *)body + sizeof *written, written->size, (off_t)written->offset);
            answer(request->unique, 0, &out, sizeof out);
            return;
        }
        case FUSE_STATFS: {
            struct fuse_statfs_out out = {.st = {.bsize = 4096, .namelen = 255}};
            answer(request->unique, 0, &out, sizeof out);
            return;
        }
        case FUSE_READDIR: answer(request->unique, 0, NULL, 0); return;
        case FUSE_FLUSH:
        case FUSE_RELEASE:
        case FUSE_RELEASEDIR:
        case FUSE_FSYNC: answer(request->unique, 0, NULL, 0); return;
        case FUSE_FORGET:
        case FUSE_BATCH_FORGET:
        case FUSE_INTERRUPT:
        case FUSE_DESTROY: return;
        default: answer(request->unique, ENOSYS, NULL, 0);
    }
}

static bool is_silent(const struct fuse_plan *plan, unsigned operation) {
    if (plan->hush >= 0 && atomic_load(&stage->cues[plan->hush])) return true;
    for (const unsigned *entry = plan->silent; *entry; entry++)
        if (*entry == operation) return true;
    return false;
}

void fuse_daemon(void *argument) {
    const struct fuse_plan *plan = argument;
    if (plan->content) {
        content = must(open(plan->content, plan->is_writable ? O_RDWR : O_RDONLY), plan->content);
        content_size = lseek(content, 0, SEEK_END);
    }
    fuse_descriptor = must(open("/dev/fuse", O_RDWR | O_CLOEXEC), "/dev/fuse");
    char options[96];
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fuse_descriptor);
    must(mount("lab", private_path(plan->mount_point), "fuse", MS_NOSUID | MS_NODEV, options), "mount of a FUSE file system");
    give_cue(plan->mounted);
    static char buffer[1 << 18];
    for (bool is_first = true;;) {
        will_wait(SYS_read);
        ssize_t length = read(fuse_descriptor, buffer, sizeof buffer);
        if (length < 0) {
            if (errno == EINTR || errno == EAGAIN || errno == ENOENT) continue;
            return;  // unmounted
        }
        const struct fuse_in_header *request = (const void *)buffer;
        bool must_not = request->opcode == FUSE_INIT || request->opcode == FUSE_FORGET || request->opcode == FUSE_INTERRUPT;
        if (must_not || !is_silent(plan, request->opcode)) serve(request, buffer + sizeof *request);
        else if (is_first) {
            is_first = false;
            if (plan->when_silent) plan->when_silent();
        }
    }
}
