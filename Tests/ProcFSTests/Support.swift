import Foundation
import Testing

@testable import ProcFS

/// Lends the text's bytes to a parser.
func parse<T>(_ text: String, _ body: (UnsafeRawBufferPointer) throws -> T) rethrows -> T {
    try Array(text.utf8).withUnsafeBytes(body)
}

/// A program that a test started; ended with the value.
final class Helper {
    private let process = Process()
    private let output = Pipe()
    private let input = Pipe()
    var pid: Int32 { process.processIdentifier }

    init(_ path: String, _ arguments: [String]) throws {
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.standardOutput = output
        process.standardInput = input
        try process.run()
    }

    /// The next line that it prints; nil when it ends first.
    func line() -> String? {
        var line: [UInt8] = []
        while let byte = try? output.fileHandleForReading.read(upToCount: 1)?.first {
            if byte == 0x0A { return String(decoding: line, as: UTF8.self) }
            line.append(byte)
        }
        return nil
    }

    func end() {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }

    deinit { end() }
}

/// A directory that is removed with the value.
final class TemporaryTree {
    let path: String

    init() throws {
        var template = Array((NSTemporaryDirectory() + "/waitchain-test-XXXXXX").utf8CString)
        path = try #require(mkdtemp(&template).map { String(cString: $0) })
    }

    func write(_ text: String, to file: String) throws {
        let url = URL(fileURLWithPath: path + "/" + file)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// Python is used to make descriptors that Swift's Glibc cannot.
let python = "/usr/bin/python3"
let hasPython = FileManager.default.isExecutableFile(atPath: python)
