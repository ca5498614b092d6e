import Probes
import Testing
import Wire

@testable import Diagnosis

private let links = """
    id: net.links
    title: A test
    impact: observe
    run: [/bin/true]
    parse: {pairs: {separator: "=", records: blank-line}}
    facts: {name: text, speed: int}
    watch: {subject: [name], columns: [speed]}
    learn:
      interfaces: SELECT name FROM net_links
      ports: SELECT name AS protocol, speed AS port FROM net_links
    findings:
      - id: net.missing
        subject: [name]
        select: SELECT e.name FROM expected_interfaces e WHERE NOT EXISTS (SELECT 1 FROM net_links l WHERE l.name = e.name)
        severity: warning
        customer: A connection is missing.
        engineer: "{name} is missing"
    """

private func answer(_ links: [(String, Int)], code: UInt64 = 0) -> Answer {
    .text("net.links", links.map { "name=\($0.0)\nspeed=\($0.1)\n" }.joined(separator: "\n"), code: code)
}

struct FleetTests {
    @Test("answers come back from what is kept of them; those that never came are left out")
    func answerSet() throws {
        let refused = Answer(probe: "b", ending: .refused(Refused(request: 2, rule: "x", sentence: "No.")))
        let answers = [answer([("eth0", 100)]), refused, Answer(probe: "c", ending: .none(reason: "lost"))]
        let encoded = Answer.encode(answers)
        #expect(try Answer.decode(encoded) == Array(answers.prefix(2)))
        for length in 0..<encoded.count { #expect(throws: (any Error).self) { try Answer.decode(Array(encoded[..<length])) } }
    }

    @Test("a device is compared with itself: rows and watched values")
    func changes() throws {
        let judge = try Diagnostician(library: library(links))
        let before = [answer([("eth0", 1_000), ("eth1", 100), ("lo", 0)])]
        #expect(judge.changes(from: before, to: before) == [])
        let now = judge.changes(from: before, to: [answer([("eth0", 100), ("lo", 0), ("wlan0", 5)])])
        #expect(now.map(\.sentence) == ["net.links eth0 speed was 1000, is 100", "net.links eth1 is gone", "net.links wlan0 is new"])
        #expect(judge.changes(from: before, to: [answer([("eth0", 100)], code: 1)]) == [])
    }

    @Test("a device is compared with its like where three of them agree")
    func siblings() throws {
        let judge = try Diagnostician(library: library(links))
        let like = [answer([("eth0", 1_000), ("eth1", 1)])]
        let odd = [answer([("eth0", 100)])]
        #expect(judge.differences(of: odd, from: [like, like]) == [])
        #expect(
            judge.differences(of: odd, from: [like, like, like]).map(\.sentence)
                == ["net.links eth0 speed is 100; on 3 others it is 1000", "net.links eth1 is missing; 3 others have it"])
        #expect(judge.differences(of: odd, from: [like, like, like, odd, odd]) == [])
        #expect(judge.differences(of: like, from: [like, like, like]) == [])
    }

    @Test("a model is what all of its good devices have, and a rule finds what is missing of it")
    func lessons() throws {
        let judge = try Diagnostician(library: library(links))
        let learnt = try judge.lessons(of: [[answer([("eth0", 1), ("eth1", 2)])], [answer([("eth1", 2), ("eth0", 3)])]])
        #expect(learnt == ["interfaces": [["eth0"], ["eth1"]], "ports": [["eth1", "2"]]])
        #expect(try judge.lessons(of: [[answer([("eth0", 1)])], [answer([("eth0", 1)], code: 1)]]) == [:])
        var desk = DeskFacts()
        #expect(try judge.judge([answer([("eth0", 1)])], desk: desk).judged == [])
        desk.expectations = learnt
        #expect(try judge.judge([answer([("eth0", 1)])], desk: desk).findings.map(\.engineer) == ["eth1 is missing"])
        #expect(try judge.judge([answer([("eth0", 1), ("eth1", 9)])], desk: desk).judged == ["net.missing"])
    }

    @Test("lint says what is wrong with watch and learn")
    func lint() throws {
        for (wrong, said) in [
            ("columns: [speed]", "columns: [sped]"), ("SELECT name FROM net_links\n", "SELECT speed FROM net_links\n"),
            ("  interfaces: SELECT", "  interfases: SELECT"), ("SELECT name FROM net_links\n", "SELECT 'x' AS name\n"),
        ] {
            let text = links.replacing(wrong, with: said)
            #expect(throws: ProbesError.self) { _ = try library(text) }
        }
    }

    @Test("questions over many devices see complete answers only, and can do nothing but read")
    func query() throws {
        let facts = try FleetFacts(
            [
                .init(name: "a", site: "s", model: "m", takenAt: 5_000_000, answers: [answer([("eth0", 100)])]),
                .init(name: "b", site: "s", model: "m", takenAt: 6_000_000, answers: [answer([("eth0", 10)], code: 1)]),
            ], library: library(links))
        #expect(try facts.ask("SELECT device, speed FROM net_links", limit: 9).rows == [[.text("a"), .int(100)]])
        #expect(
            try facts.ask("SELECT device, state, reason FROM answers ORDER BY 1", limit: 9).rows
                == [[.text("a"), .text("complete"), .null], [.text("b"), .text("incomplete"), .text("ended with exit code 1")]])
        #expect(
            try facts.ask("SELECT taken_at FROM devices ORDER BY 1", limit: 1)
                == .init(columns: ["taken_at"], rows: [[.int(5)]], isCut: true))
        for sql in [
            "DELETE FROM net_links", "ATTACH 'x' AS y", "PRAGMA user_version", "SELECT load_extension('x')", "SELECT 1; SELECT 2", "SELEC",
        ] {
            #expect(throws: DiagnosisError.self) { try facts.ask(sql, limit: 9) }
        }
    }

    @Test("every table of the shipped library can be asked about; a fact called device stands beside the device's name")
    func shipped() throws {
        let shipped = try shippedLibrary()
        let facts = try FleetFacts([], library: shipped)
        for manifest in shipped.manifests where !manifest.facts.isEmpty {
            let columns = try facts.ask("SELECT * FROM \(manifest.table)", limit: 1).columns
            #expect(columns == FleetFacts.columns(of: manifest).map(\.name) && columns.first == "device")
        }
        let own = links.replacing("{name: text", with: "{name: text, device: text")
        let member = FleetFacts.Member(
            name: "a", site: "s", model: "m", takenAt: 1, answers: [.text("net.links", "name=eth0\nspeed=1\ndevice=pci\n")])
        #expect(
            try FleetFacts([member], library: library(own)).ask("SELECT device, its_device FROM net_links", limit: 9).rows
                == [[.text("a"), .text("pci")]])
    }
}
