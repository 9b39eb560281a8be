import Glibc

/// Programs that block at a known place. Each prints `ready` first, and ends by itself should its test be killed.
enum TestPrograms {
    static let callChain = source("call_chain.c")
    static let callChainNames: Set<String> = ["leaf", "buffered", "on_alloca", "aligned", "many", "outer", "again", "thread_main"]

    static func callChainExpected(depth: Int) -> [String] {
        ["leaf", "buffered", "on_alloca", "aligned", "many", "outer"] + [String](repeating: "again", count: depth + 1) + ["thread_main"]
    }

    static let signal = source("signal_handler.c")

    static func source(_ name: String) -> String {
        let directory = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        guard let file = fopen("/\(directory)/Programs/\(name)", "r") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let got = fread(&buffer, 1, buffer.count, file)
            if got == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<got]
        }
    }
}

/// One line of Programs/list.tsv.
struct ListedProgram: CustomStringConvertible {
    var source: String
    /// All of its code has frame information, so that its stacks must be complete.
    var hasFrames: Bool
    var arguments: [String]
    var command: String
    /// Functions on the stack of the blocked thread, innermost first.
    var truth: [String]

    var description: String { "\(command): \(source)" }

    static let all: [ListedProgram] = TestPrograms.source("list.tsv").split(separator: "\n").compactMap { line in
        let words = line.split(separator: "\t").map(String.init)
        guard !line.hasPrefix("#"), words.count == 5 else { return nil }
        return ListedProgram(
            source: words[0], hasFrames: words[1] == "yes",
            arguments: words[2] == "-" ? [] : words[2].split(separator: " ").map(String.init),
            command: words[3], truth: words[4].split(separator: ";").map(String.init))
    }

    var isStripped: Bool { command.contains(" -s ") }
}
