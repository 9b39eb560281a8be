// Waits for events and answers: seccomp, io_uring, System V semaphores, terminals, timers, signals, watched files; and vfork among others.
#include "lab.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <termios.h>

static int ends[2];
static int event;
enum { ready, taken };

static void keep_write_end(void *unused) {
    (void)unused;
    keep_only(ends[1], -1);
    sleep_for_good();
}

static void keep_event(void *unused) {
    (void)unused;
    keep_only(event, -1);
    sleep_for_good();
}

// ---- seccomp ----

static int supervisors;

static void ask_supervisor(void *unused) {
    (void)unused;
    keep_only(-1);
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS");
    event = must((int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program), "seccomp");
    for (int i = 0; i < supervisors; i++) actor(i == 0 ? "holder" : "holder-2", keep_event, NULL);
    keep_only(-1);
    will_wait(SYS_getpgid);
    syscall(SYS_getpgid, 0);
}

static void seccomp_unanswered(void) {
    supervisors = 1;
    actor("victim", ask_supervisor, NULL);
}

static void seccomp_stopped(void) {
    seccomp_unanswered();
    await_blocked("holder");
    stop("holder");
}

static void seccomp_several(void) {
    supervisors = 2;
    actor("victim", ask_supervisor, NULL);
}

// ---- io_uring ----

static bool with_timeout;

static void wait_for_completion(void *unused) {
    (void)unused;
    keep_only(ends[0], -1);
    struct io_uring_params setup;
    memset(&setup, 0, sizeof setup);
    int ring = must((int)syscall(SYS_io_uring_setup, 8, &setup), "io_uring_setup");
    size_t size = setup.sq_off.array + setup.sq_entries * sizeof(unsigned);
    char *queue = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
    struct io_uring_sqe *entries = mmap(
        NULL, setup.sq_entries * sizeof *entries, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
    if (queue == MAP_FAILED || (void *)entries == MAP_FAILED) fail("mmap");
    static char byte;
    memset(entries, 0, sizeof *entries);
    entries[0].opcode = IORING_OP_READ;
    entries[0].fd = ends[0];
    entries[0].addr = (unsigned long)&byte;
    entries[0].len = 1;
    ((unsigned *)(queue + setup.sq_off.array))[0] = 0;
    atomic_store((_Atomic unsigned *)(queue + setup.sq_off.tail), 1);
    struct { long seconds, nanoseconds; } hours = {100000, 0};
    struct { unsigned long mask; unsigned size, pad; unsigned long time; } argument = {0, 8, 0, (unsigned long)&hours};
    will_wait(SYS_io_uring_enter);
    if (with_timeout)
        syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &argument, sizeof argument);
    else
        syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
}

static void uring_read(void) {
    make_pipe(ends, "pipe");
    actor("holder", keep_write_end, NULL);
    actor("victim", wait_for_completion, NULL);
}

static void uring_stopped(void) {
    uring_read();
    await_blocked("holder");
    stop("holder");
}

static void uring_time_limit(void) {
    with_timeout = true;
    uring_read();
}

// ---- System V semaphores ----

static int semaphores;

static void set_semaphore(int number, int value) { must(semctl(semaphores, number, SETVAL, value), "SETVAL"); }

static void take_second(void *unused) {
    (void)unused;
    keep_only(-1);
    struct sembuf take = {1, -1, SEM_UNDO};
    must(semop(semaphores, &take, 1), "semop");
    give_cue(taken);
    sleep_for_good();
}

static void take_both(void *unused) {
    (void)unused;
    keep_only(-1);
    await_cue(taken);
    struct sembuf both[] = {{0, -1, 0}, {1, -1, 0}};
    will_wait(ANY_CALL);  // semop or semtimedop, as libc likes
    semop(semaphores, both, 2);
}

static void semaphore_second(void) {
    semaphores = private_semaphores(2);
    fact("semaphores", "%d", semaphores);
    set_semaphore(0, 1);
    set_semaphore(1, 1);
    actor("holder", take_second, NULL);
    actor("victim", take_both, NULL);
}

static void semaphore_stopped(void) {
    semaphore_second();
    await_blocked("victim");
    stop("holder");
}

static void take_and_end(void *unused) {
    (void)unused;
    struct sembuf take = {1, -1, 0};
    must(semop(semaphores, &take, 1), "semop");
    will_end(false);
    give_cue(taken);
}

