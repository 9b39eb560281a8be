/// Which Python files are the standard library's, by the path that they were compiled under.
public enum PythonLibrary {
    /// `lib/python3.11/…` as `sysconfig` lays it out, without what is installed below it; modules frozen into the interpreter
    /// (`<frozen runpy>`), and the library as an archive (`python311.zip`).
    public static func contains(_ file: String) -> Bool { module(file) != nil }

    /// The path within the standard library (`concurrent/futures/thread.py`); nil for a file that is not, or not for certain, of it.
    public static func module(_ file: String) -> String? {
        if file.hasPrefix("<frozen "), file.hasSuffix(">") { return String(file.dropFirst(8).dropLast()) }
        let parts = file.split(separator: "/", omittingEmptySubsequences: true)
        for (index, part) in parts.enumerated().dropLast() {
            let isLibrary = isVersioned(part) && index > 0 && (parts[index - 1] == "lib" || parts[index - 1] == "lib64")
            let isArchive = part.hasPrefix("python3") && part.hasSuffix(".zip")
            guard isLibrary || isArchive else { continue }
            let rest = parts[(index + 1)...]
            if rest.first == "site-packages" || rest.first == "dist-packages" { return nil }
            return rest.joined(separator: "/")
        }
        return nil
    }

    /// `python3.11`, `python3.13t`
    private static func isVersioned(_ part: Substring) -> Bool {
        guard part.hasPrefix("python3.") else { return false }
        let number = part.dropFirst(8).prefix { $0.isNumber }
        return !number.isEmpty && ["", "t", "d"].contains(part.dropFirst(8 + number.count))
    }
}
