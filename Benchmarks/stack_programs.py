"""Stacks of the test programs (Tests/UserStacksTests/Programs): how many are complete, and whether a frame is wrong by what gdb
finds in the same threads afterwards, and by what the programs are known to do.

Usage: Benchmarks/stack_programs.py [WAITCHAIN]      prints one line a program; Benchmarks/run prints the sums.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.join(HERE, "..", "Tests", "UserStacksTests", "Programs")

# gdb's own idea of each thread's frames: address, offset in its symbol, and name. What is inlined has no frame of its own, and
# what was left by a jump has none on the stack.
GDB_SCRIPT = """
import gdb
gdb.execute("set backtrace past-main on")
gdb.execute("set backtrace past-entry on")
for thread in gdb.selected_inferior().threads():
    thread.switch()
    print("@thread", thread.ptid[1])
    frame, left = gdb.newest_frame(), 20000
    while frame is not None and left:
        if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
            symbol, found, _ = gdb.execute("info symbol %d" % frame.pc(), to_string=True).partition(" in section")
            offset = symbol.rpartition(" + ")
            print("@frame", hex(frame.pc()), (offset[2] if offset[1] else "0") if found else "-1", frame.name() or "?")
        try:
            frame = frame.older()
        except gdb.error:
            break
        left -= 1
