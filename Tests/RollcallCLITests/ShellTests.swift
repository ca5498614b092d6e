import Foundation
import Glibc
import Testing

@testable import RollcallCLI

@Suite("A shell through the door, recorded", .timeLimit(.minutes(10)))
struct ShellTests {
    private let device = Workplace.device

    /// A daemon on which a shell can be had, whoever runs the tests.
    private func daemon(_ place: Workplace, role: String = "shell") async throws -> DeviceDaemon {
        let name = String(cString: getpwuid(getuid()).pointee.pw_name)
        return try await DeviceDaemon(place, role: role, agent: getuid() == 0 ? "" : "shell-user \(name)\n")
    }

    /// Runs a shell that is given `input`.
    private func shell(_ place: Workplace, _ input: String, _ arguments: String...) async throws -> Outcome {
        let (file, program) = (place.folder + "/input-\(UUID().uuidString)", "exec \"$0\" shell \(device) \"$@\"")
        try Scratch.write(input, to: file)
        return try await Program.run(
            "/bin/sh", ["-c", program + " < \(file)", Program.rollcall] + arguments, in: place.folder, environment: place.environment)
    }

    /// Runs a shell on a terminal, where a line is typed each time the prompt shows; the outcome is what the terminal showed.
    private func typed(_ place: Workplace, prompt: String = "$ ", _ lines: String..., arguments: [String] = []) async throws -> Outcome {
        let typist = Program.repository + "/Tests/RollcallCLITests/Support/typist.py"
        let encoded = lines.map { Data($0.utf8).base64EncodedString() }.joined(separator: ",")
        return try await Program.run(
            "/usr/bin/python3", [typist, prompt, encoded, Program.rollcall, "shell", device] + arguments, in: place.folder,
            environment: place.environment.merging(["TERM": "xterm"]) { $1 })
    }

