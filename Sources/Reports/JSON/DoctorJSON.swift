import Diagnosis

/// `waitchain.doctor/1`: what `waitchain doctor --json` prints.
public struct DoctorJSON: Codable, Sendable {
    public static let schemaName = "waitchain.doctor/1"

    public var schema: String
    public var tool: ToolJSON
    public var host: HostJSON
    public var user: UInt32
    public var capabilities: [String]
    public var sources: [SourceJSON]
    /// Left out when it was not asked for.
    public var selfTest: [TestJSON]?

    public struct SourceJSON: Codable, Sendable {
        public var name: String
        public var tells: String
        public var state: String
        public var why: String
        public var unlock: String
        public var loses: String
    }

    public struct TestJSON: Codable, Sendable {
        public var name: String
        public var expected: String
        public var got: String
        public var right: Bool
        @Nullable public var skipped: String?
    }

    public init(_ examination: Examination) {
        schema = DoctorJSON.schemaName
        tool = ToolJSON()
        host = HostJSON(examination.host)
        user = examination.user
        capabilities = examination.capabilities
        sources = examination.sources.map {
            SourceJSON(name: $0.name, tells: $0.tells, state: $0.state.rawValue, why: $0.why, unlock: $0.unlock, loses: $0.loses)
        }
        selfTest = examination.selfTest?.map {
            TestJSON(
                name: $0.name, expected: $0.expected, got: $0.got, right: $0.isRight, skipped: $0.skipped)
        }
    }
}
