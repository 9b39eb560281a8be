import Evidence
import Glibc
import ProcFS
import Testing
import WaitModel

@testable import WaitResolution

/// A procfs of plain files in a temporary directory: what a kernel would show of a hang, written file by file.
final class RecordedTree {
    let root: String

    init() throws {
        var template = Array("/tmp/waitchain-tree.XXXXXX".utf8CString)
        root = try #require(mkdtemp(&template).map { String(cString: $0) })
    }

    deinit { remove(root) }

    /// One thread's files. `call` is the text of `syscall`; nil leaves the file out, as a kernel without it does.
    func thread(
        _ pid: Int32, _ tid: Int32? = nil, comm: String = "prog", state: Character = "S", parent: Int32 = 1, channel: String = "0",
        call: String? = "running", runs: UInt64 = 7, flags: UInt64 = 0x400000, startTicks: UInt64 = 100, tracer: Int32 = 0,
        namespaceIDs: [Int32]? = nil, stack: [String] = []
    ) throws {
        let tid = tid ?? pid
        let directory = "\(pid)/task/\(tid)"
        let stat =
            "\(tid) (\(comm)) \(state) \(parent) 1 1 0 -1 \(flags) 0 0 0 0 5 6 0 0 20 0 1 0 \(startTicks) 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 17 1 0 0\n"
        let ids = (namespaceIDs ?? [tid]).map(String.init).joined(separator: "\t")
        let status = "Name:\t\(comm)\nTgid:\t\(pid)\nPid:\t\(tid)\nPPid:\t\(parent)\nTracerPid:\t\(tracer)\nNSpid:\t\(ids)\n"
        try write("\(directory)/stat", stat)
        try write("\(directory)/status", status)
        try write("\(directory)/wchan", channel)
        try write("\(directory)/schedstat", "1000 2000 \(runs)\n")
        if let call { try write("\(directory)/syscall", call + "\n") }
        if !stack.isEmpty { try write("\(directory)/stack", stack.map { "[<0>] \($0)+0x1/0x2\n" }.joined()) }
        if tid == pid {
            for (name, text) in [("stat", stat), ("status", status), ("comm", comm + "\n")] { try write("\(pid)/\(name)", text) }
        }
    }

    /// A descriptor, as its process and its thread show it. `flags` as in fdinfo, octal.
    func descriptor(_ pid: Int32, _ number: Int32, _ link: String, flags: String = "0100000", extra: String = "") throws {
        for directory in ["\(pid)", "\(pid)/task/\(pid)"] {
            try makeDirectory("\(directory)/fd")
            try #require(symlink(link, "\(root)/\(directory)/fd/\(number)") == 0)
            try write("\(directory)/fdinfo/\(number)", "pos:\t0\nflags:\t\(flags)\nmnt_id:\t15\n\(extra)")
        }
    }

    func write(_ path: String, _ text: String) throws {
        if let slash = path.lastIndex(of: "/") { try makeDirectory(String(path[..<slash])) }
        let file = try #require(fopen("\(root)/\(path)", "w"))
        defer { fclose(file) }
        _ = text.withCString { fwrite($0, 1, strlen($0), file) }
    }

    private func makeDirectory(_ path: String) throws {
        var partial = root
        for part in path.split(separator: "/") {
            partial += "/" + part
            if mkdir(partial, 0o755) != 0 { try #require(errno == EEXIST) }
        }
    }

    private func remove(_ path: String) {
        if let directory = opendir(path) {
            while let entry = readdir(directory) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(cString: $0.bindMemory(to: CChar.self).baseAddress!) }
                guard name != ".", name != ".." else { continue }
                if entry.pointee.d_type == UInt8(DT_DIR) { remove(path + "/" + name) } else { unlink(path + "/" + name) }
            }
            closedir(directory)
        }
        rmdir(path)
    }

    func host() -> Host { Host(source: HostSource(root: root)) }

    /// What the thread waits for.
    func wait(_ pid: Int32, _ tid: Int32? = nil) throws -> Wait {
        let host = host()
        let process = try #require(host.process(pid))
        let reading = try #require(process.threads.first { $0.tid == tid ?? pid })
        return WaitFamilies.resolve(reading, on: host).wait
    }
}

/// The text of `syscall` for x86-64.
func call(_ number: Int, _ arguments: UInt64...) -> String {
    let padded = arguments + Array(repeating: 0, count: 6 - arguments.count)
    return "\(number) " + padded.map { "0x" + String($0, radix: 16) }.joined(separator: " ") + " 0x7ffd00001000 0x7f0000001234"
}

extension Wait {
    /// Pids of the parties that are processes or threads, in order.
    var partyPIDs: [Int32] {
        release.parties.compactMap {
            switch $0.target {
            case .process(let id): id.pid
            case .thread(let id): id.pid
            case .outside: nil
            }
        }
    }
}
