import Glibc
import Synchronization

/// Does `work` for every item, `count` of them at a time, and gives the results in the items' order.
///
/// Plain threads: the work blocks in system calls, which Swift's cooperative pool is not for.
func inParallel<Item: Sendable, Result: Sendable>(
    _ items: [Item], atOnce count: Int, _ work: @escaping @Sendable (Item) -> Result
) -> [Result] {
    let queue = WorkQueue(items, work)
    let threads = (0..<max(1, min(count, items.count))).compactMap { _ in startThread { queue.run() } }
    if threads.isEmpty { queue.run() }
    for thread in threads { pthread_join(thread, nil) }
    return queue.results
}

private final class WorkQueue<Item: Sendable, Result: Sendable>: Sendable {
    private let items: [Item]
    private let work: @Sendable (Item) -> Result
    private let state: Mutex<(next: Int, results: [Int: Result])>

    init(_ items: [Item], _ work: @escaping @Sendable (Item) -> Result) {
        self.items = items
        self.work = work
        state = Mutex((0, [:]))
    }

    var results: [Result] { state.withLock { state in items.indices.compactMap { state.results[$0] } } }

    func run() {
        while let index = take() {
            let result = work(items[index])
            state.withLock { $0.results[index] = result }
        }
    }

    private func take() -> Int? {
        state.withLock { state in
            guard state.next < items.count else { return nil }
            defer { state.next += 1 }
            return state.next
        }
    }
}

private final class ThreadBody: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

private func startThread(_ body: @escaping @Sendable () -> Void) -> pthread_t? {
    let argument = Unmanaged.passRetained(ThreadBody(body))
    var thread = pthread_t()
    let code = pthread_create(
        &thread, nil,
        { argument in
            guard let argument else { return nil }
            Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().body()
            return nil
        }, argument.toOpaque())
    guard code == 0 else {
        argument.release()
        return nil
    }
    return thread
}
