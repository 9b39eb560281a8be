// What the scenarios hang on: files, pipes, queues, shared memory; and how all of it goes away.
#include "lab.h"

#include <dirent.h>
#include <stdarg.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <sys/wait.h>

void fact(const char *key, const char *format, ...) {
    int index = atomic_fetch_add(&stage->fact_count, 1);
    if (index >= max_facts) {
        errno = ENOSPC;
        fail("too many facts");
    }
    snprintf(stage->facts[index].key, sizeof stage->facts[index].key, "%s", key);
    va_list values;
    va_start(values, format);
    vsnprintf(stage->facts[index].value, sizeof stage->facts[index].value, format, values);
    va_end(values);
}

const char *private_path(const char *name) {
    static char path[256];
    if (!stage->directory[0]) {
        const char *parent = getenv("TMPDIR");
        char made[256];
        snprintf(made, sizeof made, "%s/lab-hangs.XXXXXX", parent && strlen(parent) < 40 ? parent : "/tmp");
        if (!mkdtemp(made)) fail("mkdtemp");
        memcpy(stage->directory, made, strlen(made) + 1);
    }
    snprintf(path, sizeof path, "%s/%s", stage->directory, name);
    return path;
}

int open_file(const char *name) { return must(open(private_path(name), O_RDWR | O_CREAT, 0600), "open"); }

void *shared_memory(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail("mmap");
    return memory;
}

int private_queue(void) {
    int queue = must(msgget(IPC_PRIVATE, IPC_CREAT | 0600), "msgget");
    stage->queues[stage->queue_count++] = queue;
    return queue;
}

int private_semaphores(int count) {
    int set = must(semget(IPC_PRIVATE, count, IPC_CREAT | 0600), "semget");
    stage->semaphores[stage->semaphore_count++] = set;
    return set;
}

unsigned long inode_of(int descriptor) {
    struct stat status;
    must(fstat(descriptor, &status), "fstat");
    return (unsigned long)status.st_ino;
}

unsigned long lock_inode_of(int descriptor) {
    char path[48], line[128];
    unsigned long inode = inode_of(descriptor);
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", descriptor);
    FILE *information = fopen(path, "r");
    if (!information) return inode;
    while (fgets(line, sizeof line, information)) sscanf(line, "ino: %lu", &inode);  // since Linux 5.15
    fclose(information);
    return inode;
}

void make_pipe(int ends[2], const char *key) {
    must(pipe(ends), "pipe");
    fact(key, "%lu", inode_of(ends[0]));
}

void fill_pipe(int write_end) {
    static const char zeros[4096];
    int flags = must(fcntl(write_end, F_GETFL), "F_GETFL");
    must(fcntl(write_end, F_SETFL, flags | O_NONBLOCK), "F_SETFL");
    size_t size = sizeof zeros;
    while (size > 0)
        if (write(write_end, zeros, size) < 0) size /= 2;
    must(fcntl(write_end, F_SETFL, flags), "F_SETFL");
}

// ---- the end ----

// Kills every child, and with the orphans that come to us (PR_SET_CHILD_SUBREAPER) every descendant, and reaps them.
static void end_actors(void) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    for (;;) {
        FILE *children = fopen(path, "r");
        bool any = false;
        if (children) {
            for (int child; fscanf(children, "%d", &child) == 1; any = true) kill(child, SIGKILL);
            fclose(children);
        } else {  // a kernel without CONFIG_PROC_CHILDREN: those that reported themselves
            int count = atomic_load(&stage->role_count);
            for (int i = 0; i < count; i++)
                if (getpgid(stage->roles[i].pid) == getpgrp()) kill(stage->roles[i].pid, SIGKILL);
        }
        if (waitpid(-1, NULL, __WALL) == -1 && errno == ECHILD && !any) return;
    }
}

void clear_stage(void) {
    if (clear_mounts) clear_mounts();
    if (stage->group_count > 0) {
        // Before they are thawed, so that none of them goes on with what it was about.
        int count = atomic_load(&stage->role_count);
        for (int i = 0; i < count && i < max_roles; i++)
            if (atomic_load(&stage->roles[i].reported) && stage->roles[i].pid > 1) kill(stage->roles[i].pid, SIGKILL);
        if (thaw_groups) thaw_groups();
    }
    end_actors();
    if (remove_groups) remove_groups();
    for (int i = 0; i < stage->queue_count; i++) msgctl(stage->queues[i], IPC_RMID, NULL);
    for (int i = 0; i < stage->semaphore_count; i++) semctl(stage->semaphores[i], 0, IPC_RMID);
    if (!stage->directory[0]) return;
    DIR *directory = opendir(stage->directory);
    if (directory) {
        for (struct dirent *entry; (entry = readdir(directory));)
            if (entry->d_name[0] != '.') unlinkat(dirfd(directory), entry->d_name, 0);
        closedir(directory);
    }
    rmdir(stage->directory);
}
