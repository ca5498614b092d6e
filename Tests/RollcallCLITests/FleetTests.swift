import Foundation
import Testing

/// Questions over what devices answered, what a model has, and what a verdict is written down as.
@Suite("What the desk keeps of devices", .timeLimit(.minutes(10)))
struct FleetTests {
    private let device = Workplace.device

    private struct Rows: Decodable {
        let columns: [String]
        let devices: Int
    }

    @Test("a question reads the last answers, says what it cannot, and never writes")
    func query() async throws {
        try await Workplace.with { place in
            try await place.expectFailure(["query", "SELECT 1"], exit: 66, kind: "no-answers", says: "rollcall sweep")
            #expect(try await place.rollcall("diagnose", device).exit != 64)
            let question = "SELECT device, unit FROM odd_units ORDER BY unit"
            let table = try await place.rollcall("query", question)
            #expect(table.exit == 0 && table.output.contains("a.service") && table.output.contains("1 device"), "\(table.error)")
            let json = try JSONDecoder().decode(Rows.self, from: Data(try await place.rollcall("query", question, "--json").output.utf8))
            #expect(json.columns == ["device", "unit"] && json.devices == 1)
            // A spreadsheet is not to run what a device says.
            let csv = try await place.rollcall("query", question, "--csv")
            #expect(csv.output == "device,unit\r\n\(device),'=1+1\r\n\(device),a.service\r\n")
            let states = try await place.rollcall("query", "SELECT state FROM answers WHERE probe = 'odd.nothing'", "--csv")
            #expect(states.output == "state\r\ncomplete\r\n")
            try await place.expectFailure(["query", "DELETE FROM odd_units"], exit: 65, kind: "refused-sql", says: "may only read")
            try await place.expectFailure(["query", "SELECT * FROM sqlite_schema"], exit: 65, kind: "refused-sql", says: "refused")
            #expect(try await place.rollcall("query").output.contains("odd_units"))
        }
    }

    @Test("what a model has is added, compared with, taken back and forgotten")
    func model() async throws {
        try await Workplace.with { place in
            try await place.expectFailure(["model", "show", "m"], exit: 66, kind: "unknown-model", says: "model learn")
            try await place.expectFailure(["model", "learn", "m", device], exit: 66, kind: "no-answers", says: "never found well")
            #expect(try await place.rollcall("model", "add", "m", "services", "b.service").exit == 0)
            #expect(try await place.rollcall("model", "add", "m", "ports", "tcp", "631").exit == 0)
            #expect(try await place.rollcall("model", "show", "m").output == "ports tcp 631\nservices b.service\n")
            #expect(try await place.rollcall("model", "add", "m", "ports", "tcp").exit == 64)
            #expect(try await place.rollcall("model", "add", "m", "servises", "x").exit == 64)
            try await place.expectFailure(["model", "remove", "m", "services", "c"], exit: 66, kind: "not-expected", says: "model show")
            #expect(try await place.rollcall("model", "remove", "m", "ports", "tcp", "631").exit == 0)
            #expect(try await place.rollcall("model", "show", "m").output == "services b.service\n")
            #expect(try await place.rollcall("model", "forget", "m").exit == 0)
            #expect(try await place.rollcall("model", "show", "m").exit == 66)
        }
    }

    @Test("a reader of the output that went away ends no session early and is no crash")
    func noReader() async throws {
        try await Workplace.with { place in
            // As in a pipe to `head`, where the library that ignores the signal has begun already.
            let script = "trap '' PIPE; { \"$0\" diagnose \(device); echo $? > \(place.folder)/exit; } | true"
            _ = try await Program.run(
                "/bin/sh", ["-c", script, Program.rollcall], in: place.folder, environment: place.environment)
            let exit = try String(contentsOfFile: place.folder + "/exit", encoding: .utf8)
            #expect(["0", "1", "2", "3"].contains(exit.trimmingCharacters(in: .whitespacesAndNewlines)), "\(exit)")
            #expect(try await place.newEntries().last?.kind != "session.opened")
        }
    }
}
