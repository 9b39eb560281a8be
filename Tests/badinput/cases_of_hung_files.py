"""Targets that hang whoever reads them: dead mounts, missing memory, unanswered permissions, locks that procfs needs."""

import os
import subprocess
import time

from cases_of_processes import children_of, has_scenario
from harness import Skip, need_root, newest, state_of, wait_for

deadline_seconds = 10
# Starting and printing, on a busy machine, and one more read that may be under way when the time is over.
grace_seconds = 5


def stands(helpers, name):
    need_root()
    if not has_scenario(helpers, name):
        raise Skip(f"lab-hangs has no {name}")
    return helpers.hang(name)


def answers(tool, pid, limit=deadline_seconds, options=(), readers_left=0):
    """`readers_left`: a read that the dead daemon has taken up cannot be killed; each run may leave one that ends with the mount."""
    document, run = tool.explain(pid, "--deadline", limit, *options, limit=limit + 20)
    run.expect(run.seconds < limit + grace_seconds, f"answered after {run.seconds:.1f} s, with a deadline of {limit} s")
    left = [name for name in leftovers() if state_of(name) not in (None, "Z")]
    run.expect(len(left) <= readers_left, f"left its readers behind: {left}")
    return document, run


def leftovers():
    """Reader processes whose parent has ended."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/status") as file:
                lines = dict(line.split(":", 1) for line in file if ":" in line)
        except OSError:
            continue
        if lines.get("Name", "").strip() == "waitchain-read" and lines.get("PPid", "").strip() == "1":
            found.append(int(entry))
    return found


def hung_file(name, kind):
    def case(tool, helpers):
        roles = stands(helpers, name)
        document, run = answers(tool, roles["victim"][0])
        kinds = {thread["wait"]["kind"] for thread in document["threads"] if thread["tid"] == roles["victim"][1]}
        run.expect(kinds == {kind}, f"{kinds}, not {kind}")
        # With all stacks, and of the whole host: whatever is read beside.
        answers(tool, roles["victim"][0], options=["--stacks"], readers_left=1 if name == "fuse-executable" else 0)
        every, run = tool.explain("--deadline", deadline_seconds, limit=60)
        run.expect(run.seconds < deadline_seconds + grace_seconds, f"the whole host took {run.seconds:.1f} s")
        return f"{run.seconds:.1f} s"

    case.__name__ = "hung_" + name.replace("-", "_")
    return case


def stuck_in_execve(tool, helpers):
    """It holds the lock that every reader of its stat, links, memory and call needs, and whoever reads one in place hangs with it."""
    need_root()
    if not has_scenario(helpers, "stuck-in-execve"):
        raise Skip("lab-hangs has no stuck-in-execve")
    process = helpers.start(newest(helpers.root, "lab-hangs", "LAB_HANGS"), "stuck-in-execve", text=True)
    victim = None
    for line in process.stdout:
        words = line.split()
        if words[:2] == ["fact", "victim"]:
            victim = int(words[2])
        if line.strip() == "ready":
            break
    if victim is None:
        raise Skip("stuck-in-execve cannot be made here")
    # Other programs of this host hang with it: everything is asked within few seconds, and side by side.
    runs = [
        (arguments, subprocess.Popen([str(tool.path), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        for arguments in (["explain", str(victim), "--json", "--deadline", "4"], ["explain", "--json", "--deadline", "4"])
    ]
    start = time.monotonic()
    done = []
    for arguments, running in runs:
        done.append(tool.finish(running, arguments, start, limit=14))
    for run in done:
        run.expect_status(0)
        run.expect(run.seconds < 4 + grace_seconds, f"answered after {run.seconds:.1f} s, with a deadline of 4 s")
    document = done[0].document
    run = done[0]
    run.expect([thread for thread in document["threads"] if thread["pid"] == victim], "the process is missing")
    return f"{done[0].seconds:.1f} s and {done[1].seconds:.1f} s; {len(document['gaps'])} gaps"


def unanswered_permission_for_the_executable(tool, helpers):
    """Whoever opens its executable waits for a fanotify listener that never answers: the reader process too."""
    need_root()
    program = helpers.compiled(
        "watched",
        """
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <stdio.h>
        #include <sys/fanotify.h>
        #include <sys/syscall.h>
        #include <unistd.h>
        int main(int count, char **arguments) {
            if (count < 2) for (;;) pause();
            int group = syscall(SYS_fanotify_init, FAN_CLASS_CONTENT, O_RDONLY);
            if (group < 0 || syscall(SYS_fanotify_mark, group, FAN_MARK_ADD, FAN_OPEN_PERM | FAN_ACCESS_PERM, AT_FDCWD, arguments[1])) return 1;
            puts("watching");
            fflush(stdout);
            char byte;
            while (read(0, &byte, 1) > 0) {}
            return 0;
        }
        """,
    )
    victim = helpers.start(program)
    wait_for("it pauses", lambda: state_of(victim.pid) == "S")
    listener_program = helpers.scratch / "listener"
    listener_program.write_bytes(program.read_bytes())
    listener_program.chmod(0o755)
    listener = helpers.start(listener_program, program)
    if listener.stdout.readline() != b"watching\n":
        raise Skip("no fanotify permission events here")
    try:
        document, run = answers(tool, victim.pid, options=["--stacks"])
        run.expect(document["gaps"], "no gap says that something could not be read")
    finally:
        victim.kill()
    return f"{run.seconds:.1f} s; {document['gaps'][-1]['what']} {document['gaps'][-1]['why']}"


cases = [
    hung_file("fuse-working-directory", "fuse"), hung_file("fuse-executable", "sleep"), hung_file("fuse-mapped-page", "page-fault"),
    hung_file("fuse-read", "fuse"), hung_file("fuse-memory-map", "fuse"), hung_file("userfault-futex-word", "page-fault"),
    hung_file("userfault-pollfd", "page-fault"), hung_file("userfault-path", "page-fault"), hung_file("userfault-epoll", "page-fault"), hung_file("fanotify-execve", "fanotify"),
    unanswered_permission_for_the_executable, stuck_in_execve,
]