static void semaphore_lost(void) {
    semaphores = private_semaphores(2);
    fact("semaphores", "%d", semaphores);
    set_semaphore(0, 1);
    set_semaphore(1, 1);
    actor("holder", take_and_end, NULL);
    await_exit("holder");
    actor("victim", take_both, NULL);
}

static void raise_and_sleep(void *unused) {
    (void)unused;
    keep_only(-1);
    struct sembuf give = {0, 3, 0};
    must(semop(semaphores, &give, 1), "semop");
    give_cue(taken);
    sleep_for_good();
}

static void await_zero(void *unused) {
    (void)unused;
    keep_only(-1);
    await_cue(taken);
    struct sembuf zero = {0, 0, 0};
    will_wait(ANY_CALL);
    semop(semaphores, &zero, 1);
}

static void semaphore_zero(void) {
    semaphores = private_semaphores(1);
    fact("semaphores", "%d", semaphores);
    actor("holder", raise_and_sleep, NULL);
    actor("victim", await_zero, NULL);
}

// ---- terminals ----

static int master, slave;

static void open_terminal(void) {
    master = must(posix_openpt(O_RDWR | O_NOCTTY), "posix_openpt");
    must(grantpt(master), "grantpt");
    must(unlockpt(master), "unlockpt");
    char name[64];
    must_be_zero(ptsname_r(master, name, sizeof name), "ptsname");
    slave = must(open(name, O_RDWR | O_NOCTTY), name);
    struct termios raw;
    must(tcgetattr(slave, &raw), "tcgetattr");
    cfmakeraw(&raw);
    must(tcsetattr(slave, TCSANOW, &raw), "tcsetattr");
    fact("terminal", "%s", name);
}

static void keep_master(void *unused) {
    (void)unused;
    keep_only(master, -1);
    sleep_for_good();
}

static void drain_master(void *unused) {
    (void)unused;
    keep_only(master, -1);
    char bytes[4096];
    will_wait(SYS_read);
    while (read(master, bytes, sizeof bytes) > 0) continue;
}

static void write_for_good(void *unused) {
    (void)unused;
    keep_only(slave, -1);
    static const char zeros[4096];
    will_wait(SYS_write);
    while (write(slave, zeros, sizeof zeros) > 0) continue;
}

static void terminal_full(void) {
    open_terminal();
    actor("holder", keep_master, NULL);
    actor("victim", write_for_good, NULL);
}

static void terminal_stopped(void) {
    open_terminal();
    must(tcflow(slave, TCOOFF), "TCOOFF");
    actor("holder", drain_master, NULL);
    actor("victim", write_for_good, NULL);
}

static void read_terminal(void *unused) {
    (void)unused;
    keep_only(slave, -1);
    char byte;
    will_wait(SYS_read);
    ssize_t length = read(slave, &byte, 1);
    (void)length;
}

static void terminal_read(void) {
    open_terminal();
    actor("holder", keep_master, NULL);
    actor("victim", read_terminal, NULL);
}

static void read_master(void *unused) {
    (void)unused;
    keep_only(master, -1);
    char byte;
    will_wait(SYS_read);
    ssize_t length = read(master, &byte, 1);
    (void)length;
}

static void keep_slave(void *unused) {
    (void)unused;
    keep_only(slave, -1);
    sleep_for_good();
}

static void master_read(void) {
    open_terminal();
    actor("holder", keep_slave, NULL);
    actor("victim", read_master, NULL);
}

// A session whose leader is in the foreground, and a job in the background that wants to read.
static void read_in_background(void *unused) {
    (void)unused;
    must(setpgid(0, 0), "setpgid");
    char byte;
    ssize_t length = read(slave, &byte, 1);
    (void)length;
}

static void be_a_shell(void *unused) {
    (void)unused;
    keep_only(slave, master, -1);
    must(setsid(), "setsid");
    must(ioctl(slave, TIOCSCTTY, 0), "TIOCSCTTY");
    actor("victim", read_in_background, NULL);
    sleep_for_good();
}

static void background_read(void) {
    open_terminal();
    actor("shell", be_a_shell, NULL);
    now_in_state("victim", 'T');
}

// ---- event descriptors ----

static void read_event(void *unused) {
    (void)unused;
    keep_only(event, -1);
    char bytes[256];
    will_wait(SYS_read);
    ssize_t length = read(event, bytes, sizeof bytes);
    (void)length;
}

static void timer(bool armed) {
    event = must(timerfd_create(CLOCK_MONOTONIC, 0), "timerfd_create");
    struct itimerspec hours = {{0, 0}, {armed ? 100000 : 0, 0}};
    must(timerfd_settime(event, 0, &hours, NULL), "timerfd_settime");
    actor("victim", read_event, NULL);
}

