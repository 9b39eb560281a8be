import CLinux
import Glibc

/// How text is shown: how wide, with colour or without, with which characters.
public struct Presentation: Sendable {
    /// Columns to fill.
    public var width: Int
    /// Whether table rows are cut at `width`: so on a terminal; a file or a pipe gets them whole.
    public var cutsRows: Bool
    public var isColoured: Bool
    /// Tree lines and dots beyond ASCII.
    public var isUnicode: Bool

    public init(width: Int = 100, cutsRows: Bool = false, isColoured: Bool = false, isUnicode: Bool = true) {
        self.width = max(20, width)
        self.cutsRows = cutsRows
        self.isColoured = isColoured
        self.isUnicode = isUnicode
    }

    /// When colour is used.
    public enum ColourChoice: String, Sendable, CaseIterable {
        /// On a terminal, unless `NO_COLOR` is set (no-color.org) or the terminal is `dumb`.
        case auto
        case always, never
    }

    /// What suits a descriptor: the terminal's width, or 100 columns where it is none; UTF-8 where the locale is.
    public init(descriptor: Int32, colour: ColourChoice) {
        let isTerminal = isatty(descriptor) == 1
        let columns = isTerminal ? Int(cl_terminal_columns(descriptor)) : 0
        let wantsColour =
            switch colour {
            case .always: true
            case .never: false
            case .auto: isTerminal && environment("NO_COLOR").isEmpty && environment("TERM") != "dumb"
            }
        self.init(width: columns > 0 ? columns : 100, cutsRows: isTerminal, isColoured: wantsColour, isUnicode: localeIsUTF8())
    }
}

private func environment(_ name: String) -> String {
    getenv(name).map { String(cString: $0) } ?? ""
}

/// The first of `LC_ALL`, `LC_CTYPE` and `LANG` that is set decides (locale(7)).
private func localeIsUTF8() -> Bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.map(environment).first { !$0.isEmpty } ?? ""
    let name = locale.lowercased()
    return name.contains("utf-8") || name.contains("utf8")
}
