import Foundation
import Testing

extension LabTests {
    @Suite("Packages and removal")
    struct Packages {
        /// Everything on a device that has the agent's name, its user and its unit included.
        static let traces = """
            find / -xdev \\( -path /proc -o -path /sys -o -path /var/log \\) -prune -o -name '*rollcall*' -print; \
            find /var /etc /run -name '*rollcall*' -not -path '/var/log/*'; grep -H '^rollcall:' /etc/passwd /etc/group /etc/shadow /etc/gshadow; \
            systemctl list-unit-files --no-legend 'rollcall*'; systemctl list-units --all --no-legend 'rollcall*'; \
            dpkg-query -W rollcall-agent 2>/dev/null; true
            """

        /// The package for the lab's devices, made where it is missing or older than the agent.
        private func package() async throws -> String {
            let architecture = try await tool("dpkg", "--print-architecture").trimmingCharacters(in: .whitespacesAndNewlines)
            try await tool(LabSite.repository + "/scripts/package", "--arch", architecture)
            return try await tool(LabSite.repository + "/scripts/package", "--arch", architecture, "--path")
                .trimmingCharacters(in: .whitespacesAndNewlines)
        }

        /// Puts a file of this machine onto a device.
        private func put(_ file: String, on device: Bench.Device, at path: String) async throws {
            let script = "exec \(LabSite.script) sh \(device.name) sh -c 'cat > \(path)' < \(file)"
            let result = try await runProgram("/bin/sh", ["-c", script])
            guard result.status == 0 else { throw LabFailure("cannot put \(file) on \(device.name): \(result.story)") }
        }

        @Test("dpkg installs it, removes it and shuts the door, installs it again with the record as it was, and purges it without a trace")
        func life() async throws {
            let package = try await package()
            try await Bench.withSpare { device, desk in
                try await device.shell("dpkg --purge rollcall-agent")
                let before = try await device.shell(Self.traces)
                #expect(before == "", "\(before)")
                try await put(package, on: device, at: "/root/agent.deb")
                try await device.shell(
                    "dpkg -i /root/agent.deb && systemctl is-active rollcall-agent && test -L /etc/ssh/sshd_config.d/rollcall.conf")
                #expect(try await device.shell("sshd -T -C user=rollcall | grep -ci '^exposeauthinfo yes'") == "1\n")
                #expect(
                    try await device.shell("stat -c '%a %U' /var/lib/rollcall /etc/rollcall /usr/bin/rollcall-agent")
                        == "700 root\n755 root\n755 root\n")
                let key = try await device.shell("rollcall-agent key")
                // A second time over itself, and an owner's own configuration.
                try await device.shell(
                    "echo 'highest-impact observe' >> /etc/rollcall/owner.conf && dpkg --force-confold -i /root/agent.deb")
                #expect(
                    try await device.shell("rollcall-agent key; tail -n 1 /etc/rollcall/owner.conf") == key + "highest-impact observe\n")
                try await device.shell("dpkg --remove rollcall-agent")
                #expect(try await device.shell("ls /usr/bin/rollcall-agent /etc/ssh/sshd_config.d/rollcall.conf 2>/dev/null || true") == "")
                #expect(try await device.shell("systemctl is-active rollcall-agent || true") == "inactive\n")
                try await device.shell("dpkg -i /root/agent.deb && systemctl is-active rollcall-agent")
                #expect(try await device.shell("rollcall-agent key") == key, "a removed package keeps its record")
                try await device.shell("dpkg --purge rollcall-agent && rm /root/agent.deb")
                let after = try await device.shell(Self.traces)
                #expect(after == "", "\(after)")
                #expect(try await lab("ssh", device.name, "id", "-u") == "0\n")
            }
        }

        @Test("enrolment installs the package where there is one, and removal with --purge leaves nothing, on record and proven")
        func purge() async throws {
            _ = try await package()
            try await Bench.withSpare { device, desk in
                #expect(try await device.shell("dpkg-query -W -f '${db:Status-Status}' rollcall-agent") == "installed")
                #expect(try await desk.diagnose(device).heads?.device == "verified")
                let purged = try await desk.must([
                    "device", "remove", device.name, "--purge", "--root-identity", LabSite.lab + "/key", "--yes",
                ])
                #expect(purged.output.contains("nothing of the agent is left"), "\(purged.story)")
                #expect(purged.output.contains("does not let this desk in"))
                let traces = try await device.shell(Self.traces)
                #expect(traces == "", "\(traces)")
                let kinds = try await desk.ask(["audit", "list"], as: [Entry].self).map(\.kind)
                #expect(kinds.suffix(2) == ["purge.started", "device.removed"], "\(kinds)")
                #expect(try await desk.rollcall(["device", "show", device.name]).status == 66)
                // And it may come back.
                try await desk.enrol(device)
                #expect(try await desk.diagnose(device).heads?.device == "verified")
            }
        }

        @Test("removal of an agent without a package leaves nothing either, and what it cannot take away it names")
        func loose() async throws {
            try await Bench.withSpare { device, desk in
                try await desk.must(["device", "remove", device.name, "--purge", "--root-identity", LabSite.lab + "/key", "--yes"])
                try await device.shell("mv /usr/bin/dpkg /usr/bin/dpkg.away && mv /usr/bin/dpkg-query /usr/bin/dpkg-query.away")
                try await desk.enrol(device)
                try await device.shell("mv /usr/bin/dpkg.away /usr/bin/dpkg && mv /usr/bin/dpkg-query.away /usr/bin/dpkg-query")
                #expect(
                    try await device.shell(
                        "dpkg-query -W rollcall-agent 2>/dev/null || echo none; ls /etc/systemd/system/rollcall-agent.service")
                        == "none\n/etc/systemd/system/rollcall-agent.service\n")
                let removal = ["device", "remove", device.name, "--purge", "--root-identity", LabSite.lab + "/key", "--yes"]
                try await device.shell("cat /etc/rollcall/authorized_keys >> /root/.ssh/authorized_keys")
                let refused = try await desk.rollcall(removal)
                #expect(refused.status == 95 && refused.errors.contains("key /root/.ssh/authorized_keys"), "\(refused.story)")
                #expect(try await desk.rollcall(["device", "show", device.name]).status == 0, "it stays in the inventory")
                try await device.shell("sed -i '/rollcall-agent/d' /root/.ssh/authorized_keys")
                try await desk.must(removal)
                let traces = try await device.shell(Self.traces)
                #expect(traces == "", "\(traces)")
            }
        }

        private struct Entry: Decodable {
            let kind: String
        }
    }
}

