import Foundation
import Testing

@Suite("A device that cannot be reached")
struct UnreachableTests {
    private struct Report: Decodable {
        struct Question: Decodable { let probe, name: String; let answer: String? }
        struct Sibling: Decodable { let name: String; let reached: Bool? }
        struct Verdict: Decodable {
            struct Cause: Decodable { struct Finding: Decodable { let id: String }; let finding: Finding }
            let exitCode: Int
            let causes: [Cause]
        }
        let device: String
        let call: String?
        let reached: Bool
        let failure: String
        let lastSeenAt: String?
        let attempts: Int
        let siblings: [Sibling]
        let questions: [Question]
        let verdict: Verdict?
    }

    private func dark(_ place: Workplace, _ name: String = "far-1", model: String = "K3") async throws {
        try await place.must(
            "device", "add", name, "--host", "127.0.0.1", "--port", "\(try Door.freePort())", "--site", "Hall 2", "--model", model)
    }

    private func report(_ place: Workplace, _ arguments: String...) async throws -> Report {
        let outcome = try await place.rollcall(arguments + ["--json"])
        #expect(outcome.exit == 68, "\(outcome.error)")
        return try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
    }

    @Test("where nobody is asked, what is known is said, and the caller's answers are judged and on record")
    func answersBeforehand() async throws {
        try await Workplace.with { place in
            for name in ["far-1", "far-2"] { try await dark(place, name) }
            let silent = try await report(place, "diagnose", "far-2")
            #expect(silent.verdict == nil && !silent.reached && silent.failure == "refused" && silent.lastSeenAt == nil)
            #expect(silent.questions.map(\.name) == ["power", "lamp", "words"] && silent.questions.allSatisfy { $0.answer == nil })

            let told = try await report(place, "call", "far-1", "--answers", "power=no", "--answers", "lamp=3")
            #expect(told.verdict?.causes.map(\.finding.id) == ["odd.no-power"])
            #expect(told.verdict?.exitCode == 2)
            // The lamp is asked about only where there is power.
            #expect(told.questions.map(\.answer) == ["no", nil, nil])
            #expect(told.siblings.map(\.name) == ["far-2"] && told.siblings[0].reached == false)
            #expect(try await place.newEntries().filter { $0.kind == "caller.answered" }.count == 1)
            let shown = try await place.must("calls", "show")
            #expect(shown.contains("Is there a light? no") && !shown.contains("lamps"))
        }
    }

    @Test("nothing is on record as asked that the device never heard of")
    func nothingAsked() async throws {
        try await Workplace.with { place in
            try await dark(place)
            _ = try await report(place, "call", "far-1")
            let entries = try await place.newEntries().filter { $0.device == "far-1" }
            #expect(entries.map(\.kind).filter { $0 != "device.added" } == ["call.opened", "session.opened", "session.failed"])
        }
    }

    @Test("answers may come in a file; nothing found is not well, and what nobody could tell is unknown")
    func file() async throws {
        try await Workplace.with { place in
            try await dark(place)
            try Scratch.write("# by telephone\npower = yes\nlamp=2\n\nwords=cannot-tell\n", to: place.folder + "/answers")
            let told = try await report(place, "diagnose", "far-1", "--answers", place.folder + "/answers")
            #expect(told.verdict?.exitCode == 3 && told.verdict?.causes.isEmpty == true)
            let outcome = try await place.rollcall("diagnose", "far-1", "--answers", "power=?")
            #expect(outcome.output.contains("odd.no-power: The caller did not say: power."))
        }
    }

    @Test(
        "an answer that none of the questions takes is refused before a call is opened",
        arguments: ["power=maybe", "lamp=10", "light=yes", "door=no", "power", "/", "words=\(String(repeating: "x", count: 41))"])
    func wrongAnswer(_ answer: String) async throws {
        try await Workplace.with { place in
            try await dark(place)
            let outcome = try await place.rollcall("call", "far-1", "--answers", answer, "--json")
            #expect(outcome.exit == (answer.contains("=") ? 80 : 66), "\(outcome.error)")
            #expect(try await place.must("calls").contains("No call is on record."))
        }
    }

    @Test("a model has questions of its own")
    func models() async throws {
        try await Workplace.with { place in
            try await dark(place, model: "K9")
            let told = try await report(place, "diagnose", "far-1", "--answers", "odd.caller-other.door=no")
            #expect(told.questions.map(\.probe) == ["odd.caller", "odd.caller", "odd.caller", "odd.caller-other"])
            #expect(told.verdict?.causes.map(\.finding.id) == ["odd.door"])
        }
    }

