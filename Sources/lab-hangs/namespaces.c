// Hangs whose parties live in network, ipc, pid, mount and user namespaces of their own.
#include "lab.h"

#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { ready_a = 0, ready_b, linked, ready_c, ready_d, linked_2, received, cut, listening };
enum { port = 7171 };

// Addresses of this run's own: other runs at the same time must not look like peers.
static const char *own_address(int last) {
    static char text[2][INET_ADDRSTRLEN];
    unsigned run = (unsigned)stage->conductor;
    char *place = text[last & 1];
    snprintf(place, INET_ADDRSTRLEN, "10.%u.%u.%d", run >> 8 & 255, run & 255, last);
    return place;
}
#define near_end own_address(1)
#define far_end own_address(2)

// ---- making them ----

// As root at once; else in a user namespace of our own, which gives us its capabilities.
static void enter(int flags) {
    if (unshare(flags) == 0) return;
    uid_t uid = getuid();
    must(unshare(flags | CLONE_NEWUSER), "unshare");
    char map[32];
    int length = snprintf(map, sizeof map, "0 %u 1", uid);
    int fd = must(open("/proc/self/uid_map", O_WRONLY), "uid_map");
    must((int)write(fd, map, (size_t)length), "uid_map");
    close(fd);
}

static void set_up_interface(const char *name, const char *address, int extra_flags) {
    int fd = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    if (address) {
        struct sockaddr_in *at = (struct sockaddr_in *)&request.ifr_addr;
        at->sin_family = AF_INET;
        inet_pton(AF_INET, address, &at->sin_addr);
        must(ioctl(fd, SIOCSIFADDR, &request), "SIOCSIFADDR");
        // The address 0.0.0.0 takes the card's own away.
        inet_pton(AF_INET, "255.255.255.0", &at->sin_addr);
        if (strcmp(address, "0.0.0.0") != 0) must(ioctl(fd, SIOCSIFNETMASK, &request), "SIOCSIFNETMASK");
    }
    must(ioctl(fd, SIOCGIFFLAGS, &request), "SIOCGIFFLAGS");
    request.ifr_flags |= (short)(IFF_UP | extra_flags);
    must(ioctl(fd, SIOCSIFFLAGS, &request), "SIOCSIFFLAGS");
    close(fd);
}

static void own_network(void) {
    enter(CLONE_NEWNET);
    set_up_interface("lo", NULL, 0);
}

struct request {
    struct nlmsghdr header;
    struct ifinfomsg link;
    char attributes[256];
};

static struct rtattr *add(struct request *r, unsigned short type, const void *data, size_t size) {
    struct rtattr *attribute = (struct rtattr *)((char *)r + NLMSG_ALIGN(r->header.nlmsg_len));
    attribute->rta_type = type;
    attribute->rta_len = (unsigned short)RTA_LENGTH(size);
    if (size) memcpy(RTA_DATA(attribute), data, size);
    r->header.nlmsg_len = (unsigned)(NLMSG_ALIGN(r->header.nlmsg_len) + RTA_ALIGN(RTA_LENGTH(size)));
    return attribute;
}

static void end_nest(struct request *r, struct rtattr *nest) {
    nest->rta_len = (unsigned short)((char *)r + r->header.nlmsg_len - (char *)nest);
}

// A pair of linked network cards, `va` here and `vb` in the network namespace of a process (or here too).
static void make_veth(pid_t other) {
    struct request r = {
        .header = {
            .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)), .nlmsg_type = RTM_NEWLINK,
            .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK}};
    add(&r, IFLA_IFNAME, "va", 3);
    struct rtattr *info = add(&r, IFLA_LINKINFO, NULL, 0);
    add(&r, IFLA_INFO_KIND, "veth", 4);
    struct rtattr *data = add(&r, IFLA_INFO_DATA, NULL, 0);
    struct ifinfomsg peer_link = {0};
    struct rtattr *peer = add(&r, VETH_INFO_PEER, &peer_link, sizeof peer_link);
    add(&r, IFLA_IFNAME, "vb", 3);
    if (other) add(&r, IFLA_NET_NS_PID, &other, sizeof other);
    end_nest(&r, peer);
    end_nest(&r, data);
    end_nest(&r, info);
    int fd = must(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), "socket");
    must((int)send(fd, &r, r.header.nlmsg_len, 0), "send");
    struct { struct nlmsghdr header; struct nlmsgerr error; char rest[512]; } answer;
    must((int)recv(fd, &answer, sizeof answer, 0), "recv");
    errno = -answer.error.error;
    if (errno) fail("veth");
    close(fd);
}

