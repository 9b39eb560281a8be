"""Targets that are strange, many, or not there for long."""

import os
import random
import shutil
import signal
import subprocess
import time

from harness import Skip, certain_claims, expect, need_program, newest, state_of, wait_for


def threads_of(document, pid):
    return [thread for thread in document["threads"] if thread["pid"] == pid]


def exits_while_it_is_read(tool, helpers):
    answered = 0
    for round in range(60):
        target = helpers.sleeper()
        command = [str(tool.path), "explain", str(target.pid), "--json"]
        start = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        end = start + random.uniform(0, (0.004, 0.01, 0.03)[round % 3])
        while time.monotonic() < end:
            pass
        target.kill()
        if round % 2:
            target.wait()
        run = tool.finish(process, command, start)
        run.expect_status(0, 2)
        if run.status == 0:
            run.document
            answered += 1
        else:
            run.expect_one_clear_line(about=target.pid)
    return f"{answered} of 60 answered before the end"


def processes_come_and_go(tool, helpers):
    churn = helpers.start("/bin/sh", "-c", "while :; do /bin/true & /bin/true; done")
    for arguments in (["list", "--json"], ["explain", "--json"]):
        for _ in range(10):
            run = tool.run(*arguments)
            run.expect_status(0)
            run.document
    churn.kill()


def thread_list_changes(tool, helpers):
    program = helpers.compiled(
        "churn",
        """
        #include <pthread.h>
        #include <unistd.h>
        static void *brief(void *unused) { usleep(200); return unused; }
        static void *maker(void *unused) {
            for (;;) {
                pthread_t thread;
                if (pthread_create(&thread, 0, brief, 0) == 0) pthread_join(thread, 0);
            }
            return unused;
        }
        int main(void) {
            pthread_t thread;
            for (int i = 0; i < 6; i++) pthread_create(&thread, 0, maker, 0);
            for (char c; read(0, &c, 1) > 0;) {}
            _exit(0);
        }
        """,
    )
    target = helpers.start(program)
    wait_for("it makes threads", lambda: len(os.listdir(f"/proc/{target.pid}/task")) > 3)
    for _ in range(20):
        document, run = tool.explain(target.pid)
        run.expect(threads_of(document, target.pid), "none of its threads is in the answer")
        expect(not any(finding["deadlock"] for finding in document["findings"]), "a deadlock in a program that moves")


def name_that_matches_many(tool, helpers):
    executable = helpers.scratch / "samename"
    shutil.copy("/bin/sleep", executable)
    pids = {helpers.sleeper(executable=executable).pid for _ in range(3)}
    document, run = tool.explain("samename")
    run.expect(pids <= {thread["pid"] for thread in document["threads"]}, "not all processes of that name are explained")


def its_own_pid(tool, helpers):
    command = ["/bin/sh", "-c", 'exec "$0" explain $$ --json', str(tool.path)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    run = tool.finish(process, command, time.monotonic())
    run.expect_status(0)
    run.expect(threads_of(run.document, process.pid), "its own threads are not in the answer")


def the_first_process(tool, helpers):
    document, run = tool.explain(1)
    run.expect(threads_of(document, 1), "no thread of process 1 in the answer")


def kernel_threads(tool, helpers):
    kernel = [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and is_kernel_thread(pid)]
    if 2 not in kernel:
        raise Skip("no kernel threads are visible here")
    document, run = tool.explain(2)
    kinds = {(thread.get("wait") or {}).get("kind") for thread in threads_of(document, 2)}
    run.expect(kinds == {"kernel-worker"}, f"kthreadd waits in {kinds}, not in kernel-worker")
    document, run = tool.explain(*kernel[:20])
    run.expect(not any(finding["deadlock"] for finding in document["findings"]), "a deadlock of kernel threads at rest")
    tool.run("explain", 2).expect_status(0)


def is_kernel_thread(pid):
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[6]) & 0x200000 != 0
    except (OSError, IndexError, ValueError):
        return False


def zombie_leader_with_living_threads(tool, helpers):
    roles = helpers.hang("zombie-leader")
    pid = next(pid for pid, _ in roles.values() if state_of(pid) == "Z")
    living = {tid for owner, tid in roles.values() if owner == pid and state_of(pid, tid) not in ("Z", None)}
    document, run = tool.explain(pid)
    shown = {thread["tid"]: thread for thread in threads_of(document, pid)}
    run.expect(living <= shown.keys(), f"the living threads {living} are not all in the answer: {sorted(shown)}")
    for tid in living:
        kind = shown[tid]["wait"]["kind"]
        run.expect(kind not in ("zombie", "unknown"), f"the living thread {tid} waits in {kind}")
    tool.run("explain", pid).expect_status(0)


