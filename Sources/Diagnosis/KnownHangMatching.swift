import Evidence
import KernelFacts
import UserStacks
import WaitModel
import WaitResolution

/// One thread of a finding, as signatures of known hangs look at it. What costs a reading is read when a signature asks for it.
final class HangThread {
    let state: UInt8
    let kind: WaitKind
    let channel: String?
    let call: String?
    /// What it waits for, in words.
    let label: String
    let evidence: [String]
    /// How long it has stood still; nil when unknown.
    let seconds: Double?
    private let readFrames: () -> [String]
    private let readGlibc: () -> Version?
    private let readDoubts: () -> FutexDoubts
    /// Channel and kernel stack, normalised.
    private(set) lazy var functions: [String] = readFrames().map(KernelSymbols.normalised) + channelOnly
    private(set) lazy var channelOnly: [String] = [channel].compactMap { $0 }.map(KernelSymbols.normalised)
    private(set) lazy var glibc = readGlibc()
    private(set) lazy var doubts = readDoubts()

    /// It sleeps interruptibly in what its system call waits for, and its resolver knew what. Only a wait for children may hide another.
    var isInItsOwnCall: Bool { state == UInt8(ascii: "S") && kind.isOfTheCall && kind != .childExit }

    init(
        state: UInt8, kind: WaitKind, channel: String? = nil, call: String? = nil, label: String = "", evidence: [String] = [],
        seconds: Double? = nil, frames: @escaping () -> [String] = { [] }, glibc: @escaping () -> Version? = { nil },
        doubts: @escaping () -> FutexDoubts = { FutexDoubts() }
    ) {
        self.state = state
        self.kind = kind
        self.channel = channel
        self.call = call
        self.label = label
        self.evidence = evidence
        self.seconds = seconds
        readFrames = frames
        readGlibc = glibc
        readDoubts = doubts
    }
}

/// What signatures of known hangs look at beside a finding's threads.
struct HangScene {
    /// As uname(2) gives it.
    var release: String { didSet { version = Version(release) } }
    private(set) var version: Version?
    var machine: String
    var cause: Cause
    /// Names of the processes in the finding.
    var processes: Set<String>

    init(release: String, machine: String, cause: Cause, processes: Set<String> = []) {
        self.release = release
        self.machine = machine
        self.cause = cause
        self.processes = processes
        version = Version(release)
    }
}

extension KnownHang {
    /// Whether the thread bears all its marks. Cheap ones are asked first.
    func fits(_ thread: HangThread, in scene: HangScene) -> Bool {
        guard kinds.isEmpty || kinds.contains(thread.kind.rawValue), calls.isEmpty || thread.call.map(calls.contains) == true else {
            return false
        }
        if component == .linux, !mayHave(scene.version) { return false }
        guard conditions.allSatisfy({ holds($0, thread, scene) != false }) else { return false }
        // What such a thread is in of its own accord is no business of a signature of any kind: its stack need not be read.
        let known = kinds.isEmpty && thread.isInItsOwnCall ? thread.channelOnly : thread.functions
        guard functions.isEmpty || functions.contains(where: { $0.allSatisfy { has($0, known) } }) else { return false }
        guard conditions.allSatisfy({ $0.needsReading ? holds($0, thread, scene, reading: true) == true : true }) else { return false }
        return component != .glibc || mayHave(thread.glibc)
    }

    private func mayHave(_ version: Version?) -> Bool {
        guard !versions.isEmpty else { return true }
        guard let version else { return false }
        return versions.contains { $0.mayContain(version) }
    }

    private func has(_ wanted: String, _ functions: [String]) -> Bool {
        if wanted.hasSuffix("*") { return functions.contains { $0.hasPrefix(wanted.dropLast()) } }
        return functions.contains(wanted)
    }

    /// nil for a condition that needs a reading, unless that is wanted.
    private func holds(_ condition: KnownHangCondition, _ thread: HangThread, _ scene: HangScene, reading: Bool = false) -> Bool? {
        switch condition {
        case .state(let letter): thread.state == letter
        case .cause(let name): scene.cause.rawValue == name
        case .label(let parts): parts.contains { thread.label.contains($0) }
        case .processes(let names): names.allSatisfy(scene.processes.contains)
        case .evidence(let text): thread.evidence.contains { $0.contains(text) }
        case .release(let text): scene.release.contains(text)
        case .seconds(let least): (thread.seconds ?? 0) >= least
        case .machine(let name): scene.machine == name
        case .futexWordDiffers: reading ? thread.doubts.wordDiffers : nil
        case .condvarPassedOver: reading ? thread.doubts.isPassedOver : nil
        }
    }

