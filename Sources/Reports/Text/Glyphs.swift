/// The characters of trees and lists.
struct Glyphs {
    let branch: String
    let cycle: String
    let dots: String
    let dash: String

    init(_ presentation: Presentation) {
        branch = presentation.isUnicode ? "└─ " : "`- "
        cycle = presentation.isUnicode ? "↺ " : "^ "
        dots = presentation.isUnicode ? "…" : "..."
        dash = presentation.isUnicode ? "—" : "--"
    }
}
