/// Names of compiled languages as people wrote them.
enum Demangling {
    static func readable(_ symbol: String) -> String { symbol }
}
