/// What is true about one blocked role, and so what `waitchain explain --json` must say of it.
///
/// `resource` and `remedy` may hold places to fill: `{KEY}` a fact of the run, `{pid:ROLE}` a role's process, `{tid:ROLE}`
/// its thread. In `resource`, `*` stands for anything, and `|` stands between identities that are all right.
struct Truth: Sendable, Encodable {
    /// Whom it is about.
    var role = "victim"
    /// The wait kinds that are right; nil when the thread moves and any may be seen.
    let kinds: [String]?
    /// The resource's identity; nil when it is not checked.
    let resource: String?
    /// Who could release it; nil when it is not checked.
    let parties: [PartyTruth]?
    /// Whether further parties may be named, as long as nobody calls them certain.
    let othersAllowed: Bool
    /// `any` or `all`; nil when it is not checked.
    let rule: String?
    /// The roles of which one is the root; nil when it is not checked.
    let roots: [String]?
    /// The causes that are right; nil for any but a deadlock.
    let causes: [String]?
    /// What kind of finding it is.
    let verdict: Verdict
    /// The wait kinds along the chain, from the victim to the root.
    let chain: [String]?
    /// The command that frees the role.
    let remedy: String?
    /// How many victims the finding has at least.
    let victims: Int

    init(
        of role: String = "victim", _ kinds: [String]?, _ resource: String? = nil, on parties: [PartyTruth]? = nil,
        othersAllowed: Bool = false, rule: String? = nil, root roots: [String]? = nil, cause causes: [String]? = nil,
        verdict: Verdict = .chain, chain: [String]? = nil, remedy: String? = nil, victims: Int = 1
    ) {
        self.role = role
        self.kinds = kinds
        self.resource = resource
        self.parties = parties
        self.othersAllowed = othersAllowed
        self.rule = rule
        self.roots = roots
        self.causes = causes
        self.verdict = verdict
        self.chain = chain
        self.remedy = remedy
        self.victims = victims
    }
}

/// Who could release a wait, and how sure one can be of it.
struct PartyTruth: Sendable, Encodable {
    let role: String
    let certainty: Certainty
    /// Whether it is right, too, to be less sure.
    var orWeaker = false
    /// Whether it is right, too, not to name it.
    var optional = false

    static func certain(_ role: String) -> PartyTruth { PartyTruth(role: role, certainty: .certain) }
    static func inferred(_ role: String) -> PartyTruth { PartyTruth(role: role, certainty: .inferred) }
    static func possible(_ role: String) -> PartyTruth { PartyTruth(role: role, certainty: .possible) }
    /// Named as `certainty` at most, or not at all.
    static func atMost(_ certainty: Certainty, _ role: String) -> PartyTruth {
        PartyTruth(role: role, certainty: certainty, orWeaker: true, optional: true)
    }
    /// Named, as `certain` at most.
    static func named(_ role: String) -> PartyTruth { PartyTruth(role: role, certainty: .certain, orWeaker: true) }
}

/// How sure the evidence makes one, weakest first.
enum Certainty: String, Sendable, Comparable, Codable {
    case possible, inferred, certain

    private var rank: Int {
        switch self {
        case .possible: 0
        case .inferred: 1
        case .certain: 2
        }
    }

    static func < (left: Certainty, right: Certainty) -> Bool { left.rank < right.rank }
}

/// What kind of finding a victim belongs to.
enum Verdict: String, Sendable, Encodable {
    /// Held up, and not by a deadlock.
    case chain
    case deadlock
    /// Healthy: it has nothing to do.
    case rest
    /// A chain or a rest, as one sees it; no deadlock.
    case chainOrRest
    /// Whether it is a deadlock cannot be known; nothing about it may be called certain.
    case chainOrDeadlock
    /// Nothing is wrong: no finding, or one that says that it moves.
    case moves
}

/// What becomes of a signal that is sent to the victim's process.
struct SignalTruth: Sendable, Encodable {
    let signal: String
    let outcomes: [String]
}
