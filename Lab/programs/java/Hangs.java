import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/** Hangs of Java programs: Hangs SCENARIO tells who plays what, prints `ready`, and stays as it is. */
final class Hangs {
    private static final boolean isX86 = System.getProperty("os.arch").equals("amd64");
    private static final int FUTEX = isX86 ? 202 : 98;
    private static final int ANY = -1;

    /** Threads that were started and have not said yet which role they play. */
    private static final AtomicInteger silent = new AtomicInteger();

    interface Body {
        void run() throws Exception;
    }

    /** `PID/task/TID` of the calling thread. */
    private static String[] self() {
        try {
            return Files.readSymbolicLink(Path.of("/proc/thread-self")).toString().split("/");
        } catch (IOException problem) {
            throw new IllegalStateException(problem);
        }
    }

    private static synchronized void tell(String text) {
        System.out.println(text);
        System.out.flush();
    }

    /** Says that the calling thread plays `name` and is about to block in `call`. */
    private static void role(String name, int call) {
        String[] self = self();
        tell("role " + name + " " + self[0] + " " + self[2] + "\nwaits " + name + " S " + call + " -");
        silent.decrementAndGet();
    }

    /** A thread of the virtual machine, by the name that it gave itself. */
    private static void service(String role, String name) throws IOException {
        String pid = self()[0];
        try (var tasks = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
            for (Path task : tasks) {
                if (Files.readString(task.resolve("comm")).trim().startsWith(name)) {
                    tell("role " + role + " " + pid + " " + task.getFileName() + "\nwaits " + role + " S -1 -");
                    return;
                }
            }
        }
        throw new IllegalStateException("no thread " + name);
    }

    private static Thread start(String name, Body body) {
        silent.incrementAndGet();
        Thread thread = new Thread(() -> {
            try {
                body.run();
            } catch (Exception problem) {
                problem.printStackTrace();
                System.exit(1);
            }
        }, name);
        thread.start();
        return thread;
    }

    private static Thread victim(int call, Body body) {
        return start("victim", () -> {
            role("victim", call);
            body.run();
        });
    }

    private static void holding(Body take) throws InterruptedException {
        CountDownLatch taken = new CountDownLatch(1);
        start("holder", () -> {
            take.run();
            role("holder", FUTEX);
            taken.countDown();
            Thread.sleep(1_000_000);
        });
        taken.await();
    }

    private static void stay() throws InterruptedException {
        while (silent.get() > 0) {
            Thread.onSpinWait();
        }
        tell("ready");
        Thread.sleep(1_000_000);
    }

    static void monitor() throws Exception {
        Object lock = new Object();
        CountDownLatch taken = new CountDownLatch(1);
        start("holder", () -> {
            synchronized (lock) {
                role("holder", FUTEX);
                taken.countDown();
                Thread.sleep(1_000_000);
            }
        });
        taken.await();
        victim(FUTEX, () -> {
            synchronized (lock) {
                tell("never");
            }
        });
        stay();
    }

    static void monitorAbba() throws Exception {
        Object a = new Object();
        Object b = new Object();
        CyclicBarrier both = new CyclicBarrier(2);
        start("victim", () -> {
            synchronized (a) {
                both.await();
                role("victim", FUTEX);
                synchronized (b) {
                    tell("never");
                }
            }
        });
        start("member-1", () -> {
            synchronized (b) {
                both.await();
                role("member-1", FUTEX);
                synchronized (a) {
                    tell("never");
                }
            }
        });
        stay();
    }

    static void lockAbba() throws Exception {
        ReentrantLock a = new ReentrantLock();
        ReentrantLock b = new ReentrantLock();
        CyclicBarrier both = new CyclicBarrier(2);
        start("victim", () -> {
            a.lock();
            both.await();
            role("victim", FUTEX);
            b.lock();
        });
        start("member-1", () -> {
            b.lock();
            both.await();
            role("member-1", FUTEX);
            a.lock();
        });
        stay();
    }

