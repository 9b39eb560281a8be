#define _GNU_SOURCE
#include "CLinux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/vm_sockets_diag.h>
#include <sched.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef INET_DIAG_REQ_PROTOCOL
#define INET_DIAG_REQ_PROTOCOL 4
#endif

int cl_enter_namespace(int fd) { return setns(fd, 0); }

static int ask(int fd, const void *request, size_t size) {
    ssize_t n;
    do n = send(fd, request, size, 0); while (n < 0 && errno == EINTR);
    return n == (ssize_t)size ? 0 : -1;
}

int cl_sock_diag_request_tcp_details(
    int fd, int family, const void *local, uint16_t local_port, const void *remote, uint16_t remote_port) {
    struct { struct nlmsghdr header; struct inet_diag_req_v2 body; } r;
    memset(&r, 0, sizeof r);
    size_t length = family == AF_INET ? 4 : 16;
    r.header.nlmsg_len = sizeof r;
    r.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    r.header.nlmsg_flags = NLM_F_REQUEST;
    r.body.sdiag_family = (unsigned char)family;
    r.body.sdiag_protocol = IPPROTO_TCP;
    r.body.idiag_ext = 1 << (INET_DIAG_INFO - 1);
    r.body.idiag_states = ~0u;
    r.body.id.idiag_sport = htons(local_port);
    r.body.id.idiag_dport = htons(remote_port);
    memcpy(r.body.id.idiag_src, local, length);
    memcpy(r.body.id.idiag_dst, remote, length);
    r.body.id.idiag_cookie[0] = r.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    return ask(fd, &r, sizeof r);
}

int cl_sock_diag_request_vsock(int fd) {
    struct { struct nlmsghdr header; struct vsock_diag_req body; } r;
    memset(&r, 0, sizeof r);
    r.header.nlmsg_len = sizeof r;
    r.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    r.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    r.body.sdiag_family = AF_VSOCK;
    r.body.vdiag_states = ~0u;
    return ask(fd, &r, sizeof r);
}

int cl_sock_diag_request_mptcp(int fd, int family) {
    // IPPROTO_MPTCP does not fit into the request's byte: it goes into an attribute.
    struct { struct nlmsghdr header; struct inet_diag_req_v2 body; struct nlattr attribute; uint32_t protocol; } r;
    memset(&r, 0, sizeof r);
    r.header.nlmsg_len = sizeof r;
    r.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    r.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    r.body.sdiag_family = (unsigned char)family;
    r.body.sdiag_protocol = IPPROTO_RAW;
    r.body.idiag_states = ~0u;
    r.attribute.nla_len = sizeof r.attribute + sizeof r.protocol;
    r.attribute.nla_type = INET_DIAG_REQ_PROTOCOL;
    r.protocol = 262;
    return ask(fd, &r, sizeof r);
}

union semaphore_argument { int value; struct semid_ds *status; };

int cl_semaphores_status(int id, struct cl_semaphores *status) {
    struct semid_ds d;
    if (semctl(id, 0, IPC_STAT, (union semaphore_argument){.status = &d}) == -1) return -1;
    status->key = (uint32_t)d.sem_perm.__key;
    status->count = d.sem_nsems;
    status->operated_seconds = d.sem_otime;
    status->changed_seconds = d.sem_ctime;
    return 0;
}

int cl_semaphores_member_status(int id, int number, struct cl_semaphores_member *status) {
    status->value = semctl(id, number, GETVAL);
    if (status->value == -1) return -1;
    status->last_pid = semctl(id, number, GETPID);
    status->waiting_for_increase = semctl(id, number, GETNCNT);
    status->waiting_for_zero = semctl(id, number, GETZCNT);
    return 0;
}

int cl_socket_identity(pid_t pid, int descriptor, int32_t identity[3]) {
    int process = (int)syscall(SYS_pidfd_open, pid, 0);
    if (process < 0) return -1;
    int fd = (int)syscall(SYS_pidfd_getfd, process, descriptor, 0);
    if (fd < 0) return -1;
    static const int options[3] = {SO_DOMAIN, SO_TYPE, SO_PROTOCOL};
    for (int i = 0; i < 3; i++) {
        socklen_t size = sizeof identity[i];
        if (getsockopt(fd, SOL_SOCKET, options[i], &identity[i], &size) != 0) return -1;
    }
    return 0;
}

int cl_file_identity(const char *path, uint32_t *device, uint64_t *inode) {
    struct stat s;
    if (stat(path, &s) != 0) return -1;
    *device = (uint32_t)(major(s.st_dev) << 20 | minor(s.st_dev));
    *inode = s.st_ino;
    return 0;
}
