// Chains and cycles across mechanisms: what no tool for one kind of lock can see.
#include "lab.h"

#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { mutex_held = 0, file_held = 1, listening = 2, crowded = 3, received = 4 };

static int ends[2];
static pthread_mutex_t *mutex;
static int queue;

static void take_mutex(void) {
    must_be_zero(pthread_mutex_lock(mutex), "pthread_mutex_lock");
    give_cue(mutex_held);
}

static void read_pipe(void) {
    char byte;
    will_wait(SYS_read);
    ssize_t length = read(ends[0], &byte, 1);
    (void)length;
}

static void take_file(void) {
    must(flock(open_file("file"), LOCK_EX), "flock");
    give_cue(file_held);
}

static void want_file(void) {
    await_cue(file_held);
    int file = open_file("file");
    will_wait(SYS_flock);
    flock(file, LOCK_EX);
}

static void want_mutex(void) {
    await_cue(mutex_held);
    will_wait(SYS_futex);
    pthread_mutex_lock(mutex);
}

static void make_shared_mutex(void) {
    mutex = shared_memory(4096);
    pthread_mutexattr_t shared;
    pthread_mutexattr_init(&shared);
    pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    must_be_zero(pthread_mutex_init(mutex, &shared), "pthread_mutex_init");
}

// ---- mutex, pipe, flock, sleep ----

static void *reads_with_mutex(void *unused) {
    take_mutex();
    read_pipe();
    return unused;
}

static void wants_mutex_of_reader(void *unused) {
    (void)unused;
    keep_only(ends[0], -1);
    static pthread_mutex_t private_mutex = PTHREAD_MUTEX_INITIALIZER;
    mutex = &private_mutex;
    performer("reader", reads_with_mutex, NULL);
    want_mutex();
}

static void writer_wants_file(void *unused) {
    (void)unused;
    keep_only(ends[1], -1);
    want_file();
}

static void file_sleeper(void *unused) {
    (void)unused;
    keep_only(-1);
    take_file();
    sleep_for_good();
}

static void chain_of_files(void) {
    private_path("file");
    make_pipe(ends, "pipe");
    actor("victim", wants_mutex_of_reader, NULL);
    actor("writer", writer_wants_file, NULL);
    actor("root", file_sleeper, NULL);
}

// ---- the story: queue, socket, stopped server ----

static socklen_t address(struct sockaddr_un *made) {
    memset(made, 0, sizeof *made);
    made->sun_family = AF_UNIX;
    snprintf(made->sun_path, sizeof made->sun_path, "%s", private_path("socket"));
    return sizeof *made;
}

static int client(void) {
    struct sockaddr_un server;
    socklen_t length = address(&server);
    int own = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    connect(own, (struct sockaddr *)&server, length);
    return own;
}

static void server(void *unused) {
    (void)unused;
    keep_only(-1);
    struct sockaddr_un own;
    socklen_t length = address(&own);
    int listener = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    must(bind(listener, (struct sockaddr *)&own, length), "bind");
    must(listen(listener, 0), "listen");
    client();
    give_cue(listening);
    will_wait(ANY_CALL);
    for (;;) pause();
}

struct message {
    long type;
    char text[1024];
};

// msgsnd notes the thread, not the process, as last receiver if that thread was waiting (pipelined_send in ipc/msg.c).
static bool receiver_waits;

static void *dispatcher(void *unused) {
    await_cue(listening);
    struct message message;
    if (receiver_waits) will_wait(SYS_msgrcv);
    must((int)msgrcv(queue, &message, sizeof message.text, 0, 0), "msgrcv");
    give_cue(received);
    will_wait(SYS_connect);
    client();
    return unused;
}

static void logger(void *unused) {
    (void)unused;
    keep_only(-1);
    struct message message = {.type = 1};
    if (receiver_waits) {
        performer("dispatcher", dispatcher, NULL);
        await_blocked("dispatcher");
        must(msgsnd(queue, &message, 10, 0), "msgsnd");
    } else {
        must(msgsnd(queue, &message, 10, 0), "msgsnd");
        performer("dispatcher", dispatcher, NULL);
    }
    await_cue(received);
    while (msgsnd(queue, &message, sizeof message.text, IPC_NOWAIT) == 0) continue;
    will_wait(SYS_msgsnd);
    msgsnd(queue, &message, sizeof message.text, 0);
}

static void story(void) {
    queue = private_queue();
    fact("queue", "%d", queue);
    fact("path", "%s", private_path("socket"));
    actor("root", server, NULL);
    actor("victim", logger, NULL);
    await_blocked("victim");
    await_blocked("root");
    stop("root");
}

static void story_of_waiting_receiver(void) {
    receiver_waits = true;
    story();
}

// ---- join, mutex, child ----

static void *waits_for_child(void *unused) {
    take_mutex();
    pid_t child = actor("root", sleeper, NULL);
    will_wait(SYS_wait4);
    syscall(SYS_wait4, child, NULL, 0, NULL);
    return unused;
}

static void *wants_mutex(void *unused) {
    want_mutex();
    return unused;
}

static void joins(void *unused) {
    (void)unused;
    keep_only(-1);
    static pthread_mutex_t private_mutex = PTHREAD_MUTEX_INITIALIZER;
    mutex = &private_mutex;
    performer("parent", waits_for_child, NULL);
    pthread_t worker = performer("worker", wants_mutex, NULL);
    await_blocked("worker");
    will_wait(SYS_futex);
    pthread_join(worker, NULL);
}

static void chain_of_threads(void) { actor("victim", joins, NULL); }

// ---- cycles over pipe, flock and mutex ----

static void mutex_then_pipe(void *unused) {
    (void)unused;
    keep_only(ends[0], -1);
    take_mutex();
    read_pipe();
}

static void file_then_mutex(void *unused) {
    (void)unused;
    keep_only(-1);
    take_file();
    want_mutex();
}

static void pausing_writer(void *unused) {
    (void)unused;
    keep_only(ends[1], -1);
    pause_for_good();
}

static void cycle(void) {
    private_path("file");
    make_shared_mutex();
    make_pipe(ends, "pipe");
    actor("victim", mutex_then_pipe, NULL);
    actor("writer", writer_wants_file, NULL);
    actor("locker", file_then_mutex, NULL);
}

static void cycle_with_exit(void) {
    cycle();
    actor("bystander", pausing_writer, NULL);
}

// ---- a parent that waits for any child, and children that want what it holds ----

static void child_wants_file(void *unused) {
    (void)unused;
    want_file();
}

static void parent_with_file(void *unused) {
    (void)unused;
    keep_only(-1);
    actor("child-1", child_wants_file, NULL);
    actor("child-2", child_wants_file, NULL);
    take_file();
    will_wait(SYS_wait4);
    syscall(SYS_wait4, -1, NULL, 0, NULL);
}

static void family_knot(void) {
    private_path("file");
    actor("victim", parent_with_file, NULL);
}

const struct scenario mixed_scenarios[] = {
    {"mixed-mutex-pipe-flock-sleep", chain_of_files, 4},
    {"mixed-queue-socket-stopped", story, 3},
    {"mixed-queue-receiver-thread", story_of_waiting_receiver, 3},
    {"mixed-join-mutex-child", chain_of_threads, 4},
    {"mixed-cycle", cycle, 3},
    {"mixed-cycle-with-exit", cycle_with_exit, 4},
    {"mixed-family-knot", family_knot, 3},
    {NULL, NULL, 0},
};
