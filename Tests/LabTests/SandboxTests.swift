import Foundation
import Testing

extension LabTests {
    @Suite("The sandbox of a device")
    struct Sandbox {
        /// What a probe of the shipped ones ran under.
        private func limits(_ desk: LabDesk, _ device: Bench.Device, _ probe: String) async throws -> Set<String> {
            let answer: ProbeAnswer = try await desk.ask(["run", device.name, probe])
            #expect(answer.complete, "\(probe)")
            return Set(try #require(answer.limits))
        }

        @Test("each answer says what was in force, and what a manifest opens is open")
        func limits() async throws {
            let bench = try Bench.require()
            let always: Set = ["own process", "no new privileges", "resources", "low priority", "no network", "files", "system calls"]
            let nobody = always.union(["user", "processes"])
            #expect(try await limits(bench.desk, bench.second, "log.errors") == nobody.union(["no local sockets"]))
            #expect(try await limits(bench.desk, bench.second, "storage.space") == nobody.union(["no local sockets"]))
            #expect(try await limits(bench.desk, bench.second, "service.failed") == nobody)
            try await bench.second.shell("mkdir -p /var/cache/apt/archives && touch /var/cache/apt/archives/x.deb")
            for remedy in ["storage.clean-packages", "storage.vacuum-journal"] {
                let result = try await bench.desk.rollcall(["run", bench.second.name, remedy, "--yes"])
                #expect(result.status == 0, "\(result.story)")
                #expect(result.errors.contains("limits in force: own process"))
            }
            #expect(try await bench.second.shell("ls /var/cache/apt/archives") == "")
        }

        @Test("a device without Landlock is asked, says so, and refuses where its owner requires the sandbox")
        func withoutLandlock() async throws {
            try await Bench.withSpare(["--without-landlock"]) { device, desk in
                let found = try await limits(desk, device, "log.errors")
                #expect(!found.contains("files"))
                #expect(found.isSuperset(of: ["user", "no network", "no local sockets", "system calls"]))
                let shut = "echo 'require-sandbox yes' > /etc/rollcall/agent.conf && systemctl reload rollcall-agent"
                try await device.shell(shut)
                let refused = try await desk.rollcall(["run", device.name, "log.errors"])
                #expect(refused.status != 0)
                #expect(refused.errors.contains("require-sandbox") && refused.errors.contains("Landlock"), "\(refused.story)")
                // As a unit of the device, for what enters it from outside brings the machine's own Landlock along.
                let check = try await device.shell("systemd-run --quiet --wait --pipe rollcall-agent check || true")
                #expect(check.contains("lacks Landlock"), "\(check)")
                // With a mistake, what was in force stays so at a reload, and keeps the agent from starting anew.
                try await device.shell("echo 'require-sandbox on' > /etc/rollcall/agent.conf; systemctl reload rollcall-agent")
                try await device.until("journalctl -u rollcall-agent | grep -q Line.1.*agent.conf.*stays.in.force")
                #expect(try await desk.rollcall(["run", device.name, "log.errors"]).errors.contains("require-sandbox"))
                try await device.shell("systemctl restart rollcall-agent || true")
                try await device.until("journalctl -u rollcall-agent | grep -q Line.1.*agent.conf.*correct.it.$")
            }
        }
    }
}
