import Foundation
import Testing

@testable import Probes

/// What editors check manifests by, beside what the reader takes.
struct SchemaTests {
    private static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private func schema() throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(ManifestSchema.text.utf8)) as? [String: Any])
    }

    /// Runs scripts/check-schema on a folder.
    private func check(_ folder: URL) throws -> (status: Int32, output: String) {
        let (process, input, output) = (Process(), Pipe(), Pipe())
        process.executableURL = Self.repository.appending(path: "scripts/check-schema")
        process.arguments = [folder.path()]
        (process.standardInput, process.standardOutput, process.standardError) = (input, output, output)
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(ManifestSchema.text.utf8))
        try input.fileHandleForWriting.close()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }

    @Test("it has the keys of the reader, no more and no less")
    func keys() throws {
        let properties = try #require(try schema()["properties"] as? [String: Any])
        #expect(Set(properties.keys) == Set(ManifestReader.keys))
        let findings = try #require(properties["findings"] as? [String: Any])
        let rule = try #require((findings["items"] as? [String: Any])?["properties"] as? [String: Any])
        #expect(Set(rule.keys) == Set(ManifestReader.findingKeys))
        let kinds = try #require((properties["learn"] as? [String: Any])?["properties"] as? [String: Any])
        #expect(Set(kinds.keys) == Set(Lesson.kinds.map(\.name)))
    }

    @Test("every manifest that ships is well-formed by it")
    func shipped() throws {
        let (status, output) = try check(Self.repository.appending(path: "probes"))
        #expect(status == 0, "\(output)")
    }

    @Test(
        "what the reader refuses of keys and words, it refuses too",
        arguments: [
            ("title: A test", "titel: A test"), ("impact: observe", "impact: look"), ("facts: {a: text}", "facts: {a: integer}"),
            ("facts: {a: text}", "facts: {A: text}"), ("severity: info", "severity: bad"), ("customer: Yes.", "customer: {de: Ja.}"),
            ("customer: Yes.", "customer: {en: Yes., Deutsch: Ja.}"), ("when: a = 'x', ", ""), ("match: ", "macht: "),
            ("run: [/bin/true]", "read: statfs\nrun: [/bin/true]"), ("run: [/bin/true]", "run: [/bin/true]\nlimits: {time: 2 hours}"),
            ("run: [/bin/true]", "network: true\nread: {connect: [localhost:80]}"),
            ("run: [/bin/true]", "run: [/bin/true]\nsandbox: {read: [/tmp]}"), ("id: test.one", "id: Test One"),
            ("run: [/bin/true]", "run: [/bin/true]\nviews: {Large: SELECT 1}"), ("engineer: ", "say: x, engineer: "),
        ])
    func refused(from: String, to: String) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "rollcall-schema-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        func write(_ text: String) throws { try Data(text.utf8).write(to: folder.appending(path: "probe.yaml")) }
        try write(LintTests.wellFormed)
        #expect(try check(folder).status == 0)
        let text = LintTests.wellFormed.replacing(from, with: to)
        #expect(text != LintTests.wellFormed)
        try write(text)
        let (status, output) = try check(folder)
        #expect(status == 1 && output.contains("1 manifests"), "\(output)")
        #expect(throws: ProbesError.self) { _ = try ManifestLibrary(texts: [("probe.yaml", Array(text.utf8))]) }
    }
}

struct LanguageTests {
    private let manifest = LintTests.wellFormed.replacing("customer: Yes.", with: "customer: {en: Yes., de: \"Ja, {a}.\", pt-br: Sim.}")

    private func sentence(_ language: String) throws -> [String] {
        try ManifestLibrary(texts: [("a.yaml", Array(manifest.utf8))]).spoken(in: language).manifests[0].findings.map {
            $0.customer.filled { _, _ in "x" }
        }
    }

    @Test("a sentence is said in the language that is asked for, in its general form, or in English")
    func fallback() throws {
        #expect(try sentence("de") == ["Ja, x."] && sentence("de-at") == ["Ja, x."] && sentence("pt-br") == ["Sim."])
        #expect(try sentence("en") == ["Yes."] && sentence("fr") == ["Yes."] && sentence("pt") == ["Yes."])
        #expect(try ManifestLibrary(texts: [("a.yaml", Array(manifest.utf8))]).languages == ["de", "en", "pt-br"])
    }

    @Test(
        "English must be there, a language be one, and a sentence use facts only",
        arguments: [
            ("{en: Yes., ", "{"), ("de: ", "deutsch: "), ("Ja, {a}.", "Ja, {b}."), ("Ja, {a}.", "Ja, {a|euro}."), ("Sim.", "[Sim.]"),
        ])
    func lint(from: String, to: String) {
        #expect(throws: ProbesError.self) { _ = try ManifestLibrary(texts: [("a.yaml", Array(manifest.replacing(from, with: to).utf8))]) }
    }
}
