// Waits for processes: children that sleep, stop, or are traced; zombies; and threads that just sleep or pause.
#include "lab.h"

#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void wait_for(pid_t child) {
    will_wait(SYS_wait4);
    syscall(SYS_wait4, child, NULL, 0, NULL);
}

static void wait_for_one(void *unused) {
    (void)unused;
    keep_only(-1);
    wait_for(actor("holder", sleeper, NULL));
}

static void child_specific(void) { actor("victim", wait_for_one, NULL); }

static void wait_for_any(void *unused) {
    (void)unused;
    keep_only(-1);
    actor("holder-1", sleeper, NULL);
    actor("holder-2", sleeper, NULL);
    actor("holder-3", sleeper, NULL);
    wait_for(-1);
}

static void child_any(void) { actor("victim", wait_for_any, NULL); }

static void wait_by_id(void *unused) {
    (void)unused;
    keep_only(-1);
    pid_t child = actor("holder", sleeper, NULL);
    will_wait(SYS_waitid);
    syscall(SYS_waitid, P_PID, child, NULL, WEXITED, NULL);
}

static void child_waitid(void) { actor("victim", wait_by_id, NULL); }

static void wait_in_the_middle(void *unused) {
    (void)unused;
    wait_for(actor("root", sleeper, NULL));
}

static void wait_for_middle(void *unused) {
    (void)unused;
    keep_only(-1);
    wait_for(actor("holder", wait_in_the_middle, NULL));
}

static void child_chain(void) { actor("victim", wait_for_middle, NULL); }

static void child_stopped(void) {
    child_specific();
    await_blocked("victim");
    await_blocked("holder");
    stop("holder");
}

// Between vfork and exec the parent stands still, and the child has the parent's memory: it names itself the holder.
static void fork_and_hang(void *unused) {
    (void)unused;
    keep_only(-1);
    will_wait(ANY_CALL);
    pid_t child = vfork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
        play("holder");
        sleep_for_good();
    }
}

static void child_vfork(void) { actor("victim", fork_and_hang, NULL); }

// ---- zombies ----

static void end_unreaped(void *unused) {
    (void)unused;
    will_end(true);
}

static void never_waits(void *unused) {
    (void)unused;
    keep_only(-1);
    actor("victim", end_unreaped, NULL);
    sleep_for_good();
}

static void zombie(void) { actor("parent", never_waits, NULL); }

static void *hold_asleep(void *unused) {
    pthread_mutex_lock(&mutex);
    give_cue(0);
    sleep_for_good();
    return unused;
}

static void *want(void *unused) {
    await_cue(0);
    will_wait(SYS_futex);
    pthread_mutex_lock(&mutex);
    return unused;
}

// The first thread ends, the others live on: /proc shows a zombie with blocked threads.
static void leave_threads_behind(void *unused) {
    (void)unused;
    performer("holder", hold_asleep, NULL);
    performer("victim", want, NULL);
    will_end(true);
    syscall(SYS_exit, 0);
}

static void zombie_leader(void) { actor("leader", leave_threads_behind, NULL); }

// ---- stopped and traced ----

static void stopped(void) {
    actor("victim", sleeper, NULL);
    await_blocked("victim");
    stop("victim");
}

// Seizes and interrupts its child, and then neglects it.
static void trace(void *role) {
    pid_t target = pid_of(role);
    await_blocked(role);
    must((int)ptrace(PTRACE_SEIZE, target, NULL, NULL), "PTRACE_SEIZE");
    must((int)ptrace(PTRACE_INTERRUPT, target, NULL, NULL), "PTRACE_INTERRUPT");
    must(waitpid(target, NULL, __WALL), "waitpid");
    now_in_state(role, 't');
    sleep_for_good();
}

static void tracer_of_victim(void *unused) {
    (void)unused;
    keep_only(-1);
    actor("victim", sleeper, NULL);
    trace("victim");
}

static void traced(void) { actor("tracer", tracer_of_victim, NULL); }

static int ends[2];

static void keep_write_end(void *unused) {
    (void)unused;
    keep_only(ends[1], -1);
    sleep_for_good();
}

static void read_end(void *unused) {
    (void)unused;
    keep_only(ends[0], -1);
    char byte;
    will_wait(SYS_read);
    ssize_t length = read(ends[0], &byte, 1);
    (void)length;
}

static void tracer_of_writer(void *unused) {
    (void)unused;
    actor("holder", keep_write_end, NULL);
    keep_only(-1);
    trace("holder");
}

static void writer_traced(void) {
    make_pipe(ends, "pipe");
    actor("tracer", tracer_of_writer, NULL);
    actor("victim", read_end, NULL);
}

// ---- simple rests ----

static void sleeping(void) { actor("victim", sleeper, NULL); }
static void pausing(void) { actor("victim", pauser, NULL); }

static void wait_for_signal(void *unused) {
    (void)unused;
    keep_only(-1);
    sigset_t awaited;
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGUSR1);
    sigprocmask(SIG_BLOCK, &awaited, NULL);
    will_wait(SYS_rt_sigtimedwait);
    sigwaitinfo(&awaited, NULL);
}

static void signal_wait(void) { actor("victim", wait_for_signal, NULL); }

const struct scenario process_scenarios[] = {
    {"child-wait", child_specific, 2},
    {"child-wait-any", child_any, 4},
    {"child-waitid", child_waitid, 2},
    {"child-chain", child_chain, 3},
    {"child-stopped", child_stopped, 2},
    {"child-vfork", child_vfork, 2},
    {"zombie", zombie, 2},
    {"zombie-leader", zombie_leader, 3},
    {"stopped", stopped, 1},
    {"traced", traced, 2},
    {"pipe-writer-traced", writer_traced, 3},
    {"sleep", sleeping, 1},
    {"pause", pausing, 1},
    {"signal-wait", signal_wait, 1},
    {NULL, NULL, 0},
};
