import Foundation
import Testing

/// What `rollcall audit` says of a record.
enum Record {
    struct Entry: Decodable {
        let kind: String
        let device: String
        let session: String
        let subject: String
        let detail: String
        let digest: String
        let leafHash: String
    }

    static func entries(_ json: String) throws -> [Entry] { try JSONDecoder().decode([Entry].self, from: Data(json.utf8)) }

    static func hashes(_ json: String) throws -> [String] { try entries(json).map(\.leafHash) }
}

extension Workplace {
    /// Expects that the ledger verifies, begins with what was there before, and that everything begun has its end in it.
    func expectRecordWhole(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let verified = try await rollcall("audit", "verify", "--json")
        #expect(verified.exit == 0, "audit verify: \(verified.error)", sourceLocation: sourceLocation)
        #expect(verified.output.contains("\"whole\" : true"), sourceLocation: sourceLocation)
        let entries = try Record.entries(try await must("audit", "list", "--json"))
        #expect(
            Array(entries.map(\.leafHash).prefix(entriesBefore.count)) == entriesBefore, "what was on record before",
            sourceLocation: sourceLocation)
        let begun = entries.filter { $0.kind == "session.opened" }.map(\.session)
        let ended = Set(entries.filter { ["session.closed", "session.failed"].contains($0.kind) }.map(\.session))
        #expect(begun.filter { !ended.contains($0) } == [], "sessions without an end", sourceLocation: sourceLocation)
        let folders = ["catalogue", "here", "recordings", "roster"]
        let names = try FileManager.default.contentsOfDirectory(atPath: data).filter { !folders.contains($0) }
        let known: Set = ["rollcall.db", "rollcall.db.key", "rollcall.db-wal", "rollcall.db-shm"]
        #expect(names.filter { !known.contains($0) } == [], "files left behind", sourceLocation: sourceLocation)
    }

    /// The entries that came since the test began.
    func newEntries() async throws -> [Record.Entry] {
        Array(try Record.entries(try await must("audit", "list", "--json")).dropFirst(entriesBefore.count))
    }
}

/// What every complaint must be.
struct Complaint {
    /// One sentence on what happened.
    let sentence: String
    /// One on what to do next.
    let next: String

    struct Body: Decodable {
        let error: Fields
        struct Fields: Decodable {
            let kind: String
            let exit: Int32
            let sentence: String
            let next: String
        }
    }

    /// The exit codes of docs/EXIT-CODES.md.
    static let documented: Set<Int32> = {
        let text = (try? Scratch.text(Program.repository + "/docs/EXIT-CODES.md")) ?? ""
        return Set(
            text.split(separator: "\n").compactMap { Int32($0.split(separator: "|").first?.trimmingCharacters(in: .whitespaces) ?? "") })
    }()

    /// Expects that text holds nothing that a terminal obeys, that turns text around or hides it.
    static func expectPlain(_ text: String, _ what: String, sourceLocation: SourceLocation) {
        let foul = text.unicodeScalars.filter { scalar in
            if scalar == "\n" { return false }
            return [.control, .format, .privateUse, .surrogate, .lineSeparator, .paragraphSeparator].contains(
                scalar.properties.generalCategory)
        }
        #expect(foul.isEmpty, "\(what) holds \(foul.map { String($0.value, radix: 16) })", sourceLocation: sourceLocation)
    }

    /// Expects words for people: no names of types, no stack, no doubled full stop.
    static func expectReadable(_ text: String, sourceLocation: SourceLocation) {
        for foul in ["Optional(", "Error(", "SSHError", "StoreError", "WireError", "Swift.", "Foundation.", ".swift", "Fatal", "nil"] {
            #expect(!text.contains(foul), "\(foul) in: \(text)", sourceLocation: sourceLocation)
        }
        #expect(!text.contains("..\n") && !text.contains(".. "), "\(text)", sourceLocation: sourceLocation)
    }
}

extension Workplace {
    /// Expects a command to fail as the house says: this exit code, one sentence with these words and a next step; the same as JSON.
    ///
    /// The command runs twice, once with `--json`.
    ///
    /// - Returns: The complaint in text.
    @discardableResult
    func expectFailure(
        _ arguments: [String], exit: Int32, kind: String, says words: String..., environment: [String: String] = [:],
        through wrapper: (@Sendable ([String]) async throws -> Outcome)? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Complaint {
        func run(_ arguments: [String]) async throws -> Outcome {
            if let wrapper { return try await wrapper(arguments) }
            return try await rollcall(arguments, environment: environment)
        }
        #expect(Complaint.documented.contains(exit), "exit code \(exit) is not in docs/EXIT-CODES.md", sourceLocation: sourceLocation)
        let text = try await run(arguments)
        #expect(text.exit == exit, "exit; said: \(text.error)", sourceLocation: sourceLocation)
        Complaint.expectPlain(text.error, "standard error", sourceLocation: sourceLocation)
        Complaint.expectPlain(text.output, "standard output", sourceLocation: sourceLocation)
        let lines = text.error.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        try #require(lines.count == 3 && lines[2].isEmpty, "a sentence and a next step, not: \(text.error)", sourceLocation: sourceLocation)
        #expect(
            lines[0].hasPrefix("rollcall: ") && (lines[0].hasSuffix(".") || lines[0].hasSuffix("?")), "\(lines[0])",
            sourceLocation: sourceLocation)
        #expect(lines[1].hasPrefix("  ") && lines[1].count > 10 && lines[1].hasSuffix("."), "\(lines[1])", sourceLocation: sourceLocation)
        Complaint.expectReadable(text.error, sourceLocation: sourceLocation)
        for word in words { #expect(text.error.contains(word), "\(word) in: \(text.error)", sourceLocation: sourceLocation) }

        let json = try await run(arguments + ["--json"])
        #expect(json.exit == exit, "exit with --json; said: \(json.error)", sourceLocation: sourceLocation)
        Complaint.expectPlain(json.error + json.output, "JSON", sourceLocation: sourceLocation)
        let last = json.error.split(separator: "\n").map(String.init)
        try #require(last.count == 1, "one object, not: \(json.error)", sourceLocation: sourceLocation)
        let body = try JSONDecoder().decode(Complaint.Body.self, from: Data(last[0].utf8)).error
        #expect(body.exit == exit && body.kind == kind, "\(body)", sourceLocation: sourceLocation)
        #expect(!body.sentence.isEmpty && !body.next.isEmpty, "\(body)", sourceLocation: sourceLocation)
        for word in words { #expect((body.sentence + " " + body.next).contains(word), "\(body)", sourceLocation: sourceLocation) }
        return Complaint(sentence: String(lines[0].dropFirst(10)), next: String(lines[1].dropFirst(2)))
    }
}
