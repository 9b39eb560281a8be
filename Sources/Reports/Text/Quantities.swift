/// `about 31 min`: a length of time from one look, rounded to what it can be relied on.
func aboutDuration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 1 else { return "under 1 s" }
    return "about " + duration(seconds)
}

/// `42 s`, `31 min`, `5 h`, `12 days`.
func duration(_ seconds: Double) -> String {
    switch seconds {
    case ..<1: "<1 s"
    case ..<90: "\(Int(seconds.rounded())) s"
    case ..<(90 * 60): "\(Int((seconds / 60).rounded())) min"
    case ..<(36 * 3600): "\(Int((seconds / 3600).rounded())) h"
    default: "\(grouped(Int(min(seconds / 86_400, 1e9).rounded()))) days"
    }
}

/// `1,998`
func grouped(_ number: Int) -> String {
    let digits = String(number.magnitude)
    var result = number < 0 ? "-" : ""
    for (place, digit) in digits.enumerated() {
        if place > 0 && (digits.count - place) % 3 == 0 { result.append(",") }
        result.append(digit)
    }
    return result
}

/// `1 thread`, `1,998 threads`.
func counted(_ number: Int, _ noun: String, plural: String? = nil) -> String {
    number == 1 ? "1 \(noun)" : "\(grouped(number)) \(plural ?? noun + "s")"
}

/// `A`, `A and B`, `A, B and C`; with a limit `A, B and 7 more`.
func listed(_ items: [String], limit: Int = .max, more: String = "more") -> String {
    if items.count - 1 > limit || (items.count > limit && limit <= 1) {
        return items.prefix(limit).joined(separator: ", ") + " and \(grouped(items.count - limit)) \(more)"
    }
    guard let last = items.last else { return "nobody" }
    return items.count == 1 ? last : items.dropLast().joined(separator: ", ") + " and " + last
}
