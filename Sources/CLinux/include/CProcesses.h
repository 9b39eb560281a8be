// System V semaphores and terminals, for the same reasons as in CLinux.h.
#ifndef CPROCESSES_H
#define CPROCESSES_H

#include <stdint.h>
#include <sys/types.h>

/// What semctl(IPC_STAT) tells of a set.
struct cl_semaphore_set {
    int64_t key;
    uint64_t count;
    uint32_t owner;
    int64_t last_operation_seconds, changed_seconds;
};
/// semctl(id, 0, IPC_STAT). 0, or -1 with errno.
int cl_semaphore_set_status(int id, struct cl_semaphore_set *status);
/// GETVAL, GETPID, GETNCNT and GETZCNT of one semaphore, in this order. 0, or -1 with errno.
int cl_semaphore_values(int id, int number, int values[4]);

/// ioctl(FIONREAD) on a duplicate of a process's descriptor (pidfd_getfd, Linux 5.6), which is closed at once; minus errno.
int64_t cl_unread_bytes(pid_t pid, int descriptor);

/// kcmp(2) with KCMP_VM: 1 when two processes share their memory, 0 when not, minus errno.
int cl_shares_memory(pid_t one, pid_t other);

/// poll(2) for POLLIN and POLLOUT, without waiting, on a duplicate of a process's descriptor; its revents, or minus errno.
int64_t cl_poll_descriptor(pid_t pid, int descriptor);

#endif