// ---- sockets ----

static struct sockaddr_in at(const char *host) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, host, &address.sin_addr);
    return address;
}

static int listen_at(const char *host, int backlog) {
    int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    // A fixed buffer: one that grows lets a sender go on, a little at each probe.
    int bytes = 16384;
    must(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes), "SO_RCVBUF");
    struct sockaddr_in address = at(host);
    must(bind(fd, (struct sockaddr *)&address, sizeof address), "bind");
    must(listen(fd, backlog), "listen");
    return fd;
}

// From a port of its own choice, so that two connections of two worlds can look alike.
static int connect_from(const char *own, int own_port, const char *host) {
    int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    int bytes = 16384;
    must(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes), "SO_SNDBUF");
    if (own) {
        struct sockaddr_in address = at(own);
        address.sin_port = htons((uint16_t)own_port);
        must(bind(fd, (struct sockaddr *)&address, sizeof address), "bind");
    }
    struct sockaddr_in address = at(host);
    must(connect(fd, (struct sockaddr *)&address, sizeof address), "connect");
    return fd;
}

static void receive(int fd) {
    char byte;
    will_wait(SYS_recvfrom);
    syscall(SYS_recvfrom, fd, &byte, 1, 0, NULL, NULL);
}

static void send_for_good(int fd) {
    static char block[65536];
    // What is under way still makes room for a while.
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    while (poll(&room, 1, 700) > 0) send(fd, block, sizeof block, MSG_DONTWAIT);
    will_wait(SYS_sendto);
    for (;;) must((int)syscall(SYS_sendto, fd, block, sizeof block, 0, NULL, 0), "sendto");
}

// ---- one network namespace ----

static int pair[2];

static void peer_keeps(void *fd) {
    keep_only((int)(long)fd, -1);
    sleep_for_good();
}

// Makes a network, connects over its loopback, and lets a child hold the other end.
static void loopback_inside(void *sends) {
    keep_only(-1);
    own_network();
    int listener = listen_at("127.0.0.1", 5);
    int client = connect_from(NULL, 0, "127.0.0.1");
    int server = must(accept(listener, NULL, NULL), "accept");
    close(listener);
    actor("holder", peer_keeps, (void *)(long)server);
    close(server);
    if (sends) send_for_good(client);
    receive(client);
}

static void tcp_loopback(void) { actor("victim", loopback_inside, NULL); }
static void tcp_loopback_send(void) { actor("victim", loopback_inside, (void *)1); }

static void udp_inside(void *unused) {
    (void)unused;
    keep_only(-1);
    own_network();
    int server = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
    struct sockaddr_in address = at("127.0.0.1");
    must(bind(server, (struct sockaddr *)&address, sizeof address), "bind");
    actor("holder", peer_keeps, (void *)(long)server);
    close(server);
    int client = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
    must(connect(client, (struct sockaddr *)&address, sizeof address), "connect");
    must((int)send(client, "name?", 5, 0), "send");
    receive(client);
}

static void udp_loopback(void) { actor("victim", udp_inside, NULL); }

static void pair_inside(void *unused) {
    (void)unused;
    keep_only(-1);
    own_network();
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
    actor("holder", peer_keeps, (void *)(long)pair[1]);
    close(pair[1]);
    receive(pair[0]);
}

static void unix_pair_inside(void) { actor("victim", pair_inside, NULL); }

// ---- addresses that nobody answers ----

// Packets leave by one card and arrive at the other, which has no use for them.
static void void_network(void) {
    keep_only(-1);
    own_network();
    make_veth(0);
    set_up_interface("va", near_end, IFF_NOARP);
    set_up_interface("vb", NULL, 0);
}

static void connect_to_void(void *unused) {
    (void)unused;
    void_network();
    int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    struct sockaddr_in address = at(far_end);
    will_wait(SYS_connect);
    syscall(SYS_connect, fd, &address, sizeof address);
}