/// A device without systemd, dpkg and OpenSSH, in namespaces of its own.
@Suite("On a device of BusyBox and Dropbear", .enabled(if: geteuid() == 0, "namespaces and device files need root"))
struct BusyBoxTests {
    @Test("the tarball installs, the door opens through Dropbear, a killed daemon comes back, and removal leaves nothing")
    func life() async throws {
        let folder = try scratchFolder("busybox")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for name in ["root", "alice", "anna"] { try await tool("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "\(folder)/\(name)") }
        let reviewer = try String(contentsOfFile: folder + "/anna.pub", encoding: .utf8)
        try "threshold 1\n\(reviewer)".write(toFile: folder + "/trust", atomically: true, encoding: .utf8)
        try "".write(toFile: folder + "/desks", atomically: true, encoding: .utf8)
        let architecture = try await tool("dpkg", "--print-architecture").trimmingCharacters(in: .whitespacesAndNewlines)
        try await tool(LabSite.repository + "/scripts/package", "--arch", architecture, "--out", folder)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        let tarball = try #require(names.first { $0.hasSuffix(".tar.gz") })
        let script = """
            set -euo pipefail
            cd "$1"
            rollcall="$2"
            export HOME=$PWD XDG_CONFIG_HOME=$PWD XDG_DATA_HOME=$PWD ROLLCALL_DATA=$PWD/data ROLLCALL_OPERATOR=alice SSH_AUTH_SOCK= NO_COLOR=1
            export ROLLCALL_IDENTITY=$PWD/alice
            root() { ssh -F none -i root -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile=$PWD/known -o LogLevel=ERROR root@127.0.0.1 "$@"; }
            traces() { root "find / -xdev -name '*rollcall*' | grep -v -e ^/proc -e ^/tmp/rollcall-agent_ || true; cat /etc/passwd /etc/shadow /etc/group /etc/inittab"; }
            traces > before
            root 'cd /tmp/rollcall-agent_* && rm trust desks && sh install.sh && sh install.sh'
            root rollcall-agent key > key
            "$rollcall" probes pack --out data/catalogue --version 1 --days 30 > /dev/null
            "$rollcall" probes sign data/catalogue --key anna > /dev/null
            "$rollcall" device add box --host 127.0.0.1
            fingerprint=$(ssh-keygen -lf <(ssh-keyscan -t ed25519 127.0.0.1 2>/dev/null) | cut -d' ' -f2)
            "$rollcall" device enroll box --root-identity root --host-key "$fingerprint" --trust trust --yes
            root rollcall-agent key | cmp - key
            "$rollcall" run box memory.pressure > answer
            test -s answer
            root 'for p in /proc/[0-9]*; do case $(readlink $p/exe) in /usr/bin/rollcall-agent) kill -9 ${p#/proc/};; esac; done'
            for tries in $(seq 50); do "$rollcall" run box memory.pressure > /dev/null 2>&1 && break; sleep 0.2; done
            "$rollcall" run box memory.pressure > /dev/null
            "$rollcall" device remove box --purge --root-identity root --yes
            traces > after
            cmp before after
            echo "all of it held"
            """
        let result = try await runProgram(
            LabSite.repository + "/Tests/Lab/busybox",
            [
                folder + "/" + tarball, folder + "/root.pub", folder + "/trust", folder + "/desks", "bash", "-c", script, "bash", folder,
                LabSite.rollcall,
            ])
        #expect(result.status == 0 && result.output.hasSuffix("all of it held\n"), "\(result.story)")
    }
}
