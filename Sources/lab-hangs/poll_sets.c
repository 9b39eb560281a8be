// Waits for several things at once: poll, select, epoll; with one member or many, some of whom could act.
#include "lab.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/select.h>

enum { locked = 0 };

static int first[2], second[2];
static int limit_ms = -1;
static bool takes_lock;

static void make_pipes(void) {
    make_pipe(first, "pipe");
    make_pipe(second, "second-pipe");
}

static void keep_end(void *descriptor) {
    keep_only((int)(long)descriptor, -1);
    sleep_for_good();
}

static void keep_end_paused(void *descriptor) {
    keep_only((int)(long)descriptor, -1);
    pause_for_good();
}

static void keep_end_wanting_lock(void *descriptor) {
    keep_only((int)(long)descriptor, -1);
    await_cue(locked);
    int file = open_file("file");
    will_wait(SYS_flock);
    flock(file, LOCK_EX);
}

static void poll_both(void *unused) {
    (void)unused;
    keep_only(first[0], second[0], -1);
    if (takes_lock) must(flock(open_file("file"), LOCK_EX), "flock");
    give_cue(locked);
    struct pollfd members[2] = {{.fd = first[0], .events = POLLIN}, {.fd = second[0], .events = POLLIN}};
    will_wait(ANY_CALL);  // poll, or ppoll on machines without it
    poll(members, 2, limit_ms);
}

static void poll_one(void *unused) {
    (void)unused;
    keep_only(first[0], -1);
    struct pollfd member = {.fd = first[0], .events = POLLIN};
    will_wait(ANY_CALL);
    poll(&member, 1, -1);
}

static void select_one(void *unused) {
    (void)unused;
    keep_only(first[0], -1);
    fd_set members;
    FD_ZERO(&members);
    FD_SET(first[0], &members);
    will_wait(ANY_CALL);
    select(first[0] + 1, &members, NULL, NULL, NULL);
}

static int epoll_of(int member) {
    int set = must(epoll_create1(0), "epoll_create1");
    struct epoll_event event = {.events = EPOLLIN};
    must(epoll_ctl(set, EPOLL_CTL_ADD, member, &event), "EPOLL_CTL_ADD");
    return set;
}

static void wait_for_event(int set) {
    struct epoll_event event;
    will_wait(ANY_CALL);
    epoll_wait(set, &event, 1, limit_ms);
}

static void epoll_one(void *unused) {
    (void)unused;
    keep_only(first[0], -1);
    wait_for_event(epoll_of(first[0]));
}

static void epoll_nested_one(void *unused) {
    (void)unused;
    keep_only(first[0], -1);
    wait_for_event(epoll_of(epoll_of(first[0])));
}

static void with_sleeping_writer(actor_body victim) {
    make_pipe(first, "pipe");
    actor("victim", victim, NULL);
    actor("holder", keep_end, (void *)(long)first[1]);
}

static void poll_pipe(void) { with_sleeping_writer(poll_one); }
static void select_pipe(void) { with_sleeping_writer(select_one); }
static void epoll_pipe(void) { with_sleeping_writer(epoll_one); }
static void epoll_nested(void) { with_sleeping_writer(epoll_nested_one); }

static void poll_pipe_stopped(void) {
    poll_pipe();
    await_blocked("victim");
    await_blocked("holder");
    stop("holder");
}

// Both writers want the lock that the poller holds.
static void knot(void) {
    takes_lock = true;
    private_path("file");
    make_pipes();
    actor("victim", poll_both, NULL);
    actor("holder-1", keep_end_wanting_lock, (void *)(long)first[1]);
    actor("holder-2", keep_end_wanting_lock, (void *)(long)second[1]);
}

static void knot_timed(void) {
    limit_ms = 36000000;
    knot();
}

// As the knot, but the second writer could write at any signal.
static void one_can_act(void) {
    takes_lock = true;
    private_path("file");
    make_pipes();
    actor("victim", poll_both, NULL);
    actor("holder-1", keep_end_wanting_lock, (void *)(long)first[1]);
    actor("holder-2", keep_end_paused, (void *)(long)second[1]);
}

const struct scenario poll_set_scenarios[] = {
    {"poll-pipe", poll_pipe, 2},
    {"poll-writer-stopped", poll_pipe_stopped, 2},
    {"select-pipe", select_pipe, 2},
    {"epoll-pipe", epoll_pipe, 2},
    {"epoll-nested", epoll_nested, 2},
    {"poll-knot", knot, 3},
    {"poll-knot-timed", knot_timed, 3},
    {"poll-one-can-act", one_can_act, 3},
    {NULL, NULL, 0},
};
