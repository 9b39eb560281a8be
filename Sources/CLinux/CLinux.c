#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t cl_fork(void) { return fork(); }
int cl_die_with_parent(int signal) { return prctl(PR_SET_PDEATHSIG, signal); }
int cl_set_thread_name(const char *name) { return prctl(PR_SET_NAME, name); }
int cl_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

ssize_t cl_process_vm_read(pid_t tid, uint64_t address, void *buffer, size_t count) {
    struct iovec local = {buffer, count};
    struct iovec remote = {(void *)(uintptr_t)address, count};
    return process_vm_readv(tid, &local, 1, &remote, 1, 0);
}

ssize_t cl_getdents64(int fd, void *buffer, size_t count) { return syscall(SYS_getdents64, fd, buffer, count); }
int cl_openat(int directory, const char *path, int flags) { return openat(directory, path, flags); }
int cl_open_directory_flags(void) { return O_PATH | O_DIRECTORY | O_CLOEXEC; }

int64_t cl_filesystem_magic(const char *path) {
    struct statfs s;
    return statfs(path, &s) == 0 ? (int64_t)s.f_type : -1;
}

int cl_pin_to_cpu(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (cpu < 0 || cpu >= CPU_SETSIZE) { errno = EINVAL; return -1; }
    CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof set, &set);
}

pid_t cl_gettid(void) { return (pid_t)syscall(SYS_gettid); }
pid_t cl_reap(pid_t pid, int *status) { return waitpid(pid, status, WNOHANG); }

int cl_memory_file(const char *name) { return (int)syscall(SYS_memfd_create, name, 1u); }

uint32_t cl_load_acquire(const void *address) { return __atomic_load_n((const uint32_t *)address, __ATOMIC_ACQUIRE); }
void cl_store_release(void *address, uint32_t value) { __atomic_store_n((uint32_t *)address, value, __ATOMIC_RELEASE); }

int cl_message_queue_status(int id, struct cl_message_queue *status) {
    struct msqid_ds d;
    if (msgctl(id, IPC_STAT, &d) != 0) return -1;
    status->key = (uint32_t)d.msg_perm.__key;
    status->bytes = d.__msg_cbytes;
    status->bytes_limit = d.msg_qbytes;
    status->messages = d.msg_qnum;
    status->last_sender = d.msg_lspid;
    status->last_receiver = d.msg_lrpid;
    status->last_send_seconds = d.msg_stime;
    status->last_receive_seconds = d.msg_rtime;
    status->changed_seconds = d.msg_ctime;
    return 0;
}

int cl_sock_diag_open(int timeout_milliseconds) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0) return -1;
    struct timeval limit = {timeout_milliseconds / 1000, (timeout_milliseconds % 1000) * 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

static int send_request(int fd, const void *request, size_t size) {
    ssize_t n;
    do n = send(fd, request, size, 0); while (n < 0 && errno == EINTR);
    return n == (ssize_t)size ? 0 : -1;
}

int cl_sock_diag_request_unix(int fd) {
    struct { struct nlmsghdr header; struct unix_diag_req body; } r;
    memset(&r, 0, sizeof r);
    r.header.nlmsg_len = sizeof r;
    r.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    r.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    r.body.sdiag_family = AF_UNIX;
    r.body.udiag_states = ~0u;
    r.body.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_ICONS | UDIAG_SHOW_RQLEN;
    return send_request(fd, &r, sizeof r);
}

int cl_sock_diag_request_inet(int fd, int family, int protocol) {
    struct { struct nlmsghdr header; struct inet_diag_req_v2 body; } r;
    memset(&r, 0, sizeof r);
    r.header.nlmsg_len = sizeof r;
    r.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    r.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    r.body.sdiag_family = (unsigned char)family;
    r.body.sdiag_protocol = (unsigned char)protocol;
    r.body.idiag_states = ~0u;
    return send_request(fd, &r, sizeof r);
}

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

int64_t cl_socket_timeout(pid_t pid, int descriptor, int sends) {
    int process = (int)syscall(SYS_pidfd_open, pid, 0);
    if (process < 0) return -errno;
    int fd = (int)syscall(SYS_pidfd_getfd, process, descriptor, 0);
    int64_t result = -errno;
    if (fd >= 0) {
        struct timeval limit = {0, 0};
        socklen_t size = sizeof limit;
        result = getsockopt(fd, SOL_SOCKET, sends ? SO_SNDTIMEO : SO_RCVTIMEO, &limit, &size) == 0
            ? (int64_t)limit.tv_sec * 1000000 + limit.tv_usec : -errno;
        close(fd);
    }
    close(process);
    return result;
}

int cl_terminal_columns(int fd) {
    struct winsize w;
    return ioctl(fd, TIOCGWINSZ, &w) == 0 ? w.ws_col : 0;
}
