import FoundationEssentials

/// What `waitchain explain --json` prints, as far as the lab checks it.
struct DiagnosisDocument: Decodable, Sendable {
    let schema: String
    let threads: [Thread]
    let processes: [Process]
    let findings: [Finding]

    struct ThreadID: Decodable, Sendable {
        let pid: Int
        let tid: Int?
    }

    struct Thread: Decodable, Sendable {
        let pid: Int
        let tid: Int
        let state: String
        let wait: Wait?
    }

    struct Wait: Decodable, Sendable {
        let kind: String
        let channel: String?
        let resource: String?
        let release: Release?
    }

    struct Release: Decodable, Sendable {
        let rule: String
        let parties: [Party]
    }

    struct Party: Decodable, Sendable {
        let pid: Int?
        let tid: Int?
        let certainty: Certainty
    }

    struct Process: Decodable, Sendable {
        let pid: Int
        let signals: [Signal]
    }

    struct Signal: Decodable, Sendable {
        let signal: String
        let outcome: String
    }

    struct Finding: Decodable, Sendable {
        let kind: String
        let deadlock: Bool
        let certainty: Certainty
        let victims: [ThreadID]
        let chain: [Link]
        let root: Root?
        let remedies: [Remedy]
    }

    struct Link: Decodable, Sendable {
        let kind: String
    }

    struct Root: Decodable, Sendable {
        let pid: Int?
        let tid: Int?
        let cause: String
    }

    struct Remedy: Decodable, Sendable {
        let action: String
        let frees: [ThreadID]
    }

    static let currentSchema = "waitchain.diagnosis/1"

    init(json: [UInt8]) throws {
        self = try JSONDecoder().decode(DiagnosisDocument.self, from: Data(json))
    }
}
