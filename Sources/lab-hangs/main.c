// lab-hangs NAME [NUMBER]: makes one real hang, says who plays which role in it, and holds it until stdin ends.
#include "lab.h"

#include <poll.h>
#include <sys/prctl.h>

// Builds against another C library play some families only, under names that begin with LAB_VARIANT.
#ifdef LAB_FAMILIES
static const struct scenario *const families[] = {LAB_FAMILIES};
#else
#define LAB_VARIANT ""
static const struct scenario *const families[] = {
    mutex_scenarios,
    mutex_graph_scenarios,
    other_futex_scenarios,
    rwlock_scenarios,
    condition_scenarios,
    lock_trap_scenarios,
    pipe_scenarios,
    unix_listener_scenarios,
    unix_pair_scenarios,
    sysv_scenarios,
    file_lock_scenarios,
    process_scenarios,
    control_group_scenarios,
    event_wait_scenarios,
    poll_set_scenarios,
    mixed_scenarios,
    trap_scenarios,
    signal_scenarios,
    control_scenarios,
    load_scenarios,
};
#endif

static const char *option;

long option_number(long fallback) { return option ? strtol(option, NULL, 10) : fallback; }

static const struct scenario *find(const char *name) {
    if (strncmp(name, LAB_VARIANT, strlen(LAB_VARIANT)) == 0) name += strlen(LAB_VARIANT);
    for (size_t family = 0; family < sizeof families / sizeof families[0]; family++)
        for (const struct scenario *entry = families[family]; entry->name; entry++)
            if (strcmp(entry->name, name) == 0) return entry;
    return NULL;
}

static int usage(void) {
    fputs("usage: lab-hangs NAME [NUMBER]     names:\n", stderr);
    for (size_t family = 0; family < sizeof families / sizeof families[0]; family++)
        for (const struct scenario *entry = families[family]; entry->name; entry++)
            fprintf(stderr, "  %s\n", entry->name);
    return 64;
}

static void asked_to_go(int signal_number) { (void)signal_number; }

// Signals that ask us to go are held back until the stage is set, and then end the wait for the end of stdin.
static void await_end(void) {
    struct pollfd input = {.fd = 0, .events = POLLIN};
    char ignored[256];
    for (;;) {
        if (ppoll(&input, 1, NULL, &stage->outer_mask) < 0) return;
        if (read(0, ignored, sizeof ignored) <= 0) return;
    }
}

int main(int argc, char **argv) {
    const struct scenario *scenario = argc > 1 ? find(argv[1]) : NULL;
    if (!scenario) return usage();
    option = argc > 2 ? argv[2] : NULL;
    open_stage();
    stage->conductor = getpid();

    sigset_t endings;
    sigemptyset(&endings);
    for (size_t i = 0; i < ending_signal_count; i++) sigaddset(&endings, ending_signals[i]);
    sigprocmask(SIG_BLOCK, &endings, &stage->outer_mask);
    for (size_t i = 0; i < ending_signal_count; i++) signal(ending_signals[i], asked_to_go);
    signal(SIGPIPE, SIG_IGN);  // the audience may leave; the stage is cleared all the same
    prctl(PR_SET_CHILD_SUBREAPER, 1);

    scenario->set_up();
    keep_only(-1);
    await_all_roles(scenario->roles > 0 ? scenario->roles : stage->expected_roles);
    print_stage();
    await_end();
    print_pause();
    clear_stage();
    return 0;
}
