import Foundation
import Testing

@Suite("At the desk itself", .timeLimit(.minutes(10)))
struct DeskTests {
    private let device = Workplace.device

    @Test("a configuration that cannot be understood is not half believed")
    func configuration() async throws {
        let cases: [(text: String, words: String)] = [
            ("colour: blue\n", "line 1"), ("data: /tmp/x\noperatr: bob\n", "operatr"), ("data: [a, b]\n", "data must be text"),
            ("- data\n", "key: value"), ("data: 'open\n", "not YAML"), ("data: \"\u{1B}[2J\n", "not YAML"), ("\u{1B}[2J: x\n", "not YAML"),
            ("\"\\e[2J\": x\n", "u{1B}[2J"),
        ]
        try await Workplace.with { place in
            let file = place.folder + "/config/rollcall/config.yaml"
            for (text, words) in cases {
                try Scratch.write(text, to: file)
                try await place.expectFailure(["diagnose", device], exit: 65, kind: "configuration", says: file, words)
            }
            Scratch.remove(file)
            #expect(try await place.newEntries().isEmpty)
        }
    }

    private struct Checkup: Decodable {
        let subject: String
        let state: String
        let sentence: String
        let next: String?
    }

    @Test("the doctor says of a device what is missing, and which ways lead into it beside the agent's door")
    func deviceDoctor() async throws {
        try await Workplace.with { place in
            let outcome = try await place.rollcall("doctor", Workplace.device, "--json")
            let found = try JSONDecoder().decode([Checkup].self, from: Data(outcome.output.utf8))
            #expect(outcome.exit == 2, "\(outcome.error)")
            #expect(found.allSatisfy { ($0.next == nil) == ($0.state == "ok") })
            var states: [String: String] = [:]
            for checkup in found { states[checkup.subject] = checkup.state }
            let expected = [
                "door": "ok", "agent": "ok", "clock": "ok", "catalogue": "ok", "roster": "ok", "record": "ok", "sshd": "problem",
                "way in": "warning", "open": "ok", "unknown": "warning",
            ]
            #expect(states == expected)
            #expect(found.first { $0.subject == "way in" }?.sentence == "telnet: TCP port 23.")
            let text = try await place.rollcall("doctor", Workplace.device)
            #expect(text.output.contains("warning way in: telnet: TCP port 23.\n"))
            // A diagnosis does not ask for it.
            let diagnosis = try await place.rollcall("diagnose", Workplace.device, "--json")
            #expect(!diagnosis.output.contains("access.ways"))
            try place.stand("exit 1\n")
            let shut = try await place.rollcall("doctor", Workplace.device)
            #expect(shut.exit == 2 && shut.output.hasPrefix("problem door: "), "\(shut.output)\(shut.error)")
        }
    }

    @Test("a device that does not know the desk's key is told of, with what to do")
    func unknownDesk() async throws {
        try await Workplace.with { place in
            let sentence = "because it does not know the desk's key"
            #expect(try await !place.rollcall("diagnose", device).output.contains(sentence))
            let door = try Scratch.text(place.folder + "/door.sh")
            try Scratch.write("", to: place.folder + "/desks")
            try place.stand(door.replacing("--desks \(place.door.folder)/template/desks", with: "--desks \(place.folder)/desks"))
            for command in [
                ["diagnose", device], ["fix", device, "odd.change", "--yes"], ["audit", "verify", "--device", device], ["doctor", device],
            ] {
                let outcome = try await place.rollcall(command)
                #expect(outcome.output.contains(sentence) && outcome.output.contains("rollcall audit key"), "\(command): \(outcome.output)")
            }
        }
    }

    private struct Audit: Decodable {
        struct Side: Decodable { let tree: String; let agrees: Bool }
        let devices: [Side]
    }

    @Test("a device's log that was rewritten and has grown since is told, although its newest head is its own")
    func rewrittenLog() async throws {
        try await Workplace.with { place in
            func audit() async throws -> Audit {
                let outcome = try await place.rollcall("audit", "verify", "--device", device, "--json")
                return try JSONDecoder().decode(Audit.self, from: Data(outcome.output.utf8))
            }
            try await Program.must("/bin/cp", ["-a", place.state, place.folder + "/earlier"], in: place.folder)
            _ = try await place.rollcall("diagnose", device)
            #expect(try await audit().devices.map(\.tree) == ["whole"])
            // The device forgets these sessions, and has others in their place.
            try await Program.must("/bin/cp", ["-a", place.data, place.folder + "/other"], in: place.folder)
            try FileManager.default.removeItem(atPath: place.state)
            try await Program.must("/bin/cp", ["-a", place.folder + "/earlier", place.state], in: place.folder)
            for _ in 0..<3 { _ = try await place.rollcall("diagnose", device, "--data", place.folder + "/other") }
            _ = try await place.rollcall("diagnose", device)
            let side = try #require(try await audit().devices.first)
            #expect(side.tree == "rewritten" && !side.agrees)
            let shown = try await place.rollcall("audit", "verify", "--device", device)
            #expect(shown.exit == 91 && shown.output.contains("its log was rewritten"), "\(shown.output)")
        }
    }

