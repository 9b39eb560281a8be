import CLinux
import Glibc

/// Which pages of a target are present, from its `pagemap` (Documentation/admin-guide/mm/pagemap.rst: bit 63 present).
struct PageMap {
    private var pagemap: Int32 = -1
    private var memoryFile: Int32 = -1
    private var directoryHash: UInt64 = 0

    mutating func forget() {
        if pagemap >= 0 { close(pagemap) }
        if memoryFile >= 0 { close(memoryFile) }
        (pagemap, memoryFile, directoryHash) = (-1, -1, 0)
    }

    /// Bytes read up to the first page that is not present, or minus errno (ENOMSG when the first page is not present).
    mutating func readMemory(
        directory: UnsafePointer<CChar>, tid: Int32, address: UInt64, into out: UnsafeMutableRawPointer, count: Int, throughFile: Bool
    ) -> Int {
        guard count > 0, address != 0, address <= UInt64.max - UInt64(count) else { return -Int(EFAULT) }
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        var at = directory
        while at.pointee != 0 {
            hash = (hash ^ UInt64(UInt8(bitPattern: at.pointee))) &* 0x100_0000_01b3
            at += 1
        }
        if hash != directoryHash || pagemap < 0 {
            forget()
            let base = cl_openat(AT_FDCWD, directory, cl_open_directory_flags())
            guard base >= 0 else { return -Int(errno) }
            defer { close(base) }
            pagemap = cl_openat(base, "pagemap", O_RDONLY | O_CLOEXEC)
            guard pagemap >= 0 else { return -Int(errno) }
            if throughFile {
                memoryFile = cl_openat(base, "mem", O_RDONLY | O_CLOEXEC)
                guard memoryFile >= 0 else {
                    let number = errno
                    forget()
                    return -Int(number)
                }
            }
            directoryHash = hash
        }
        let pageSize = UInt64(sysconf(Int32(_SC_PAGESIZE)))
        var done = 0
        while done < count {
            let here = address + UInt64(done)
            // Up to 64 pages at once; on the stack, since this runs in the child.
            let (run, problem) = withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 64) { entries -> (Int, Int32) in
                let wanted = min(64, Int((here % pageSize + UInt64(count - done) + pageSize - 1) / pageSize))
                let got = pread(pagemap, entries.baseAddress, wanted * 8, off_t(truncatingIfNeeded: here / pageSize * 8))
                guard got >= 0 else { return (0, errno) }
                return ((0..<got / 8).first { entries[$0] >> 63 == 0 } ?? got / 8, 0)
            }
            guard run > 0 else { return done > 0 ? done : problem != 0 ? -Int(problem) : -Int(ENOMSG) }
            let piece = min(count - done, run * Int(pageSize) - Int(here % pageSize))
            let bytes =
                throughFile
                ? pread(memoryFile, out + done, piece, off_t(truncatingIfNeeded: here))
                : cl_process_vm_read(tid, here, out + done, piece)
            guard bytes > 0 else { return done > 0 ? done : bytes == 0 ? -Int(EFAULT) : -Int(errno) }
            done += bytes
        }
        return done
    }
}
