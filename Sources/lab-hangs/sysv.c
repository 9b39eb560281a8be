// System V message queues and semaphores: the kernel names only who touched a queue last.
#include "lab.h"

#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>

enum { received = 0, filled = 1 };

struct message {
    long type;
    char text[1024];
};

static int queue, second_queue;

static void make_queue(int *made, const char *key) {
    *made = private_queue();
    fact(key, "%d", *made);
}

static void limit_bytes(int which, unsigned long bytes) {
    struct msqid_ds state;
    must(msgctl(which, IPC_STAT, &state), "IPC_STAT");
    state.msg_qbytes = bytes;
    must(msgctl(which, IPC_SET, &state), "IPC_SET");
}

static void send_one(int which, size_t size) {
    struct message message = {.type = 1};
    must(msgsnd(which, &message, size, 0), "msgsnd");
}

static void receive_one(int which) {
    struct message message;
    must((int)msgrcv(which, &message, sizeof message.text, 0, 0), "msgrcv");
}

static void send_until_full(int which, size_t size) {
    struct message message = {.type = 1};
    while (msgsnd(which, &message, size, IPC_NOWAIT) == 0) continue;
}

static void send_to_full(int which, size_t size) {
    struct message message = {.type = 1};
    send_until_full(which, size);
    will_wait(SYS_msgsnd);
    msgsnd(which, &message, size, 0);
}

// ---- sending ----

// Receives one message, so that the queue knows it as its last receiver, and turns to something else.
static void receive_and_sleep(void *unused) {
    (void)unused;
    keep_only(-1);
    receive_one(queue);
    give_cue(received);
    sleep_for_good();
}

static void receive_and_pause(void *unused) {
    (void)unused;
    keep_only(-1);
    receive_one(queue);
    give_cue(received);
    pause_for_good();
}

static void receive_and_exit(void *unused) {
    (void)unused;
    receive_one(queue);
    give_cue(received);
    will_end(false);
}

static void send_blocks(void *size) {
    keep_only(-1);
    await_cue(received);
    send_to_full(queue, (size_t)(long)size);
}

static void full_by_bytes(void) {
    make_queue(&queue, "queue");
    send_one(queue, 100);
    actor("holder", receive_and_sleep, NULL);
    actor("victim", send_blocks, (void *)1024L);
}

// Messages without text take no bytes, but one place each out of msg_qbytes places.
static void full_by_count(void) {
    make_queue(&queue, "queue");
    limit_bytes(queue, 64);
    send_one(queue, 0);
    actor("holder", receive_and_sleep, NULL);
    actor("victim", send_blocks, (void *)0L);
}

static void receiver_stopped(void) {
    full_by_bytes();
    await_blocked("victim");
    await_blocked("holder");
    stop("holder");
}

// The last receiver merely peeked once; the process that should read never did.
static void bystander_received(void) {
    make_queue(&queue, "queue");
    send_one(queue, 100);
    actor("bystander", receive_and_pause, NULL);
    actor("consumer", sleeper, NULL);
    actor("victim", send_blocks, (void *)1024L);
}

static void receiver_gone(void) {
    make_queue(&queue, "queue");
    send_one(queue, 100);
    actor("receiver", receive_and_exit, NULL);
    await_exit("receiver");
    actor("victim", send_blocks, (void *)1024L);
}

static void never_received(void) {
    make_queue(&queue, "queue");
    give_cue(received);
    actor("victim", send_blocks, (void *)1024L);
}

static void create_and_exit(void *unused) {
    (void)unused;
    queue = private_queue();
    send_one(queue, 100);
    fact("queue", "%d", queue);
    will_end(false);
}

static void creator_gone(void) {
    actor("creator", create_and_exit, NULL);
    await_exit("creator");
    queue = stage->queues[0];
    actor("holder", receive_and_sleep, NULL);
    actor("victim", send_blocks, (void *)1024L);
}

// Two daemons feed each other's queue, and both queues are full.
static void daemon_one(void *unused) {
    (void)unused;
    keep_only(-1);
    receive_one(second_queue);
    give_cue(received);
    await_cue(filled);
    send_to_full(queue, 1024);
}

static void daemon_two(void *unused) {
    (void)unused;
    keep_only(-1);
    receive_one(queue);
    give_cue(filled);
    await_cue(received);
    send_to_full(second_queue, 1024);
}

static void mutual_send(void) {
    make_queue(&queue, "queue");
    make_queue(&second_queue, "second-queue");
    send_one(queue, 100);
    send_one(second_queue, 100);
    actor("victim", daemon_one, NULL);
    actor("holder", daemon_two, NULL);
}

// ---- receiving ----

static void receive_type_7(void *unused) {
    (void)unused;
    keep_only(-1);
    await_cue(filled);
    struct message message;
    will_wait(SYS_msgrcv);
    msgrcv(queue, &message, sizeof message.text, 7, 0);
}

static void send_type_1_and_sleep(void *unused) {
    (void)unused;
    keep_only(-1);
    send_one(queue, 100);
    send_one(queue, 100);
    give_cue(filled);
    sleep_for_good();
}

static void receive_by_type(void) {
    make_queue(&queue, "queue");
    actor("holder", send_type_1_and_sleep, NULL);
    actor("victim", receive_type_7, NULL);
}

static void receive_from_nobody(void) {
    make_queue(&queue, "queue");
    give_cue(filled);
    actor("victim", receive_type_7, NULL);
}

// ---- semaphores ----

static int semaphores;

static void take_and_sleep(void *unused) {
    (void)unused;
    keep_only(-1);
    struct sembuf take = {1, -1, SEM_UNDO};
    must(semop(semaphores, &take, 1), "semop");
    give_cue(received);
    sleep_for_good();
}

static void take(void *unused) {
    (void)unused;
    keep_only(-1);
    await_cue(received);
    struct sembuf take = {1, -1, 0};
    will_wait(ANY_CALL);  // semop or semtimedop, as libc likes
    semop(semaphores, &take, 1);
}

static void semaphore(void) {
    semaphores = private_semaphores(2);
    fact("semaphores", "%d", semaphores);
    must(semctl(semaphores, 1, SETVAL, 1), "SETVAL");
    actor("holder", take_and_sleep, NULL);
    actor("victim", take, NULL);
}

const struct scenario sysv_scenarios[] = {
    {"sysv-send-full-bytes", full_by_bytes, 2},
    {"sysv-send-full-count", full_by_count, 2},
    {"sysv-send-stopped", receiver_stopped, 2},
    {"sysv-send-bystander", bystander_received, 3},
    {"sysv-send-receiver-gone", receiver_gone, 2},
    {"sysv-send-never-received", never_received, 1},
    {"sysv-send-creator-gone", creator_gone, 3},
    {"sysv-send-mutual", mutual_send, 2},
    {"sysv-receive-type", receive_by_type, 2},
    {"sysv-receive-nobody", receive_from_nobody, 1},
    {"sysv-semaphore", semaphore, 2},
    {NULL, NULL, 0},
};
