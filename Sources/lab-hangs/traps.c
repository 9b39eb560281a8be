// Hangs that look like another hang: each invites a wrong name, or a deadlock that is none.
#include "lab.h"

#include <netinet/in.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { held = 0, second_held = 1, listening = 2, crowded = 3 };

static int first[2], second[2];
static pthread_mutex_t own_mutex = PTHREAD_MUTEX_INITIALIZER, other_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t *mutex = &own_mutex;

static void read_one(int descriptor) {
    char bytes[8];  // eventfd and timerfd take no less
    will_wait(SYS_read);
    ssize_t length = read(descriptor, bytes, sizeof bytes);
    (void)length;
}

static void *rest(void *unused) {
    pause_for_good();
    return unused;
}

// ---- pipes ----

static void read_first_keep_second(void *unused) {
    (void)unused;
    keep_only(first[0], second[1], -1);
    read_one(first[0]);
}

static void read_second_with_free_thread(void *unused) {
    (void)unused;
    keep_only(second[0], first[1], -1);
    performer("bystander", rest, NULL);
    read_one(second[0]);
}

// Two processes read from each other, but the second has a thread that could write.
static void free_second_thread(void) {
    make_pipe(first, "pipe");
    make_pipe(second, "second-pipe");
    actor("victim", read_first_keep_second, NULL);
    actor("holder", read_second_with_free_thread, NULL);
}

static void read_second_keep_first(void *unused) {
    (void)unused;
    keep_only(second[0], first[1], -1);
    read_one(second[0]);
}

// The same without that thread, but stopped: what it would do when continued, nobody can say.
static void stopped_in_cycle(void) {
    make_pipe(first, "pipe");
    make_pipe(second, "second-pipe");
    actor("victim", read_first_keep_second, NULL);
    actor("holder", read_second_keep_first, NULL);
    await_blocked("victim");
    await_blocked("holder");
    stop("holder");
}

// Two processes wait for each other's answer, but one has set SO_RCVTIMEO, which no argument of recv shows.
static void receive(int descriptor) {
    char byte;
    will_wait(SYS_recvfrom);
    syscall(SYS_recvfrom, descriptor, &byte, 1, 0, NULL, NULL);
}

static void receive_first(void *unused) {
    (void)unused;
    keep_only(first[0], -1);
    receive(first[0]);
}

static void receive_for_ten_hours(void *unused) {
    (void)unused;
    keep_only(first[1], -1);
    struct timeval limit = {36000, 0};
    must(setsockopt(first[1], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), "SO_RCVTIMEO");
    receive(first[1]);
}

static void socket_timeout(void) {
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, first), "socketpair");
    actor("victim", receive_first, NULL);
    actor("holder", receive_for_ten_hours, NULL);
}

static void keep_end(void *descriptor) {
    keep_only((int)(long)descriptor, -1);
    sleep_for_good();
}

static void read_end(void *unused) {
    (void)unused;
    keep_only(first[0], -1);
    read_one(first[0]);
}

// Another process has the read end open too, which helps nobody.
static void other_reader(void) {
    make_pipe(first, "pipe");
    actor("victim", read_end, NULL);
    actor("bystander", keep_end, (void *)(long)first[0]);
    actor("holder", keep_end, (void *)(long)first[1]);
}

static void read_under_odd_name(void *unused) {
    (void)unused;
    keep_only(first[0], -1);
    prctl(PR_SET_NAME, "a) Z 1 (\n) T 2");
    read_one(first[0]);
}

static void odd_name(void) {
    make_pipe(first, "pipe");
    actor("victim", read_under_odd_name, NULL);
    actor("holder", keep_end, (void *)(long)first[1]);
}

// ---- a locked descriptor, a listener and a process group that several share ----

static void keeps_locked(void *unused) {
    (void)unused;
    give_cue(second_held);
    sleep_for_good();
}

static void locks_and_shares(void *unused) {
    (void)unused;
    must(flock(open_file("file"), LOCK_EX), "flock");
    actor("holder-2", keeps_locked, NULL);
    give_cue(held);
    sleep_for_good();
}

