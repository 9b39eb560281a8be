import Evidence
import KernelFacts
import ProcFS

extension StackReader {
    /// The version of glibc that a process has mapped, as far as its files tell: the file's name up to 2.33 (`libc-2.31.so`), later the
    /// newest symbol version that it defines (`GLIBC_2.36`), which may be some releases behind its own. nil for other C libraries and
    /// for static programs. The file is read once, through the reader process.
    public func glibcVersion(of thread: ThreadReading) -> Version? {
        for mapping in host.mappings(of: thread) where mapping.isExecutable {
            guard let name = mapping.path?.utf8.split(separator: 0x2F).last else { continue }
            if name.starts(with: "libc-2.".utf8) { return Version(String(decoding: name.dropFirst("libc-".utf8.count), as: UTF8.self)) }
            guard name.starts(with: "libc.so.6".utf8),
                let strings = modules.module(of: mapping, pid: thread.pid, tid: thread.tid)?.file.contents(".dynstr")
            else { continue }
            return Self.newestSymbolVersion(strings)
        }
        return nil
    }

    /// The highest `GLIBC_2.N` among NUL-terminated strings.
    static func newestSymbolVersion(_ strings: [UInt8]) -> Version? {
        strings.split(separator: 0).compactMap { text in
            text.starts(with: "GLIBC_2.".utf8) ? Version(String(decoding: text.dropFirst("GLIBC_".utf8.count), as: UTF8.self)) : nil
        }.max()
    }
}
