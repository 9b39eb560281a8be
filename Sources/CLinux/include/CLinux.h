// The C lines that Swift's Glibc module cannot reach: names hidden behind _GNU_SOURCE, variadic calls, macros and atomics.
// No logic. _GNU_SOURCE stays in CLinux.c, since defining it in a header breaks Swift's own Glibc module.
#ifndef CLINUX_H
#define CLINUX_H

#include "CProcesses.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// fork(2). The child must do nothing but run its loop and leave by _exit.
pid_t cl_fork(void);
/// prctl(PR_SET_PDEATHSIG): the calling process gets `signal` when its parent thread ends.
int cl_die_with_parent(int signal);
/// prctl(PR_SET_NAME).
int cl_set_thread_name(const char *name);
/// pipe2(2) with O_CLOEXEC; `ends` receives {read end, write end}.
int cl_pipe(int ends[2]);
/// process_vm_readv(2), one range. Bytes read, or -1 with errno.
ssize_t cl_process_vm_read(pid_t tid, uint64_t address, void *buffer, size_t count);
/// getdents64(2).
ssize_t cl_getdents64(int fd, void *buffer, size_t count);
/// openat(2) without a mode.
int cl_openat(int directory, const char *path, int flags);
/// O_PATH | O_DIRECTORY | O_CLOEXEC on this architecture.
int cl_open_directory_flags(void);
/// statfs(2): the file system's magic number, or -1.
int64_t cl_filesystem_magic(const char *path);
/// sched_setaffinity(2) of the calling thread to one CPU.
int cl_pin_to_cpu(int cpu);
/// mallopt(3): freed memory is kept for the next use, and taken from the kernel in larger steps.
void cl_keep_freed_memory(void);
/// gettid(2).
pid_t cl_gettid(void);
/// wait4(2) for one child without waiting. The child's pid, 0 when it still runs, -1 on error.
pid_t cl_reap(pid_t pid, int *status);

/// memfd_create(2), close-on-exec: a file in memory, or -1 with errno.
int cl_memory_file(const char *name);

/// Acquire load and release store of a counter that two processes share.
uint32_t cl_load_acquire(const void *address);
void cl_store_release(void *address, uint32_t value);

/// What msgctl(IPC_STAT) tells and /proc/sysvipc/msg leaves out or truncates.
struct cl_message_queue {
    int64_t key;
    uint64_t bytes, bytes_limit, messages;
    int32_t last_sender, last_receiver;
    int64_t last_send_seconds, last_receive_seconds, changed_seconds;
};
/// msgctl(id, IPC_STAT). 0, or -1 with errno.
int cl_message_queue_status(int id, struct cl_message_queue *status);

/// A socket(2) of AF_NETLINK, NETLINK_SOCK_DIAG with a receive time limit; -1 with errno.
int cl_sock_diag_open(int timeout_milliseconds);
/// Asks for a dump of every AF_UNIX socket with name, peer, queue lengths and waiting connections.
int cl_sock_diag_request_unix(int fd);
/// Asks for a dump of every AF_INET or AF_INET6 socket of one protocol.
int cl_sock_diag_request_inet(int fd, int family, int protocol);

/// The time limit of a process's socket, SO_RCVTIMEO or with `sends` SO_SNDTIMEO, in microseconds; 0 for none; minus errno. The
/// descriptor is duplicated by pidfd_getfd(2) (Linux 5.6) and closed at once; the process itself is not touched.
int64_t cl_socket_timeout(pid_t pid, int descriptor, int sends);

/// ioctl(TIOCGWINSZ): columns of the terminal on `fd`; 0 when it is none.
int cl_terminal_columns(int fd);

#endif
