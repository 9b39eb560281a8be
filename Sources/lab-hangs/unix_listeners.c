// Unix sockets with a name: listeners that do not accept, backlogs that are full, datagrams that nobody reads.
#include "lab.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { listening = 0, crowded = 1 };

static int type = SOCK_STREAM;
static bool is_abstract;

static socklen_t address(struct sockaddr_un *made) {
    memset(made, 0, sizeof *made);
    made->sun_family = AF_UNIX;
    if (is_abstract)
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1
                           + snprintf(made->sun_path + 1, sizeof made->sun_path - 1, "lab-hangs-%d", stage->conductor));
    snprintf(made->sun_path, sizeof made->sun_path, "%s", private_path("socket"));
    return sizeof *made;
}

static int make_socket(void) { return must(socket(AF_UNIX, type, 0), "socket"); }

static int bound_socket(void) {
    struct sockaddr_un own;
    socklen_t length = address(&own);
    int made = make_socket();
    must(bind(made, (struct sockaddr *)&own, length), "bind");
    return made;
}

static int listener(int backlog) {
    int made = bound_socket();
    must(listen(made, backlog), "listen");
    fact("inode", "%lu", inode_of(made));
    give_cue(listening);
    return made;
}

static int connected(void) {
    struct sockaddr_un peer;
    socklen_t length = address(&peer);
    int made = make_socket();
    must(connect(made, (struct sockaddr *)&peer, length), "connect");
    return made;
}

static void say_address(void) {
    if (is_abstract) fact("path", "@lab-hangs-%d", stage->conductor);
    else fact("path", "%s", private_path("socket"));
}

static void receive(int descriptor) {
    char byte;
    will_wait(SYS_recvfrom);
    syscall(SYS_recvfrom, descriptor, &byte, 1, 0, NULL, NULL);
}

// ---- connecting to a listener whose backlog is full ----

static void server_asleep(void *unused) {
    (void)unused;
    keep_only(-1);
    listener(0);
    sleep_for_good();
}

// The one connection that a backlog of 0 allows.
static void crowd(void *unused) {
    (void)unused;
    keep_only(-1);
    await_cue(listening);
    connected();
    give_cue(crowded);
    pause_for_good();
}

static void late_client(void *unused) {
    (void)unused;
    keep_only(-1);
    await_cue(crowded);
    struct sockaddr_un peer;
    socklen_t length = address(&peer);
    int own = make_socket();
    will_wait(SYS_connect);
    connect(own, (struct sockaddr *)&peer, length);
}

static void backlog_full(actor_body server) {
    say_address();
    actor("holder", server, NULL);
    actor("crowd", crowd, NULL);
    actor("victim", late_client, NULL);
}

static void connect_stream(void) { backlog_full(server_asleep); }

static void connect_seqpacket(void) {
    type = SOCK_SEQPACKET;
    backlog_full(server_asleep);
}

static void connect_abstract(void) {
    is_abstract = true;
    backlog_full(server_asleep);
}

static void connect_stopped(void) {
    backlog_full(server_asleep);
    await_blocked("victim");
    await_blocked("holder");
    stop("holder");
}

// The server shuts its listener down under a client that waits already, and goes on with something else.
static void server_shuts_down(void *unused) {
    (void)unused;
    keep_only(-1);
    int own = listener(0);
    await_blocked("victim");
    must(shutdown(own, SHUT_RDWR), "shutdown");
    sleep_for_good();
}

static void listener_shut_down(void) { backlog_full(server_shuts_down); }

// ---- connected, but not accepted yet ----

static void early_client(void *unused) {
    (void)unused;
    keep_only(-1);
    await_cue(listening);
    receive(connected());
}

static void not_accepted(void) {
    say_address();
    actor("holder", server_asleep, NULL);
    actor("victim", early_client, NULL);
}

// ---- accepting ----

static void accept_one(int descriptor) {
    will_wait(SYS_accept);
    syscall(SYS_accept, descriptor, NULL, NULL);
}

static void server_accepts(void *unused) {
    (void)unused;
    keep_only(-1);
    accept_one(listener(5));
}

static void accept_idle(void) {
    say_address();
    actor("victim", server_accepts, NULL);
}

static void pool_member(void *descriptor) { accept_one((int)(long)descriptor); }

static void pool_leader(void *unused) {
    (void)unused;
    keep_only(-1);
    long own = listener(5);
    actor("victim", pool_member, (void *)own);
    actor("worker-2", pool_member, (void *)own);
    actor("worker-3", pool_member, (void *)own);
    pause_for_good();
}

static void prefork(void) {
    say_address();
    actor("leader", pool_leader, NULL);
}

// ---- datagrams to a name ----

static void datagram_server(void *unused) {
    (void)unused;
    keep_only(-1);
    bound_socket();
    give_cue(listening);
    sleep_for_good();
}

static void datagram_client(void *unused) {
    (void)unused;
    keep_only(-1);
    await_cue(listening);
    struct sockaddr_un peer;
    socklen_t length = address(&peer);
    int own = make_socket();
    while (sendto(own, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&peer, length) > 0) continue;
    will_wait(SYS_sendto);
    syscall(SYS_sendto, own, "x", 1, 0, &peer, length);
}

static void send_unconnected(void) {
    type = SOCK_DGRAM;
    say_address();
    actor("holder", datagram_server, NULL);
    actor("victim", datagram_client, NULL);
}

const struct scenario unix_listener_scenarios[] = {
    {"unix-connect", connect_stream, 3},
    {"unix-connect-seqpacket", connect_seqpacket, 3},
    {"unix-connect-abstract", connect_abstract, 3},
    {"unix-connect-stopped", connect_stopped, 3},
    {"unix-listener-shut-down", listener_shut_down, 3},
    {"unix-not-accepted", not_accepted, 2},
    {"unix-accept-idle", accept_idle, 1},
    {"control-prefork", prefork, 4},
    {"unix-send-unconnected", send_unconnected, 2},
    {NULL, NULL, 0},
};
