// Looking at /proc: does each role stand where it said it would? And telling the audience.
#include "lab.h"

#include <time.h>

#define UNKNOWN_CALL (-2L)

struct look {
    char state;          // 0 when the thread is gone
    long system_call;    // -1 when in none, or running; UNKNOWN_CALL when the kernel does not say
    unsigned long runs;  // how often it was given a CPU
};

static bool read_task_file(const struct role *role, const char *file, char *text, size_t size) {
    char path[96];
    snprintf(path, sizeof path, "/proc/%d/task/%d/%s", (int)role->pid, (int)role->tid, file);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return false;
    ssize_t length = read(descriptor, text, size - 1);
    close(descriptor);
    if (length < 0) return false;
    text[length] = 0;
    return true;
}

static struct look look_at(const struct role *role) {
    struct look look = {0, -1, 0};
    char text[1024];
    if (!read_task_file(role, "stat", text, sizeof text)) return look;
    char *end_of_name = strrchr(text, ')');
    if (end_of_name) look.state = end_of_name[2];
    if (read_task_file(role, "schedstat", text, sizeof text)) sscanf(text, "%*u %*u %lu", &look.runs);
    if (!read_task_file(role, "syscall", text, sizeof text)) look.system_call = UNKNOWN_CALL;
    else if (text[0] >= '0' && text[0] <= '9') look.system_call = strtol(text, NULL, 10);
    return look;
}

static bool blocked_in(const struct role *role, struct look look) {
    if (look.state != 'S' && look.state != 'D') return false;
#ifdef SYS_futex_time64
    // 32-bit C libraries have two calls for it, with times of two sizes.
    if (role->system_call == SYS_futex && look.system_call == SYS_futex_time64) return true;
#endif
    return role->system_call == ANY_CALL || look.system_call == UNKNOWN_CALL || look.system_call == role->system_call;
}

// Whether one look suffices, and whether it is as announced; a blocked thread needs a second look.
static bool stands(const struct role *role, struct look look) {
    switch (role->state) {
        case 'M': return look.state != 0;
        case 'X': return look.state == 0;
        case 'S': return blocked_in(role, look);
        default: return look.state == role->state;
    }
}

int first_unsettled(int from, int to) {
    static struct look looks[max_roles];
    for (int i = from; i < to; i++) {
        const struct role *role = &stage->roles[i];
        if (!atomic_load(&role->reported) || !atomic_load(&role->announced)) return i;
        looks[i] = look_at(role);
        if (!stands(role, looks[i])) return i;
    }
    struct timespec moment = {0, 500000};
    nanosleep(&moment, NULL);
    for (int i = from; i < to; i++) {
        const struct role *role = &stage->roles[i];
        if (role->state != 'S') continue;
        struct look again = look_at(role);
        if (!blocked_in(role, again) || again.runs != looks[i].runs) return i;
    }
    return -1;
}

// The lines of the protocol: `role NAME PID TID`, `waits NAME STATE CALL CHANNEL`, `fact KEY VALUE`, `ready`.
void print_stage(void) {
    int roles = atomic_load(&stage->role_count), facts = atomic_load(&stage->fact_count);
    for (int i = 0; i < roles; i++) {
        const struct role *role = &stage->roles[i];
        printf("role %s %d %d\n", role->name, (int)role->pid, (int)role->tid);
    }
    for (int i = 0; i < roles && roles <= 64; i++) {
        const struct role *role = &stage->roles[i];
        struct look look = look_at(role);
        char channel[128] = "-";
        if (!read_task_file(role, "wchan", channel, sizeof channel) || !channel[0]) strcpy(channel, "-");
        printf("waits %s %c %ld %s\n", role->name, role->state, look.system_call, channel);
    }
    for (int i = 0; i < facts; i++) printf("fact %s %s\n", stage->facts[i].key, stage->facts[i].value);
    puts("ready");
    fflush(stdout);
}

void print_pause(void) {
    long longest = atomic_load(&stage->longest_pause_us);
    if (longest < 0) return;
    printf("fact longest-pause-us %ld\n", longest);
    fflush(stdout);
}