    /// The sentence for the reader. Which distribution has taken which correction is not known: it never says more than "may".
    func note(_ thread: HangThread, in scene: HangScene) -> KnownHangNote {
        let whose: String? =
            switch component {
            case .linux: "Linux \(scene.release)"
            case .glibc: thread.glibc.map { "glibc \($0)" }
            case nil: nil
            }
        let doubt = versions.isEmpty ? nil : whose.map { "; \($0) may have this" }
        return KnownHangNote(id: id, text: text + (doubt ?? ""), source: source)
    }
}

extension KnownHangCondition {
    fileprivate var needsReading: Bool { self == .futexWordDiffers || self == .condvarPassedOver }
}

/// Finds the known hangs that fit one finding.
enum KnownHangMatching {
    /// In the order of the table, each once.
    static func notes(_ threads: [HangThread], in scene: HangScene, among hangs: [KnownHang] = KnownHangs.all) -> [KnownHangNote] {
        hangs.compactMap { hang in threads.first { hang.fits($0, in: scene) }.map { hang.note($0, in: scene) } }
    }
}

extension Investigation {
    /// Threads of one finding that are held against the signatures.
    private static let matchedThreadLimit = 40

    /// The findings with the known hangs that fit them.
    func noted(_ findings: [Finding], _ exploration: Exploration, _ threads: [ThreadReport], identity: HostIdentity, _ host: Host)
        -> [Finding]
    {
        let reports = Dictionary(threads.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        let readings = HangReadings(host)
        return findings.map { finding in
            var finding = finding
            var seen: Set<ThreadID> = []
            let ids = (finding.chain.map(\.thread) + [finding.root] + finding.members + finding.victims).filter { seen.insert($0).inserted }
            let shown = ids.prefix(Self.matchedThreadLimit).compactMap { id in
                reports[id].flatMap { report in exploration.resolved[id].map { (report, $0.reading) } }
            }
            let scene = HangScene(
                release: identity.kernelRelease, machine: identity.machine, cause: finding.cause,
                processes: Set(shown.map { $0.0.process }))
            finding.knownHangs = KnownHangMatching.notes(shown.map { hangThread($0.0, $0.1, host, readings) }, in: scene)
            return finding
        }
    }

    private func hangThread(_ report: ThreadReport, _ reading: ThreadReading, _ host: Host, _ readings: HangReadings) -> HangThread {
        HangThread(
            state: report.state, kind: report.wait.kind, channel: report.wait.channel, call: report.wait.systemCall,
            label: (report.wait.resource.flatMap { host.resources[$0]?.label } ?? "") + " " + report.wait.description,
            evidence: report.evidence.map(\.value), seconds: report.blockedSeconds, frames: { host.kernelFrames(of: reading) },
            glibc: { readings.glibc(reading) }, doubts: { readings.doubts(reading) })
    }
}

/// What the signatures make one look read, once for each process and each futex word: a thousand threads may wait for one.
private final class HangReadings {
    private let host: Host
    private var versions: [ProcessID: Version?] = [:]
    private var doubts: [FutexPlace: FutexDoubts] = [:]

    private struct FutexPlace: Hashable {
        let process: ProcessID
        let arguments: [UInt64]
    }

    init(_ host: Host) { self.host = host }

    func glibc(_ reading: ThreadReading) -> Version? {
        if let known = versions[reading.id.process] { return known }
        let version = host.stackReader.glibcVersion(of: reading)
        versions[reading.id.process] = .some(version)
        return version
    }

    func doubts(_ reading: ThreadReading) -> FutexDoubts {
        let place = FutexPlace(process: reading.id.process, arguments: (0..<4).map { reading.systemCall?[$0] ?? 0 })
        if let known = doubts[place] { return known }
        let found = WaitFamilies.futexDoubts(reading, on: host)
        doubts[place] = found
        return found
    }
}
