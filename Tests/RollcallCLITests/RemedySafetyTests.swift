import Foundation
import Testing

@Suite("Remedies and who uses the device")
struct RemedySafetyTests {
    private struct Fix: Decodable {
        let remedy: String
        let fixed: Bool
        let use: String
        let usedBy: [String]
        let undoes: String?
        let undo: String?
        let prior: String?
    }

    private let device = Workplace.device

    private func fix(_ place: Workplace, _ arguments: String...) async throws -> Fix {
        let outcome = try await place.rollcall(["fix", device] + arguments + ["--yes", "--json"])
        #expect(outcome.exit == 0, "\(outcome.error)")
        return try JSONDecoder().decode(Fix.self, from: Data(outcome.output.utf8))
    }

    private func ran(_ probe: String, _ place: Workplace) async throws -> Bool {
        try await place.newEntries().contains { $0.kind == "probe.requested" && $0.subject == probe }
    }

    @Test("a device that is in use is left alone: one sentence says by what, and it is on record", arguments: ["fix", "run"])
    func inUse(_ verb: String) async throws {
        try await Workplace.with { place in
            let outcome = try await place.rollcall(verb, device, "odd.guarded", "--yes")
            #expect(outcome.exit == 100)
            #expect(outcome.error.contains("\(device) is in use, so odd.guarded was not run: maria"))
            #expect(outcome.error.contains("works on it.\n") && outcome.error.contains("--now") && !outcome.error.contains("\u{1B}"))
            #expect(try await !ran("odd.guarded", place))
            let judged = try await place.newEntries().filter { $0.kind == "use.judged" }
            #expect(judged.map(\.subject) == ["odd.guarded"] && judged[0].detail.hasPrefix("in-use: maria"))
        }
    }

    @Test("--now does it all the same, and the reason is on both records", arguments: ["fix", "run"])
    func now(_ verb: String) async throws {
        try await Workplace.with { place in
            let outcome = try await place.rollcall(verb, device, "odd.guarded", "--now", "Maria agreed", "--yes")
            #expect(outcome.exit == 0, "\(outcome.error)")
            #expect(try await ran("odd.guarded", place))
            let entries = try await place.newEntries()
            #expect(entries.first { $0.kind == "use.judged" }?.detail.hasPrefix("in-use, now: Maria agreed: maria") == true)
            #expect(entries.first { $0.kind == "session.opened" }?.detail.hasSuffix("odd.guarded, now: Maria agreed") == true)
            let there = try await Program.must(Program.agent, ["log", "--state", place.state], in: place.folder)
            #expect(there.contains("now: Maria agreed"))
            try await place.expectRecordsAgree()
        }
    }

    @Test("not to know is not to be idle, an empty reason is none, and what the device does not have is not in use")
    func unknown() async throws {
        try await Workplace.with { place in
            let unsure = try await place.rollcall("fix", device, "odd.unsure", "--yes", "--json")
            #expect(unsure.exit == 100 && unsure.error.contains("use-unknown") && unsure.output.contains("\"use\" : \"unknown\""))
            #expect(try await !ran("odd.unsure", place))
            #expect(try await place.rollcall("fix", device, "odd.unsure", "--now", " ", "--yes").exit == 64)
            let free = try await fix(place, "odd.free", "name=a")
            #expect(free.fixed && free.use == "idle" && free.usedBy.isEmpty)
            #expect(try await place.rollcall("fix", device, "odd.free", "name=maria", "--yes").exit == 100)
        }
    }