    @Test("on a terminal the caller is asked, a key for an answer, and the call goes on to a visit with the parts that the finding names")
    func terminal() async throws {
        try await Workplace.with { place in
            try await dark(place)
            let shown = try await typed(
                place, at: "cannot tell] |far-1> |Parts to bring|able to do", ["n", "close visit-needed on friday", "", ""], "call",
                "far-1",
                "--symptom", "dark")
            #expect(shown.contains("UNREACHABLE"))
            #expect(shown.contains("Is there a light?") && !shown.contains("How many lamps?"))
            #expect(shown.contains("odd.no-power") && shown.contains("bring power supply"))
            let call = try await place.must("calls", "show")
            #expect(call.contains("visit-needed, on friday") && call.contains("parts: power supply") && call.contains("skill: electrician"))
        }
    }

    @Test("what a caller said is text: a terminal obeys none of it")
    func hostile() async throws {
        try await Workplace.with { place in
            try await dark(place)
            let outcome = try await place.rollcall(
                "call", "far-1", "--answers", "power=yes", "--answers", "lamp=1", "--answers", "words=a\u{1B}]0;x\u{7}b")
            #expect(outcome.output.contains("odd.one-lamp") && !outcome.output.contains("\u{1B}") && !outcome.output.contains("\u{7}"))
            let shown = try await place.must("calls", "show")
            #expect(shown.contains("What does it say?") && !shown.contains("\u{1B}"))
        }
    }

    @Test("a device that answers is not asked about, and one that refuses the key is not dark")
    func reached() async throws {
        try await Workplace.with { place in
            let well = try await place.rollcall("diagnose", Workplace.device, "--answers", "power=no")
            #expect(well.exit < 64 && well.error.contains("was reached"))
            try await Template.key("stranger", in: place.folder)
            let refused = try await place.rollcall("diagnose", Workplace.device, "--identity", place.folder + "/stranger")
            #expect(refused.exit == 67 && !refused.output.contains("UNREACHABLE"))
            try await place.expectFailure(
                ["run", Workplace.device, "odd.caller"], exit: 64, kind: "asks-the-caller", says: "odd.caller")
        }
    }

    @Test("of a device that was seen before it is said when, by whom, what it then had, and what it measured last")
    func seenBefore() async throws {
        try await Workplace.with { place in
            _ = try await place.rollcall("diagnose", Workplace.device)
            // Its network is gone: what answered is now a port where nothing listens.
            try HeldDatabase(place.store).run("UPDATE devices SET port = \(try Door.freePort()), site = 'Hall 2'")
            let silent = try await report(place, "diagnose", Workplace.device)
            #expect(silent.lastSeenAt != nil && silent.attempts == 1)
            let shown = try await place.rollcall("call", Workplace.device, "--answers", "power=no")
            #expect(shown.output.contains("Last seen ") && shown.output.contains("by alice (diagnose)"))
            #expect(shown.output.contains("Not reached since") && shown.output.contains("2 times tried"))
            #expect(shown.output.contains("Last verdict, ") && shown.output.contains("odd."))
            #expect(shown.output.contains("No other device is known at Hall 2."))
            // What a caller said is no verdict of the device: the next look at it still shows the device's own.
            let again = try await place.rollcall("diagnose", Workplace.device)
            let line = { (text: String) in text.split(separator: "\n").first { $0.contains("Last verdict, ") }.map(String.init) }
            #expect(line(again.output) == line(shown.output) && line(again.output) != nil)
        }
    }

    @Test("devices never get the questions, and an altered device part is still found")
    func catalogue() async throws {
        try await Workplace.with { place in
            let part = try Data(contentsOf: URL(fileURLWithPath: place.catalogue + "/device.cbor"))
            #expect(part.range(of: Data("odd.well".utf8)) != nil && part.range(of: Data("odd.caller".utf8)) == nil)
            let desk = try Data(contentsOf: URL(fileURLWithPath: place.catalogue + "/desk.cbor"))
            #expect(desk.range(of: Data("Is there a light?".utf8)) != nil)
        }
    }

    /// Types a line each time that one of some questions is shown, separated by bars.
    private func typed(_ place: Workplace, at questions: String, _ lines: [String], _ arguments: String...) async throws -> String {
        let script = Program.repository + "/Tests/RollcallCLITests/Support/typist.py"
        let encoded = lines.map { Data($0.utf8).base64EncodedString() }.joined(separator: ",")
        return try await Program.run(
            "/usr/bin/python3", [script, questions, encoded, Program.rollcall] + arguments, in: place.folder,
            environment: place.environment.merging(["TERM": "dumb"]) { $1 }
        ).output
    }
}
