"""Hangs of CPython programs: hangs.py SCENARIO tells who plays what, prints `ready`, and stays as it is."""

import fcntl
import multiprocessing
import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
import time

FUTEX, READ, WRITE, WAIT4, SELECT, POLL, EPOLL, FLOCK, RECVFROM, SLEEP, ACCEPT = 202, 0, 1, 61, 23, 7, 232, 73, 45, 230, 288
if os.uname().machine == "aarch64":
    FUTEX, READ, WRITE, WAIT4, SELECT, POLL, EPOLL, FLOCK, RECVFROM, SLEEP, ACCEPT = 98, 63, 64, 260, 72, 73, 22, 32, 207, 115, 242


if sys.version_info < (3, 11):
    SLEEP = -1  # time.sleep is select there


def tell(*words):
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def role(name, call=-1, state="S"):
    """Says that the calling thread plays `name` and is about to block in `call`."""
    tell("role", name, os.getpid(), threading.get_native_id())
    tell("waits", name, state, call, "-")
    told.release()


told = multiprocessing.get_context("fork").Semaphore(0)


def thread(body):
    started = threading.Thread(target=body, daemon=True)
    started.start()
    return started


def sleep():
    time.sleep(1000)


def ready(roles=1):
    """Waits until so many roles have been told."""
    for _ in range(roles):
        told.acquire()
    tell("ready")


def stay(roles=1):
    """The main thread has nothing to do with the hang; it sleeps."""
    ready(roles)
    sleep()


def abba(first, second):
    """Two threads that each hold one lock and want the other's."""
    both = threading.Barrier(2)

    def member(name, mine, other):
        def body():
            mine.acquire()
            both.wait()
            role(name, FUTEX)
            other.acquire()

        return body

    thread(member("victim", first, second))
    thread(member("member-1", second, first))


def holding(lock, name="holder"):
    """A thread that takes `lock` and sleeps; returns when it has it."""
    taken = threading.Event()

    def body():
        lock.acquire()
        role(name)
        taken.set()
        sleep()

    thread(body)
    taken.wait()


def victim(call, action):
    def body():
        role("victim", call)
        action()

    return thread(body)


def lock_abba():
    abba(threading.Lock(), threading.Lock())
    stay(2)


def rlock_abba():
    abba(threading.RLock(), threading.RLock())
    stay(2)


def lock_held():
    lock = threading.Lock()
    holding(lock)
    victim(FUTEX, lock.acquire)
    stay(2)


def lock_timed():
    lock = threading.Lock()
    holding(lock)
    victim(FUTEX, lambda: lock.acquire(timeout=500))
    stay(2)


def condition():
    c = threading.Condition()
    c.acquire()
    role("victim", FUTEX)
    ready()
    c.wait()


def event():
    e = threading.Event()
    victim(FUTEX, e.wait)
    stay()


def queue_get():
    q = queue.Queue()
    victim(FUTEX, q.get)
    stay()


def join():
    worker = thread(lambda: (role("worker"), sleep()))
    role("victim", FUTEX)
    ready(2)
    worker.join()


def semaphore():
    s = threading.Semaphore(0)
    victim(FUTEX, s.acquire)
    stay()


def barrier():
    b = threading.Barrier(3)
    victim(FUTEX, b.wait)
    stay()


def sleeping():
    role("victim", SLEEP)
    ready()
    sleep()


def gil_busy():
    """Two threads that compute: they take turns with the interpreter lock."""

    def spin():
        n = 0
        while True:
            n += 1

    def body(name):
        return lambda: (role(name, state="M"), spin())

    thread(body("victim"))
    thread(body("other"))
    stay(2)


def gil_held():
    """A call into C that keeps the interpreter lock while it waits, as an extension may do that forgets to give it back."""
    import ctypes

    c = ctypes.PyDLL(None)
    thread(lambda: (role("victim", state="M"), [None for _ in iter(int, 1)]))
    role("holder")
    ready(2)
    c.pause()


def full_pipe():
    """The classic: the parent waits for the child to end, the child for somebody to read its output."""
    code = "import os,sys; os.write(2, b''); os.write(1, b'x' * 1000000)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    tell("role", "writer", child.pid, child.pid)
    tell("waits", "writer", "S", WRITE, "-")
    role("victim", WAIT4)
    ready()
    child.wait()