"""


# Go's functions that change stacks: gdb takes what lies outside on the same one for their callers.
SWITCHES = {"runtime.asmcgocall", "runtime.systemstack", "runtime.mcall"}


class Result:
    def __init__(self):
        self.programs = self.stacks = self.complete = self.frames = self.guessed = self.wrong = self.untrue = 0
        self.compared = 0
        self.skipped = []
        self.notes = []


def listed():
    with open(os.path.join(PROGRAMS, "list.tsv")) as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                source, frames, arguments, command, truth = line.rstrip("\n").split("\t")
                yield source, frames == "yes", [] if arguments == "-" else arguments.split(), command, truth.split(";")


def build(source, command, directory):
    """The program's path; None where the toolchain is missing or refuses an option."""
    if shutil.which(command.split()[0]) is None:
        return None
    name = source[:-3] if source.endswith(".in") else source
    shutil.copy(os.path.join(PROGRAMS, source), os.path.join(directory, name))
    program = os.path.join(directory, "program")
    environment = dict(os.environ, GO111MODULE="off", GOCACHE=os.path.join(directory, "..", "go-cache"), GOFLAGS="")
    made = subprocess.run(command.split() + ["-o", "program", name], cwd=directory, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return program if made.returncode == 0 and os.path.exists(program) else None


class Blocked:
    """A program that has printed `ready`, once its threads have come to rest."""

    def __init__(self, program, arguments):
        self.process = subprocess.Popen([program] + arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.process.stdout.readline()
        self.pid = self.process.pid
        before, end = None, time.monotonic() + 5
        while time.monotonic() < end:
            now = self.standing()
            if now is not None and now == before:
                break
            before = now
            time.sleep(0.05)

    def standing(self):
        runs = {}
        try:
            for tid in os.listdir("/proc/%d/task" % self.pid):
                with open("/proc/%d/task/%s/stat" % (self.pid, tid)) as stat:
                    if stat.read().rsplit(")", 1)[1].split()[0] not in "SD":
                        return None
                with open("/proc/%d/task/%s/schedstat" % (self.pid, tid)) as counters:
                    runs[tid] = counters.read().split()[2]
        except OSError:
            return None
        return runs

    def modules(self):
        """(start, end, path, lowest start of that path) of each executable mapping."""
        lowest, code = {}, []
        with open("/proc/%d/maps" % self.pid) as lines:
            for line in lines:
                words = line.split(None, 5)
                start, end = (int(word, 16) for word in words[0].split("-"))
                path = words[5].strip() if len(words) > 5 else ""
                lowest.setdefault(path, start)
                if "x" in words[1]:
                    code.append((start, end, path, lowest[path]))
        return code

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def gdb_stacks(pid):
    with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
        script.write(GDB_SCRIPT)
        script.flush()
        text = subprocess.run(["gdb", "-nx", "-batch", "-p", str(pid), "-x", script.name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    stacks = []
    for line in text.split("\n"):
        words = line.split(None, 3)
        if words[:1] == ["@thread"]:
            stacks.append((int(words[1]), []))
        elif words[:1] == ["@frame"] and stacks:
            stacks[-1][1].append((int(words[1], 16), int(words[2]), words[3] if len(words) > 3 else "?"))
    return dict(stacks)




def bare(name):
    """A function's name without arguments, clone suffixes and leading underscores."""
    depth, end = 0, len(name)
    for index, letter in enumerate(name):
        if letter == "<":
            depth += 1
        elif letter == ">" and name[index - 1 : index] != "-":
            depth -= 1
        elif letter in "( " and depth == 0 and index > 0:
            end = index
            break
    name = name[:end].split(".constprop")[0].split(".isra")[0].split(".part")[0].split(".abi0")[0].split(".cold")[0].split("@")[0]
    return name


def offsets(address, code):
    """What an address is as an offset: in its file from the first mapping on, or as it is."""
    for start, end, path, lowest in code:
        if start <= address < end:
            return {address - lowest, address}
    return {address}


def alike(frame, theirs, code):
    """Whether a frame of waitchain's may be that of gdb's: as far into a function, or the same function by name, or the same place."""
    address, offset, name = theirs
    if frame.get("function") is None:
        return frame["offset"] in offsets(address, code)
    if frame["function"] == "<signal handler called>":
        return name in ("?", "<signal handler called>", "__restore_rt")
    if offset == frame["offset"]:
        return True
    trim = lambda text: bare(text).lstrip("_").replace("GI_", "").replace("libc_", "").lstrip("_")
    return trim(frame["function"]) == trim(name)


def agreement(frames, theirs, code):
    """How many frames from the innermost on are alike, and what they were compared with; as far as gdb is a witness."""
    same = 0
    for frame, their in zip(frames, theirs):
        if not any(start <= their[0] < end for start, end, _, _ in code):
            return same, None
        if their[1] < 0 and their[2] == "?" and frame.get("function") is not None:
            return same, None
        if same > 0 and theirs[same - 1][2] in SWITCHES:
            return same, None
        if not alike(frame, their, code):
            return same, their
        same += 1
    return same, None


def examine(waitchain, program, arguments, has_frames, truth, result):
    blocked = Blocked(program, arguments)
    try:
        before = blocked.standing()
        text = subprocess.run([waitchain, "stack", str(blocked.pid), "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        after, code = blocked.standing(), blocked.modules()
        theirs = gdb_stacks(blocked.pid) if shutil.which("gdb") else {}
    finally:
        blocked.end()
    threads = sorted(json.loads(text)["threads"], key=lambda thread: thread["tid"])
    notes = []
    for index, thread in enumerate(threads):
        frames = thread.get("userStack") or []
        if not frames:
            continue
        if has_frames:
            result.stacks += 1
            result.complete += 1 if thread.get("userStackComplete") else 0
            if not thread.get("userStackComplete"):
                notes.append("thread %d is incomplete" % index)
        names = [bare(frame["function"]) for frame in frames if frame.get("function")]
        if truth[0] in names and [name for name in names if name in set(truth)] != truth:
            result.untrue += 1
            notes.append("thread %d is not what the program did: %s" % (index, " ".join(names)))
        result.frames += len(frames)
        result.guessed += sum(1 for frame in frames if frame.get("guessed"))
        tid = str(thread["tid"])
        if thread["tid"] not in theirs or before is None or after is None or before.get(tid) != after.get(tid):
            continue
        same, other = agreement(frames, theirs[thread["tid"]], code)
        result.compared += same + (other is not None)
        if other is not None and not frames[same].get("guessed"):
            result.wrong += 1
            notes.append("thread %d frame %d: %s+%d, gdb has %s+%d" % (index, same, frames[same].get("function"), frames[same]["offset"], other[2], other[1]))
    found = any(truth[0] in [bare(frame["function"]) for frame in thread.get("userStack") or [] if frame.get("function")] for thread in threads)
    return notes, found


def measure(waitchain, say=lambda line: None):
    result = Result()
    with tempfile.TemporaryDirectory() as top:
        for number, (source, has_frames, arguments, command, truth) in enumerate(listed()):
            directory = os.path.join(top, str(number))
            os.mkdir(directory)
            program = build(source, command, directory)
            if program is None:
                result.skipped.append("%s: %s" % (command, source))
                say("skipped: %s %s: not here" % (command, source))
                continue
            result.programs += 1
            notes, found = examine(waitchain, program, arguments, has_frames, truth, result)
            is_stripped = " -s " in command + " " or "ldflags=-s" in command
            if not found and not is_stripped:
                notes.append("no thread shows %s" % truth[0])
                result.untrue += 1
            result.notes += ["%s %s: %s" % (command, source, note) for note in notes]
            say("%s %s: %s" % (command, source, "; ".join(notes) or "as gdb has it"))
            shutil.rmtree(directory, ignore_errors=True)
    return result


if __name__ == "__main__":
    binary = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "..", ".build", "release", "waitchain")
    sums = measure(binary, print)
    print(
        "%d programs, %d skipped, %d of %d stacks complete, %d frames (%d guessed), %d compared with gdb, %d wrong, %d not what the program did"
        % (sums.programs, len(sums.skipped), sums.complete, sums.stacks, sums.frames, sums.guessed, sums.compared, sums.wrong, sums.untrue))
