import Testing

@testable import Reports

@Suite struct QuantityTests {
    @Test(
        arguments: [
            (0.2, "under 1 s"), (1, "about 1 s"), (42.4, "about 42 s"), (89, "about 89 s"), (91, "about 2 min"), (1893.2, "about 32 min"),
            (5 * 3600, "about 5 h"), (40 * 3600, "about 2 days"), (86_400 * 4000, "about 4,000 days"), (.infinity, "under 1 s"),
            (-5, "under 1 s"),
            (1e300, "about 1,000,000,000 days"),
        ] as [(Double, String)]) func durations(_ row: (seconds: Double, text: String))
    {
        #expect(aboutDuration(row.seconds) == row.text)
    }

    @Test(arguments: [(0, "0"), (999, "999"), (1998, "1,998"), (1_234_567, "1,234,567"), (-1000, "-1,000")] as [(Int, String)])
    func numbers(_ row: (number: Int, text: String)) {
        #expect(grouped(row.number) == row.text)
    }

    @Test(
        arguments: [
            ([], Int.max, "nobody"), (["a"], Int.max, "a"), (["a", "b"], Int.max, "a and b"), (["a", "b", "c"], Int.max, "a, b and c"),
            (["a", "b", "c", "d"], 2, "a, b and 2 more"), (["a", "b", "c"], 2, "a, b and c"),
        ] as [([String], Int, String)]) func lists(_ row: (items: [String], limit: Int, text: String))
    {
        #expect(listed(row.items, limit: row.limit) == row.text)
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (1_769_853_600_123, "2026-01-31T10:00:00.123Z"), (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] as [(Int64, String)]) func timestamps(_ row: (milliseconds: Int64, text: String))
    {
        #expect(timestamp(milliseconds: row.milliseconds) == row.text)
    }
}
