import Catalogue
import Foundation
import Probes
import Testing
import Wire

@Suite("Questions to the caller")
struct CallerTests {
    private static let wellFormed = """
        id: ask.one
        title: Asks
        ask:
          power: {question: "Is there a light?", type: yes-no}
          state: {question: "What does it show?", type: choice, of: [nothing, an error]}
          amps: {question: "How much?", type: number, min: 0, max: 16.5, unit: A, if: power = 1}
        findings:
          - {id: ask.dark, when: power = 0, severity: critical, customer: Plug it in., engineer: dark}
        """

    private func library(_ text: String) throws -> ManifestLibrary {
        try ManifestLibrary(texts: [("ask.yaml", Array(text.utf8)), ("test.yaml", Array(LintTests.wellFormed.utf8))])
    }

    private func problems(_ text: String) -> [ManifestProblem] {
        do {
            return try {
                _ = try library(text); return []
            }()
        } catch { return (error as? ProbesError)?.problems ?? [] }
    }

    @Test("a manifest that asks the caller is the desk's alone: no device gets it, and the catalogue is whole all the same")
    func deskOnly() throws {
        let library = try library(Self.wellFormed)
        let manifest = try library.manifest("ask.one")
        #expect(manifest.definition == nil && manifest.facts.map(\.type) == [.int, .text, .real])
        #expect(library.diagnosisProbes.map(\.id) == ["test.one"] && library.callerProbes(model: "").map(\.id) == ["ask.one"])
        let packed = try PackedCatalogue(library, name: "x", version: 1, signedAt: 1, expiresAt: 2)
        #expect(try DevicePart(decoding: packed.devicePart).probes.map(\.id) == ["test.one"])
        #expect(try packed.library().manifests.map(\.id) == library.manifests.map(\.id))
        // A question that changes is another desk part, and so another header to sign; the device part stays as it is.
        let other = try PackedCatalogue(
            self.library(Self.wellFormed.replacing("a light", with: "any light")), name: "x", version: 1, signedAt: 1, expiresAt: 2)
        #expect(other.devicePart == packed.devicePart && other.header != packed.header)
    }

    @Test("answers are read by their types, and nothing else is taken for one")
    func replies() throws {
        let questions = try library(Self.wellFormed).manifest("ask.one").questions
        #expect(
            ["yes", "no", "cannot-tell", "?", " yes "].map { questions[0].reply($0) } == [
                .integer(1), .integer(0), .cannotTell, .cannotTell, .integer(1),
            ])
        #expect(["1", "true", "", "Yes"].allSatisfy { questions[0].reply($0) == nil })
        #expect(questions[1].reply("an error") == .text("an error") && questions[1].reply("error") == nil)
        #expect(questions[2].reply("16.5") == .number(16.5))
        #expect(["16.6", "-1", "nan", "inf", "1e400", "12 A"].allSatisfy { questions[2].reply($0) == nil })
    }

    @Test(
        "lint finds what a device would need, what nobody can answer and what cannot be mended",
        arguments: [
            ("title: Asks", "title: Asks\nrun: [/bin/true]", "no key run"),
            ("title: Asks", "title: Asks\nimpact: change", "impact"),
            ("type: yes-no", "type: yes-or-no", "type must be one of"),
            ("type: yes-no", "type: yes-no, of: [a, b]", "has no key of"),
            ("of: [nothing, an error]", "of: [nothing]", "2 to 9 words"),
            ("of: [nothing, an error]", "of: [nothing, cannot-tell]", "no word of a choice"),
            ("of: [nothing, an error]", "of: [nothing, nothing]", "names a word twice"),
            ("min: 0, max: 16.5", "min: 17, max: 16.5", "min above its max"),
            ("min: 0, max: 16.5", "min: 0", "lacks the key max"),
            ("power: {", "Power: {", "question's name"),
            ("engineer: dark", "engineer: dark, remedies: [test.one]", "no remedies"),
            ("engineer: dark", "engineer: \"{light}\"", "light, which is no fact"),
            ("title: Asks", "title: Asks\nmodels: []", "one model at least"),
        ])
    func lint(_ old: String, _ new: String, _ message: String) {
        #expect(problems(Self.wellFormed).isEmpty)
        let found = problems(Self.wellFormed.replacing(old, with: new, maxReplacements: 1))
        #expect(found.contains { $0.message.contains(message) }, "\(found)")
    }

    @Test("a probe that asks the device is of all models")
    func models() {
        #expect(
            problems(LintTests.wellFormed.replacing("test.", with: "test2.") + "\nmodels: [K3]").contains {
                $0.message.contains("Only a probe with ask")
            })
    }
}