static void tcp_connect_void(void) { actor("victim", connect_to_void, NULL); }

static void ask_void(void *unused) {
    (void)unused;
    void_network();
    int fd = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
    struct sockaddr_in address = at(far_end);
    must(connect(fd, (struct sockaddr *)&address, sizeof address), "connect");
    must((int)send(fd, "name?", 5, 0), "send");
    receive(fd);
}

static void udp_void(void) { actor("victim", ask_void, NULL); }

// ---- two network namespaces, joined by a pair of cards ----

static void remote_server(void *unused) {
    (void)unused;
    keep_only(-1);
    own_network();
    give_cue(ready_b);
    await_cue(linked);
    set_up_interface("vb", far_end, 0);
    int listener = listen_at(far_end, 5);
    give_cue(listening);
    int server = must(accept(listener, NULL, NULL), "accept");
    close(listener);
    must((int)send(server, "hello", 5, 0), "send");
    sleep_for_good();
}

static void lazy_server(void *unused) {
    (void)unused;
    keep_only(-1);
    own_network();
    give_cue(ready_b);
    await_cue(linked);
    set_up_interface("vb", far_end, 0);
    listen_at(far_end, 5);
    give_cue(listening);
    sleep_for_good();
}

static int to_the_other(const char *server_role) {
    keep_only(-1);
    own_network();
    await_cue(ready_b);
    make_veth(pid_of(server_role));
    set_up_interface("va", near_end, 0);
    give_cue(linked);
    await_cue(listening);
    return connect_from(near_end, 40000, far_end);
}

static int greeted(const char *server_role) {
    char greeting[5];
    int fd = to_the_other(server_role);
    must((int)recv(fd, greeting, sizeof greeting, MSG_WAITALL), "recv");
    return fd;
}

static void veth_receives(void *role) { receive(greeted(role)); }
static void veth_sends(void *role) { send_for_good(greeted(role)); }
static void veth_receives_silence(void *role) { receive(to_the_other(role)); }

static void tcp_veth(void) {
    actor("holder", remote_server, NULL);
    actor("victim", veth_receives, "holder");
}

static void tcp_veth_stopped(void) {
    tcp_veth();
    await_blocked("victim");
    await_blocked("holder");
    stop("holder");
}

static void tcp_veth_send(void) {
    actor("holder", remote_server, NULL);
    actor("victim", veth_sends, "holder");
}

static void tcp_veth_unaccepted(void) {
    actor("holder", lazy_server, NULL);
    actor("victim", veth_receives_silence, "holder");
}

// The server loses its address and then its process; the network itself stays, held by a descriptor. Nobody here has the other end any
// more, and nothing is acknowledged.
static void dying_server(void *unused) {
    (void)unused;
    keep_only(-1);
    own_network();
    give_cue(ready_b);
    await_cue(linked);
    set_up_interface("vb", far_end, 0);
    int listener = listen_at(far_end, 5);
    will_end(false);
    give_cue(listening);
    int server = must(accept(listener, NULL, NULL), "accept");
    await_cue(ready_c);
    set_up_interface("vb", "0.0.0.0", 0);
    (void)server;
}

static void send_after_cut(void *sends) {
    int fd = to_the_other("peer");
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/net", pid_of("peer"));
    must(open(path, O_RDONLY), "ns/net");
    give_cue(ready_c);
    await_cue(cut);
    must((int)send(fd, "question", 8, 0), "send");
    if (sends) send_for_good(fd);
    receive(fd);
}

static void cable_cut(void *sends) {
    actor("peer", dying_server, NULL);
    actor("victim", send_after_cut, sends);
    await_exit("peer");
    give_cue(cut);
}

static void tcp_cut(void) { cable_cut(NULL); }
static void tcp_cut_send(void) { cable_cut((void *)1); }

// Two worlds with the same addresses and ports: which server is the victim's cannot be told from addresses.
static void twin_server(void *unused) {
    (void)unused;
    keep_only(-1);
    own_network();
    give_cue(ready_d);
    await_cue(linked_2);
    set_up_interface("vb", far_end, 0);
    int listener = listen_at(far_end, 5);
    give_cue(ready_c);
    must((int)send(must(accept(listener, NULL, NULL), "accept"), "hello", 5, 0), "send");
    sleep_for_good();
}

