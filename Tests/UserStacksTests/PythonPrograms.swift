import Glibc

/// Pythons of this machine whose frames are read, and a program for them that tells the truth about itself.
enum PythonPrograms {
    struct Interpreter: CustomStringConvertible, Sendable {
        var minor: Int
        var path: String
        var description: String { "Python 3.\(minor) (\(path))" }
    }

    /// One of each kind: the distribution's (one static file), and those that pyenv or the path have.
    static let found: [Interpreter] = {
        let candidates = output(of: [
            "sh", "-c",
            "ls -d /usr/bin/python3.1[123] /usr/local/bin/python3.1[123] \"${PYENV_ROOT:-$HOME/.pyenv}\"/versions/3.1[123]*/bin/python3; for v in 11 12 13; do command -v python3.$v; done",
        ])
        var seen: Set<String> = []
        var result: [Interpreter] = []
        for path in candidates.split(separator: "\n").map(String.init) {
            let told = output(of: [
                path, "-c",
                "import sys, os; print(sys.version_info[1], os.path.realpath(sys.executable), int(hasattr(sys, '_is_gil_enabled') and not sys._is_gil_enabled()))",
            ]).split(whereSeparator: \.isWhitespace)
            guard told.count == 3, told[2] == "0", let minor = Int(told[0]), (11...13).contains(minor),
                seen.insert(String(told[1])).inserted
            else { continue }
            result.append(Interpreter(minor: minor, path: String(told[1])))
        }
        return result
    }()

    static let isAMD64: Bool = {
        #if arch(x86_64)
            true
        #else
            false
        #endif
    }()

