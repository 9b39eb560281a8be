import Glibc

/// A system call that failed: which, on what, and why.
public struct SystemCallError: Error, CustomStringConvertible {
    public let call: String
    public let subject: String
    public let code: CInt

    /// Keeps the current `errno`.
    init(_ call: String, _ subject: String) {
        self.init(call, subject, code: errno)
    }

    init(_ call: String, _ subject: String, code: CInt) {
        self.call = call
        self.subject = subject
        self.code = code
    }

    public var description: String {
        "\(call)(\(subject)): \(String(cString: strerror(code)))"
    }
}