static void twin_client(void *unused) {
    (void)unused;
    keep_only(-1);
    own_network();
    await_cue(ready_d);
    make_veth(pid_of("twin"));
    set_up_interface("va", near_end, 0);
    give_cue(linked_2);
    await_cue(ready_c);
    char greeting[5];
    int fd = connect_from(near_end, 40000, far_end);
    must((int)recv(fd, greeting, sizeof greeting, MSG_WAITALL), "recv");
    receive(fd);
}

static void tcp_twins(void) {
    tcp_veth();
    actor("twin", twin_server, NULL);
    actor("bystander", twin_client, NULL);
}

// ---- Unix names ----

static struct sockaddr_un name;
static socklen_t name_length;

static void abstract_name(void) {
    name.sun_family = AF_UNIX;
    int length = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "lab-hangs-%d", (int)getpid());
    name_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
    fact("path", "@%s", name.sun_path + 1);
}

static void path_name(const char *path) {
    memset(&name, 0, sizeof name);
    name.sun_family = AF_UNIX;
    snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
    name_length = sizeof name;
}

static int unix_listener(void) {
    int fd = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    must(bind(fd, (struct sockaddr *)&name, name_length), "bind");
    must(listen(fd, 0), "listen");
    return fd;
}

// One client fits into backlog 0; it is kept open by whoever calls.
static int fill_listener(void) {
    int fd = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    must(connect(fd, (struct sockaddr *)&name, name_length), "connect");
    return fd;
}

static void unix_connect(void) {
    int fd = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    will_wait(SYS_connect);
    syscall(SYS_connect, fd, &name, name_length);
}

static void listen_full(void *cue) {
    keep_only(-1);
    unix_listener();
    fill_listener();
    if (cue) give_cue((int)(long)cue);
    sleep_for_good();
}

// The same abstract name in two networks; the victim's is the one that its parent listens at.
static void connect_in_own_network(void *unused) {
    (void)unused;
    keep_only(-1);
    own_network();
    actor("holder", listen_full, (void *)ready_b);
    await_cue(ready_b);
    unix_connect();
}

static void abstract_twins(void) {
    abstract_name();
    actor("bystander", listen_full, (void *)ready_c);
    await_cue(ready_c);
    actor("victim", connect_in_own_network, NULL);
}

static void listen_in_own_network(void *unused) {
    (void)unused;
    keep_only(-1);
    own_network();
    listen_full((void *)ready_b);
}

static void connect_when_ready(void *unused) {
    (void)unused;
    keep_only(-1);
    await_cue(ready_b);
    unix_connect();
}

// A path leads to its socket whatever network that was made in.
static void path_across(void) {
    path_name(private_path("server"));
    fact("path", "%s", name.sun_path);
    actor("holder", listen_in_own_network, NULL);
    actor("victim", connect_when_ready, NULL);
}

// A server was started anew at the same path; the old one still has its clients.
static void path_twice(void) {
    path_name(private_path("server"));
    fact("path", "%s", name.sun_path);
    actor("bystander", listen_full, (void *)ready_c);
    await_cue(ready_c);
    must(unlink(name.sun_path), "unlink");
    actor("holder", listen_full, (void *)ready_b);
    actor("victim", connect_when_ready, NULL);
}

// Two mount namespaces, each with its own file at the same path.
static void private_mount(void) {
    enter(CLONE_NEWNS);
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount");
    must(mount("lab", private_path("run"), "tmpfs", 0, NULL), "mount");
}

static void listen_behind_mount(void *unused) {
    (void)unused;
    keep_only(-1);
    private_mount();
    actor("holder", listen_full, (void *)ready_b);
    await_cue(ready_b);
    unix_connect();
}

static void path_in_two_mounts(void) {
    must(mkdir(private_path("run"), 0755), "mkdir");
    path_name(private_path("run/server"));
    fact("path", "%s", name.sun_path);
    actor("bystander", listen_full, (void *)ready_c);
    await_cue(ready_c);
    actor("victim", listen_behind_mount, NULL);
}

// ---- System V objects ----

struct message {
    long type;
    char text[1024];
};

static int queue;

