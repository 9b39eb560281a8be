#define _GNU_SOURCE
#include "CProcesses.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

// semctl(2): the caller declares it.
union semaphore_argument {
    int value;
    struct semid_ds *status;
    unsigned short *array;
};

int cl_semaphore_set_status(int id, struct cl_semaphore_set *status) {
    struct semid_ds d;
    union semaphore_argument argument = {.status = &d};
    if (semctl(id, 0, IPC_STAT, argument) == -1) return -1;
    status->key = (uint32_t)d.sem_perm.__key;
    status->count = d.sem_nsems;
    status->owner = d.sem_perm.uid;
    status->last_operation_seconds = d.sem_otime;
    status->changed_seconds = d.sem_ctime;
    return 0;
}

int cl_semaphore_values(int id, int number, int values[4]) {
    static const int commands[4] = {GETVAL, GETPID, GETNCNT, GETZCNT};
    union semaphore_argument none = {.value = 0};
    for (int i = 0; i < 4; i++)
        if ((values[i] = semctl(id, number, commands[i], none)) == -1) return -1;
    return 0;
}

static int duplicate(pid_t pid, int descriptor) {
    int process = (int)syscall(SYS_pidfd_open, pid, 0);
    if (process < 0) return -errno;
    int fd = (int)syscall(SYS_pidfd_getfd, process, descriptor, 0);
    int result = fd < 0 ? -errno : fd;
    close(process);
    return result;
}

int64_t cl_unread_bytes(pid_t pid, int descriptor) {
    int fd = duplicate(pid, descriptor);
    if (fd < 0) return fd;
    int bytes = 0;
    int64_t result = ioctl(fd, FIONREAD, &bytes) == 0 ? bytes : -errno;
    close(fd);
    return result;
}

int64_t cl_poll_descriptor(pid_t pid, int descriptor) {
    int fd = duplicate(pid, descriptor);
    if (fd < 0) return fd;
    struct pollfd ready = {.fd = fd, .events = POLLIN | POLLOUT};
    int64_t result = poll(&ready, 1, 0) < 0 ? -errno : ready.revents;
    close(fd);
    return result;
}

int cl_shares_memory(pid_t one, pid_t other) {
#ifdef SYS_kcmp
    long result = syscall(SYS_kcmp, one, other, 1 /* KCMP_VM, linux/kcmp.h */, 0, 0);
    return result < 0 ? -errno : result == 0;
#else
    return -ENOSYS;
#endif
}