static void timer_armed(void) { timer(true); }
static void timer_unarmed(void) { timer(false); }

static void signal_descriptor(void) {
    sigset_t awaited;
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGUSR2);
    event = must(signalfd(-1, &awaited, 0), "signalfd");
    actor("victim", read_event, NULL);
}

static void watched_file(void) {
    event = must(inotify_init(), "inotify_init");
    close(open_file("watched"));
    must(inotify_add_watch(event, private_path("watched"), IN_MODIFY), "inotify_add_watch");
    actor("victim", read_event, NULL);
}

static void watched_nothing(void) {
    event = must(inotify_init(), "inotify_init");
    actor("victim", read_event, NULL);
}

static void event_semaphore(void) {
    event = must(eventfd(0, EFD_SEMAPHORE), "eventfd");
    actor("holder", keep_event, NULL);
    actor("victim", read_event, NULL);
}

static void write_event(void *unused) {
    (void)unused;
    keep_only(event, -1);
    unsigned long most = 0xfffffffffffffffeUL;
    must((int)write(event, &most, sizeof most) == 8 ? 0 : -1, "write");
    will_wait(SYS_write);
    ssize_t length = write(event, &most, sizeof most);
    (void)length;
}

static void event_full(void) {
    event = must(eventfd(0, 0), "eventfd");
    actor("holder", keep_event, NULL);
    actor("victim", write_event, NULL);
}

static void note_signal(int number) { (void)number; }

static void suspend(void *unused) {
    (void)unused;
    keep_only(-1);
    struct sigaction handler;
    memset(&handler, 0, sizeof handler);
    handler.sa_handler = note_signal;
    must(sigaction(SIGUSR1, &handler, NULL), "sigaction");
    sigset_t all;
    sigfillset(&all);
    sigdelset(&all, SIGUSR1);
    will_wait(SYS_rt_sigsuspend);
    sigsuspend(&all);
}

static void signal_suspend(void) { actor("victim", suspend, NULL); }

// ---- children ----

static void fork_among_others(void *unused) {
    (void)unused;
    keep_only(-1);
    actor("other-1", sleeper, NULL);
    actor("other-2", pauser, NULL);
    await_blocked("other-2");
    will_wait(ANY_CALL);
    pid_t child = vfork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
        play("holder");
        sleep_for_good();
    }
}

static void vfork_among_others(void) { actor("victim", fork_among_others, NULL); }

// One thread waits only for the children that it made itself.
static void *make_a_child(void *unused) {
    actor("other", sleeper, NULL);
    give_cue(ready);
    sleep_for_good();
    return unused;
}

static void wait_for_own(void *unused) {
    (void)unused;
    keep_only(-1);
    performer("thread", make_a_child, NULL);
    await_cue(ready);
    actor("holder", sleeper, NULL);
    will_wait(SYS_wait4);
    syscall(SYS_wait4, -1, NULL, __WNOTHREAD, NULL);
}

static void own_children(void) { actor("victim", wait_for_own, NULL); }

const struct scenario event_wait_scenarios[] = {
    {"seccomp-unanswered", seccomp_unanswered, 2},
    {"seccomp-stopped", seccomp_stopped, 2},
    {"seccomp-several", seccomp_several, 3},
    {"uring-read", uring_read, 2},
    {"uring-read-stopped", uring_stopped, 2},
    {"uring-time-limit", uring_time_limit, 2},
    {"sem-second-operation", semaphore_second, 2},
    {"sem-holder-stopped", semaphore_stopped, 2},
    {"sem-holder-gone", semaphore_lost, 2},
    {"sem-wait-for-zero", semaphore_zero, 2},
    {"tty-write-full", terminal_full, 2},
    {"tty-write-stopped", terminal_stopped, 2},
    {"tty-read", terminal_read, 2},
    {"tty-read-master", master_read, 2},
    {"tty-read-background", background_read, 2},
    {"timerfd-armed", timer_armed, 1},
    {"timerfd-unarmed", timer_unarmed, 1},
    {"signalfd", signal_descriptor, 1},
    {"inotify", watched_file, 1},
    {"inotify-nothing", watched_nothing, 1},
    {"eventfd-semaphore", event_semaphore, 2},
    {"eventfd-full", event_full, 2},
    {"signal-suspend", signal_suspend, 1},
    {"vfork-among-others", vfork_among_others, 4},
    {"child-own-only", own_children, 4},
    {NULL, NULL, 0},
};
