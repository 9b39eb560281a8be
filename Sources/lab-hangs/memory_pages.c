// Threads that touched memory which a userfaultfd handler must supply, and does not.
#include "lab.h"

#include <linux/futex.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/socket.h>

enum { page_size = 4096, ready = 0 };

static int handler_descriptor = -1;
static char *page;

static void missing_page(void) {
    handler_descriptor = must((int)syscall(SYS_userfaultfd, O_CLOEXEC), "userfaultfd");
    struct uffdio_api api = {.api = UFFD_API};
    must(ioctl(handler_descriptor, UFFDIO_API, &api), "UFFDIO_API");
    page = mmap(NULL, 4 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) fail("mmap");
    struct uffdio_register region = {
        .range = {.start = (unsigned long)page, .len = 4 * page_size}, .mode = UFFDIO_REGISTER_MODE_MISSING};
    must(ioctl(handler_descriptor, UFFDIO_REGISTER, &region), "UFFDIO_REGISTER");
}

// ---- who should supply the page ----

static void *sleeps(void *unused) {
    (void)unused;
    sleep_for_good();
    return NULL;
}

static void *reads_events(void *unused) {
    (void)unused;
    struct uffd_msg message;
    while (read(handler_descriptor, &message, sizeof message) < 0) continue;
    sleep_for_good();
    return NULL;
}

static void *waits_for_events(void *unused) {
    (void)unused;
    struct uffd_msg message;
    for (;;) {
        will_wait(SYS_read);
        if (read(handler_descriptor, &message, sizeof message) < 0) continue;
    }
}

static void holds_descriptor(void *unused) {
    (void)unused;
    give_cue(ready);
    sleep_for_good();
}

// ---- who touched it ----

static void touch(void) {
    will_wait(ANY_CALL);
    *(volatile char *)page = 1;
}

static void touches_own(void *body) {
    missing_page();
    performer("holder", (performer_body)body, NULL);
    touch();
}

static void touches_foreign(void *unused) {
    (void)unused;
    missing_page();
    actor("holder", holds_descriptor, NULL);
    await_cue(ready);
    close(handler_descriptor);
    touch();
}

static void futex_on_page(void *unused) {
    (void)unused;
    missing_page();
    actor("holder", holds_descriptor, NULL);
    await_cue(ready);
    close(handler_descriptor);
    will_wait(SYS_futex);
    syscall(SYS_futex, page, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void poll_on_page(void *unused) {
    (void)unused;
    missing_page();
    actor("holder", holds_descriptor, NULL);
    await_cue(ready);
    close(handler_descriptor);
    will_wait(SYS_poll);
    syscall(SYS_poll, page, 1, -1);
}

static void path_on_page(void *unused) {
    (void)unused;
    missing_page();
    actor("holder", holds_descriptor, NULL);
    await_cue(ready);
    close(handler_descriptor);
    struct stat status;
    will_wait(SYS_newfstatat);
    syscall(SYS_newfstatat, AT_FDCWD, page, &status, 0);
}

// With the set's own lock held (fs/eventpoll.c `ep_send_events`): who reads the set's fdinfo stands still.
static void epoll_on_page(void *unused) {
    (void)unused;
    missing_page();
    actor("holder", holds_descriptor, NULL);
    await_cue(ready);
    close(handler_descriptor);
    int set = must(epoll_create1(0), "epoll_create1"), event = must(eventfd(1, 0), "eventfd");
    struct epoll_event interest = {.events = EPOLLIN};
    must(epoll_ctl(set, EPOLL_CTL_ADD, event, &interest), "epoll_ctl");
    will_wait(ANY_CALL);
    syscall(SYS_epoll_pwait, set, page, 1, -1, NULL, 0);
}

static void page_epoll(void) { actor("victim", epoll_on_page, NULL); }
static void page_own(void) { actor("victim", touches_own, (void *)reads_events); }
static void page_own_idle(void) { actor("victim", touches_own, (void *)waits_for_events); }
static void page_own_unread(void) { actor("victim", touches_own, (void *)sleeps); }
static void page_foreign(void) { actor("victim", touches_foreign, NULL); }
static void page_futex(void) { actor("victim", futex_on_page, NULL); }
static void page_poll(void) { actor("victim", poll_on_page, NULL); }
static void page_path(void) { actor("victim", path_on_page, NULL); }

static void page_stopped(void) {
    page_foreign();
    await_blocked("victim");
    await_blocked("holder");
    stop("holder");
}

// Another userfaultfd that serves nobody.
static void has_another(void *unused) {
    (void)unused;
    missing_page();
    give_cue(1);
    sleep_for_good();
}

static void page_two(void) {
    actor("bystander", has_another, NULL);
    await_cue(1);
    page_foreign();
}

const struct scenario memory_page_scenarios[] = {
    {"userfault-own-thread", page_own, 2},
    {"userfault-handler-idle", page_own_idle, 2},
    {"userfault-unread", page_own_unread, 2},
    {"userfault-other-process", page_foreign, 2},
    {"userfault-handler-stopped", page_stopped, 2},
    {"userfault-two-handlers", page_two, 3},
    {"userfault-futex-word", page_futex, 2},
    {"userfault-pollfd", page_poll, 2},
    {"userfault-epoll", page_epoll, 2},
    {"userfault-path", page_path, 2},
    {0},
};
