import Foundation
import Testing

extension LabTests {
    @Suite("The agent's processes")
    struct AgentProcess {
        private static let pause = """
            id: lab.pause
            title: Wait
            impact: observe
            run: [/usr/bin/sleep, "{seconds}"]
            parameters: {seconds: {type: integer, min: 1, max: 60}}
            limits: {time: 90s, output: 1KiB}
            """

        /// The device's agents, by what they were started as: `run`, `serve`.
        private func agents(of device: Bench.Device) async throws -> [(pid: Int, words: [String])] {
            let device = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(try device.leader())/ns/pid")
            return try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap(Int.init).compactMap { pid in
                guard (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/ns/pid")) == device,
                    let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline")
                else { return nil }
                let words = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
                return words.first?.hasSuffix("rollcall-agent") == true ? (pid, words) : nil
            }
        }

        /// Proportional set size, KiB.
        private func proportionalSize(of pid: Int) throws -> Int {
            let rollup = String(decoding: try #require(FileManager.default.contents(atPath: "/proc/\(pid)/smaps_rollup")), as: UTF8.self)
            let line = try #require(rollup.split(separator: "\n").first { $0.hasPrefix("Pss:") })
            return try #require(Int(line.split(separator: " ")[1]))
        }

        @Test("daemon and relay of an open session take at most 600 KiB together")
        func memory() async throws {
            let bench = try Bench.require()
            let (device, desk) = (bench.second, bench.desk)
            try await desk.withProbe("lab/pause", Self.pause, on: device) { catalogue in
                let session = desk.start(["run", device.name, "lab.pause", "seconds=5", "--catalogue", catalogue])
                try await device.until("pgrep -x -U nobody sleep > /dev/null")
                let running = try await agents(of: device)
                #expect(running.map { $0.words.dropFirst().first ?? "" }.sorted() == ["run", "serve"])
                let size = try running.map { try proportionalSize(of: $0.pid) }.reduce(0, +)
                #expect(size <= 600, "\(size) KiB")
                #expect(try await session.finished().status == 0)
            }
        }

        @Test("an agent that is stopped gives exit code 72 and a sentence that says what to do")
        func stopped() async throws {
            let bench = try Bench.require()
            let (device, desk) = (bench.second, bench.desk)
            try await device.shell("systemctl stop rollcall-agent")
            let result = try await desk.rollcall(["diagnose", device.name])
            try await device.shell("systemctl start rollcall-agent")
            #expect(result.status == 72, "\(result.story)")
            #expect(result.errors.contains("systemctl start rollcall-agent"))
            #expect(try await desk.diagnose(device).heads?.device == "verified")
        }

        @Test("an agent killed in the middle of a session leaves a lost session, comes back, and its ledger goes on")
        func killed() async throws {
            let bench = try Bench.require()
            let (device, desk) = (bench.second, bench.desk)
            try await desk.withProbe("lab/pause", Self.pause, on: device) { catalogue in
                let session = desk.start(["run", device.name, "lab.pause", "seconds=60", "--catalogue", catalogue])
                try await device.until("pgrep -x -U nobody sleep > /dev/null")
                let daemon = try #require(try await agents(of: device).first { $0.words.dropFirst().first == "run" })
                #expect(kill(pid_t(daemon.pid), SIGKILL) == 0)
                let result = try await session.finished()
                #expect([72, 75].contains(result.status), "\(result.story)")
                #expect(result.elapsed < .seconds(30), "a lost agent is noticed, not waited for")
            }
            try await device.until("systemctl --quiet is-active rollcall-agent && [ -S /run/rollcall/agent.sock ]")
            #expect(try await device.shell("pgrep -x -U nobody sleep || true") == "", "nothing of the killed agent's probes is left")
            let diagnosis = try await desk.diagnose(device)
            #expect(diagnosis.heads?.device == "verified")
            let audit = try await desk.audit(device)
            #expect(audit.whole)
            #expect(audit.devices[0].discrepancies.allSatisfy { $0.explanation == "interrupted" }, "\(audit.devices[0].discrepancies)")
            #expect(audit.devices[0].agrees)
        }

        @Test("an agent that hangs is ended by systemd's watchdog and comes back")
        func hung() async throws {
            try await Bench.withSpare { device, desk in
                // The unit's own time, so that what is tried is what is shipped.
                #expect(try await device.shell("systemctl show rollcall-agent -p WatchdogUSec") == "WatchdogUSec=30s\n")
                let before = try await device.shell("systemctl show rollcall-agent -p MainPID --value")
                try await device.shell("kill -STOP \(before)")
                try await device.until(
                    "[ $(systemctl show rollcall-agent -p NRestarts --value) = 1 ] && systemctl -q is-active rollcall-agent", seconds: 60)
                #expect(try await device.shell("systemctl show rollcall-agent -p MainPID --value") != before)
                #expect(try await device.shell("journalctl -u rollcall-agent").contains("Watchdog timeout"))
                #expect(try await desk.diagnose(device).heads?.device == "verified")
            }
        }
    }
}