static void wants_file(void *unused) {
    (void)unused;
    await_cue(held);
    await_cue(second_held);
    int file = open_file("file");
    will_wait(SYS_flock);
    flock(file, LOCK_EX);
}

static void flock_shared_descriptor(void) {
    int file = open_file("file");
    fact("file", "%lu", lock_inode_of(file));
    close(file);
    actor("holder-1", locks_and_shares, NULL);
    actor("victim", wants_file, NULL);
}

static struct sockaddr_un server_address(void) {
    struct sockaddr_un made = {.sun_family = AF_UNIX};
    snprintf(made.sun_path, sizeof made.sun_path, "%s", private_path("socket"));
    return made;
}

static void connect_to_server(bool announced) {
    struct sockaddr_un server = server_address();
    int own = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    if (announced) will_wait(SYS_connect);
    connect(own, (struct sockaddr *)&server, sizeof server);
}

static void keeps_listener(void *unused) {
    (void)unused;
    sleep_for_good();
}

static void server_with_worker(void *unused) {
    (void)unused;
    keep_only(-1);
    struct sockaddr_un own = server_address();
    int listener = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    must(bind(listener, (struct sockaddr *)&own, sizeof own), "bind");
    must(listen(listener, 0), "listen");
    actor("holder-2", keeps_listener, NULL);
    connect_to_server(false);
    give_cue(listening);
    sleep_for_good();
}

static void late_client(void *unused) {
    (void)unused;
    keep_only(-1);
    await_cue(listening);
    connect_to_server(true);
}

static void shared_listener(void) {
    fact("path", "%s", private_path("socket"));
    actor("holder-1", server_with_worker, NULL);
    actor("victim", late_client, NULL);
}

static void in_own_group(void *unused) {
    setpgid(0, 0);
    give_cue(held);
    sleeper(unused);
}

// Waits for one process group; a child in another group cannot end that.
static void wait_for_group(void *unused) {
    (void)unused;
    keep_only(-1);
    pid_t member = actor("holder", in_own_group, NULL);
    actor("bystander", sleeper, NULL);
    await_cue(held);
    will_wait(SYS_wait4);
    syscall(SYS_wait4, -member, NULL, 0, NULL);
}

static void child_group(void) { actor("victim", wait_for_group, NULL); }

// ---- mutexes ----

static void *spin(void *unused) {
    spin_for_good();
    return unused;
}

static void *other_then_own(void *unused) {
    pthread_mutex_lock(&other_mutex);
    give_cue(second_held);
    await_cue(held);
    will_wait(SYS_futex);
    pthread_mutex_lock(&own_mutex);
    return unused;
}

static void own_then_other(void *unused) {
    (void)unused;
    pthread_mutex_lock(&own_mutex);
    give_cue(held);
    performer("holder", other_then_own, NULL);
    performer("bystander", spin, NULL);
    await_cue(second_held);
    will_wait(SYS_futex);
    pthread_mutex_lock(&other_mutex);
}

// A deadlock in a process that is busy otherwise.
static void abba_in_busy_process(void) { actor("victim", own_then_other, NULL); }

static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static void *wait_inside(void *unused) {
    pthread_mutex_lock(&own_mutex);
    pthread_mutex_lock(&other_mutex);
    give_cue(held);
    will_wait(SYS_futex);
    for (;;) pthread_cond_wait(&condition, &other_mutex);
    return unused;
}

static void signal_from_outside(void *unused) {
    (void)unused;
    performer("holder", wait_inside, NULL);
    await_cue(held);
    await_blocked("holder");
    will_wait(SYS_futex);
    pthread_mutex_lock(&own_mutex);
    pthread_cond_signal(&condition);
}

// Nested monitors: truly stuck, but nothing in the system says who would signal.
static void nested_monitor(void) { actor("victim", signal_from_outside, NULL); }

static void *hold_asleep(void *unused) {
    must_be_zero(pthread_mutex_lock(mutex), "pthread_mutex_lock");
    give_cue(held);
    sleep_for_good();
    return unused;
}

static void want_mutex(void) {
    await_cue(held);
    will_wait(SYS_futex);
    pthread_mutex_lock(mutex);
}