def strange_names(tool, helpers):
    names = [b"a) S 1 2 3", b") ", b"two\nlines", b"(((((", b"\x1b[31mred", b"\xff\xfe\x00", b"tab\tbell\x07", b"", b'quote"\\', "\u202eabc".encode(), b"-option"]
    targets = {helpers.sleeper(name=name).pid: name for name in names}
    document, run = tool.explain(*targets)
    for pid, name in targets.items():
        shown = threads_of(document, pid)
        run.expect(shown, f"the process named {name!r} is not in the answer")
        try:
            text = name.split(b"\0")[0][:15].decode()
        except UnicodeDecodeError:
            continue
        run.expect(shown[0]["process"] == text, f"the name {text!r} reads {shown[0]['process']!r}")
    for command in ("explain", "list"):
        run = tool.run(command, *targets, "--color", "never") if command == "explain" else tool.run(command, *targets)
        run.expect_status(0)
        run.expect(b"\x1b" not in run.out and b"\x07" not in run.out, "control characters of a process name reach the terminal")
    run = tool.run("explain", "a) S 1 2 3")
    run.expect_status(0)


def strange_executable(tool, helpers):
    directory = helpers.scratch / "new\nline \u00e9 (deleted)"
    directory.mkdir()
    executable = directory / "sleep"
    shutil.copy("/bin/sleep", executable)
    target = helpers.sleeper(executable=executable)
    shutil.rmtree(directory)
    tool.explain(target.pid)
    tool.run("explain", target.pid).expect_status(0)


def ten_thousand_threads(tool, helpers):
    helpers_pid = helpers.hang("idle-threads", "10000", limit=120)
    pid = next(iter(helpers_pid.values()))[0]
    if len(os.listdir(f"/proc/{pid}/task")) < 10000:
        raise Skip("10,000 threads cannot be made here")
    document, run = tool.explain(pid, limit=60)
    run.expect(len(threads_of(document, pid)) >= 10000, f"only {len(threads_of(document, pid))} threads in the answer")
    text = tool.run("explain", pid, limit=60)
    text.expect_status(0)
    lines = len(text.out.splitlines())
    text.expect(lines < 500, f"{lines} lines to read")
    whole = tool.run("list", "--json", limit=60)
    whole.expect_status(0)
    return f"explained in {text.seconds:.1f} s, {lines} lines"


def whole_host_with_hangs(tool, helpers):
    hung = set()
    for name in ("mutex-abba", "convoy", "stopped"):
        hung |= {pid for pid, _ in helpers.hang(name).values()}
    document, run = tool.explain(limit=60)
    run.expect(hung & {victim["pid"] for finding in document["findings"] for victim in finding["victims"]}, "no hang is among the findings")
    for options in ([], ["--evidence"], ["--color", "always"]):
        tool.run("explain", *options, limit=60).expect_status(0)
    tool.run("explain", "--exit-code", limit=60).expect_status(1)


def readers_that_stand_still(tool, helpers):
    """Its helper processes are stopped from outside, as if a read never came back."""
    helpers.hang("idle-threads", "2000")
    stopped = 0
    for arguments in (["list", "--json"], ["explain", "--json"]):
        for _ in range(5):
            command = [str(tool.path), *arguments]
            start = time.monotonic()
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            while process.poll() is None and time.monotonic() < start + 0.5:
                children = children_of(process.pid)
                for child in children:
                    os.kill(child, signal.SIGSTOP)
                stopped += len(children)
                if children:
                    break
            run = tool.finish(process, command, start, limit=30)
            run.expect_status(0, 2)
            if run.status == 0:
                run.document
    if not stopped:
        raise Skip("it ended before its helpers could be stopped")
    return f"{stopped} stopped"


def children_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def unprivileged_user(tool, helpers):
    roles = helpers.hang("mutex-abba") if has_scenario(helpers, "mutex-abba") else None
    if roles is None:
        raise Skip("lab-hangs has no mutex-abba")
    pid = next(iter(roles.values()))[0]
    if os.geteuid() == 0:
        before = [need_program("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups"]
    else:
        pid, before = 1, []
    document, run = tool.explain(pid, before=before, path=tool.public_copy)
    run.expect(threads_of(document, pid), "what everybody may see is not told")
    run.expect(document["gaps"], "no gaps are told")
    for gap in document["gaps"]:
        run.expect(gap.get("unlock"), f"a gap without what would unlock it: {gap}")
    run.expect(any("syscall" in gap["what"] for gap in document["gaps"]), "no gap says that the system calls may not be read")
    claims = list(certain_claims(document))
    run.expect(not claims, "certain about what it cannot see: " + "; ".join(claims))
    for finding in document["findings"]:
        wrong = finding["root"]["cause"] == "unknown" and " idle" in finding["summary"]
        run.expect(not wrong, f"called idle although nothing is known: {finding['summary']}")
    run = tool.run("explain", before=before, path=tool.public_copy)
    run.expect_status(0)
    text = tool.run("explain", pid, before=before, path=tool.public_copy)
    text.expect_status(0)
    text.expect(b"CAP_SYS_PTRACE" in text.out + text.err or b"root" in text.out + text.err, "the text does not say what would unlock more")


def has_scenario(helpers, name):
    usage = subprocess.run([newest(helpers.root, "lab-hangs", "LAB_HANGS")], capture_output=True, text=True).stderr
    return name in usage.split()


cases = [
    exits_while_it_is_read, processes_come_and_go, thread_list_changes, name_that_matches_many, its_own_pid, the_first_process, kernel_threads,
    zombie_leader_with_living_threads, strange_names, strange_executable, ten_thousand_threads,
    whole_host_with_hangs, readers_that_stand_still, unprivileged_user,
]
