import WaitModel

/// What both reductions and the components say, with the counts for each process that choosing a link needs.
struct Verdicts: Sendable {
    /// With stops as they are: what is not free is held up.
    let now: DenseReduction
    /// With every stop lifted: what is not free is stuck.
    let lifted: DenseReduction
    let components: Components
    /// For each process, how many of its threads are free now, and lifted.
    private(set) var freeNow: [Int32]
    private(set) var freeLifted: [Int32]
    /// For each process, how many of its threads are not dead, and how many are held by a stop.
    private(set) var living: [Int32]
    private(set) var held: [Int32]
    /// For each process, the thread that was freed first; -1 for none.
    private(set) var firstNow: [Int32]
    private(set) var firstLifted: [Int32]

    /// Complexity: O(threads + parties).
    init(of graph: WaitGraph) {
        now = graph.dense.reduce(heldThreadsMove: false)
        lifted = graph.dense.reduce(heldThreadsMove: true)
        components = Components(of: graph, reduction: lifted)
        let zeros = [Int32](repeating: 0, count: graph.processes.count)
        (freeNow, freeLifted, living, held) = (zeros, zeros, zeros, zeros)
        firstNow = [Int32](repeating: -1, count: graph.processes.count)
        firstLifted = firstNow
        for thread in 0..<Int32(graph.threads.count) {
            let process = Int(graph.process(of: thread))
            if !graph.isDead(thread) { living[process] += 1 }
            if graph.isHeld(thread) { held[process] += 1 }
            if now.isFree(thread) {
                freeNow[process] += 1
                firstNow[process] = Self.earlier(firstNow[process], thread, in: now)
            }
            if lifted.isFree(thread) {
                freeLifted[process] += 1
                firstLifted[process] = Self.earlier(firstLifted[process], thread, in: lifted)
            }
        }
    }

    private static func earlier(_ best: Int32, _ thread: Int32, in reduction: DenseReduction) -> Int32 {
        best < 0 || reduction.rank[Int(thread)] < reduction.rank[Int(best)] ? thread : best
    }

    /// Stays blocked even if every stop were lifted.
    func isStuck(_ thread: Int32) -> Bool { !lifted.isFree(thread) }

    /// Cannot move as things are.
    func isHeldUp(_ thread: Int32) -> Bool { !now.isFree(thread) }
}