    private func recordings(_ place: Workplace) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: place.data + "/recordings")) ?? []).map { place.data + "/recordings/" + $0 }
    }

    @Test("lines from a file are typed, its status is the shell's, both records agree, and it can be played, searched and verified")
    func piped() async throws {
        try await Workplace.with { place in
            let daemon = try await daemon(place)
            let outcome = try await shell(place, "echo coffee $((40 + 2))\nexit 7", "--reason", "menu is wrong")
            #expect(outcome.exit == 7, "\(outcome.error)")
            #expect(outcome.output.contains("coffee 42\r\n"))
            let entries = try await place.newEntries()
            let kinds = entries.map(\.kind)
            let wanted = ["session.opened", "recording.opened", "stream.opened", "stream.closed", "recording.closed", "session.closed"]
            #expect(kinds.filter { wanted.contains($0) } == wanted)
            #expect(entries.first { $0.kind == "session.opened" }?.detail == "menu is wrong")
            let file = try #require(recordings(place).first)
            let attributes = try FileManager.default.attributesOfItem(atPath: file)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            let session = try #require(entries.first { $0.kind == "recording.closed" }).session
            #expect(file.hasSuffix("/\(session)-1.cast"))
            let played = try await place.must("audit", "play", session, "--text")
            #expect(played.contains("coffee 42\n"))
            #expect(try await place.must("audit", "play", session, "--max-idle", "0").contains("coffee 42\r\n"))
            #expect(try await place.must("audit", "search", "COFFEE 42").contains(session))
            #expect(try await place.must("audit", "search", "tea").contains("Nothing of that"))
            #expect(try await place.must("audit", "list", "--kind", "session.opened").contains("[recorded \(session)]"))
            try await place.expectRecordsAgree()
            #expect(try await place.must("audit", "verify").contains("Recordings: whole, 1 of 1"))
            // Altered, and gone.
            let content = try Scratch.text(file)
            try Scratch.write(content.replacingOccurrences(of: "coffee", with: "tea"), to: file)
            try await place.expectFailure(["audit", "verify"], exit: 91, kind: "record-broken", says: "The record does not hold")
            try await place.expectFailure(
                ["audit", "play", session, "--text"], exit: 91, kind: "recording-altered", says: "not what the record says")
            Scratch.remove(file)
            try await place.expectFailure(["audit", "verify"], exit: 91, kind: "record-broken", says: "The record does not hold")
            try await place.expectFailure(["audit", "play", session], exit: 66, kind: "no-recording", says: "There is no recording")
            try Scratch.write(content, to: file)
            try await place.expectFailure(["audit", "play", "none"], exit: 66, kind: "no-recording", says: "has no recording")
            withExtendedLifetime(daemon) {}
        }
    }

    @Test("input that ends leaves the shell to end by itself, and a signal that ends it is a status above 128")
    func statuses() async throws {
        try await Workplace.with { place in
            let daemon = try await daemon(place)
            #expect(try await shell(place, "true\n").exit == 0)
            #expect(try await shell(place, "cat\nfor cat\n").output.components(separatedBy: "for cat").count == 3)
            #expect(try await shell(place, "kill -9 $$\n").exit == 137)
            let json = try await shell(place, "echo $((6 * 7))\nexit 3\n", "--json")
            #expect(
                json.exit == 3 && json.output.contains("\"code\" : 3") && json.output.contains("42")
                    && json.output.contains("\"ending\" : \"exited\""))
            try await place.expectRecordsAgree()
            withExtendedLifetime(daemon) {}
        }
    }

    @Test("on a terminal keys go to the device, which shows them, and what it sends beyond text is left out")
    func interactive() async throws {
        try await Workplace.with { place in
            let daemon = try await daemon(place)
            let outcome = try await typed(
                place, "printf '\\033]52;c;ZXZpbA==\\007\\033[6n\\033[1mbo''ld\\033[0m\\n'; echo size=$(stty size)=", "exit 5")
            #expect(outcome.exit == 5, "\(outcome.output)\(outcome.error)")
            #expect(outcome.output.contains("\u{1B}[1mbold\u{1B}[0m"))
            #expect(!outcome.output.contains("\u{1B}]52") && !outcome.output.contains("\u{1B}[6n"))
            #expect(outcome.output.contains("size=24 80="))
            #expect(outcome.output.contains("recorded as session"))
            // The recording has what the device sent.
            let file = try Scratch.text(try #require(recordings(place).first))
            #expect(file.contains("\\u001b]52;c;ZXZpbA==\\u0007"))
            let raw = try await typed(place, "printf '\\033]2;ti''tle\\007'", "exit", arguments: ["--raw"])
            #expect(raw.output.contains("\u{1B}]2;title\u{7}"))
            try await place.expectRecordsAgree()
            withExtendedLifetime(daemon) {}
        }
    }

    @Test("~. ends it, the terminal is as it was, and both records say so")
    func escape() async throws {
        try await Workplace.with { place in
            let daemon = try await daemon(place)
            let settings = place.folder + "/settings"
            // A shell of this side's own, which shows its terminal's settings before and after.
            let script = "stty -g > \(settings).1; \"\(Program.rollcall)\" shell \(device); echo status=$?; stty -g > \(settings).2"
            let typist = Program.repository + "/Tests/RollcallCLITests/Support/typist.py"
            let lines = ["trap '' HUP", "~."].map { Data($0.utf8).base64EncodedString() }.joined(separator: ",")
            let outcome = try await Program.run(
                "/usr/bin/python3", [typist, "$ ", lines, "/bin/sh", "-c", script], in: place.folder,
                environment: place.environment.merging(["TERM": "xterm"]) { $1 })
            #expect(outcome.output.contains("status=97"), "\(outcome.output)")
            #expect(outcome.output.contains("it was ended from here"))
            #expect(try Scratch.text(settings + ".1") == Scratch.text(settings + ".2"))
            let closed = try #require(try await place.newEntries().first { $0.kind == "stream.closed" })
            #expect(closed.detail == "cancelled")
            try await place.expectRecordsAgree()
            withExtendedLifetime(daemon) {}
        }
    }

    @Test("keys are read as ssh reads them: ~ counts only at the beginning of a line")
    func keys() {
        func take(_ pieces: String...) -> [EscapeReader.Typed] {
            var reader = EscapeReader()
            return pieces.map { reader.take(Array($0.utf8)) }
        }
        func typed(_ text: String) -> EscapeReader.Typed { .typed(Array(text.utf8)) }
        #expect(take("~.") == [.hangUp] && take("~", ".") == [typed(""), .hangUp])
        #expect(take("ls ~.\r") == [typed("ls ~.\r")] && take("x\r~.") == [.hangUp])
        #expect(take("~~.") == [typed("~.")] && take("~/bin\r") == [typed("~/bin\r")])
        #expect(take("~?", "~.") == [.help, .hangUp] && take("x\u{3}~.") == [.hangUp])
    }

    @Test("without a recording there is no shell, and where it cannot be gone on with the shell is ended")
    func recorder() async throws {
        try await Workplace.with { place in
            let daemon = try await daemon(place)
            try Scratch.write("", to: place.data + "/recordings")
            let outcome = try await shell(place, "echo never\n")
            #expect(
                outcome.exit == 77 && outcome.error.contains("No shell was opened, because it could not be recorded"), "\(outcome.error)")
            #expect(try await !place.newEntries().contains { $0.kind == "stream.opened" })
            Scratch.remove(place.data + "/recordings")
            // Files may grow to 8 MiB here: the recording soon does, and no other file of this program.
            let limited = "ulimit -f 16384; exec \"$0\" shell \(device)"
            let file = place.folder + "/flood"
            try Scratch.write("yes 0123456789012345678901234567890123456789012345678901234567890\n", to: file)
            let stopped = try await Program.run(
                "/bin/sh", ["-c", "trap '' XFSZ; " + limited + " < \(file) > /dev/null", Program.rollcall], in: place.folder,
                environment: place.environment)
            #expect(stopped.exit == 77, "\(stopped.exit) \(stopped.error.suffix(600))")
            #expect(
                stopped.error.contains("Nothing is shown until it can be recorded")
                    && stopped.error.contains("could not be recorded any more"))
            #expect(try await place.newEntries().last { $0.kind == "recording.closed" }?.detail != "")
            try await place.expectRecordsAgree()
            withExtendedLifetime(daemon) {}
        }
    }

    @Test("who may not is told why, and nothing is recorded but the refusal")
    func refused() async throws {
        try await Workplace.with { place in
            let daemon = try await daemon(place, role: "repair")
            let outcome = try await shell(place, "true\n")
            #expect(outcome.exit == 79 && outcome.error.contains("takes the role shell"), "\(outcome.error)")
            try place.stand("exec \(Program.agent) serve --operator alice --role shell --root-dir \(daemon.root)\n")
            try Scratch.write("shell off\n", to: daemon.root + "/etc/rollcall/owner.conf")
            let shut = try await shell(place, "true\n")
            #expect(shut.exit == 79 && shut.error.contains("shell off in owner.conf"))
            try await place.expectRecordsAgree()
            let usage = try await typed(place, prompt: "never", "", arguments: ["--json"])
            #expect(usage.exit == 64 && usage.output.contains("come from a pipe"))
        }
    }

    @Test(
        "the agent that goes says so, and a link that breaks is told; the recording is on record all the same",
        arguments: [
            (SIGTERM, 97, "was ended with the agent: The agent is being stopped"), (SIGKILL, 75, "broke, and the shell was ended with it"),
        ])
    func lost(_ signal: Int32, _ exit: Int32, _ words: String) async throws {
        try await Workplace.with { place in
            let daemon = try await daemon(place)
            let script = "(echo \"echo re''ady\"; exec sleep 25) | \"$0\" shell \(device)"
            let environment = place.environment
            async let running = Program.run("/bin/sh", ["-c", script, Program.rollcall], in: place.folder, environment: environment)
            let end = ContinuousClock.now + .seconds(30)
            while ContinuousClock.now < end, !recordings(place).contains(where: { (try? Scratch.text($0))?.contains("ready") == true }) {
                try await Task.sleep(for: .milliseconds(20))
            }
            daemon.end(signal)
            let outcome = try await running
            #expect(outcome.exit == exit && outcome.error.contains(words), "\(outcome.exit) \(outcome.error)")
            let entries = try await place.newEntries()
            let closed = try #require(entries.last { $0.kind == "recording.closed" })
            #expect(entries.contains { $0.kind == "session.failed" } && closed.digest.count == 64)
            #expect(try await place.must("audit", "verify").contains("Recordings: whole, 1 of 1"))
        }
    }
}
