// TCP, UDP, netlink and other sockets of this host's own network namespace.
#include "lab.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

enum { connected = 0, sent_away = 1 };

static int listener, second_listener, client, server, carrier[2], link_pipe[2];
static struct sockaddr_in address;

static int listen_on_loopback(int type, int backlog, bool reuse) {
    int fd = must(socket(AF_INET, type, 0), "socket");
    int yes = 1;
    if (reuse) must(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes), "SO_REUSEPORT");
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(bind(fd, (struct sockaddr *)&address, sizeof address), "bind");
    if (type == SOCK_STREAM) must(listen(fd, backlog), "listen");
    socklen_t length = sizeof address;
    must(getsockname(fd, (struct sockaddr *)&address, &length), "getsockname");
    fact("port", "%d", ntohs(address.sin_port));
    return fd;
}

static int connect_to(const struct sockaddr_in *to, int type) {
    int fd = must(socket(AF_INET, type, 0), "socket");
    must(connect(fd, (const struct sockaddr *)to, sizeof *to), "connect");
    return fd;
}

// A connection over loopback; small buffers keep what a sender may leave behind small.
static void make_connection(void) {
    listener = listen_on_loopback(SOCK_STREAM, 5, false);
    client = connect_to(&address, SOCK_STREAM);
    server = must(accept(listener, NULL, NULL), "accept");
    close(listener);
}

static void receive(int fd) {
    char byte;
    will_wait(SYS_recvfrom);
    syscall(SYS_recvfrom, fd, &byte, 1, 0, NULL, NULL);
}

static void send_for_good(int fd) {
    static char block[65536];
    will_wait(SYS_sendto);
    for (;;) must((int)syscall(SYS_sendto, fd, block, sizeof block, 0, NULL, 0), "sendto");
}

static void client_receives(void *unused) {
    (void)unused;
    keep_only(client, -1);
    receive(client);
}

static void server_receives(void *unused) {
    (void)unused;
    keep_only(server, -1);
    receive(server);
}

static void client_sends(void *unused) {
    (void)unused;
    keep_only(client, -1);
    send_for_good(client);
}

static void server_sends(void *unused) {
    (void)unused;
    keep_only(server, -1);
    send_for_good(server);
}

static void server_sleeps(void *unused) {
    (void)unused;
    keep_only(server, -1);
    sleep_for_good();
}

static void stop_holder(void) {
    await_blocked("victim");
    await_blocked("holder");
    stop("holder");
}

static void tcp_receive(void) {
    make_connection();
    actor("victim", client_receives, NULL);
    actor("holder", server_sleeps, NULL);
}

static void tcp_receive_stopped(void) {
    tcp_receive();
    stop_holder();
}

static void tcp_receive_two(void) {
    make_connection();
    actor("victim", client_receives, NULL);
    actor("holder-1", server_sleeps, NULL);
    actor("holder-2", server_sleeps, NULL);
}

static void tcp_send_full(void) {
    make_connection();
    actor("victim", client_sends, NULL);
    actor("holder", server_sleeps, NULL);
}

static void tcp_send_stopped(void) {
    tcp_send_full();
    stop_holder();
}

static void tcp_mutual_receive(void) {
    make_connection();
    actor("victim", client_receives, NULL);
    actor("holder", server_receives, NULL);
}

static void tcp_mutual_send(void) {
    make_connection();
    actor("victim", client_sends, NULL);
    actor("holder", server_sends, NULL);
}

// ---- listeners ----

static void hold_listener(void *which) {
    int own = which ? second_listener : listener;
    keep_only(own, -1);
    sleep_for_good();
}

static void connect_and_receive(void *unused) {
    (void)unused;
    keep_only(-1);
    int fd = connect_to(&address, SOCK_STREAM);
    receive(fd);
}

static void connect_blocks(void *unused) {
    (void)unused;
    keep_only(-1);
    int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    will_wait(SYS_connect);
    syscall(SYS_connect, fd, &address, sizeof address);
}

static void keep_clients(void *fds) {
    (void)fds;
    keep_only(client, server, -1);
    pause_for_good();
}

static void tcp_unaccepted(void) {
    listener = listen_on_loopback(SOCK_STREAM, 5, false);
    actor("victim", connect_and_receive, NULL);
    actor("holder", hold_listener, NULL);
}

// Backlog 0 lets one connection wait; further SYNs are dropped.
static void tcp_connect_full(void) {
    listener = listen_on_loopback(SOCK_STREAM, 0, false);
    client = connect_to(&address, SOCK_STREAM);
    actor("bystander", keep_clients, NULL);
    actor("holder", hold_listener, NULL);
    await_blocked("bystander");
    actor("victim", connect_blocks, NULL);
}

