"""Wrong words on the command line, targets that are not there, outputs that go nowhere."""

import json
import os
import resource
import signal
import subprocess

from harness import expect, need_root


def wrong_usage(tool, helpers):
    for arguments in (
        ["--no-such-option"], ["no-such-command"], ["explain", "--no-such-option"], ["explain", "--proc"], ["explain", "--color", "maybe"],
        ["compare"], ["compare", "only-one"], ["list", "--samples", "many"], ["list", "--no-such-option"],
    ):
        run = tool.run(*arguments)
        run.expect_status(64)
        run.expect(run.err.strip(), "nothing on stderr")
        run.expect(not run.out.strip(), "something on stdout")


def help_is_no_error(tool, helpers):
    for arguments in (["--help"], ["explain", "--help"], ["list", "--help"], ["compare", "--help"], ["--version"]):
        run = tool.run(*arguments)
        run.expect_status(0)
        run.expect(run.out.strip(), "nothing on stdout")


def no_such_pid(tool, helpers):
    gone = helpers.start("/bin/true")
    gone.wait()
    for target in (gone.pid, 2147483647, 4194305):
        for options in ([], ["--json"]):
            run = tool.run("explain", target, *options)
            run.expect_status(2)
            run.expect_one_clear_line(about=target)


def targets_that_are_no_pids(tool, helpers):
    for target in ("0", "99999999999999999999", "0x10", "1 2", "", " ", "../1", "1/task/1", "%s%n", "no-such-name", "\u00fcber", "a" * 5000):
        run = tool.run("explain", "--", target)
        run.expect_status(2, 64)
        run.expect(run.err.strip(), "nothing on stderr")
    run = tool.run("explain", b"\xff\xfe")
    run.expect_status(2, 64)


def name_that_matches_none(tool, helpers):
    for options in ([], ["--json"]):
        run = tool.run("explain", "no-such-name-here", *options)
        run.expect_status(2)
        run.expect_one_clear_line(about="no-such-name-here")


def gone_target_beside_a_living_one(tool, helpers):
    living, gone = helpers.sleeper(), helpers.start("/bin/true")
    gone.wait()
    document, run = tool.explain(living.pid, gone.pid, statuses=(0, 2))
    run.expect(str(gone.pid).encode() in run.err, "stderr does not name the target that is gone")
    run.expect(document is not None and any(t["pid"] == living.pid for t in document["threads"]), "the rest of the answer did not come")


def closed_pipe(tool, helpers):
    for arguments in (["list"], ["list", "--json"], ["explain"], ["explain", "--json"], ["--help"]):
        command = [str(tool.path), *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        process.stdout.read(1)
        process.stdout.close()
        err = process.stderr.read()
        process.stderr.close()
        status = process.wait(20)
        expect(status in (0, 1, -signal.SIGPIPE), f"{' '.join(command)}: exit status {status} when its reader left")
        expect(not err.strip(), f"{' '.join(command)}: noise when its reader left: {err[:300]!r}")


def output_that_takes_nothing(tool, helpers):
    for arguments in (["list", "--json"], ["explain", 1], ["explain", 1, "--json"]):
        with open("/dev/full", "wb") as full:
            tool.run(*arguments, stdout=full)
        tool.run(*arguments, stdout=None, preexec_fn=lambda: os.close(1))
        tool.run(*arguments, stdout=None, preexec_fn=lambda: (os.close(0), os.close(1), os.close(2)))


def empty_environment(tool, helpers):
    target = helpers.sleeper()
    run = tool.run("explain", target.pid, env={})
    run.expect_status(0)
    run = tool.run("explain", target.pid, env={"COLUMNS": "-3", "TERM": "\x1b", "LC_ALL": "xx_YY.nonsense", "NO_COLOR": "1"})
    run.expect_status(0)
    run.expect(b"\x1b" not in run.out, "colours although NO_COLOR is set")


def few_descriptors(tool, helpers):
    target = helpers.sleeper()
    for count in (16, 8, 5, 4):
        lower = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))
        run = tool.run("explain", target.pid, "--json", preexec_fn=lower)
        run.expect_status(0, 2)


def no_more_processes(tool, helpers):
    need_root()
    target = helpers.sleeper()

    def become_nobody():
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)

    run = tool.run("explain", target.pid, "--json", path=tool.public_copy, preexec_fn=become_nobody)
    run.expect_status(0, 2)


def pictures_that_are_none(tool, helpers):
    files = {
        "empty": b"", "binary": bytes(range(256)) * 20, "not-ours": b'{"schema": "other/1"}', "cut": b'{"schema": "waitchain.list/1", "threads": [',
        "wrong-types": b'{"schema": "waitchain.list/1", "host": 5, "threads": {"a": []}, "gaps": null}', "deep": b"[" * 200000,
        "numbers": b'{"schema": "waitchain.list/1", "threads": [{"pid": 1e999, "tid": -99999999999999999999}]}', "list": b"[1, 2]",
    }
    run = tool.run("list", os.getpid(), "--json")
    run.expect_status(0)
    good = helpers.scratch / "good.json"
    good.write_bytes(run.out)
    json.loads(run.out)
    for name, content in files.items():
        path = helpers.scratch / f"{name}.json"
        path.write_bytes(content)
        for pair in ([path, good], [good, path]):
            run = tool.run("compare", *pair)
            run.expect_status(2)
            run.expect_one_clear_line()
    for path in (helpers.scratch / "absent.json", helpers.scratch):
        tool.run("compare", good, path).expect_status(2)
    whole = good.read_bytes()
    for end in range(0, len(whole), max(1, len(whole) // 40)):
        (helpers.scratch / "cut.json").write_bytes(whole[:end])
        tool.run("compare", good, helpers.scratch / "cut.json").expect_status(2)
    for options in ([], ["--json"]):
        tool.run("compare", good, good, *options).expect_status(0)


cases = [
    wrong_usage, help_is_no_error, no_such_pid, targets_that_are_no_pids, name_that_matches_none, gone_target_beside_a_living_one, closed_pipe,
    output_that_takes_nothing, empty_environment, few_descriptors, no_more_processes, pictures_that_are_none,
]
