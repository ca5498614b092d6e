import Foundation
import Testing

extension LabTests {
    @Suite("Upgrade through the door")
    struct Upgrade {
        /// Packs a program and has both reviewers sign it.
        private func signed(_ program: Data, _ desk: LabDesk, version: String? = nil) async throws -> String {
            let path = desk.folder + "/" + UUID().uuidString
            try program.write(to: URL(fileURLWithPath: path))
            try await desk.must(["agent", "pack", path, "--out", path + ".signed"] + (version.map { ["--agent-version", $0] } ?? []))
            for reviewer in ["anna", "bruno"] {
                try await desk.must(["agent", "sign", path + ".signed", "--key", desk.folder + "/" + reviewer])
            }
            return path + ".signed"
        }

        @Test(
            """
            a new agent is tried and put in place under systemd's eyes; one that does not answer, or was altered, changes nothing; \
            a shell that is open meanwhile is ended, says so, and is whole in both records
            """)
        func upgrade() async throws {
            try await Bench.withSpare { device, desk in
                let program = try await tool(LabSite.repository + "/agent/build", "--path").trimmingCharacters(in: .whitespacesAndNewlines)
                let old = try Data(contentsOf: URL(fileURLWithPath: program))
                let digest = "sha256sum /usr/bin/rollcall-agent | cut -c -64"
                let before = try await device.shell("systemctl show rollcall-agent -p MainPID -p NRestarts")
                // Altered after it was signed.
                let file = try await signed(old + Data("another".utf8), desk)
                var altered = try Data(contentsOf: URL(fileURLWithPath: file))
                altered[altered.count - 1] ^= 1
                try altered.write(to: URL(fileURLWithPath: file + ".altered"))
                #expect(try await desk.rollcall(["device", "upgrade", device.name, "--agent", file + ".altered"]).status == 84)
                // Signed by one of two.
                let alone = desk.folder + "/alone"
                try old.write(to: URL(fileURLWithPath: alone))
                try await desk.must(["agent", "pack", alone, "--out", alone + ".signed"])
                try await desk.must(["agent", "sign", alone + ".signed", "--key", desk.folder + "/anna"])
                let unsigned = try await desk.rollcall(["device", "upgrade", device.name, "--agent", alone + ".signed"])
                #expect(unsigned.status == 81, "\(unsigned.story)")
                // A program that says another version than was signed never counts as having answered; one cut short ends at once.
                let short = try await signed(old.prefix(4_096), desk)
                let kept = try await desk.rollcall(["device", "upgrade", device.name, "--agent", short])
                #expect(kept.status == 95 && kept.errors.contains("the old one is kept"), "\(kept.story)")
                let installed = try await device.shell(digest)
                // And the good one, packed before the others, is not held back by them, nor by a shell.
                let carol = try await desk.withShells(on: device)
                let shell = desk.typist(["sleep 471 & trap '' HUP TERM; ec''ho ready"], as: carol, on: device)
                try await device.until("pgrep -x -U nobody sleep > /dev/null")
                let upgraded = try await desk.rollcall(["device", "upgrade", device.name, "--agent", file])
                #expect(
                    upgraded.status == 0 && upgraded.output.contains("the device's ledger says that it is in force"), "\(upgraded.story)")
                #expect(try await device.shell(digest) != installed)
                let ended = try await shell.finished()
                #expect(ended.status == 97 && ended.output.contains("was ended with the agent"), "\(ended.story)")
                #expect(ended.output.contains("\nready\r\n"))
                #expect(try await device.shell("pgrep -U nobody || true; find /sys/fs/cgroup -name '*-rollcall-shell'") == "")
                let recordings: [ListedEntry] = try await desk.ask(["audit", "list", "--kind", "recording.closed"])
                #expect(recordings.count == 1 && recordings[0].digest.count == 64)
                #expect(try await desk.must(["audit", "verify"]).output.contains("Recordings: whole, 1 of 1"))
                #expect(
                    try await device.shell("stat -c %a /usr/bin/rollcall-agent; ls /usr/bin/rollcall-agent.*")
                        == "755\n/usr/bin/rollcall-agent.old\n")
                #expect(try await device.shell("systemctl show rollcall-agent -p MainPID -p NRestarts") == before, "the same process")
                #expect(try await device.shell("rollcall-agent log -n 400").contains("agent.installed"))
                let again = try await desk.rollcall(["device", "upgrade", device.name, "--agent", file])
                #expect(again.status == 83, "\(again.story)")
                #expect(try await desk.diagnose(device).heads?.device == "verified")
                #expect(try await desk.audit(device).devices[0].agrees)
                // What the upgrade left goes too.
                try await desk.must(["device", "remove", device.name, "--purge", "--root-identity", LabSite.lab + "/key", "--yes"])
                let traces = try await device.shell(Packages.traces)
                #expect(traces == "", "\(traces)")
            }
        }
    }
}