static void receive_one_and_sleep(void *unused) {
    (void)unused;
    keep_only(-1);
    struct message message;
    must((int)msgrcv(queue, &message, sizeof message.text, 0, 0), "msgrcv");
    give_cue(received);
    sleep_for_good();
}

// Of one ipc namespace; ids of different namespaces are the same small numbers.
static void fill_queue(bool wait) {
    struct message message = {.type = 1};
    queue = must(msgget(IPC_PRIVATE, 0600), "msgget");
    must(msgsnd(queue, &message, sizeof message.text, 0), "msgsnd");
    actor("holder", receive_one_and_sleep, NULL);
    await_cue(received);
    while (msgsnd(queue, &message, sizeof message.text, IPC_NOWAIT) == 0) continue;
    if (!wait) return;
    fact("queue", "%d", queue);
    will_wait(SYS_msgsnd);
    msgsnd(queue, &message, sizeof message.text, 0);
}

static void send_in_own_ipc(void *unused) {
    (void)unused;
    keep_only(-1);
    enter(CLONE_NEWIPC);
    fill_queue(true);
}

static void ipc_send(void) { actor("victim", send_in_own_ipc, NULL); }

// A bystander has received from queue 0 of another ipc namespace: it is not the victim's queue 0.
static void bystander_queue(void *unused) {
    (void)unused;
    keep_only(-1);
    enter(CLONE_NEWIPC);
    struct message message = {.type = 1};
    int other = must(msgget(IPC_PRIVATE, 0600), "msgget");
    must(msgsnd(other, &message, 10, 0), "msgsnd");
    must((int)msgrcv(other, &message, sizeof message.text, 0, 0), "msgrcv");
    give_cue(ready_c);
    will_wait(SYS_msgrcv);
    syscall(SYS_msgrcv, other, &message, sizeof message.text, 0, 0);
}

static void ipc_same_id(void) {
    actor("bystander", bystander_queue, NULL);
    await_cue(ready_c);
    actor("victim", send_in_own_ipc, NULL);
}

static void semaphore_in_own_ipc(void *unused) {
    (void)unused;
    keep_only(-1);
    enter(CLONE_NEWIPC);
    int set = must(semget(IPC_PRIVATE, 1, 0600), "semget");
    fact("set", "%d", set);
    struct sembuf take = {.sem_num = 0, .sem_op = -1};
    will_wait(ANY_CALL);
    semop(set, &take, 1);
}

static void ipc_semaphore(void) { actor("victim", semaphore_in_own_ipc, NULL); }

// ---- all of them together, as a container has them ----

enum { container_flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWNS | CLONE_NEWUTS };

static void enter_container(void) {
    uid_t uid = getuid();
    gid_t gid = getgid();
    must(unshare(container_flags), "unshare");
    char map[32];
    int fd = must(open("/proc/self/setgroups", O_WRONLY), "setgroups");
    must((int)write(fd, "deny", 4), "setgroups");
    close(fd);
    fd = must(open("/proc/self/uid_map", O_WRONLY), "uid_map");
    must((int)write(fd, map, (size_t)snprintf(map, sizeof map, "0 %u 1", uid)), "uid_map");
    close(fd);
    fd = must(open("/proc/self/gid_map", O_WRONLY), "gid_map");
    must((int)write(fd, map, (size_t)snprintf(map, sizeof map, "0 %u 1", gid)), "gid_map");
    close(fd);
}

static void queue_in_container(void *unused) {
    (void)unused;
    fill_queue(true);
}

static void tcp_in_container(void *unused) {
    (void)unused;
    set_up_interface("lo", NULL, 0);
    int listener = listen_at("127.0.0.1", 5);
    int client = connect_from(NULL, 0, "127.0.0.1");
    int server = must(accept(listener, NULL, NULL), "accept");
    close(listener);
    actor("holder", peer_keeps, (void *)(long)server);
    close(server);
    receive(client);
}

static void connect_in_container(void *unused) {
    (void)unused;
    must(mount("lab", "/tmp", "tmpfs", 0, NULL), "mount");
    path_name("/tmp/server");
    actor("holder", listen_full, (void *)ready_b);
    await_cue(ready_b);
    unix_connect();
}

// The first process of the pid namespace only stands by; pid 2 is the victim's number inside.
static void first_process(void *body) {
    actor("victim", (actor_body)body, NULL);
    pause_for_good();
}

