import Glibc
import KernelFacts
import Testing
import WaitModel

@testable import WaitResolution

/// One thread of `Recordings/channels.tsv`, with what it waits for according to `Recordings/situations.tsv`.
struct RecordedChannel: CustomStringConvertible, Sendable {
    let kernel: String
    let situation: String
    let signs: WaitSigns
    let family: WaitFamily
    /// What it waits for in truth, and what of that these signs can tell.
    let truth: WaitKind
    let told: WaitKind

    var description: String {
        "\(kernel) \(situation): \(Character(UnicodeScalar(signs.state))) \(signs.channel ?? "0") \(signs.call ?? "-") \(signs.stack)"
    }

    static let all: [RecordedChannel] = {
        let situations = rows("situations.tsv")
        return rows("channels.tsv").compactMap { row in
            guard row.count == 7, let state = row[2].utf8.first else { return nil }
            let expected = situations.first {
                ($0[0] == "*" || $0[0] == row[1]) && ($0[1] == "*" || $0[1] == row[4]) && ($0[2] == "*" || $0[2] == row[2])
            }
            guard let expected, let family = WaitFamily(rawValue: expected[3]), let truth = WaitKind(rawValue: expected[4]),
                let told = WaitKind(rawValue: expected[5])
            else {
                Issue.record("no situation for \(row)")
                return nil
            }
            let signs = WaitSigns(
                state: state, channel: row[3] == "0" ? nil : row[3], stack: row[6].split(separator: " ").map(String.init),
                call: row[4] == "none" || row[4] == "running" ? nil : row[4],
                arguments: row[5].split(separator: " ").compactMap { UInt64($0, radix: 16) })
            return RecordedChannel(
                kernel: row[0], situation: row[1], signs: signs, family: family, truth: truth, told: told)
        }
    }()

    private static func rows(_ name: String) -> [[String]] {
        let path = String(#filePath.dropLast("RecordedChannels.swift".count)) + "Recordings/" + name
        guard let file = fopen(path, "r") else {
            Issue.record("\(path) cannot be read")
            return []
        }
        defer { fclose(file) }
        var rows: [[String]] = []
        var line = [CChar](repeating: 0, count: 4096)
        while fgets(&line, 4096, file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if !text.hasPrefix("#") { rows.append(text.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)) }
        }
        return rows
    }
}

extension WaitKind {
    /// The kinds that claim less and are still true.
    func isWiderThan(_ truth: WaitKind) -> Bool {
        switch self {
        case .unknown: true
        case .futexOther: truth.rawValue.hasPrefix("futex-")
        case .socketOther:
            ["unix-", "tcp-", "udp-", "netlink-"].contains { truth.rawValue.hasPrefix($0) }
        default: false
        }
    }
}
