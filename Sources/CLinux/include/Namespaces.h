// What a disposable child asks the kernel after it has entered another namespace: namespaces(7), sock_diag(7), semctl(2). No logic.
#ifndef CLINUX_NAMESPACES_H
#define CLINUX_NAMESPACES_H

#include <stdint.h>
#include <sys/types.h>

/// setns(2) with any type. 0, or -1 with errno.
int cl_enter_namespace(int fd);

/// Asks for one TCP socket with its `struct tcp_info`, by its own addresses in network order (4 or 16 bytes). The kernel takes the
/// socket's lock for that, so only a process that may be lost asks.
int cl_sock_diag_request_tcp_details(int fd, int family, const void *local, uint16_t local_port, const void *remote, uint16_t remote_port);
/// Asks for a dump of every AF_VSOCK socket.
int cl_sock_diag_request_vsock(int fd);
/// Asks for a dump of every MPTCP connection of one family.
int cl_sock_diag_request_mptcp(int fd, int family);

/// One System V semaphore.
struct cl_semaphores_member {
    int32_t value, last_pid, waiting_for_increase, waiting_for_zero;
};
struct cl_semaphores {
    int64_t key;
    uint64_t count;
    int64_t operated_seconds, changed_seconds;
};
/// semctl(IPC_STAT). 0, or -1 with errno.
int cl_semaphores_status(int id, struct cl_semaphores *status);
/// semctl(GETVAL, GETPID, GETNCNT, GETZCNT) of one semaphore. 0, or -1 with errno.
int cl_semaphores_member_status(int id, int number, struct cl_semaphores_member *status);

/// The address family, type and protocol of a process's socket (SO_DOMAIN, SO_TYPE, SO_PROTOCOL), by pidfd_getfd(2). 0, or -1 with errno.
int cl_socket_identity(pid_t pid, int descriptor, int32_t identity[3]);

/// stat(2): device as the kernel numbers it (major << 20 | minor) and inode. 0, or -1 with errno.
int cl_file_identity(const char *path, uint32_t *device, uint64_t *inode);

#endif
