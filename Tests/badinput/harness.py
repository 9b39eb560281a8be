"""Runs the tool with a time limit, checks what holds for every run, and starts and ends the processes it is pointed at."""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import time

limit_seconds = 20
documented_statuses = {0, 1, 2, 64}
signs_of_a_crash = ("Fatal error", "Crash:", "Swift runtime", "Stack trace", "panicked", "Thread 0 crashed", "AddressSanitizer")


class Failure(Exception):
    """The tool did not do what it promises."""


class Skip(Exception):
    """This machine cannot make the case."""


def expect(is_true, problem):
    if not is_true:
        raise Failure(problem)


def need_root():
    if os.geteuid() != 0:
        raise Skip("needs root")


def need_program(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not path:
        raise Skip(f"needs {name}")
    return path


class Run:
    """One finished run of the tool."""

    def __init__(self, command, status, out, err, seconds):
        self.command, self.status, self.out, self.err, self.seconds = command, status, out, err, seconds

    def describe(self):
        err = self.err.decode(errors="replace").strip()
        return f"{' '.join(str(part) for part in self.command)}\nexit status {self.status} after {self.seconds:.1f} s\nstderr: {err[:800]}"

    def expect(self, is_true, problem):
        expect(is_true, f"{problem}\n{self.describe()}")

    def expect_status(self, *statuses):
        self.expect(self.status in statuses, f"exit status {self.status}, not {' or '.join(map(str, statuses))}")

    def expect_one_clear_line(self, about=None):
        lines = [line for line in self.err.decode(errors="replace").splitlines() if line.strip()]
        self.expect(len(lines) == 1, f"{len(lines)} lines on stderr, not one")
        if about is not None:
            self.expect(str(about) in lines[0], f"the line on stderr does not name {about}")

    @property
    def document(self):
        try:
            return json.loads(self.out.decode("utf-8"))
        except ValueError as error:
            raise Failure(f"no valid JSON on stdout: {error}\n{self.describe()}\nstdout: {self.out[:400]!r}") from None


class Tool:
    """The built `waitchain`."""

    def __init__(self, root, scratch):
        self.path = newest(root, "waitchain", "WAITCHAIN")
        # Where other users may run it.
        self.public_copy = scratch / "waitchain"
        shutil.copy(self.path, self.public_copy)
        self.public_copy.chmod(0o755)

    def run(self, *arguments, before=(), path=None, limit=limit_seconds, **options):
        """Runs it; `before` is put before the command (another program that runs it)."""
        command = [*map(str, before), str(path or self.path), *map(str, arguments)]
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        start = time.monotonic()
        process = subprocess.Popen(command, **options)
        return self.finish(process, command, start, limit)

    def finish(self, process, command, start, limit=limit_seconds):
        try:
            out, err = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            where = waiting_in(process.pid)
            process.kill()
            raise Failure(f"no answer within {limit} s: {' '.join(command)} {where}") from None
        run = Run(command, process.returncode, out or b"", err or b"", time.monotonic() - start)
        run.expect(run.status in documented_statuses, "not a documented exit status")
        for sign in signs_of_a_crash:
            run.expect(sign.encode() not in run.err, f"'{sign}' on stderr")
        return run

    def explain(self, *arguments, statuses=(0,), **options):
        """`explain --json`; checks the shape of what it prints and gives it back with the run."""
        run = self.run("explain", *arguments, "--json", **options)
        run.expect_status(*statuses)
        if run.status == 2 and not run.out:
            return None, run
        document = run.document
        check_shape(document, run)
        return document, run


def check_shape(document, run):
    """What the contract says of every diagnosis; the schema proper is checked elsewhere."""
    run.expect(document.get("schema") == "waitchain.diagnosis/1", "the schema is not waitchain.diagnosis/1")
    for key in ("threads", "processes", "resources", "findings", "gaps"):
        run.expect(isinstance(document.get(key), list), f"{key} is not a list")
    known = {(thread["pid"], thread["tid"]) for thread in document["threads"]}
    for finding in document["findings"]:
        for thread in finding["victims"]:
            run.expect((thread["pid"], thread["tid"]) in known, f"the victim {thread} is not among the threads")
    for gap in document["gaps"]:
        run.expect(gap.get("what") and gap.get("why"), f"a gap without what or why: {gap}")


def certain_claims(document):
    """Everything in the answer that says `certain`."""
    for thread in document["threads"]:
        for party in ((thread.get("wait") or {}).get("release") or {}).get("parties", []):
            if party.get("certainty") == "certain":
                yield f"party {party} of thread {thread['tid']}"
    for finding in document["findings"]:
        if finding.get("certainty") == "certain" and finding.get("kind") != "rest":
            yield f"finding: {finding.get('summary')}"


def newest(root, name, variable):
    if os.environ.get(variable):
        return os.environ[variable]
    built = [path for path in (root / ".build" / kind / name for kind in ("release", "debug")) if path.exists()]
    if not built:
        raise SystemExit(f"there is no {name}: swift build, or set {variable}")
    return max(built, key=lambda path: path.stat().st_mtime)


def waiting_in(pid):
    try:
        return "in " + open(f"/proc/{pid}/wchan").read()
    except OSError:
        return ""


def wait_for(what, condition, limit=20):
    """Waits for a state, never for a time."""
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise Failure(f"this did not come about: {what}")
        time.sleep(0.002)


def state_of(pid, tid=None):
    try:
        with open(f"/proc/{pid}/task/{tid or pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0].decode()
    except (OSError, IndexError):
        return None


class Helpers:
    """Processes and files of one case; everything is gone when it ends."""

    def __init__(self, root, scratch):
        self.root, self.scratch, self.started = root, scratch, []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for process in self.started:
            if process.stdin:
                process.stdin.close()
        for process in self.started:
            try:
                process.wait(timeout=0.2 if getattr(process, "args", [""])[-1] == "1000" else 10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()

    def start(self, *command, **options):
        options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, **options}
        process = subprocess.Popen([str(part) for part in command], **options)
        self.started.append(process)
        return process

    def sleeper(self, name=None, executable="/bin/sleep"):
        """A process that only sleeps until it is killed; with a name (bytes), one that waits for its input to end."""

        def wait_under_that_name():
            ctypes.CDLL(None).prctl(15, name, 0, 0, 0)  # PR_SET_NAME
            while os.read(0, 1):
                pass
            os._exit(0)

        process = self.start(executable, "1000") if name is None else self.fork(wait_under_that_name)
        wait_for("the helper sleeps", lambda: state_of(process.pid) == "S")
        return process

    def fork(self, body):
        """A forked child of this program that runs `body` with a pipe as its input."""
        read_end, write_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.dup2(read_end, 0)
            os.close(write_end)
            try:
                body()
            finally:
                os._exit(1)
        os.close(read_end)
        child = ForkedChild(pid, write_end)
        self.started.append(child)
        return child

    def compiled(self, name, source):
        """A small C program."""
        compiler = need_program("gcc")
        program = self.scratch / name
        (self.scratch / f"{name}.c").write_text(source)
        subprocess.run([compiler, "-O1", "-pthread", "-o", program, self.scratch / f"{name}.c"], check=True, capture_output=True)
        return program

    def hang(self, name, *options, limit=60):
        """A hang of the lab that stands. Gives the roles: name → (pid, tid)."""
        process = self.start(newest(self.root, "lab-hangs", "LAB_HANGS"), name, *options, text=True)
        roles = {}
        end = time.monotonic() + limit
        for line in process.stdout:
            words = line.split()
            if words[:1] == ["role"]:
                roles[words[1]] = (int(words[2]), int(words[3]))
            if line.strip() == "ready":
                return roles
            if time.monotonic() > end:
                break
        raise Skip(f"lab-hangs {name} cannot be made here")


class ForkedChild:
    """As much of Popen as is needed for a forked child."""

    def __init__(self, pid, write_end):
        self.pid, self.stdin, self.stdout = pid, os.fdopen(write_end, "wb"), None

    def wait(self, timeout=None):
        end = time.monotonic() + (timeout or 10)
        while os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("child", timeout)
            time.sleep(0.002)

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
