import Glibc

/// Why a file could not be read.
struct FileError: Error {
    let number: Int32
}

/// A whole file. No more than 1 GB is taken: a list of 100,000 threads is a tenth of that.
func readFile(_ path: String) -> Result<[UInt8], FileError> {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return .failure(FileError(number: errno)) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    let step = 1 << 18
    while bytes.count < 1 << 30 {
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: step))
        let count = bytes.withUnsafeMutableBytes { buffer in
            read(descriptor, buffer.baseAddress.map { $0 + start }, step)
        }
        let number = errno
        bytes.removeLast(step - max(0, count))
        if count == 0 { return .success(bytes) }
        if count < 0 && number != EINTR { return .failure(FileError(number: number)) }
    }
    return .failure(FileError(number: EFBIG))
}
