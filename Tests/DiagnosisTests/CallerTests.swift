import Diagnosis
import Probes
import Testing

@Suite("What a caller says")
struct CallerTests {
    private static let ask = """
        id: ask.one
        title: Asks
        ask:
          power: {question: "Is there a light?", type: yes-no}
          amps: {question: "How much?", type: number, min: 0, max: 16, if: power = 1}
          others: {question: "And the others?", type: yes-no, if: EXISTS (SELECT 1 FROM siblings WHERE reached = 0)}
        findings:
          - {id: ask.dark, when: power = 0, severity: critical, customer: Plug it in., engineer: dark}
          - {id: ask.much, when: amps > 10, severity: warning, customer: Too much., engineer: "{amps} A"}
          - id: ask.long
            select: SELECT (context.time - contact.last_seen) / 60 AS minutes FROM context, contact WHERE context.time - contact.last_seen > 600
            severity: info
            customer: It was not seen for long.
            engineer: "{minutes} min"
        """
    private static let device = """
        id: test.one
        title: A test
        impact: observe
        run: [/bin/true]
        parse: {lines: {match: '(?<a>.*)'}}
        facts: {a: text}
        """

    private func library(_ texts: String...) throws -> ManifestLibrary {
        try ManifestLibrary(texts: texts.map { ("\($0.prefix(12)).yaml", Array($0.utf8)) }, check: Diagnostician.ruleCheck)
    }

    private func interview(_ desk: DeskFacts, _ replies: [String: CallerQuestion.Reply]) throws -> CallerInterview {
        let library = try library(Self.ask, Self.device)
        var interview = CallerInterview(library.callerProbes(model: "K3"), library: library, desk: desk)
        while let (_, question) = try interview.next() {
            if let reply = replies[question.name] { interview.answer(reply) } else { interview.skip() }
        }
        return interview
    }

    private func verdict(_ interview: CallerInterview, _ desk: DeskFacts) throws -> Verdict {
        try Diagnostician(library: library(Self.ask, Self.device)).judge(caller: interview.answers, desk: desk)
    }

    @Test("what is asked next depends on what was answered, and on what the desk knows")
    func conditions() throws {
        let all: [String: CallerQuestion.Reply] = ["power": .integer(1), "amps": .number(12), "others": .integer(1)]
        #expect(try interview(DeskFacts(), all).exchanges.map(\.question.name) == ["power", "amps"])
        #expect(try interview(DeskFacts(), all.merging(["power": .integer(0)]) { $1 }).exchanges.map(\.question.name) == ["power"])
        #expect(try interview(DeskFacts(), all.merging(["power": .cannotTell]) { $1 }).exchanges.map(\.question.name) == ["power"])
        var desk = DeskFacts()
        desk.siblings = [.init(name: "k", model: "", lastSeen: nil, lastTried: 1, isReached: false)]
        #expect(try interview(desk, all).exchanges.map(\.question.name) == ["power", "amps", "others"])
    }

    @Test("answers become findings; what nobody could tell is unknown, and a device that was not asked is never well")
    func judged() throws {
        let desk = DeskFacts()
        let bad = try verdict(try interview(desk, ["power": .integer(1), "amps": .number(12)]), desk)
        #expect(bad.findings.map(\.id) == ["ask.much"] && bad.exitCode == 1)
        let well = try verdict(try interview(desk, ["power": .integer(1), "amps": .number(2)]), desk)
        #expect(well.findings.isEmpty && well.exitCode == 3)
        let unseen = try verdict(try interview(desk, ["power": .cannotTell]), desk)
        #expect(unseen.findings.isEmpty && unseen.unknowns.map(\.id) == ["ask.dark", "ask.much", "device"])
        #expect(unseen.unknowns[0].reason == "The caller did not say: power.")
        #expect(try verdict(try interview(desk, [:]), desk).unknowns.map(\.id) == ["device"])
    }

    @Test("rules read what the desk knows of a device that cannot be reached")
    func contact() throws {
        var desk = DeskFacts()
        desk.time = 10_000
        desk.contact = .init(lastSeen: 4_000, failingSince: 9_000, failure: "timedOut")
        let found = try verdict(try interview(desk, ["power": .integer(1)]), desk)
        #expect(found.findings.map(\.engineer) == ["100 min"])
        desk.contact = .init(lastSeen: nil, failingSince: 9_000, failure: "timedOut")
        #expect(try verdict(try interview(desk, ["power": .integer(1)]), desk).findings.isEmpty)
    }

    @Test("a rule that reads both the caller's and the device's answers could never be judged, and lint says so")
    func lint() throws {
        func problems(_ ask: String, _ device: String) -> [String] {
            do { _ = try library(ask, device); return [] } catch { return (error as? ProbesError)?.problems.map(\.message) ?? [] }
        }
        #expect(problems(Self.ask, Self.device).isEmpty)
        let mixed = Self.ask.replacing("when: power = 0,", with: "when: power = 0 AND EXISTS (SELECT 1 FROM test_one),")
        #expect(problems(mixed, Self.device).contains { $0.contains("ask.dark reads test_one") })
        let asking = Self.ask.replacing("if: power = 1}", with: "if: EXISTS (SELECT 1 FROM test_one)}")
        #expect(problems(asking, Self.device).contains { $0.contains("condition of amps reads test_one") })
        let broken = Self.ask.replacing("if: power = 1}", with: "if: pover = 1}")
        #expect(problems(broken, Self.device).contains { $0.contains("condition of amps is refused") })
        let other =
            Self.device + "\nfindings:\n  - {id: test.x, select: SELECT power FROM ask_one, severity: info, customer: X., engineer: x}"
        #expect(problems(Self.ask, other).contains { $0.contains("test.x reads ask_one") })
    }
}
