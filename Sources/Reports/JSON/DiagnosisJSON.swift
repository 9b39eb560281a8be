import Diagnosis
import WaitModel

/// `waitchain.diagnosis/1`: what `waitchain explain --json` prints.
public struct DiagnosisJSON: Codable, Sendable {
    public static let schemaName = "waitchain.diagnosis/1"

    public var schema: String
    public var tool: ToolJSON
    public var host: HostJSON
    public var threads: [ThreadJSON]
    public var processes: [ProcessJSON]
    public var resources: [ResourceJSON]
    public var findings: [FindingJSON]
    public var gaps: [GapJSON]

    public init(_ diagnosis: Diagnosis) {
        let index = DiagnosisIndex(diagnosis)
        schema = DiagnosisJSON.schemaName
        tool = ToolJSON()
        host = HostJSON(diagnosis.host)
        threads = diagnosis.threads.map { ThreadJSON($0, withEvidence: true) }
        processes = diagnosis.processes.map(ProcessJSON.init)
        resources = diagnosis.resources.map(ResourceJSON.init)
        findings = diagnosis.findings.map { FindingJSON($0, index) }
        gaps = diagnosis.gaps.map(GapJSON.init)
    }
}

/// One process: what signals would do to it.
public struct ProcessJSON: Codable, Sendable {
    public var pid: Int32
    public var name: String
    @Nullable public var executable: String?
    public var startTicks: UInt64
    /// Its numbers in pid namespaces below the observed one, outermost first; left out where there is none.
    public var namespacePids: [Int32]?
    public var threadCount: Int
    public var signals: [SignalJSON]

    init(_ process: ProcessReport) {
        pid = process.id.pid
        name = process.name
        _executable = Nullable(wrappedValue: process.executable)
        startTicks = process.id.startTicks
        namespacePids = process.namespacePIDs.isEmpty ? nil : process.namespacePIDs
        threadCount = process.threadCount
        signals = process.signals.map { SignalJSON(signal: $0.signal, outcome: $0.outcome.rawValue, because: $0.because) }
    }
}

/// What a signal would do to a process now.
public struct SignalJSON: Codable, Sendable {
    public var signal: String
    public var outcome: String
    public var because: String
}

/// What a wait is on.
public struct ResourceJSON: Codable, Sendable {
    public var id: String
    public var kind: String
    public var label: String
    public var facts: [String: FactJSON]

    init(_ resource: Resource) {
        id = resource.id.name
        kind = resource.kind
        label = resource.label
        facts = Dictionary(resource.facts.map { ($0.key, FactJSON($0.value)) }, uniquingKeysWith: { first, _ in first })
    }
}

/// A number, a text or a truth value.
public enum FactJSON: Codable, Sendable, Equatable {
    case number(Int64)
    case text(String)
    case flag(Bool)

    init(_ value: FactValue) {
        switch value {
        case .number(let number): self = .number(number)
        case .text(let text): self = .text(text)
        case .flag(let flag): self = .flag(flag)
        }
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let flag = try? container.decode(Bool.self) {
            self = .flag(flag)
        } else if let number = try? container.decode(Int64.self) {
            self = .number(number)
        } else {
            self = .text(try container.decode(String.self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .number(let number): try container.encode(number)
        case .text(let text): try container.encode(text)
        case .flag(let flag): try container.encode(flag)
        }
    }
}
