import FoundationEssentials

/// Why a file could not be read as a list.
public enum ListFileError: Error, Equatable {
    case notJSON(String)
    case otherSchema(String)

    /// One clear line.
    public var message: String {
        switch self {
        case .notJSON(let why): "not a list of waitchain (`waitchain list --json` writes one): \(why)"
        case .otherSchema(let schema): "holds \"\(visible(schema))\", not \"\(ListJSON.schemaName)\" (`waitchain list --json` writes one)"
        }
    }
}

/// Reads what `waitchain list --json` wrote.
public func readList(_ bytes: [UInt8]) throws(ListFileError) -> ListJSON {
    struct Head: Decodable { var schema: String? }
    let data = Data(bytes)
    do {
        let head = try JSONDecoder().decode(Head.self, from: data)
        let schema = head.schema ?? "no schema"
        guard schema == ListJSON.schemaName else { throw ListFileError.otherSchema(schema) }
        return try JSONDecoder().decode(ListJSON.self, from: data)
    } catch let error as ListFileError {
        throw error
    } catch let error as DecodingError {
        throw .notJSON(explanation(error))
    } catch {
        throw .notJSON("\(error)")
    }
}

private func explanation(_ error: DecodingError) -> String {
    switch error {
    case .keyNotFound(let key, let context): "no \"\(key.stringValue)\" at \(place(context))"
    case .typeMismatch(let type, let context): "no \(type) at \(place(context))"
    case .valueNotFound(let type, let context): "null in place of \(type) at \(place(context))"
    case .dataCorrupted(let context): context.debugDescription
    @unknown default: "it cannot be read"
    }
}

private func place(_ context: DecodingError.Context) -> String {
    context.codingPath.isEmpty ? "the top" : context.codingPath.map(\.stringValue).joined(separator: ".")
}
