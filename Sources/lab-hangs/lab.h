// What every scenario is made of: a stage (shared memory), actors (processes), performers (threads) and cues.
//
// The conductor is the process that was started. It forks the actors, waits until each role stands where it said it
// would stand, prints the roles, and clears the stage when its standard input ends. It takes no part in any hang: no
// actor shares a pipe, a socket or a lock with it.
#ifndef LAB_H
#define LAB_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#ifndef PTHREAD_MUTEX_ADAPTIVE_NP
#define PTHREAD_MUTEX_ADAPTIVE_NP PTHREAD_MUTEX_NORMAL
#endif

// One entry of a family's table. A table ends with an entry without a name.
struct scenario {
    const char *name;
    void (*set_up)(void);
    int roles;  // how many roles report themselves before the scenario is complete
};

extern const struct scenario mutex_scenarios[];
extern const struct scenario mutex_graph_scenarios[];
extern const struct scenario other_futex_scenarios[];
extern const struct scenario rwlock_scenarios[];
extern const struct scenario condition_scenarios[];
extern const struct scenario lock_trap_scenarios[];
extern const struct scenario pipe_scenarios[];
extern const struct scenario unix_listener_scenarios[];
extern const struct scenario unix_pair_scenarios[];
extern const struct scenario sysv_scenarios[];
extern const struct scenario file_lock_scenarios[];
extern const struct scenario process_scenarios[];
extern const struct scenario control_group_scenarios[];
extern const struct scenario event_wait_scenarios[];
extern const struct scenario poll_set_scenarios[];
extern const struct scenario mixed_scenarios[];
extern const struct scenario trap_scenarios[];
extern const struct scenario signal_scenarios[];
extern const struct scenario control_scenarios[];
extern const struct scenario load_scenarios[];
extern const struct scenario fuse_scenarios[];
extern const struct scenario inode_scenarios[];
extern const struct scenario memory_page_scenarios[];
extern const struct scenario file_watch_scenarios[];
extern const struct scenario disk_scenarios[];

// The number given after the scenario's name (loads), or `fallback`.
long option_number(long fallback);

// ---- failing ----

// Ends the whole scenario with a message and errno's text.
_Noreturn void fail(const char *what);
// Ends the scenario if a system call returned -1; returns its result otherwise.
int must(int result, const char *what);
// Ends the scenario if a pthread function returned an error number.
void must_be_zero(int error, const char *what);

// ---- actors and performers ----

typedef void (*actor_body)(void *);
typedef void *(*performer_body)(void *);

// Forks a process that plays `role`, named so, and dies with its parent. When `body` returns, the process exits.
pid_t actor(const char *role, actor_body body, void *argument);
// Starts a thread that plays `role` and is named so.
pthread_t performer(const char *role, performer_body body, void *argument);
// Makes the calling thread play `role`.
void play(const char *role);
// Same as performer, with a small stack, and with its number in the name.
pthread_t numbered_performer(const char *role, int number, performer_body body, void *argument);
// Waits until `role` has reported itself; gives its process or thread.
pid_t pid_of(const char *role);
pid_t tid_of(const char *role);

// Closes every descriptor from 3 upward except those listed; the list ends with -1.
void keep_only(int first, ...);

// ---- what the calling thread is about to do: the conductor waits until it is so ----

#define ANY_CALL (-1L)
// The calling thread is about to block in this system call.
void will_wait(long system_call);
// The calling thread will keep moving or running; nobody waits for it to stand still.
void will_move(void);
// The calling thread is about to end and to be gone; `as_zombie` if nobody reaps it.
void will_end(bool as_zombie);

// ---- order on the stage ----

void give_cue(int cue);
void await_cue(int cue);
// Waits until `role` really stands in the call that it announced.
void await_blocked(const char *role);
// Waits until the process of `role`, a child of the caller, has ended, and reaps it.
void await_exit(const char *role);
// Stops the process of `role` by SIGSTOP and waits until it is stopped.
void stop(const char *role);
// Notes that `role` is in trace stop ('t'), stopped ('T') or a zombie ('Z') from now on.
void now_in_state(const char *role, char state);

// ---- common endings ----

void sleep_for_good(void);
void pause_for_good(void);
void spin_for_good(void);
// The same as bodies of actors.
void sleeper(void *unused);
void pauser(void *unused);

// ---- things ----

void fact(const char *key, const char *format, ...) __attribute__((format(printf, 2, 3)));
// A path in the private directory of this run, which goes with the scenario.
const char *private_path(const char *name);
// Memory that survives fork as shared memory.
void *shared_memory(size_t size);
// A System V message queue (or semaphore set) that is removed at the end.
int private_queue(void);
int private_semaphores(int count);
// Opens the file `name` of the private directory.
int open_file(const char *name);
// Makes a pipe, and says its inode as the fact `key`.
void make_pipe(int ends[2], const char *key);
unsigned long inode_of(int descriptor);
// The number by which /proc/locks knows the file; on overlay file systems it is not the one that stat tells.
unsigned long lock_inode_of(int descriptor);
// Writes zeros until the next byte would block.
void fill_pipe(int write_end);

// Thaws the cgroups of this run, and takes them away when nobody is left in them.
void thaw_groups(void) __attribute__((weak));  // not in builds without its family
void remove_groups(void) __attribute__((weak));  // not in builds without its family

// ---- between the parts of the harness ----

void open_stage(void);
void await_all_roles(int count);
void print_stage(void);
void print_pause(void);
void clear_stage(void);
void clear_mounts(void) __attribute__((weak));  // not in builds without its family
bool stage_failed(void);
// The first role of [from, to) that does not stand as it announced; -1 when all do.
int first_unsettled(int from, int to);

enum { max_roles = 4096, max_facts = 32, max_objects = 8, max_cues = 64 };

struct role {
    char name[32];
    pid_t pid, tid;
    _Atomic int reported;
    _Atomic int announced;  // whether `system_call` and `state` say where it will stand
    long system_call;
    char state;  // 'S' blocked (S or D), 'M' moves, 'X' gone, 'T', 't', 'Z'
};

struct stage {
    _Atomic int failed;
    _Atomic int role_count;
    _Atomic int fact_count;
    _Atomic int cues[max_cues];
    pid_t conductor;
    int expected_roles;  // set by scenarios whose size is an option
    sigset_t outer_mask;
    _Atomic long longest_pause_us;
    char directory[64];
    char groups[max_objects][160];  // cgroups, outer ones first
    int group_count;
    int queues[max_objects], queue_count, semaphores[max_objects], semaphore_count;
    struct { char key[32], value[160]; } facts[max_facts];
    struct role roles[max_roles];
};

extern struct stage *stage;

// Signals that end the conductor in good order.
extern const int ending_signals[];
extern const size_t ending_signal_count;

#endif
