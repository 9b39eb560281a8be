// Why does it not react to SIGQUIT? Blocked, ignored, caught, pending, default: on processes that hang on a pipe.
#include "lab.h"

static int ends[2];

static void victim(void *prepare) {
    keep_only(ends[0], -1);
    ((void (*)(void))prepare)();
    char byte;
    will_wait(SYS_read);
    ssize_t length = read(ends[0], &byte, 1);
    (void)length;
}

static void *second_thread(void *unused) {
    sleep_for_good();
    return unused;
}

static void keep_write_end(void *unused) {
    (void)unused;
    keep_only(ends[1], -1);
    sleep_for_good();
}

static void hang(void (*prepare)(void)) {
    make_pipe(ends, "pipe");
    actor("victim", victim, (void *)prepare);
    actor("holder", keep_write_end, NULL);
}

static void block(void) {
    sigset_t quit;
    sigemptyset(&quit);
    sigaddset(&quit, SIGQUIT);
    pthread_sigmask(SIG_BLOCK, &quit, NULL);
}

static void block_in_all(void) {
    block();
    performer("second", second_thread, NULL);
}

static void block_in_one(void) {
    performer("second", second_thread, NULL);
    await_blocked("second");
    block();
}

static void ignore(void) { signal(SIGQUIT, SIG_IGN); }

static void handler(int signal_number) { (void)signal_number; }

static void catch_it(void) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaction(SIGQUIT, &action, NULL);
}

static void nothing(void) {}

static void blocked_in_all(void) { hang(block_in_all); }
static void blocked_in_one(void) { hang(block_in_one); }
static void ignored(void) { hang(ignore); }
static void caught(void) { hang(catch_it); }
static void by_default(void) { hang(nothing); }

static void pending(void) {
    hang(block);
    await_blocked("victim");
    must(kill(pid_of("victim"), SIGQUIT), "kill -QUIT");
}

static void stopped(void) {
    hang(catch_it);
    await_blocked("victim");
    stop("victim");
}

const struct scenario signal_scenarios[] = {
    {"signal-blocked", blocked_in_all, 3},
    {"signal-blocked-in-one", blocked_in_one, 3},
    {"signal-ignored", ignored, 2},
    {"signal-caught", caught, 2},
    {"signal-default", by_default, 2},
    {"signal-pending", pending, 2},
    {"signal-stopped", stopped, 2},
    {NULL, NULL, 0},
};
