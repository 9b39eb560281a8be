/// ISO 8601 in UTC with milliseconds, without a date library: `2026-01-31T10:00:00.123Z`.
///
/// The calendar follows "chrono-Compatible Low-Level Date Algorithms" (Howard Hinnant, `civil_from_days`).
func timestamp(milliseconds: Int64) -> String {
    let millisecondsPerDay: Int64 = 86_400_000
    let days = floorDivide(milliseconds, millisecondsPerDay)
    let inDay = milliseconds - days * millisecondsPerDay
    let shifted = days + 719_468  // days from 0000-03-01 to 1970-01-01
    let era = floorDivide(shifted, 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    let seconds = inDay / 1000
    return padded(year, 4) + "-" + padded(month, 2) + "-" + padded(day, 2) + "T" + padded(seconds / 3600, 2) + ":"
        + padded(seconds / 60 % 60, 2) + ":" + padded(seconds % 60, 2) + "." + padded(inDay % 1000, 3) + "Z"
}

private func floorDivide(_ a: Int64, _ b: Int64) -> Int64 { a >= 0 ? a / b : (a - b + 1) / b }

private func padded(_ value: Int64, _ digits: Int) -> String {
    let text = String(value)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
}