static void tcp_reuseport(void) {
    listener = listen_on_loopback(SOCK_STREAM, 5, true);
    second_listener = listen_on_loopback(SOCK_STREAM, 5, true);
    actor("holder-1", hold_listener, NULL);
    actor("holder-2", hold_listener, (void *)1);
    await_blocked("holder-1");
    await_blocked("holder-2");
    actor("victim", connect_and_receive, NULL);
}

static void accept_blocks(void *unused) {
    (void)unused;
    keep_only(listener, -1);
    will_wait(ANY_CALL);
    accept(listener, NULL, NULL);
}

static void tcp_accept_idle(void) {
    listener = listen_on_loopback(SOCK_STREAM, 5, false);
    actor("victim", accept_blocks, NULL);
}

// An IPv6 socket that talks IPv4: its addresses read ::ffff:127.0.0.1 and the server's 127.0.0.1.
static void tcp_mapped(void) {
    listener = listen_on_loopback(SOCK_STREAM, 5, false);
    client = must(socket(AF_INET6, SOCK_STREAM, 0), "socket");
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = address.sin_port};
    inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr);
    must(connect(client, (struct sockaddr *)&mapped, sizeof mapped), "connect");
    server = must(accept(listener, NULL, NULL), "accept");
    actor("victim", client_receives, NULL);
    actor("holder", server_sleeps, NULL);
}

static void tcp_ipv6(void) {
    listener = must(socket(AF_INET6, SOCK_STREAM, 0), "socket");
    struct sockaddr_in6 own = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t length = sizeof own;
    must(bind(listener, (struct sockaddr *)&own, length), "bind");
    must(listen(listener, 5), "listen");
    must(getsockname(listener, (struct sockaddr *)&own, &length), "getsockname");
    client = must(socket(AF_INET6, SOCK_STREAM, 0), "socket");
    must(connect(client, (struct sockaddr *)&own, sizeof own), "connect");
    server = must(accept(listener, NULL, NULL), "accept");
    actor("victim", client_receives, NULL);
    actor("holder", server_sleeps, NULL);
}

// ---- ends that are nowhere, or nearly gone ----

static void send_server_away(void *unused) {
    (void)unused;
    keep_only(client, server, carrier[0], -1);
    char byte = 'x';
    struct iovec data = {&byte, 1};
    union { char space[CMSG_SPACE(sizeof(int))]; struct cmsghdr aligned; } control;
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &server, sizeof(int));
    must((int)sendmsg(carrier[0], &message, 0), "sendmsg");
    close(server);
    receive(client);
}

static void keep_carrier(void *unused) {
    (void)unused;
    keep_only(carrier[1], -1);
    sleep_for_good();
}

static void tcp_in_flight(void) {
    make_connection();
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, carrier), "socketpair");
    actor("victim", send_server_away, NULL);
    actor("holder", keep_carrier, NULL);
}

// Only the last close of a socket lingers: nobody else may ever have had it.
static void close_lingering(void *unused) {
    (void)unused;
    keep_only(-1);
    client = connect_to(&address, SOCK_STREAM);
    static char block[65536];
    while (send(client, block, sizeof block, MSG_DONTWAIT) > 0) continue;
    struct linger hours = {.l_onoff = 1, .l_linger = 30000};
    must(setsockopt(client, SOL_SOCKET, SO_LINGER, &hours, sizeof hours), "SO_LINGER");
    await_cue(connected);
    will_wait(SYS_close);
    close(client);
}

static void accept_and_sleep(void *unused) {
    (void)unused;
    keep_only(listener, -1);
    server = must(accept(listener, NULL, NULL), "accept");
    close(listener);
    give_cue(connected);
    sleep_for_good();
}

static void tcp_close_linger(void) {
    listener = listen_on_loopback(SOCK_STREAM, 5, false);
    actor("victim", close_lingering, NULL);
    actor("holder", accept_and_sleep, NULL);
}

// ---- by way of other calls ----

static void sendfile_blocks(void *unused) {
    (void)unused;
    int file = open_file("data");
    must(ftruncate(file, 64 << 20), "ftruncate");
    keep_only(client, file, -1);
    will_wait(SYS_sendfile);
    for (;;) {
        off_t from = 0;
        must((int)sendfile(client, file, &from, 64 << 20), "sendfile");
    }
}

static void tcp_sendfile(void) {
    make_connection();
    actor("victim", sendfile_blocks, NULL);
    actor("holder", server_sleeps, NULL);
}

static void splice_blocks(void *unused) {
    (void)unused;
    keep_only(client, link_pipe[1], link_pipe[0], -1);
    will_wait(SYS_splice);
    splice(client, NULL, link_pipe[1], NULL, 4096, 0);
}

static void tcp_splice(void) {
    make_connection();
    must(pipe(link_pipe), "pipe");
    actor("victim", splice_blocks, NULL);
    actor("holder", server_sleeps, NULL);
}

// ---- UDP ----

static void udp_server(void *unused) {
    (void)unused;
    keep_only(listener, -1);
    sleep_for_good();
}

