"""A procfs that shows less than usual, or that is a directory of files."""

import os
import random
import subprocess

from harness import Skip, certain_claims, need_program, need_root

host_files = ["uptime", "stat", "version", "locks", "sys/kernel/hostname", "sys/kernel/osrelease", "sys/kernel/random/boot_id", "net/unix", "sysvipc/msg"]
thread_files = ["stat", "status", "comm", "wchan", "syscall", "stack", "schedstat", "sched", "maps", "cmdline"]


def record(pid, directory, without=()):
    """Copies what can be copied of one process and of the host: a recorded tree."""

    def copy(source, target):
        try:
            with open(source, "rb") as file:
                content = file.read(1 << 20)
        except OSError:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    for name in host_files:
        if name.split("/")[0] not in without:
            copy(f"/proc/{name}", directory / name)
    own = directory / str(pid)
    for name in thread_files:
        if name not in without:
            copy(f"/proc/{pid}/{name}", own / name)
    for tid in os.listdir(f"/proc/{pid}/task"):
        (own / "task" / tid).mkdir(parents=True, exist_ok=True)
        for name in thread_files:
            if name not in without:
                copy(f"/proc/{pid}/task/{tid}/{name}", own / "task" / tid / name)
    (own / "fd").mkdir(exist_ok=True)
    (own / "fdinfo").mkdir(exist_ok=True)
    for fd in os.listdir(f"/proc/{pid}/fd"):
        os.symlink(os.readlink(f"/proc/{pid}/fd/{fd}"), own / "fd" / fd)
        copy(f"/proc/{pid}/fdinfo/{fd}", own / "fdinfo" / fd)
    return directory


def recorded_tree(tool, helpers):
    target = helpers.sleeper()
    tree = record(target.pid, helpers.scratch / "tree")
    document, run = tool.explain("--proc", tree, target.pid)
    run.expect([thread["pid"] for thread in document["threads"]] == [target.pid], "not the one thread of the tree")
    run.expect(document["host"]["source"] != "live", "a recorded tree is called live")
    tool.explain("--proc", tree)
    tool.run("list", "--proc", tree).expect_status(0)
    tool.run("explain", "--proc", tree, 1).expect_status(2)


def recorded_hang_without_memory(tool, helpers):
    """A deadlock whose proof is in memory that the tree does not have: no verdict may rest on it."""
    pid = next(iter(helpers.hang("mutex-abba").values()))[0]
    for number, without in enumerate(([], ["syscall", "stack"], ["wchan", "stack"])):
        tree = record(pid, helpers.scratch / f"hang-{number}", without)
        document, run = tool.explain("--proc", tree, pid)
        run.expect(len(document["threads"]) >= 2, "not all threads of the tree")
        run.expect(not any(finding["deadlock"] for finding in document["findings"]), "a deadlock without evidence")
        claims = list(certain_claims(document))
        run.expect(not claims, "certain about what it cannot see: " + "; ".join(claims))


def kernel_without_some_files(tool, helpers):
    target = helpers.sleeper()
    ways = [["sysvipc"], ["syscall", "stack"], ["syscall", "stack", "wchan"], ["schedstat", "sched"], ["status"], ["locks", "net", "sys", "uptime"], ["maps"], ["comm", "cmdline"]]
    ways.append([name for name in thread_files + [file.split("/")[0] for file in host_files] if name != "stat"])
    for number, without in enumerate(ways):
        tree = record(target.pid, helpers.scratch / f"less-{number}", without)
        document, run = tool.explain("--proc", tree, target.pid)
        run.expect(document["threads"], f"no thread in the answer without {', '.join(without)}")
        tool.run("explain", "--proc", tree, target.pid).expect_status(0)


