import Foundation
import Testing
import Wire

/// Every scenario here has a device say ESC ]52 (which would set the clipboard), ESC [2J, CR, BEL, DEL, U+009B and U+202E.
@Suite("Text of a hostile device", .timeLimit(.minutes(10)))
struct HostileTextTests {
    private let device = Workplace.device
    private static let words = "begin\u{1B}]52;c;aGk=\u{7}\u{1B}[2J\rover\u{202E}txt\u{9B}2Jdel\u{7F}end"

    private func expectPlain(_ outcome: Outcome, _ what: String, sourceLocation: SourceLocation = #_sourceLocation) {
        Complaint.expectPlain(outcome.output, "\(what), standard output", sourceLocation: sourceLocation)
        Complaint.expectPlain(outcome.error, "\(what), standard error", sourceLocation: sourceLocation)
    }

    @Test("an answer is shown escaped, and is whole again in JSON", arguments: ["odd.hostile", "odd.hostile-fact"])
    func answers(_ probe: String) async throws {
        try await Workplace.with { place in
            let text = try await place.rollcall("run", device, probe)
            #expect(text.exit == 0, "\(text.error)")
            #expect(text.output.contains(#"begin\u{1B}]52;c;aGk=\u{7}\u{1B}[2J\u{D}over\u{202E}"#))
            expectPlain(text, "text")
            let json = try await place.rollcall("run", device, probe, "--json")
            expectPlain(json, "JSON")
            let body = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
            let facts = body["facts"] as? [[String: Any]]
            let said = body["output"] as? String ?? facts?.first?["word"] as? String
            #expect(said?.trimmingCharacters(in: ["\n"]) == Self.words)
        }
    }

    @Test("findings, calls, remedies and the record show it escaped", arguments: [[], ["--json"]])
    func everywhere(_ flags: [String]) async throws {
        try await Workplace.with { place in
            let call = try await place.rollcall(["call", device, "--symptom", "says " + Self.words, "--case", Self.words] + flags)
            expectPlain(call, "call")
            let diagnosis = try await place.rollcall(["diagnose", device] + flags)
            #expect(diagnosis.exit == 3, "\(diagnosis.error)")
            #expect(diagnosis.output.contains("it says begin"))
            expectPlain(diagnosis, "diagnose")
            for paper in ["--explain", "--markdown"] where flags.isEmpty {
                let told = try await place.rollcall("diagnose", device, paper)
                #expect(told.exit == 3 && told.output.contains("begin"), "\(told.error)")
                expectPlain(told, paper)
            }
            expectPlain(try await place.rollcall(["query", "SELECT * FROM odd_hostile_fact"] + flags), "query")
            let fix = try await place.rollcall(["fix", device, "odd.change", "--yes"] + flags)
            #expect(fix.exit == 92, "\(fix.error)")
            expectPlain(fix, "fix")
            for command in [["calls", "show"], ["calls"], ["audit", "list"], ["device", "show", device], ["sweep"], ["report"]] {
                expectPlain(try await place.rollcall(command + flags), command.joined(separator: " "))
            }
        }
    }

    @Test("a refusal's sentence is shown escaped")
    func refusal() async throws {
        let behind = Workplace.Behind.script { folder in
            // A rule is an id: any text. The sentence is cleaned by an honest agent, and this one is not honest.
            let refused = Message.refused(Refused(request: 0, rule: Text("king\u{1B}[2J"), sentence: Text(Self.words)))
            return try FakeAgent.script(saying: [FakeAgent.hello(), refused], in: folder)
        }
        try await Workplace.with(behind) { place in
            let outcome = try await place.rollcall("diagnose", device)
            #expect(outcome.exit == 90 || outcome.exit == 72, "\(outcome.error)")
            expectPlain(outcome, "text")
            let json = try await place.rollcall("diagnose", device, "--json")
            expectPlain(json, "JSON")
            expectPlain(try await place.rollcall("audit", "list", "--json"), "audit")
        }
    }

    @Test("the names of what is stuck are shown escaped", arguments: [[], ["--json"]])
    func stuck(_ flags: [String]) async throws {
        let behind = Workplace.Behind.script { folder in
            let hello = FakeAgent.hello(stuck: [Text("mount /\(Self.words)")])
            return try FakeAgent.script(saying: [hello, FakeAgent.opened], in: folder).replacing("exec cat > /dev/null", with: "exit 0")
        }
        try await Workplace.with(behind) { place in
            let outcome = try await place.rollcall(["diagnose", device] + flags)
            #expect(outcome.exit == 3, "\(outcome.error)")
            #expect(outcome.output.contains("mount /begin"))
            expectPlain(outcome, "diagnose")
        }
    }
}
