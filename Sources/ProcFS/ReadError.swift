#if canImport(Glibc)
    import Glibc
#endif

/// Why something could not be read. All of these are ordinary.
public enum ReadError: Error, Sendable, Hashable {
    /// The thread, process or file is not there (any more): ENOENT or ESRCH.
    case gone
    /// Not permitted: EACCES or EPERM.
    case denied(Int32)
    /// The read did not answer within its time limit; the helper that made it was ended.
    case timedOut
    /// The memory page is not present, so reading it could block; or it was never mapped.
    case notPresent
    /// This source has no such evidence: a recorded tree has no memory, another machine no sockets.
    case unavailable
    /// Any other error number.
    case failed(Int32)

    init(errno number: Int32) {
        switch number {
        case ENOENT, ESRCH: self = .gone
        case EACCES, EPERM: self = .denied(number)
        default: self = .failed(number)
        }
    }

    /// The error's name as people search for it.
    public var name: String {
        switch self {
        case .gone: "ESRCH"
        case .denied(let number): number == EPERM ? "EPERM" : "EACCES"
        case .timedOut: "timed out"
        case .notPresent: "page not present"
        case .unavailable: "not available here"
        case .failed(let number):
            switch number {
            case EIO: "EIO"
            case EFAULT: "EFAULT"
            case ENOSYS: "ENOSYS"
            case EINVAL: "EINVAL"
            case EMFILE: "EMFILE"
            case ENODEV: "ENODEV"
            default: "errno \(number)"
            }
        }
    }
}