    @Test("the last remedy that can be taken back is, once, with its own parameters, and on record as that")
    func undo() async throws {
        try await Workplace.with { place in
            try await place.expectFailure(["fix", device, "--undo", "--yes"], exit: 64, kind: "nothing-to-undo", says: device)
            for level in ["3", "7"] { #expect(try await fix(place, "odd.on", "level=\(level)").undo == "odd.off") }
            _ = try await fix(place, "odd.change")
            #expect(try await place.must("fix", device, "odd.on", "level=8", "--yes").contains("undo: rollcall fix \(device) --undo"))
            for _ in 0..<3 {
                let taken = try await fix(place, "--undo")
                #expect(taken.remedy == "odd.off" && taken.undoes == "odd.on" && taken.fixed)
            }
            #expect(try await place.rollcall("fix", device, "--undo", "--yes").exit == 64)
            let entries = try await place.newEntries()
            #expect(entries.filter { $0.kind == "remedy.undone" }.map(\.subject) == ["odd.on", "odd.on", "odd.on"])
            #expect(entries.filter { $0.kind == "session.opened" }.suffix(3).allSatisfy { $0.detail == "undo of odd.on" })
            try await place.expectRecordsAgree()
        }
    }

    private struct History: Decodable {
        struct Remedy: Decodable {
            let remedy: String
            let undoes: String?
            let outcome: String?
            let prior: String?
        }
        let remedies: [Remedy]
    }

    @Test("what was so before is not taken back, nor what may have been so; both are told")
    func priorState() async throws {
        try await Workplace.with { place in
            let changed = try await fix(place, "odd.wake", "name=root")
            #expect(changed.prior == "other" && changed.undo == "odd.sleep")
            let unchanged = try await fix(place, "odd.wake", "name=anna")
            #expect(unchanged.prior == "same" && unchanged.undo == nil)
            let unknown = try await fix(place, "odd.blind")
            #expect(unknown.prior == "unknown" && unknown.undo == nil)
            let shown = try await place.must("fix", device, "odd.wake", "name=anna", "--yes")
            #expect(shown.contains("undo: none; the device was so before"))
            let taken = try await place.must("fix", device, "--undo", "--yes")
            #expect(taken.contains("takes back odd.wake") && taken.contains("not what was done last: odd.wake changed nothing"), "\(taken)")
            let entries = try await place.newEntries()
            #expect(entries.filter { $0.kind == "prior.judged" }.map { $0.detail.prefix(5) } == ["other", "same", "unkno", "same"])
            #expect(entries.contains { $0.kind == "remedy.undone" && $0.subject == "odd.wake" })
            let none = try await place.rollcall("fix", device, "--undo", "--yes")
            #expect(none.exit == 64 && none.error.contains("odd.wake changed nothing."), "\(none.error)")
            _ = try await place.must("run", device, "odd.wake", "name=root", "--yes")
            #expect(try await fix(place, "--undo").undoes == "odd.wake")
        }
    }

    @Test("an undo is on record before the device hears of it, and is offered again where nobody knows what came of it")
    func undoIsCut() async throws {
        try await Workplace.with { place in
            _ = try await place.rollcall("call", device)
            _ = try await fix(place, "odd.slow-on")
            let whole = try Scratch.text(place.folder + "/door.sh")
            // The agent is gone as soon as it began, which its own ledger says.
            try place.stand(
                """
                exec 3<&0
                \(whole.trimmingCharacters(in: .newlines).dropFirst("exec ".count)) <&3 &
                until grep -aq odd.slow-off \(place.state)/ledger*; do /bin/sleep 0.01; done
                kill -9 $!

                """)
            let cut = try await place.rollcall("fix", device, "--undo", "--yes")
            #expect(cut.exit != 0)
            try #require(try await ran("odd.slow-off", place), "\(cut.error)")
            #expect(try await place.newEntries().filter { $0.kind == "undo.started" }.map(\.subject) == ["odd.slow-on"])
            #expect(try await !place.newEntries().contains { $0.kind == "remedy.undone" })
            try place.stand(whole)
            let again = try await place.must("fix", device, "--undo", "--yes")
            #expect(again.contains("takes back odd.slow-on") && again.contains("what came of it is not known"), "\(again)")
            #expect(try await place.rollcall("fix", device, "--undo", "--yes").exit == 64)
            let history = try JSONDecoder().decode(History.self, from: Data(try await place.must("calls", "show", "--json").utf8))
            #expect(history.remedies.map(\.remedy) == ["odd.slow-on", "odd.slow-off", "odd.slow-off"])
            #expect(history.remedies.map(\.undoes) == [nil, "odd.slow-on", "odd.slow-on"])
            #expect(history.remedies.map(\.outcome) == ["ran", nil, "ran"])
        }
    }

    @Test("a call shows what was refused, by the desk and by the device, and what was taken back")
    func shownInCall() async throws {
        try await Workplace.with { place in
            _ = try await place.rollcall("call", device)
            _ = try await fix(place, "odd.on", "level=3")
            for remedy in ["odd.guarded", "odd.unsure"] { #expect(try await place.rollcall("fix", device, remedy, "--yes").exit == 100) }
            _ = try await fix(place, "--undo")
            let door = try Scratch.text(place.folder + "/door.sh")
            try place.stand(door.replacing("--role repair", with: "--role observe"))
            #expect(try await place.rollcall("fix", device, "odd.change", "--yes").exit == 79)
            let shown = try await place.must("calls", "show")
            #expect(!shown.contains("\u{1B}"))
            for (name, outcome) in [
                ("remedy odd.on", "ran"), ("remedy odd.guarded", "not run, the device was in use: maria"),
                ("remedy odd.unsure", "not run, whether the device was in use was not known: "), ("undo of odd.on by odd.off", "ran"),
                ("remedy odd.change", "refused by the device: rights"),
            ] {
                let lines = shown.split(separator: "\n").filter { $0.hasPrefix("   \(name) ") }
                #expect(lines.count == 1 && lines[0].contains(": \(outcome)"), "\(shown)")
            }
        }
    }

    @Test("in the prompt of a call a remedy is refused, done with a reason, and taken back")
    func prompt() async throws {
        try await Workplace.with { place in
            let lines = [
                "fix odd.guarded", "yes", "fix odd.guarded --now Maria agreed", "yes", "fix odd.on level=3", "yes", "undo", "yes", "undo",
                "close fixed-remotely",
            ]
            let script = Program.repository + "/Tests/RollcallCLITests/Support/typist.py"
            let encoded = lines.map { Data($0.utf8).base64EncodedString() }.joined(separator: ",")
            let shown = try await Program.run(
                "/usr/bin/python3", [script, "\(device)> |[yes/no] ", encoded, Program.rollcall, "call", device], in: place.folder,
                environment: place.environment.merging(["TERM": "dumb"]) { $1 }
            ).output
            #expect(shown.contains("is in use, so odd.guarded was not run"))
            #expect(shown.contains("Switches it off which=3 on \(device)") && shown.contains("takes back odd.on"))
            #expect(shown.contains("in this call can be taken back.") && shown.contains("closed: fixed-remotely"))
            let entries = try await place.newEntries()
            #expect(entries.filter { $0.kind == "probe.requested" && $0.subject == "odd.guarded" }.count == 1)
            #expect(entries.filter { $0.kind == "use.judged" }.map { $0.detail.contains("now: Maria agreed") } == [false, true])
            #expect(entries.filter { $0.kind == "remedy.undone" }.count == 1)
        }
    }

    @Test("within a call only what was done in it is taken back; a remedy and --undo are not named together")
    func undoInCall() async throws {
        try await Workplace.with { place in
            _ = try await fix(place, "odd.on", "level=1")
            _ = try await place.rollcall("call", device)
            #expect(try await place.rollcall("fix", device, "--undo", "--yes").exit == 64)
            #expect(try await place.rollcall("fix", device, "odd.on", "level=2", "--undo", "--yes").exit == 64)
            #expect(try await place.rollcall("fix", device, "--yes").exit == 64)
            _ = try await place.must("close", "abandoned")
            #expect(try await fix(place, "--undo").undoes == "odd.on")
        }
    }
}
