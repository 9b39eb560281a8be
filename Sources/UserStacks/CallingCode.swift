import Evidence
import ProcFS

/// The code that made a system call, told without a walk of the stack: one look-up of its program counter.
public struct CallingCode: Sendable, Hashable {
    /// The function as its file spells it; nil when no symbol covers the address.
    public var symbol: String?
    /// Machine code up to and with the instruction that entered the kernel; empty when it could not be read.
    public var code: [UInt8]
    /// The byte of machine code that follows.
    public var next: UInt8?
}

extension StackReader {
    /// - Parameter counter: the address that the thread returns to.
    public func callingCode(of thread: ThreadReading, at counter: UInt64) -> CallingCode {
        let image = image(of: thread)
        var result = CallingCode(symbol: nil, code: image.code(before: counter, count: 64))
        result.next = image.code(before: counter &+ 1, count: 1).first
        // A function whose last instruction enters the kernel ends where the counter stands.
        if let location = image.location(of: counter &- 1) {
            result.symbol = location.module.symbols.symbol(at: counter &- 1 &- location.bias, functionStart: nil)?.name
        }
        return result
    }

    /// Whether the file that holds the code at `address` has one of these sections; nil when it cannot be read, or says nothing of its
    /// sections.
    public func codeFile(of thread: ThreadReading, at address: UInt64, hasAnyOf sections: [String]) -> Bool? {
        guard let layout = image(of: thread).location(of: address)?.module.file.layout, !layout.sections.isEmpty else { return nil }
        return layout.sections.contains { sections.contains($0.name) }
    }
}