    /// Blocks in many ways, each in a thread of its own. Writes the frames of its threads as it sees them itself to the file that it is
    /// given: a line a call, `thread id, function, file, line`, innermost first.
    static let everyWay = """
        import asyncio, contextlib, functools, os, queue, select, socket, subprocess, sys, threading, time
        from concurrent.futures import ThreadPoolExecutor
        held = threading.Lock(); held.acquire()
        recursive = threading.RLock()
        a = threading.Lock(); b = threading.Lock()
        ends = socket.socketpair(); pipe = os.pipe()

        def block():
            held.acquire()

        def nested_call():
            def key(x):
                block()
                return x
            return sorted([3, 1, 2],
                          key=key)

        def generator():
            yield 1
            yield from deeper()

        def deeper():
            yield 2
            block()

        def over_generator():
            return [x for x in generator()]

        def comprehension():
            return {n: block() for n in (1,)}

        def recursion(n):
            if n:
                recursion(n - 1)
            else:
                block()

        def in_flight():
            try:
                1 / 0
            except ZeroDivisionError as error:
                try:
                    raise ValueError("second") from error
                finally:
                    block()

        def decorator(function):
            @functools.wraps(function)
            def wrapper(*arguments, **named):
                return function(*arguments, **named)
            return wrapper

        @decorator
        @decorator
        def decorated():
            block()

        class Resource:
            ready = [False]
            def __init__(self, stop):
                if stop:
                    block()
            def __enter__(self):
                block()
            def __exit__(self, *nothing):
                pass
            @property
            def value(self):
                block()
            def __del__(self):
                if Resource.ready[0] and threading.current_thread().name == "finalizer":
                    Resource.ready[0] = False
                    block()

        def specialised():
            for n in range(3000):
                Resource(n == 2999)

        def entering():
            with Resource(False):
                pass

        def property_():
            return Resource(False).value

        def finalizer():
            thing = Resource(False)
            Resource.ready[0] = True
            del thing

        @contextlib.contextmanager
        def manager():
            block()
            yield

        def managed():
            with manager(): pass

        def compiled():
            exec(compile("def inner():\\n\\n\\n    block()\\ninner()", "<made up>", "exec"), {"block": block})

        def größe_猫_𝛑(): block()

        def lambda_():
            (lambda: (lambda:
                block())())()

        def class_body():
            class Body:
                member = block()

        def cell(n):
            def inner():
                block()
                return n
            return inner()

        def in_tracer():
            def tracer(frame, event, argument):
                if event == "line":
                    sys.settrace(None)
                    block()
                return tracer
            def followed():
                x = 1
                return x
            sys.settrace(tracer)
            followed()

        def under_tracer():
            sys.settrace(lambda *what: None)
            sys.setprofile(lambda *what: None)
            block()

        def importing():
            sys.path.insert(0, os.path.dirname(sys.argv[1]))
            import blocking_module

        class Order:
            def __lt__(self, other):
                block()
                return True

        def comparing(): sorted([Order(), Order()])
        def mapping(): list(map(lambda x: block(), [1]))

        class Kind(type):
            def __call__(cls):
                block()
        class Made(metaclass=Kind): pass
        def made(): Made()

        async def numbers():
            yield 1
            block()
        async def over_numbers():
            async for n in numbers(): pass
        def async_generator(): asyncio.run(over_numbers())

        def group():
            try:
                raise ExceptionGroup("several", [ValueError(1), TypeError(2)])
            except* ValueError:
                block()

        def matching(x):
            match x:
                case [1, *rest] if rest:
                    block()

        async def sleeper():
            await asyncio.sleep(1000)

        async def blocking_coroutine():
            block()

        async def awaiting():
            await blocking_coroutine()

        def loop(): asyncio.run(sleeper())
        def coroutine(): asyncio.run(awaiting())
        def get(): queue.Queue().get()
        def join(): threads[0].join()
        def event(): threading.Event().wait()
        def receive(): ends[0].recv(1)
        def read(): os.read(pipe[0], 1)
        def poll(): select.select([pipe[0]], [], [])
        def sleep(): time.sleep(1000)
        def child(): subprocess.run(["sleep", "300"])
        def hold():
            with recursive: time.sleep(1000)
        def wait_for_held():
            time.sleep(0.2)
            with recursive: pass
        def ab():
            with a:
                time.sleep(0.3)
                with b: pass
        def ba():
            with b:
                time.sleep(0.3)
                with a: pass
        def long(x):
            # A line number that needs more than one byte to tell.
            y = [
        """
        + String(repeating: "        x,\n", count: 300) + """
                ]
                block(); return y

            ways = [block, nested_call, over_generator, comprehension, functools.partial(recursion, 900), in_flight, decorated, specialised,
                    entering, property_, finalizer, managed, compiled, größe_猫_𝛑, lambda_, class_body, functools.partial(cell, 1), loop,
                    coroutine, get, join, event, receive, read, poll, sleep, child, hold, wait_for_held, ab, ba, functools.partial(long, 1),
                    in_tracer, under_tracer, importing, comparing, mapping, made, async_generator, group, functools.partial(matching, [1, 2])]
            with open(os.path.join(os.path.dirname(sys.argv[1]), "blocking_module.py"), "w") as file:
                file.write("import threading\\n\\n\\nthreading.Event().wait()\\n")
            threads = [threading.Thread(target=way, name=getattr(way, "__name__", "partial"), daemon=True) for way in ways]
            for thread in threads: thread.start()
            pool = ThreadPoolExecutor(2)
            pool.submit(block)
            pool.submit(lambda: None)

            def look():
                native = {thread.ident: thread.native_id for thread in threading.enumerate()}
                lines = []
                for ident, frame in sys._current_frames().items():
                    if ident == threading.get_ident(): continue
                    while frame:
                        code = frame.f_code
                        lines.append(f"{native[ident]}\\t{code.co_qualname}\\t{code.co_filename}\\t{frame.f_lineno}\\n")
                        frame = frame.f_back
                return "".join(sorted(lines, key=lambda line: line.split("\\t")[0]))

            def main():
                time.sleep(1)
                before = None
                while (now := look()) != before:
                    before = now
                    time.sleep(0.5)
                with open(sys.argv[1], "w") as file: file.write(now)
                os.write(1, b"ready\\n")
                held.acquire(timeout=300)
                os._exit(0)

            main()
            """
}
