// Nothing is wrong here: a tool that finds a hang in these cries wolf.
#include "lab.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

// An event loop with a listener, an eventfd of its own and no client.
static void loop(void *unused) {
    (void)unused;
    keep_only(-1);
    struct sockaddr_un own = {.sun_family = AF_UNIX};
    snprintf(own.sun_path, sizeof own.sun_path, "%s", private_path("socket"));
    int listener = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    must(bind(listener, (struct sockaddr *)&own, sizeof own), "bind");
    must(listen(listener, 5), "listen");
    int wake = must(eventfd(0, 0), "eventfd");
    int set = must(epoll_create1(0), "epoll_create1");
    struct epoll_event event = {.events = EPOLLIN};
    must(epoll_ctl(set, EPOLL_CTL_ADD, listener, &event), "EPOLL_CTL_ADD");
    must(epoll_ctl(set, EPOLL_CTL_ADD, wake, &event), "EPOLL_CTL_ADD");
    will_wait(ANY_CALL);
    epoll_wait(set, &event, 1, -1);
}

static void event_loop(void) {
    private_path("socket");
    actor("victim", loop, NULL);
}

static void tick(void *unused) {
    (void)unused;
    keep_only(-1);
    will_move();
    struct timespec period = {0, 5000000};
    for (;;) nanosleep(&period, NULL);
}

static void timer_loop(void) { actor("victim", tick, NULL); }

static void spin(void *unused) {
    (void)unused;
    keep_only(-1);
    spin_for_good();
}

static void spinning(void) { actor("victim", spin, NULL); }

const struct scenario control_scenarios[] = {
    {"control-event-loop", event_loop, 1},
    {"control-timer-loop", timer_loop, 1},
    {"control-spin", spinning, 1},
    {NULL, NULL, 0},
};
