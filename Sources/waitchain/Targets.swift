import ArgumentParser
import Diagnosis

/// What a person named: digits are a process or a thread, everything else is a name.
func target(_ text: String) -> Target {
    if let id = Int32(text), id > 0 { return .id(id) }
    return .name(text)
}

/// Asks for targets; one that is not there is said on standard error, and the rest is asked for without it.
///
/// - Returns: the answer, and whether it leaves a target out.
/// - Throws: exit status 2 when there is no answer at all.
func answer<Answer>(_ names: [String], _ ask: ([Target]) throws(TargetError) -> Answer) throws -> (answer: Answer, isPartial: Bool) {
    var names = names
    var isPartial = false
    while true {
        do {
            return (try ask(names.map(target)), isPartial)
        } catch {
            warn(error.message)
            let left = names.filter { !isMeant($0, by: error) }
            // Nothing left, or an error that no target is to blame for.
            guard !left.isEmpty, left.count < names.count else { throw ExitCode(2) }
            names = left
            isPartial = true
        }
    }
}

private func isMeant(_ name: String, by error: TargetError) -> Bool {
    switch (error, target(name)) {
    case (.noSuchID(let missing), .id(let id)): missing == id
    case (.noSuchName(let missing), .name(let name)): missing == name
    default: false
    }
}