static void victim_with_thread(void *unused) {
    (void)unused;
    performer("holder", hold_asleep, NULL);
    want_mutex();
}

static void enter_namespace(void) {
    if (unshare(CLONE_NEWPID) == -1) must(unshare(CLONE_NEWUSER | CLONE_NEWPID), "unshare");
}

static void new_namespace_for_one(void *unused) {
    (void)unused;
    keep_only(-1);
    enter_namespace();
    actor("victim", victim_with_thread, NULL);
    pause_for_good();
}

// In its own pid namespace the owner's number is 2; in ours, thread 2 is another.
static void pid_namespace(void) { actor("outside", new_namespace_for_one, NULL); }

static void holder_process(void *unused) { hold_asleep(unused); }

static void victim_process(void *unused) {
    (void)unused;
    want_mutex();
}

static void new_namespace_for_two(void *unused) {
    (void)unused;
    keep_only(-1);
    enter_namespace();
    actor("victim", victim_process, NULL);
    actor("holder", holder_process, NULL);
    pause_for_good();
}

static void shared_in_namespace(void) {
    mutex = shared_memory(4096);
    pthread_mutexattr_t shared;
    pthread_mutexattr_init(&shared);
    pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    must_be_zero(pthread_mutex_init(mutex, &shared), "pthread_mutex_init");
    actor("outside", new_namespace_for_two, NULL);
}

// ---- other descriptors ----

static int event;

static void keep_event(void *unused) {
    (void)unused;
    keep_only(event, -1);
    sleep_for_good();
}

static void read_event(void *unused) {
    (void)unused;
    keep_only(event, -1);
    read_one(event);
}

static void event_counter(void) {
    event = must(eventfd(0, 0), "eventfd");
    actor("victim", read_event, NULL);
    actor("holder", keep_event, NULL);
}

static void read_timer(void *unused) {
    (void)unused;
    keep_only(-1);
    int timer = must(timerfd_create(CLOCK_MONOTONIC, 0), "timerfd_create");
    struct itimerspec once = {.it_value = {36000, 0}};
    must(timerfd_settime(timer, 0, &once, NULL), "timerfd_settime");
    read_one(timer);
}

static void armed_timer(void) { actor("victim", read_timer, NULL); }

static in_port_t port;

static void receive_over_tcp(void *listener) {
    (void)listener;
    keep_only(-1);
    int own = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = port, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    must(connect(own, (struct sockaddr *)&server, sizeof server), "connect");
    char byte;
    will_wait(SYS_recvfrom);
    syscall(SYS_recvfrom, own, &byte, 1, 0, NULL, NULL);
}

static void accept_over_tcp(void *listener) {
    int own = (int)(long)listener;
    keep_only(own, -1);
    must(accept(own, NULL, NULL), "accept");
    sleep_for_good();
}

static void tcp_receive(void) {
    int listener = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof own;
    must(bind(listener, (struct sockaddr *)&own, length), "bind");
    must(listen(listener, 5), "listen");
    must(getsockname(listener, (struct sockaddr *)&own, &length), "getsockname");
    port = own.sin_port;
    actor("victim", receive_over_tcp, NULL);
    actor("holder", accept_over_tcp, (void *)(long)listener);
}

const struct scenario trap_scenarios[] = {
    {"trap-free-second-thread", free_second_thread, 3},
    {"trap-stopped-in-cycle", stopped_in_cycle, 2},
    {"trap-socket-timeout", socket_timeout, 2},
    {"trap-other-reader", other_reader, 3},
    {"trap-odd-name", odd_name, 2},
    {"trap-flock-shared", flock_shared_descriptor, 3},
    {"trap-listener-shared", shared_listener, 3},
    {"trap-child-group", child_group, 3},
    {"trap-abba-busy-process", abba_in_busy_process, 3},
    {"trap-nested-monitor", nested_monitor, 2},
    {"trap-pid-namespace", pid_namespace, 3},
    {"trap-pid-namespace-shared", shared_in_namespace, 3},
    {"trap-eventfd", event_counter, 2},
    {"trap-timerfd", armed_timer, 1},
    {"trap-tcp", tcp_receive, 2},
    {NULL, NULL, 0},
};
