import Foundation

/// One file under Tests/Vectors: rows that the tests make, that are kept in git, and that scripts/check-vectors reads without any of our code.
public struct VectorFile: Sendable {
    /// Name of the file, without `.json`.
    public let name: String
    /// Rows in order; each is the fields of one JSON object, values already in JSON.
    public var rows: [[(String, String)]] = []

    /// Starts an empty file.
    public init(_ name: String) { self.name = name }

    /// Adds a row of an encoded item and what it means.
    public mutating func add(_ title: String, _ bytes: [UInt8], _ meaning: Meaning, also more: [(String, String)] = []) {
        rows.append([("name", quoted(title)), ("hex", quoted(hex(bytes))), ("fields", meaning.json)] + more)
    }

    /// The file's text.
    public var json: String {
        let objects = rows.map { row in "  {" + row.map { quoted($0.0) + ": " + $0.1 }.joined(separator: ",\n   ") + "}" }
        return "[\n" + objects.joined(separator: ",\n") + "\n]\n"
    }

    /// The root of the checkout.
    public static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Whether the run was asked to rewrite the files: `ROLLCALL_WRITE_VECTORS=1`.
    public static var isWriting: Bool { ProcessInfo.processInfo.environment["ROLLCALL_WRITE_VECTORS"] == "1" }

    /// Where the files lie.
    public static let folder = root.appendingPathComponent("Tests/Vectors")

    /// Whether the kept file holds exactly this; rewrites it first where the run was asked to.
    public func isKept() throws -> Bool {
        let file = Self.folder.appendingPathComponent(name + ".json")
        if Self.isWriting { try Data(json.utf8).write(to: file) }
        return try Data(contentsOf: file) == Data(json.utf8)
    }
}
