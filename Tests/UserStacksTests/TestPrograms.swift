/// Programs that block at a known place. Each prints `ready` first, and ends by itself should its test be killed.
enum TestPrograms {
    static let callChain = """
        #include <pthread.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <poll.h>
        #include <alloca.h>
        #include <unistd.h>
        #define APART __attribute__((noinline))
        volatile int sink;
        pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
        APART int leaf(int n) { pthread_mutex_lock(&lock); sink = n; pthread_mutex_unlock(&lock); return n; }
        APART int buffered(int n) { char b[200]; memset(b, n, sizeof b); int r = leaf(n + 1); sink += b[3]; return r + 1; }
        APART int on_alloca(int n) { char *p = alloca(n * 16 + 64); memset(p, n, n * 16); int r = buffered(n); sink += p[1]; return r; }
        APART int aligned(int n) { _Alignas(64) volatile char b[128]; b[n] = 1; int r = on_alloca(n); sink += b[n]; return r; }
        APART int many(int a, int b, int c, int d, int e, int f, int g, int h) { int r = aligned((a + b + c + d + e + f + g + h) & 63); return r + sink; }
        APART int outer(int n) { int r = many(n, 1, 2, 3, 4, 5, 6, 7); return r + 1; }
        APART int again(int n) { int r = n ? again(n - 1) : outer(3); sink += r; return r + 1; }
        void *thread_main(void *a) { int r = again((long)a); sink += r; return 0; }
        int main(int c, char **v) {
            int n = c > 1 ? atoi(v[1]) : 2; long depth = c > 2 ? atol(v[2]) : 3;
            alarm(300);
            pthread_mutex_lock(&lock);
            pthread_attr_t at; pthread_attr_init(&at); pthread_attr_setstacksize(&at, depth > 100 ? 16 << 20 : 256 << 10);
            for (int i = 0; i < n; i++) { pthread_t t; if (pthread_create(&t, &at, thread_main, (void *)depth)) return 1; }
            puts("ready"); fflush(stdout);
            for (;;) poll(0, 0, -1);
        }
        """
    static let callChainNames: Set<String> = ["leaf", "buffered", "on_alloca", "aligned", "many", "outer", "again", "thread_main"]

    static func callChainExpected(depth: Int) -> [String] {
        ["leaf", "buffered", "on_alloca", "aligned", "many", "outer"] + [String](repeating: "again", count: depth + 1) + ["thread_main"]
    }

    static let signal = """
        #include <signal.h>
        #include <stdlib.h>
        #include <stdio.h>
        #include <unistd.h>
        #include <sys/time.h>
        #define APART __attribute__((noinline))
        volatile int sink;
        APART void blocked(void) { puts("ready"); fflush(stdout); for (;;) pause(); }
        void on_signal(int s) { blocked(); sink++; }
        APART int interrupted(int n) { volatile long x = n; while (x) x++; return x; }
        APART int caller(int n) { int r = interrupted(n); sink += r; return r + 1; }
        int main(void) {
            stack_t st = {.ss_sp = malloc(65536), .ss_size = 65536}; sigaltstack(&st, 0);
            struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK}; sigaction(SIGALRM, &sa, 0);
            struct itimerval it = {{0, 0}, {0, 50000}}; setitimer(ITIMER_REAL, &it, 0);
            return caller(1) + sink;
        }
        """

    static let coroutine = """
        #include <ucontext.h>
        #include <stdlib.h>
        #include <stdio.h>
        #include <poll.h>
        #include <unistd.h>
        #define APART __attribute__((noinline))
        volatile int sink; ucontext_t outside, inside;
        APART void deep(int n) { if (n) { deep(n - 1); sink++; return; } puts("ready"); fflush(stdout); for (;;) poll(0, 0, -1); }
        void body(void) { deep(3); sink++; }
        int main(void) {
            alarm(300);
            getcontext(&inside); inside.uc_stack.ss_sp = malloc(65536); inside.uc_stack.ss_size = 65536; inside.uc_link = &outside;
            makecontext(&inside, body, 0); swapcontext(&outside, &inside); return sink;
        }
        """

    static let exception = """
        #include <cstdio>
        #include <string>
        #include <poll.h>
        #include <unistd.h>
        #define APART __attribute__((noinline))
        volatile int sink;
        namespace app {
        struct Holder { std::string name; APART ~Holder() { std::puts("ready"); std::fflush(stdout); while (sink >= 0) poll(0, 0, -1); } };
        template <class T> struct Box { APART static void fill(T v) { Holder h{"x"}; if (v) throw 1; sink = 1; } };
        APART int inner(int n) { Box<int>::fill(n); sink++; return n; }
        APART int steady(int n) noexcept { try { return inner(n) + 1; } catch (int) { return 2; } }
        }
        int main(int c, char **) { alarm(300); int r = app::steady(c); sink += r; return r; }
        """

    static let rust = """
        use std::sync::{Arc, Mutex};
        trait Work { fn go(&self, n: u32) -> u32; }
        struct Job(Arc<Mutex<u32>>);
        impl Work for Job { #[inline(never)] fn go(&self, n: u32) -> u32 { let g = self.0.lock().unwrap(); *g + n } }
        #[inline(never)] fn perform<W: Work>(w: &W) -> u32 { w.go(3) + 1 }
        fn main() {
            let m = Arc::new(Mutex::new(1)); let g = m.lock().unwrap(); let other = m.clone();
            let t = std::thread::spawn(move || { perform(&Job(other)) });
            println!("ready"); t.join().unwrap(); drop(g);
        }
        """

    static let swift = """
        import Glibc
        @inline(never) func leaf(_ n: Int) -> Int { print("ready"); fflush(stdout); var p = pollfd(); poll(&p, 0, -1); return n }
        struct Worker<T> { var t: T; @inline(never) func work(_ n: Int) throws -> Int { [1, 2, n].map { leaf($0) }.reduce(0, +) } }
        @inline(never) func top() throws { print(try Worker(t: "x").work(3)) }
        try top()
        """
}