static void container(void *body) {
    keep_only(-1);
    enter_container();
    actor("init", first_process, body);
    pause_for_good();
}

static void container_queue(void) { actor("outside", container, (void *)queue_in_container); }
static void container_tcp(void) { actor("outside", container, (void *)tcp_in_container); }
static void container_unix(void) { actor("outside", container, (void *)connect_in_container); }

// ---- numbers that were given to somebody else ----

static void receive_one_and_exit(void *unused) {
    (void)unused;
    keep_only(-1);
    struct message message;
    must((int)msgrcv(queue, &message, sizeof message.text, 0, 0), "msgrcv");
    will_end(false);
}

static void ask_for_number(pid_t number) {
    char text[16];
    int fd = must(open("/proc/sys/kernel/ns_last_pid", O_WRONLY), "ns_last_pid");
    must((int)write(fd, text, (size_t)snprintf(text, sizeof text, "%d", number - 1)), "ns_last_pid");
    close(fd);
}

static void wait_for_next_second(void) {
    time_t now = time(NULL);
    struct timespec moment = {0, 10000000};
    while (time(NULL) < now + 3) nanosleep(&moment, NULL);
}

// The last receiver has exited, and its number belongs to a newer process.
static void reused_inside(void *later) {
    queue = must(msgget(IPC_PRIVATE, 0600), "msgget");
    struct message message = {.type = 1};
    must(msgsnd(queue, &message, sizeof message.text, 0), "msgsnd");
    pid_t number = actor("receiver", receive_one_and_exit, NULL);
    while (waitpid(number, NULL, 0) == -1 && errno == EINTR) continue;
    if (later) wait_for_next_second();
    ask_for_number(number);
    pid_t bystander = actor("bystander", sleeper, NULL);
    if (bystander != number) {
        errno = EBUSY;
        fail("the number was taken");
    }
    while (msgsnd(queue, &message, sizeof message.text, IPC_NOWAIT) == 0) continue;
    fact("queue", "%d", queue);
    will_wait(SYS_msgsnd);
    msgsnd(queue, &message, sizeof message.text, 0);
}

static void reused_at_once(void *unused) {
    (void)unused;
    reused_inside(NULL);
}

static void reused_later(void *unused) {
    (void)unused;
    reused_inside((void *)1);
}

static void reused_victim(void *body) {
    keep_only(-1);
    enter(CLONE_NEWPID | CLONE_NEWIPC);
    actor("init", first_process, body);
    pause_for_good();
}

static void pid_reused(void) { actor("outside", reused_victim, (void *)reused_later); }
static void pid_reused_at_once(void) { actor("outside", reused_victim, (void *)reused_at_once); }

const struct scenario namespace_scenarios[] = {
    {"netns-tcp", tcp_loopback, 2},
    {"netns-tcp-send", tcp_loopback_send, 2},
    {"netns-udp", udp_loopback, 2},
    {"netns-unix-pair", unix_pair_inside, 2},
    {"netns-connect-unanswered", tcp_connect_void, 1},
    {"netns-udp-unanswered", udp_void, 1},
    {"netns-veth", tcp_veth, 2},
    {"netns-veth-stopped", tcp_veth_stopped, 2},
    {"netns-veth-send", tcp_veth_send, 2},
    {"netns-veth-unaccepted", tcp_veth_unaccepted, 2},
    {"netns-cable-cut", tcp_cut, 2},
    {"netns-cable-cut-send", tcp_cut_send, 2},
    {"netns-same-addresses", tcp_twins, 4},
    {"netns-abstract-twice", abstract_twins, 3},
    {"netns-unix-path", path_across, 2},
    {"unix-path-twice", path_twice, 3},
    {"mntns-unix-path", path_in_two_mounts, 3},
    {"ipcns-send", ipc_send, 2},
    {"ipcns-same-id", ipc_same_id, 3},
    {"ipcns-semaphore", ipc_semaphore, 1},
    {"container-queue", container_queue, 4},
    {"container-tcp", container_tcp, 4},
    {"container-unix-connect", container_unix, 4},
    {"pid-reused", pid_reused, 5},
    {"pid-reused-at-once", pid_reused_at_once, 5},
    {NULL, NULL, 0},
};
