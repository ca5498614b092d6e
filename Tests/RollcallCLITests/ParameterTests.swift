import Foundation
import Testing

@Suite("What may not be asked", .timeLimit(.minutes(10)))
struct ParameterTests {
    private let device = Workplace.device

    @Test("a parameter that is wrong, missing or unknown never reaches the device")
    func parameters() async throws {
        let cases: [(values: [String], words: String)] = [
            (["level=10", "mode=slow"], "from 1 to 9"), (["level=0", "mode=slow"], "from 1 to 9"),
            (["level=-1", "mode=slow"], "from 1 to 9"),
            (["level=--help", "mode=slow"], "from 1 to 9"), (["level=", "mode=slow"], "from 1 to 9"),
            (["level=5", "mode=-fast"], "slow, fast"),
            (["level=5"], "mode"), (["level=5", "mode=slow", "more=1"], "no parameter of the name given"),
            (["level=5", "level=6", "mode=slow"], "level"), (["level=5\u{1B}[2J", "mode=slow"], "from 1 to 9"),
            (["level=5", "mode=slow", "\u{1B}[2J=1"], "no parameter of the name given"),
        ]
        try await Workplace.with { place in
            for (values, words) in cases {
                try await place.expectFailure(
                    ["run", device, "odd.level"] + values, exit: 80, kind: "refused-parameter", says: words,
                    "rollcall probes show odd.level")
            }
            #expect(try await place.newEntries().isEmpty)
        }
    }

    @Test("a unit that begins with a dash, or that would cut the way in, is refused")
    func units() async throws {
        try await Workplace.with { place in
            for unit in ["-x.service", "ssh.service", "../x.service", ""] {
                try await place.expectFailure(
                    ["fix", device, "odd.service", "unit=\(unit)", "--yes"], exit: 80, kind: "refused-parameter", says: "unit",
                    "rollcall probes show odd.service")
            }
            #expect(try await place.newEntries().isEmpty)
        }
    }

    @Test("an argument that is no parameter is a mistake of the command line")
    func noParameter() async throws {
        try await Workplace.with { place in
            try await place.expectFailure(["run", device, "odd.level", "fast"], exit: 64, kind: "usage", says: "name=value")
        }
    }

    @Test("what only observes mends nothing")
    func observing() async throws {
        try await Workplace.with { place in
            try await place.expectFailure(["fix", device, "odd.nothing", "--yes"], exit: 64, kind: "not-a-remedy", says: "rollcall run")
            #expect(try await place.newEntries().isEmpty)
        }
    }

    @Test("where nobody can be asked, a change needs a yes beforehand", arguments: [["fix"], ["run"]])
    func unconfirmed(_ verb: [String]) async throws {
        try await Workplace.with { place in
            try await place.expectFailure(verb + [device, "odd.change"], exit: 93, kind: "not-confirmed", says: "--yes")
            #expect(try await place.newEntries().isEmpty)
        }
    }

    @Test("a role that only observes changes nothing and pushes nothing, and both sides know that it tried")
    func lowRole() async throws {
        try await Workplace.with(.agent(role: "observe")) { place in
            try await place.expectFailure(
                ["fix", device, "odd.change", "--yes"], exit: 79, kind: "refused-rights", says: "observe", "repair")
            try await place.expectFailure(["probes", "push", device], exit: 79, kind: "refused-rights", says: "observe")
            #expect(try await place.newEntries().contains { $0.kind == "refused" })
            let log = try await Program.must(Program.agent, ["log", "--state", place.state], in: place.folder)
            #expect(log.contains("refused"))
            #expect(try await place.rollcall("run", device, "odd.nothing").exit == 0)
        }
    }

    @Test("a role that there is not lets nobody in")
    func noRole() async throws {
        try await Workplace.with(.agent(role: "king")) { place in
            try await place.expectFailure(["diagnose", device], exit: 79, kind: "refused-role", says: "observe, repair and shell")
        }
    }

    @Test("a command line that cannot be understood gets a sentence too")
    func usage() async throws {
        let cases: [(arguments: [String], kind: String, words: String)] = [
            (["diagnose"], "usage", "Name a device"), (["close", "mended"], "usage", "mended"), (["fly"], "usage", "rollcall --help"),
            (["run", "kiosk-1"], "usage", "probe"), (["sweep", "--concurrency", "0"], "usage", "1 to 1024"),
            (["diagnose", "kiosk-1", "--fast"], "usage", "--fast"), (["report", "--since", "yesterday"], "usage", "30d"),
            (["close", "visit-needed"], "usage", "--skill"), (["diagnose", "kiosk-1", "--operator", "al ice"], "operator", "--operator"),
            (["device", "add", "-x", "--host", "h"], "usage", "name"), (["device", "add", "a b", "--host", "h"], "invalid", "a b"),
            (["device", "add", "x", "--host", "h", "--port", "0"], "invalid", "1 to 65535"),
            (["diagnose", "\u{1B}[2J", "x"], "usage", "x"),
        ]
        try await Workplace.with { place in
            for (arguments, kind, words) in cases { try await place.expectFailure(arguments, exit: 64, kind: kind, says: words) }
            #expect(try await place.newEntries().isEmpty)
        }
    }
}
