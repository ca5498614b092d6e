import Foundation
import Telemetry
import Testing
import Wire

@Suite("Telemetry on the desk", .timeLimit(.minutes(2)))
struct TelemetryTests {
    private let device = Workplace.device

    /// Behind the door a daemon whose /proc and /sys are this machine's; it ends with the test.
    private static let daemon = Workplace.Behind.script { folder in
        let root = folder + "/root"
        for part in ["/etc/rollcall", "/var/lib", "/run/rollcall"] { try Scratch.make(root + part) }
        for part in ["proc", "sys"] {
            try FileManager.default.createSymbolicLink(atPath: "\(root)/\(part)", withDestinationPath: "/" + part)
        }
        for part in ["machine-id", "passwd", "group"] {
            try FileManager.default.copyItem(atPath: "/etc/" + part, toPath: "\(root)/etc/\(part)")
        }
        try FileManager.default.copyItem(atPath: folder + "/state", toPath: root + "/var/lib/rollcall")
        let template = (folder as NSString).deletingLastPathComponent + "/template"
        for part in ["trust", "desks"] {
            try FileManager.default.copyItem(atPath: "\(template)/\(part)", toPath: "\(root)/etc/rollcall/\(part)")
        }
        return """
            cd \(root)
            if [ ! -S run/rollcall/agent.sock ]; then
                setsid \(Program.agent) run --root-dir \(root) > daemon.log 2>&1 < /dev/null &
                echo $! > pid
                while [ ! -S run/rollcall/agent.sock ]; do sleep 0.05; done
            fi
            exec \(Program.agent) serve --operator alice --role observe --root-dir \(root)

            """
    }

    private func withDaemon(_ body: (Workplace) async throws -> Void) async throws {
        try await Workplace.with(Self.daemon) { place in
            defer {
                if let pid = (try? Scratch.text(place.folder + "/root/pid")).flatMap({
                    Int32($0.trimmingCharacters(in: .whitespacesAndNewlines))
                }) {
                    kill(pid, SIGTERM)
                }
            }
            try await body(place)
        }
    }

    @Test("what a real agent measured comes as a table, CSV, JSON and SVG, once, and stays on the desk")
    func real() async throws {
        try await withDaemon { place in
            let table = try await place.must("telemetry", device)
            #expect(table.contains("load.1") && table.contains("memory.available") && table.contains("agent started"))
            let csv = try await place.must("telemetry", device, "memory", "--csv", "--stored")
            #expect(csv.hasPrefix("time,metric,subject,unit,value\r\n"))
            #expect(csv.contains(",memory.available,\"\",B,"))
            #expect(!csv.contains("load"))
            let picture = place.folder + "/picture.svg"
            _ = try await place.must("telemetry", device, "load.1", "--stored", "--svg", picture)
            #expect(try Scratch.text(picture).hasPrefix("<svg "))
            let json = try await place.must("telemetry", device, "load.1", "--json")
            let body = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
            let series = try #require((body["series"] as? [[String: Any]])?.first)
            #expect(series["metric"] as? String == "load.1")
            let times = try #require(series["times"] as? [Int])
            #expect(Set(times).count == times.count, "the open block came twice and counts once")
        }
    }

    @Test("watch shows what there is now, as lines of JSON too")
    func watch() async throws {
        try await withDaemon { place in
            let text = try await place.must("watch", device, "--every", "1s", "--count", "2")
            #expect(text.contains("load.1") && text.contains("memory.available"))
            let json = try await place.must("watch", device, "load.1", "cpu", "--every", "1s", "--count", "2", "--json")
            let lines = try json.split(separator: "\n").map { try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
            #expect(lines.count == 2)
            #expect((lines[1]?["values"] as? [String: Double])?["cpu.idle"] != nil, "a rate, from two samples")
        }
    }

    @Test("what cannot be had is one sentence, and what to do next")
    func failures() async throws {
        try await Workplace.with { place in
            try await place.expectFailure(["telemetry", device, "--stored"], exit: 66, kind: "no-telemetry", says: device, "--stored")
            try await place.expectFailure(["telemetry", device, "--since", "soon"], exit: 64, kind: "usage", says: "soon", "1h")
            try await place.expectFailure(["telemetry", device], exit: 90, kind: "refused-no-telemetry", says: "keeps no telemetry")
            try await place.expectFailure(
                ["watch", device, "--count", "1"], exit: 90, kind: "refused-no-telemetry", says: "keeps no telemetry")
        }
    }

    /// A device that answers the first request with this output.
    private func answering(_ output: [UInt8]) -> Workplace.Behind {
        .script { folder in
            try FakeAgent.script(
                saying: [
                    FakeAgent.hello(), FakeAgent.opened, .chunk(Chunk(request: 1, stream: .output, bytes: output)),
                    .done(Done(request: 1, ending: .exited)), .closed(Closed(checkpoint: [])),
                ], in: folder)
        }
    }

    /// An answer to a request for telemetry.
    private func answer(_ blocks: [(UInt64, [UInt8])], next: UInt64 = 9) -> [UInt8] {
        var writer = CBORWriter()
        writer.encoded(TelemetryHead(ring: [UInt8](repeating: 3, count: 16), first: 1, next: next).encoded)
        for (sequence, block) in blocks {
            writer.array(2)
            writer.unsigned(sequence)
            writer.byteString(block)
        }
        return writer.bytes
    }

    @Test("what a hostile device sends is refused whole, or shown without its control characters")
    func hostile() async throws {
        var open = OpenTelemetryBlock(boot: [UInt8](repeating: 1, count: 16), interval: 10_000)
        let now = UInt64(Date().timeIntervalSince1970 * 1_000)
        open.tick(at: now)
        open.set(Series(.temperature, Array("\u{1B}]0;owned\u{7}\u{202E}".utf8)), .max)
        open.note(TelemetryEvent(.login, time: now, subject: Array("root\u{1B}[2J".utf8) + [0xFF]))
        for bytes in [
            answer([(2, [0xA0])]), answer([(5, open.encoded), (4, open.encoded)]), Array(answer([(1, open.encoded)]).dropLast()), [],
        ] {
            try await Workplace.with(answering(bytes)) { place in
                try await place.expectFailure(["telemetry", device], exit: 72, kind: "telemetry-malformed", says: device, "cannot be read")
            }
        }
        try await Workplace.with(answering(answer([(1, open.encoded)], next: 1))) { place in
            // Its clock says 1970, so that now and an hour ago lie elsewhere than what it sent.
            _ = try await place.rollcall("telemetry", device)
            let shown = try await place.must("telemetry", device, "--stored")
            #expect(shown.contains("temperature") && shown.contains("login"))
            for flag in ["--csv", "--json"] {
                let text = try await place.must("telemetry", device, "--stored", flag)
                #expect(!(shown + text).unicodeScalars.contains { $0 == "\u{1B}" || $0 == "\u{7}" || $0 == "\u{202E}" }, "\(flag)")
            }
        }
    }
}
