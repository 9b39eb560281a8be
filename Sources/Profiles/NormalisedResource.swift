/// What of a resource's identity lasts over restarts: its family, and its path or abstract name if it has one. Inodes, queue ids,
/// addresses, ports and pids do not: `pipe:[4711]` is `pipe`, `futex:312:0x7f10` is `futex`, `unix:/run/a.sock` stays. Runs of three
/// digits and more inside a path are taken for such numbers too (`/tmp/run.4711/a.sock` is `/tmp/run.#/a.sock`).
public func normalisedResource(_ resource: String) -> String {
    guard let colon = resource.firstIndex(of: ":") else { return withoutNumbers(resource) }
    let family = resource[..<colon]
    let rest = resource[resource.index(after: colon)...]
    guard let mark = rest.first, mark == "/" || mark == "@" else { return String(family) }
    return family + ":" + withoutNumbers(String(rest))
}

private func withoutNumbers(_ text: String) -> String {
    var result = ""
    var digits = ""
    func flush(_ digits: String) -> String { digits.utf8.count >= 3 ? "#" : digits }
    for scalar in text.unicodeScalars {
        if scalar.value >= 0x30 && scalar.value <= 0x39 {
            digits.unicodeScalars.append(scalar)
        } else {
            result += flush(digits)
            digits = ""
            result.unicodeScalars.append(scalar)
        }
    }
    return result + flush(digits)
}
