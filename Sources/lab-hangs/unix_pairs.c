// Connected Unix sockets: peers that do not write, do not read, or have sent their end away.
#include "lab.h"

#include <sys/socket.h>

enum { sent_away = 0 };

static int type = SOCK_STREAM;
static int pair[2], other_pair[2];

static void receive(int descriptor) {
    char byte;
    will_wait(SYS_recvfrom);
    syscall(SYS_recvfrom, descriptor, &byte, 1, 0, NULL, NULL);
}

static void make_pair(int made[2], const char *key) {
    must(socketpair(AF_UNIX, type, 0, made), "socketpair");
    fact(key, "%lu", inode_of(made[0]));
}

static void receiver(void *unused) {
    (void)unused;
    keep_only(pair[0], -1);
    receive(pair[0]);
}

static void peer_receives(void *unused) {
    (void)unused;
    keep_only(pair[1], -1);
    receive(pair[1]);
}

static void peer_sleeps(void *unused) {
    (void)unused;
    keep_only(pair[1], -1);
    sleep_for_good();
}

static void send_until_full(int descriptor) {
    static char block[8192];
    while (send(descriptor, block, sizeof block, MSG_DONTWAIT) > 0) continue;
    while (send(descriptor, block, 1, MSG_DONTWAIT) > 0) continue;
    will_wait(SYS_sendto);
    syscall(SYS_sendto, descriptor, block, sizeof block, 0, NULL, 0);
}

static void sender(void *unused) {
    (void)unused;
    keep_only(pair[0], -1);
    send_until_full(pair[0]);
}

static void peer_sends(void *unused) {
    (void)unused;
    keep_only(pair[1], -1);
    send_until_full(pair[1]);
}

static void receive_from_sleeper(void) {
    make_pair(pair, "inode");
    actor("victim", receiver, NULL);
    actor("holder", peer_sleeps, NULL);
}

static void receive_from_stopped(void) {
    receive_from_sleeper();
    await_blocked("victim");
    await_blocked("holder");
    stop("holder");
}

static void receive_from_two(void) {
    make_pair(pair, "inode");
    actor("victim", receiver, NULL);
    actor("holder-1", peer_sleeps, NULL);
    actor("holder-2", peer_sleeps, NULL);
}

static void send_full(void) {
    make_pair(pair, "inode");
    actor("victim", sender, NULL);
    actor("holder", peer_sleeps, NULL);
}

static void send_full_datagrams(void) {
    type = SOCK_DGRAM;
    send_full();
}

static void mutual_receive(void) {
    make_pair(pair, "inode");
    actor("victim", receiver, NULL);
    actor("holder", peer_receives, NULL);
}

static void mutual_send(void) {
    make_pair(pair, "inode");
    actor("victim", sender, NULL);
    actor("holder", peer_sends, NULL);
}

// ---- a descriptor in flight: the other end sits in a message that nobody has received ----

static void send_away(void *unused) {
    (void)unused;
    keep_only(pair[0], pair[1], other_pair[0], -1);
    char byte = 'x';
    struct iovec data = {&byte, 1};
    union { char space[CMSG_SPACE(sizeof(int))]; struct cmsghdr aligned; } control;
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &pair[1], sizeof(int));
    must((int)sendmsg(other_pair[0], &message, 0), "sendmsg");
    close(pair[1]);
    give_cue(sent_away);
    receive(pair[0]);
}

static void never_unpacks(void *unused) {
    (void)unused;
    keep_only(other_pair[1], -1);
    sleep_for_good();
}

static void in_flight(void) {
    make_pair(pair, "inode");
    make_pair(other_pair, "carrier");
    actor("victim", send_away, NULL);
    actor("holder", never_unpacks, NULL);
}

const struct scenario unix_pair_scenarios[] = {
    {"unix-receive", receive_from_sleeper, 2},
    {"unix-receive-stopped", receive_from_stopped, 2},
    {"unix-receive-two-peers", receive_from_two, 3},
    {"unix-send-full", send_full, 2},
    {"unix-send-datagram", send_full_datagrams, 2},
    {"unix-mutual-receive", mutual_receive, 2},
    {"unix-mutual-send", mutual_send, 2},
    {"unix-in-flight", in_flight, 2},
    {NULL, NULL, 0},
};