static void ask_name(void *unused) {
    (void)unused;
    keep_only(-1);
    int fd = connect_to(&address, SOCK_DGRAM);
    must((int)send(fd, "name?", 5, 0), "send");
    receive(fd);
}

static void udp_query(void) {
    listener = listen_on_loopback(SOCK_DGRAM, 0, false);
    actor("holder", udp_server, NULL);
    actor("victim", ask_name, NULL);
}

static void udp_query_stopped(void) {
    udp_query();
    stop_holder();
}

static void receive_listener(void *unused) {
    (void)unused;
    keep_only(listener, -1);
    receive(listener);
}

static void udp_idle(void) {
    listener = listen_on_loopback(SOCK_DGRAM, 0, false);
    actor("victim", receive_listener, NULL);
}

// ---- netlink, packet, raw, MPTCP ----

static void netlink_receive(int protocol, unsigned groups) {
    keep_only(-1);
    int fd = must(socket(AF_NETLINK, SOCK_RAW, protocol), "socket");
    struct sockaddr_nl own = {.nl_family = AF_NETLINK, .nl_groups = groups};
    must(bind(fd, (struct sockaddr *)&own, sizeof own), "bind");
    receive(fd);
}

// A group in which nothing is announced on a quiet host: ND user options.
static void netlink_route_body(void *unused) {
    (void)unused;
    netlink_receive(NETLINK_ROUTE, 1u << (RTNLGRP_ND_USEROPT - 1));
}

static void netlink_user_body(void *unused) {
    (void)unused;
    netlink_receive(NETLINK_USERSOCK, 0);
}

static void netlink_user_peer(void *unused) {
    (void)unused;
    keep_only(-1);
    struct sockaddr_nl own = {.nl_family = AF_NETLINK};
    int fd = must(socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK), "socket");
    must(bind(fd, (struct sockaddr *)&own, sizeof own), "bind");
    sleep_for_good();
}

static void netlink_route(void) { actor("victim", netlink_route_body, NULL); }

static void netlink_user(void) {
    actor("victim", netlink_user_body, NULL);
    actor("holder", netlink_user_peer, NULL);
}

static void packet_body(void *unused) {
    (void)unused;
    keep_only(-1);
    // An EtherType that nobody sends.
    receive(must(socket(AF_PACKET, SOCK_RAW, htons(0x88b5)), "socket"));
}

static void packet_receive(void) { actor("victim", packet_body, NULL); }

static void raw_body(void *unused) {
    (void)unused;
    keep_only(-1);
    receive(must(socket(AF_INET, SOCK_RAW, 253), "socket"));
}

static void raw_receive(void) { actor("victim", raw_body, NULL); }

static void mptcp_receive(void) {
    listener = must(socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP), "socket");
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof own;
    must(bind(listener, (struct sockaddr *)&own, length), "bind");
    must(listen(listener, 5), "listen");
    must(getsockname(listener, (struct sockaddr *)&own, &length), "getsockname");
    client = must(socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP), "socket");
    must(connect(client, (struct sockaddr *)&own, sizeof own), "connect");
    server = must(accept(listener, NULL, NULL), "accept");
    actor("victim", client_receives, NULL);
    actor("holder", server_sleeps, NULL);
}

const struct scenario internet_scenarios[] = {
    {"tcp-receive", tcp_receive, 2},
    {"tcp-receive-stopped", tcp_receive_stopped, 2},
    {"tcp-receive-two-holders", tcp_receive_two, 3},
    {"tcp-send-full", tcp_send_full, 2},
    {"tcp-send-stopped", tcp_send_stopped, 2},
    {"tcp-mutual-receive", tcp_mutual_receive, 2},
    {"tcp-mutual-send", tcp_mutual_send, 2},
    {"tcp-unaccepted", tcp_unaccepted, 2},
    {"tcp-connect-full", tcp_connect_full, 3},
    {"tcp-reuseport", tcp_reuseport, 3},
    {"tcp-accept-idle", tcp_accept_idle, 1},
    {"tcp-mapped-addresses", tcp_mapped, 2},
    {"tcp-ipv6", tcp_ipv6, 2},
    {"tcp-in-flight", tcp_in_flight, 2},
    {"tcp-close-linger", tcp_close_linger, 2},
    {"tcp-sendfile", tcp_sendfile, 2},
    {"tcp-splice", tcp_splice, 2},
    {"udp-query", udp_query, 2},
    {"udp-query-stopped", udp_query_stopped, 2},
    {"udp-idle", udp_idle, 1},
    {"netlink-route", netlink_route, 1},
    {"netlink-user", netlink_user, 2},
    {"packet-receive", packet_receive, 1},
    {"raw-receive", raw_receive, 1},
    {"mptcp-receive", mptcp_receive, 2},
    {NULL, NULL, 0},
};