def subprocess_wait():
    child = subprocess.Popen(["sleep", "1000"])
    tell("role", "child", child.pid, child.pid)
    tell("waits", "child", "S", SLEEP, "-")
    role("victim", WAIT4)
    ready()
    child.wait()


def pool_idle():
    """A pool of processes without work, and the main thread that waits for no result."""
    pool = multiprocessing.get_context("fork").Pool(2)
    pids = [p.pid for p in pool._pool]
    for name, pid in zip(("victim", "other"), pids):
        tell("role", name, pid, pid)
        tell("waits", name, "S", -1, "-")
    stay(0)


def process_queue():
    """A process that waits for an element of a queue that its parent never sends."""
    context = multiprocessing.get_context("fork")
    q = context.Queue()

    def body():
        role("victim", READ)
        q.get()

    child = context.Process(target=body)
    child.start()
    role("parent")
    stay(2)


def process_lock():
    """A lock of multiprocessing, held by the parent, which sleeps: a POSIX semaphore, of which nobody records the holder."""
    context = multiprocessing.get_context("fork")
    lock = context.Lock()
    lock.acquire()

    def body():
        role("victim", FUTEX)
        lock.acquire()

    context.Process(target=body).start()
    role("holder")
    stay(2)


def socket_recv():
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        role("peer", SLEEP)
        sleep()
    theirs.close()
    role("victim", RECVFROM)
    ready(2)
    ours.recv(1)


def accept():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen()
    role("victim", ACCEPT)
    ready()
    s.accept()


def flock():
    path = tempfile.NamedTemporaryFile(prefix="waitchain-lab-")
    tell("fact", "path", path.name)
    child = os.fork()
    if child == 0:
        held = open(path.name, "w")
        fcntl.flock(held, fcntl.LOCK_EX)
        role("holder", SLEEP)
        os.write(ready_pipe[1], b"x")
        sleep()
    os.read(ready_pipe[0], 1)
    mine = open(path.name, "w")
    os.unlink(path.name)
    role("victim", FLOCK)
    ready(2)
    fcntl.flock(mine, fcntl.LOCK_EX)


def lock_reentered():
    """A plain Lock taken twice by one thread."""
    lock = threading.Lock()
    lock.acquire()
    role("victim", FUTEX)
    ready()
    lock.acquire()


def executor_idle():
    """A thread pool at rest: its worker waits for work."""
    from concurrent.futures import ThreadPoolExecutor

    executor = ThreadPoolExecutor(1)
    executor.submit(lambda: role("victim", FUTEX)).result()
    stay()


def asyncio_idle():
    import asyncio

    async def main():
        role("victim", EPOLL)
        ready()
        await asyncio.Event().wait()

    asyncio.run(main())


def selecting():
    import select

    r, w = os.pipe()
    role("victim")
    ready()
    select.select([r], [], [])


ready_pipe = os.pipe()
scenarios = {
    "python-lock-abba": lock_abba,
    "python-rlock-abba": rlock_abba,
    "python-lock": lock_held,
    "python-lock-timed": lock_timed,
    "python-lock-reentered": lock_reentered,
    "python-condition": condition,
    "python-event": event,
    "python-queue": queue_get,
    "python-join": join,
    "python-semaphore": semaphore,
    "python-barrier": barrier,
    "python-sleep": sleeping,
    "python-gil-busy": gil_busy,
    "python-gil-held": gil_held,
    "python-full-pipe": full_pipe,
    "python-subprocess": subprocess_wait,
    "python-pool-idle": pool_idle,
    "python-process-queue": process_queue,
    "python-process-lock": process_lock,
    "python-socket": socket_recv,
    "python-accept": accept,
    "python-flock": flock,
    "python-executor-idle": executor_idle,
    "python-asyncio-idle": asyncio_idle,
    "python-select": selecting,
}

if len(sys.argv) != 2 or sys.argv[1] not in scenarios:
    sys.exit("hangs.py SCENARIO: one of " + " ".join(scenarios))
scenarios[sys.argv[1]]()