    static void lock() throws Exception {
        ReentrantLock lock = new ReentrantLock();
        holding(lock::lock);
        victim(FUTEX, lock::lock);
        stay();
    }

    static void objectWait() throws Exception {
        Object object = new Object();
        victim(FUTEX, () -> {
            synchronized (object) {
                object.wait();
            }
        });
        stay();
    }

    static void objectWaitTimed() throws Exception {
        Object object = new Object();
        victim(FUTEX, () -> {
            synchronized (object) {
                object.wait(1_000_000);
            }
        });
        stay();
    }

    static void park() throws Exception {
        victim(FUTEX, LockSupport::park);
        stay();
    }

    static void queue() throws Exception {
        BlockingQueue<String> queue = new LinkedBlockingQueue<>();
        victim(FUTEX, queue::take);
        stay();
    }

    static void join() throws Exception {
        Thread worker = start("worker", () -> {
            role("worker", FUTEX);
            Thread.sleep(1_000_000);
        });
        victim(FUTEX, worker::join);
        stay();
    }

    static void latch() throws Exception {
        CountDownLatch latch = new CountDownLatch(1);
        victim(FUTEX, latch::await);
        stay();
    }

    static void semaphore() throws Exception {
        Semaphore semaphore = new Semaphore(0);
        victim(FUTEX, semaphore::acquire);
        stay();
    }

    static void socket() throws Exception {
        ServerSocket server = new ServerSocket(0);
        Socket client = new Socket("127.0.0.1", server.getLocalPort());
        Socket accepted = server.accept();
        tell("fact ports " + accepted.getPort());
        victim(ANY, () -> client.getInputStream().read());
        stay();
    }

    static void accept() throws Exception {
        ServerSocket server = new ServerSocket(0);
        victim(ANY, server::accept);
        stay();
    }

    static void sleep() throws Exception {
        victim(FUTEX, () -> Thread.sleep(1_000_000));
        stay();
    }

    static void executorIdle() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(1);
        silent.incrementAndGet();
        pool.submit(() -> role("victim", FUTEX)).get();
        stay();
    }

    static void child() throws Exception {
        Process child = new ProcessBuilder("sleep", "1000").start();
        tell("role child " + child.pid() + " " + child.pid() + "\nwaits child S -1 -");
        victim(FUTEX, child::waitFor);
        stay();
    }

    /** A machine that does nothing: each of its own threads is at rest. */
    static void serviceThreads() throws Exception {
        System.gc();
        service("victim", "VM Thread");
        service("reference", "Reference Handl");
        service("finalizer", "Finalizer");
        service("compiler", "C2 CompilerThre");
        service("signals", "Signal Dispatch");
        service("main", "java");
        stay();
    }

    public static void main(String[] words) throws Exception {
        Map<String, Body> scenarios = new TreeMap<>();
        scenarios.put("java-monitor", Hangs::monitor);
        scenarios.put("java-monitor-abba", Hangs::monitorAbba);
        scenarios.put("java-lock", Hangs::lock);
        scenarios.put("java-lock-abba", Hangs::lockAbba);
        scenarios.put("java-object-wait", Hangs::objectWait);
        scenarios.put("java-object-wait-timed", Hangs::objectWaitTimed);
        scenarios.put("java-park", Hangs::park);
        scenarios.put("java-queue", Hangs::queue);
        scenarios.put("java-join", Hangs::join);
        scenarios.put("java-latch", Hangs::latch);
        scenarios.put("java-semaphore", Hangs::semaphore);
        scenarios.put("java-socket", Hangs::socket);
        scenarios.put("java-accept", Hangs::accept);
        scenarios.put("java-sleep", Hangs::sleep);
        scenarios.put("java-executor-idle", Hangs::executorIdle);
        scenarios.put("java-child", Hangs::child);
        scenarios.put("java-service-threads", Hangs::serviceThreads);
        Body play = words.length == 1 ? scenarios.get(words[0]) : null;
        if (play == null) {
            System.err.println("Hangs SCENARIO: one of " + scenarios.keySet());
            System.exit(64);
        }
        play.run();
    }
}