def no_system_v_queues(tool, helpers):
    """A live /proc without sysvipc, as kernels without CONFIG_SYSVIPC have."""
    need_root()
    unshare = need_program("unshare")
    target = helpers.sleeper()
    script = 'mount -t tmpfs none /proc/sysvipc 2>/dev/null || exit 77; exec "$0" explain "$1" --json'
    probe = subprocess.run([unshare, "-m", "/bin/sh", "-c", "mount -t tmpfs none /proc/sysvipc"], capture_output=True)
    if probe.returncode != 0:
        raise Skip("nothing can be mounted over /proc/sysvipc here")
    run = tool.run(target.pid, before=[unshare, "-m", "/bin/sh", "-c", script], limit=20)
    run.expect_status(0)
    run.expect(run.document["threads"], "no thread in the answer")


def hidden_processes(tool, helpers):
    need_root()
    unshare, setpriv = need_program("unshare"), need_program("setpriv")
    mount = "mount -t proc -o hidepid=2 proc /proc"
    if subprocess.run([unshare, "-m", "/bin/sh", "-c", mount], capture_output=True).returncode != 0:
        raise Skip("procfs cannot be mounted with hidepid here")
    target = helpers.sleeper()
    script = f'{mount} && exec {setpriv} --reuid=65534 --regid=65534 --clear-groups "$0" explain "$@" --json'
    before = [unshare, "-m", "/bin/sh", "-c", script]
    run = tool.run(target.pid, before=before, path=tool.public_copy)
    run.expect_status(2)
    run.expect_one_clear_line(about=target.pid)
    run = tool.run(before=before, path=tool.public_copy)
    run.expect_status(0)
    run.document
    # As root everything is seen, hidden or not.
    script = f'{mount} && exec "$0" explain "$@" --json'
    run = tool.run(target.pid, before=[unshare, "-m", "/bin/sh", "-c", script])
    run.expect_status(0)
    run.expect(any(thread["pid"] == target.pid for thread in run.document["threads"]), "root does not see the process")


def another_pid_namespace(tool, helpers):
    need_root()
    unshare = need_program("unshare")
    script = '/bin/sleep 1000 & exec "$0" explain --json "$!"'
    if subprocess.run([unshare, "-pfm", "--mount-proc", "/bin/true"], capture_output=True).returncode != 0:
        raise Skip("no pid namespace can be made here")
    run = tool.run(before=[unshare, "-pfm", "--mount-proc", "--kill-child", "/bin/sh", "-c", script])
    run.expect_status(0)
    run.expect(run.document["threads"], "no thread in the answer")


def proc_that_is_none(tool, helpers):
    empty = helpers.scratch / "empty"
    empty.mkdir()
    file = helpers.scratch / "file"
    file.write_text("x")
    for directory in (helpers.scratch / "absent", file, "/dev/null", ""):
        run = tool.run("explain", "--proc", directory, 1)
        run.expect_status(2, 64)
    tool.run("explain", "--proc", empty, 1).expect_status(2)
    tool.run("explain", "--proc", empty, "--json").expect_status(0, 2)
    tool.run("list", "--proc", empty, "--json").expect_status(0, 2)


def damaged_files(tool, helpers):
    target = helpers.sleeper()
    source = record(target.pid, helpers.scratch / "damaged")
    files = [path for path in source.rglob("*") if path.is_file() and not path.is_symlink()]
    original = {path: path.read_bytes() for path in files}
    generator = random.Random(20261122)
    for round in range(60):
        for path, content in original.items():
            way = generator.randrange(6)
            if way == 0:
                content = content[: generator.randrange(len(content) + 1)]
            elif way == 1:
                content = generator.randbytes(generator.randrange(600))
            elif way == 2 and content:
                at = generator.randrange(len(content))
                content = content[:at] + generator.choice([b"\0", b"\n", b")", b"-", b"9" * 30]) + content[at + 1 :]
            elif way == 3:
                content = b""
            path.write_bytes(content)
        run = tool.run("explain", "--proc", source, target.pid, "--json")
        run.expect_status(0, 2)
        if run.status == 0:
            run.document
        tool.run("list", "--proc", source, "--json").expect_status(0, 2)


cases = [
    recorded_tree, recorded_hang_without_memory, kernel_without_some_files, no_system_v_queues, hidden_processes, another_pid_namespace, proc_that_is_none, damaged_files,
]
