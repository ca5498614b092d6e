import Foundation
import Testing

extension LabTests {
    @Suite("A shell and files through the device's own sshd")
    struct Shells {
        @Test("a terminal's keys, window and exit status come through, in a control group of its own; both records have it with one hash")
        func terminal() async throws {
            let bench = try Bench.require()
            let (device, desk) = (bench.second, bench.desk)
            let before = try await desk.audit(device).devices[0]
            let carol = try await desk.withShells(on: device)
            let shown = try await desk.typist(
                [
                    "id -un; sed -n 's/^0::/group=/p' /proc/self/cgroup", "100x31\0until [ \"$(stty size)\" = '31 100' ]; do :; done",
                    "exit 7",
                ],
                as: carol, on: device
            ).finished()
            #expect(shown.status == 7, "\(shown.story)")
            #expect(
                shown.output.contains("\nnobody\r\n") && shown.output.contains("\ngroup=") && shown.output.contains("-rollcall-shell\r\n"))
            #expect(try await device.shell("find /sys/fs/cgroup -name '*-rollcall-shell'") == "", "the group goes with the shell")

            let closed: [ListedEntry] = try await desk.ask(["audit", "list", "--device", device.name, "--kind", "stream.closed"])
            let entry = try #require(closed.last)
            #expect(entry.subject == "shell xterm" && entry.detail == "exited" && entry.digest.count == 64)
            // Both digests are in what is compared of a session.
            let after = try await desk.audit(device)
            #expect(after.whole && after.devices[0].agrees == before.agrees, "\(after.devices[0].discrepancies)")
            #expect(after.devices[0].sharedSessions > before.sharedSessions)
            let played = try await desk.must(["audit", "play", entry.session, "--text"])
            #expect(played.output.contains("nobody") && played.output.contains("exit 7"))
            let recording = try String(contentsOfFile: desk.data + "/recordings/\(entry.session)-\(entry.request).cast", encoding: .utf8)
            #expect(recording.contains("\"r\", \"100x31\""))
        }

        @Test("the role repair gets no shell, and nobody does where the owner wants none")
        func refused() async throws {
            let bench = try Bench.require()
            let (device, desk) = (bench.second, bench.desk)
            let repair = try await desk.rollcall(["shell", device.name])
            #expect(repair.status == 79 && repair.errors.contains("takes the role shell"), "\(repair.story)")
            let carol = try await desk.withShells(on: device)
            try await device.shell("echo 'shell off' > /etc/rollcall/owner.conf")
            let shut = try await desk.rollcall(["shell", device.name] + carol)
            try await device.shell("rm /etc/rollcall/owner.conf")
            #expect(shut.status == 79 && shut.errors.contains("shell off in owner.conf"), "\(shut.story)")
        }

        @Test("a file whose connection was cut goes on where it stopped, both ways")
        func resumed() async throws {
            let bench = try Bench.require()
            let (device, desk) = (bench.second, bench.desk)
            let carol = try await desk.withShells(on: device)
            let (file, back) = (desk.folder + "/large", desk.folder + "/back")
            let cut = "pkill -o -f '^sshd: rollcall@'"
            // It takes most of a second, and what cuts it sees it within hundredths.
            let size = 100_000_000
            try await tool("sh", "-c", "head -c \(size) /dev/urandom > '\(file)'")

            let begun = "[ $(cat /var/tmp/.rollcall-* 2> /dev/null | head -c 500001 | wc -c) -gt 500000 ]"
            async let cutting = device.shell("timeout 30 sh -c 'until \(begun); do sleep 0.01; done' && \(cut)")
            let put = desk.start(["put", file, device.name + ":/var/tmp/large", "--yes"] + carol)
            _ = try await cutting
            let broken = try await put.finished()
            #expect(broken.status == 75, "\(broken.story)")
            let sent: Carried = try await desk.ask(["put", file, device.name + ":/var/tmp/large", "--yes"] + carol)
            #expect(sent.continuedAt > 500_000 && sent.bytes == size)

            let get = desk.start(["get", device.name + ":/var/tmp/large", back] + carol)
            let end = ContinuousClock.now + .seconds(20)
            while ContinuousClock.now < end {
                let part = try FileManager.default.contentsOfDirectory(atPath: desk.folder).first { $0.hasPrefix(".back.") } ?? "none"
                let attributes = try? FileManager.default.attributesOfItem(atPath: desk.folder + "/" + part)
                if let count = attributes?[.size] as? Int, count > 500_000 { break }
                try await Task.sleep(for: .milliseconds(10))
            }
            try await device.shell(cut)
            let torn = try await get.finished()
            #expect(torn.status == 75, "\(torn.story)")
            #expect(!FileManager.default.fileExists(atPath: back))
            let got: Carried = try await desk.ask(["get", device.name + ":/var/tmp/large", back] + carol)
            #expect(got.continuedAt > 500_000 && got.sha256 == sent.sha256)
            try await tool("cmp", file, back)
            #expect(try await device.shell("rm /var/tmp/large; ls -A /var/tmp | grep rollcall || true") == "")
        }

        /// What `get` and `put` write with `--json`, as far as it is read here.
        private struct Carried: Decodable {
            let bytes: Int
            let continuedAt: Int
            let sha256: String
        }
    }
}

/// An entry as `rollcall audit list --json` writes it, as far as it is read here.
struct ListedEntry: Decodable {
    let session: String
    let request: Int
    let subject: String
    let detail: String
    let digest: String
}

extension LabDesk {
    /// Lets an operator carol into a device in the role shell, as its owner could; the words that make a command hers.
    func withShells(on device: Bench.Device) async throws -> [String] {
        let key = folder + "/carol"
        if !FileManager.default.fileExists(atPath: key) {
            try await tool("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "carol", "-f", key)
        }
        let line = try String(contentsOfFile: key + ".pub", encoding: .utf8)
        let keys = "/etc/rollcall/authorized_keys"
        try await device.shell(
            "grep -q carol \(keys) || echo 'restrict,command=\"/usr/bin/rollcall-agent serve --operator carol --role shell\" \(line.dropLast())' >> \(keys)"
        )
        return ["--operator", "carol", "--identity", key]
    }

    /// Starts a shell on a terminal of its own, where a line is typed each time the prompt shows.
    func typist(_ lines: [String], as who: [String], on device: Bench.Device) -> RunningProgram {
        let words = lines.map { Data($0.utf8).base64EncodedString() }.joined(separator: ",")
        let program = LabSite.repository + "/Tests/RollcallCLITests/Support/typist.py"
        return start(["shell", device.name] + who, through: ["/usr/bin/env", "TERM=xterm", "/usr/bin/python3", program, "$ ", words])
    }
}