    @Test("the doctor finds a desk well, and each thing that is wrong with it")
    func doctor() async throws {
        try await Workplace.with(keepsRecord: false) { place in
            func checkups(_ arguments: String...) async throws -> (exit: Int32, all: [String: Checkup]) {
                let outcome = try await place.rollcall(["doctor", "--json"] + arguments)
                let found = try JSONDecoder().decode([Checkup].self, from: Data(outcome.output.utf8))
                #expect(found.allSatisfy { ($0.next == nil) == ($0.state == "ok") })
                return (outcome.exit, Dictionary(uniqueKeysWithValues: found.map { ($0.subject, $0) }))
            }
            let well = try await checkups()
            #expect(well.exit < 2)
            for subject in ["OpenSSH", "keys", "store", "clock", "catalogue", "library"] {
                #expect(well.all[subject]?.state == "ok", "\(subject)")
            }
            let keyless = try await checkups("--identity", place.folder + "/none")
            #expect(keyless.exit == 2 && keyless.all["keys"]?.state == "problem")
            let key = place.folder + "/locked"
            try await Program.must("/usr/bin/ssh-keygen", ["-q", "-t", "ed25519", "-N", "secret", "-f", key], in: place.folder)
            #expect(try await checkups("--identity", key).all["keys"]?.state == "warning")
            let empty = try await checkups("--catalogue", place.folder + "/none")
            #expect(empty.exit == 2 && empty.all["catalogue"]?.state == "problem")
            let new = try await checkups("--data", place.folder + "/none")
            #expect(new.all["store"]?.state == "warning" && !FileManager.default.fileExists(atPath: place.folder + "/none"))
            let held = try HeldDatabase(place.store)
            try held.run("UPDATE ledger_entries SET encoded = x'a0' WHERE idx = 1")
            let damaged = try await checkups()
            #expect(damaged.exit == 2 && damaged.all["store"]?.state == "problem")
        }
    }

    @Test("a call or an entry that is not on record is named")
    func unknownCall() async throws {
        try await Workplace.with { place in
            for command in [["calls", "show", "NOPE"], ["close", "abandoned", "--call", "NOPE"]] {
                try await place.expectFailure(command, exit: 66, kind: "not-found", says: "call NOPE", "rollcall calls list")
            }
            try await place.expectFailure(
                ["audit", "show", "999999"], exit: 66, kind: "not-found", says: "entry 999999", "rollcall audit list")
        }
    }

    @Test("without a call there is none to show or to close")
    func noCall() async throws {
        try await Workplace.with { place in
            try await place.expectFailure(["calls", "show"], exit: 66, kind: "no-call", says: "rollcall call DEVICE")
            try await place.expectFailure(["close", "abandoned"], exit: 66, kind: "no-open-call", says: "rollcall call DEVICE")
        }
    }

    @Test("with several calls open, closing wants to know which, and a second call on a device is not opened")
    func severalCalls() async throws {
        try await Workplace.with { place in
            try await place.must("device", "add", "far-1", "--host", "127.0.0.1", "--port", "\(try Door.freePort())")
            #expect(try await place.rollcall("call", device).exit == 3)
            #expect(try await place.rollcall("call", "far-1").exit == 68)
            try await place.expectFailure(
                ["close", "abandoned"], exit: 64, kind: "several-open-calls", says: "2 calls are open", device, "far-1")
            try await place.expectFailure(["call", device], exit: 65, kind: "call-open", says: device, "rollcall close")
        }
    }

    @Test("a call that has ended does not end again, and keeps how it ended")
    func closedTwice() async throws {
        try await Workplace.with { place in
            #expect(try await place.rollcall("call", device).exit == 3)
            try await place.must("close", "no-fault-found", "--note", "nothing seen")
            let shown = try await place.must("calls", "show", "--json")
            let call = try JSONDecoder().decode(Call.self, from: Data(shown.utf8))
            try await place.expectFailure(["close", "abandoned", "--call", call.id], exit: 65, kind: "wrong-state", says: call.id)
            #expect(try await place.must("calls", "show", "--json") == shown)
        }
    }

    private struct Call: Decodable { let id: String }

    @Test("a name that is taken is not taken again")
    func duplicate() async throws {
        try await Workplace.with { place in
            try await place.expectFailure(["device", "add", device, "--host", "h"], exit: 65, kind: "duplicate", says: device)
            #expect(try await place.newEntries().isEmpty)
        }
    }

    @Test("an altered entry is found, and nothing is said to be whole")
    func altered() async throws {
        try await Workplace.with(keepsRecord: false) { place in
            try HeldDatabase(place.store).run("UPDATE ledger_entries SET encoded = substr(encoded, 1, length(encoded) - 1) WHERE idx = 1")
            let outcome = try await place.rollcall("audit", "verify")
            #expect(outcome.exit == 91)
            #expect(outcome.output.contains("BROKEN"))
        }
    }
}
