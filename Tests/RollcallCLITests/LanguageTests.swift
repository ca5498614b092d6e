import Foundation
import Testing

@Suite("What is said to customers, in their language", .timeLimit(.minutes(10)))
struct LanguageTests {
    private let device = Workplace.device

    /// What a diagnosis says to the customer of the finding that has sentences in several languages.
    private func said(_ place: Workplace, _ flags: [String], environment: [String: String] = [:]) async throws -> String {
        struct Told: Decodable {
            struct Verdict: Decodable { let causes: [Cause] }
            struct Cause: Decodable { let finding: Finding }
            struct Finding: Decodable { let id, customer: String }
            let verdict: Verdict
        }
        let outcome = try await place.rollcall(["diagnose", device, "--json"] + flags, environment: environment)
        #expect(outcome.error.isEmpty)
        let causes = try JSONDecoder().decode(Told.self, from: Data(outcome.output.utf8)).verdict.causes.map(\.finding)
        return try #require(causes.first { $0.id == "odd.said" }).customer
    }

    @Test("diagnose speaks as --language says, else the environment, else config.yaml, else English")
    func diagnose() async throws {
        let (english, german, brazilian) = ("The device says something.", "Das Gerät sagt etwas.", "O aparelho diz algo.")
        try await Workplace.with { place in
            #expect(try await said(place, []) == english)
            #expect(try await said(place, ["--language", "de"]) == german)
            #expect(try await said(place, ["--language", "pt_BR"]) == brazilian)
            #expect(try await said(place, [], environment: ["ROLLCALL_LANGUAGE": "pt_BR"]) == brazilian)
            #expect(try await said(place, ["--language", "de-AT"], environment: ["ROLLCALL_LANGUAGE": "pt-br"]) == german)
            try Scratch.write("language: de\n", to: place.folder + "/config/rollcall/config.yaml")
            #expect(try await said(place, []) == german)
            #expect(try await said(place, [], environment: ["ROLLCALL_LANGUAGE": "pt-br"]) == brazilian)
            // Nothing is written in French.
            #expect(try await said(place, ["--language", "fr"]) == english)
            let text = try await place.rollcall("diagnose", device)
            #expect(text.output.contains(german) && !text.output.contains(english))
        }
    }

    @Test("what is no language is refused before anybody is asked", arguments: ["deutsch", "d", "de_", "", "../de", "de\u{1B}[2J"])
    func noLanguage(_ word: String) async throws {
        try await Workplace.with { place in
            try await place.expectFailure(["diagnose", device, "--language", word], exit: 64, kind: "language", says: "is no language")
            #expect(try await place.newEntries().isEmpty)
        }
    }

    @Test("an author hears what is said to the customer")
    func probesTry() async throws {
        try await Workplace.with { place in
            let file = place.probes + "/odd/hostile-fact/probe.yaml"
            let german = try await place.rollcall("probes", "try", file, "--language", "de")
            #expect(german.exit == 0 && german.output.contains("   Das Gerät sagt etwas.\n"), "\(german)")
            #expect(try await place.must("probes", "try", file).contains("   The device says something.\n"))
        }
    }
}
