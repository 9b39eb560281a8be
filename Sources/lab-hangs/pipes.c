// Pipes and FIFOs: nothing to read, no room to write, ends that the wrong process keeps.
#include "lab.h"

#include <sys/stat.h>

static int first[2], second[2];

static void read_one(int descriptor) {
    char byte;
    will_wait(SYS_read);
    ssize_t length = read(descriptor, &byte, 1);
    (void)length;
}

static void write_full(int descriptor) {
    fill_pipe(descriptor);
    will_wait(SYS_write);
    ssize_t length = write(descriptor, "x", 1);
    (void)length;
}

// Bodies: each keeps one end of the first pipe.
static void reader(void *unused) {
    (void)unused;
    keep_only(first[0], -1);
    read_one(first[0]);
}

static void writer(void *unused) {
    (void)unused;
    keep_only(first[1], -1);
    write_full(first[1]);
}

static void sleeping_writer(void *unused) {
    (void)unused;
    keep_only(first[1], -1);
    sleep_for_good();
}

static void sleeping_reader(void *unused) {
    (void)unused;
    keep_only(first[0], -1);
    sleep_for_good();
}

static void pausing_writer(void *unused) {
    (void)unused;
    keep_only(first[1], -1);
    pause_for_good();
}

static void spinning_writer(void *unused) {
    (void)unused;
    keep_only(first[1], -1);
    spin_for_good();
}

static void read_empty(void) {
    make_pipe(first, "pipe");
    actor("victim", reader, NULL);
    actor("holder", sleeping_writer, NULL);
}

static void write_to_full(void) {
    make_pipe(first, "pipe");
    actor("victim", writer, NULL);
    actor("holder", sleeping_reader, NULL);
}

static void writer_idle(void) {
    make_pipe(first, "pipe");
    actor("victim", reader, NULL);
    actor("holder", pausing_writer, NULL);
}

static void writer_running(void) {
    make_pipe(first, "pipe");
    actor("victim", reader, NULL);
    actor("holder", spinning_writer, NULL);
}

static void reader_stopped(void) {
    write_to_full();
    await_blocked("victim");
    await_blocked("holder");
    stop("holder");
}

static void two_writers(void) {
    make_pipe(first, "pipe");
    actor("victim", reader, NULL);
    actor("holder-1", sleeping_writer, NULL);
    actor("holder-2", sleeping_writer, NULL);
}

static void read_with_both_ends(void *unused) {
    (void)unused;
    keep_only(first[0], first[1], -1);
    read_one(first[0]);
}

static void self_held(void) {
    make_pipe(first, "pipe");
    actor("victim", read_with_both_ends, NULL);
}

// A helper that closed nothing after fork: it has both ends, and the true writer is gone.
static void forgotten_child(void *unused) {
    (void)unused;
    keep_only(first[0], first[1], -1);
    sleep_for_good();
}

static void leaked_end(void) {
    make_pipe(first, "pipe");
    actor("victim", reader, NULL);
    actor("holder", forgotten_child, NULL);
}

// ---- two pipes ----

static void read_first_keep_second(void *unused) {
    (void)unused;
    keep_only(first[0], second[1], -1);
    read_one(first[0]);
}

static void read_second_keep_first(void *unused) {
    (void)unused;
    keep_only(second[0], first[1], -1);
    read_one(second[0]);
}

static void write_first_keep_second(void *unused) {
    (void)unused;
    keep_only(first[1], second[0], -1);
    write_full(first[1]);
}

static void write_second_keep_first(void *unused) {
    (void)unused;
    keep_only(second[1], first[0], -1);
    write_full(second[1]);
}

static void mutual_read(void) {
    make_pipe(first, "pipe");
    make_pipe(second, "second-pipe");
    actor("victim", read_first_keep_second, NULL);
    actor("holder", read_second_keep_first, NULL);
}

static void mutual_write(void) {
    make_pipe(first, "pipe");
    make_pipe(second, "second-pipe");
    actor("victim", write_first_keep_second, NULL);
    actor("holder", write_second_keep_first, NULL);
}

// A cycle that is none: a third process could write as well, and waits for a signal.
static void mutual_read_third_writer(void) {
    mutual_read();
    actor("bystander", pausing_writer, NULL);
}

static void sleeping_second_writer(void *unused) {
    (void)unused;
    keep_only(second[1], -1);
    sleep_for_good();
}

static void pipeline(void) {
    make_pipe(first, "pipe");
    make_pipe(second, "second-pipe");
    actor("victim", reader, NULL);
    actor("holder", read_second_keep_first, NULL);
    actor("root", sleeping_second_writer, NULL);
}

// ---- FIFOs ----

static void make_fifo(void) {
    must(mkfifo(private_path("fifo"), 0600), "mkfifo");
    fact("path", "%s", private_path("fifo"));
}

static void open_it(void *flags) {
    keep_only(-1);
    will_wait(SYS_openat);
    syscall(SYS_openat, AT_FDCWD, private_path("fifo"), (int)(long)flags, 0);
}

static void fifo_open_read(void) {
    make_fifo();
    actor("victim", open_it, (void *)(long)O_RDONLY);
}

static void fifo_open_write(void) {
    make_fifo();
    actor("victim", open_it, (void *)(long)O_WRONLY);
}

static void open_and_read(void *unused) {
    (void)unused;
    keep_only(-1);
    read_one(must(open(private_path("fifo"), O_RDONLY), "open"));
}

static void open_and_sleep(void *unused) {
    (void)unused;
    keep_only(-1);
    must(open(private_path("fifo"), O_WRONLY), "open");
    sleep_for_good();
}

static void fifo_read(void) {
    make_fifo();
    actor("victim", open_and_read, NULL);
    actor("holder", open_and_sleep, NULL);
}

const struct scenario pipe_scenarios[] = {
    {"pipe-read", read_empty, 2},
    {"pipe-write-full", write_to_full, 2},
    {"pipe-writer-idle", writer_idle, 2},
    {"pipe-writer-running", writer_running, 2},
    {"pipe-reader-stopped", reader_stopped, 2},
    {"pipe-two-writers", two_writers, 3},
    {"pipe-self-held", self_held, 1},
    {"pipe-leaked-end", leaked_end, 2},
    {"pipe-mutual-read", mutual_read, 2},
    {"pipe-mutual-write", mutual_write, 2},
    {"pipe-mutual-third-writer", mutual_read_third_writer, 3},
    {"pipe-pipeline", pipeline, 3},
    {"fifo-open-read", fifo_open_read, 1},
    {"fifo-open-write", fifo_open_write, 1},
    {"fifo-read", fifo_read, 2},
    {NULL, NULL, 0},
};
