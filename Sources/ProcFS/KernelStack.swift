/// `/proc/PID/task/TID/stack`: `[<0>] do_msgsnd+0x2b4/0x580`, innermost first. Source: fs/proc/base.c `proc_pid_stack`.
public enum KernelStack {
    /// The function names, without offsets and module names.
    public static func functions(_ bytes: UnsafeRawBufferPointer) -> [String] {
        var cursor = ByteCursor(bytes)
        var names: [String] = []
        while let line = cursor.line() {
            var field = ByteCursor(line)
            guard field.until(0x5D) != nil else { continue }
            let name = field.word()
            let end = name.firstIndex(of: 0x2B) ?? name.count
            // Linux before 5.2 ends the list with the bare address 0xffffffffffffffff.
            if end > 0, !name.begins(with: "0x") { names.append(UnsafeRawBufferPointer(rebasing: name[..<end]).text) }
        }
        return names
    }
}
