import Foundation
import Testing

extension LabTests {
    @Suite("Enrolment")
    struct Enrolment {
        @Test("may be run again: identity, ledger and record stay what they were")
        func twice() async throws {
            let bench = try Bench.require()
            let (device, desk) = (bench.first, bench.desk)
            let key = try await device.shell("rollcall-agent key")
            try await desk.must(desk.enrolment(of: device))
            #expect(try await device.shell("rollcall-agent key") == key)
            #expect(
                try await device.shell("ls /etc/rollcall /tmp | grep -c rollcall- || true") == "0\n", "nothing of the installer is left")
            #expect(try await desk.diagnose(device).heads?.device == "verified")
            #expect(try await desk.audit(device).devices.map(\.agrees) == [true])
        }

        @Test("a device without the groups of the journal is served, and only the journal's questions stay open")
        func withoutGroups() async throws {
            let bench = try Bench.require()
            let (device, desk) = (bench.first, bench.desk)
            try await device.shell("cp -p /etc/group /run/group && sed -i '/^systemd-journal:/d;/^adm:/d' /etc/group")
            let diagnosis = try await desk.diagnose(device)
            try await device.shell("cat /run/group > /etc/group")
            #expect(diagnosis.verdict.judged.contains("storage.full"))
            #expect(diagnosis.verdict.judged.contains("service.failed"))
        }

        @Test("an sshd that reads no drop-ins is refused in one sentence, and root's login stays as it was")
        func noInclude() async throws {
            let bench = try Bench.require()
            let (device, desk) = (bench.first, bench.desk)
            try await device.shell("cp -p /etc/ssh/sshd_config /run/sshd_config && sed -i '/^Include/d' /etc/ssh/sshd_config")
            let result = try await desk.rollcall(desk.enrolment(of: device))
            try await device.shell("cat /run/sshd_config > /etc/ssh/sshd_config")
            #expect(result.status == 95, "\(result.story)")
            #expect(result.errors.contains("Include /etc/ssh/sshd_config.d/*.conf"))
            #expect(result.errors.split(separator: "\n").count <= 2, "\(result.errors)")
            #expect(try await lab("ssh", device.name, "id", "-u") == "0\n")
            try await desk.must(desk.enrolment(of: device))
        }

        @Test("an sshd that does not take the door's configuration keeps the one it had")
        func brokenConfiguration() async throws {
            let bench = try Bench.require()
            let (device, desk) = (bench.first, bench.desk)
            let before = try await device.shell("cat /etc/ssh/sshd_config.d/rollcall.conf")
            try await device.shell("echo 'NoSuchOption yes' > /etc/ssh/sshd_config.d/zz-broken.conf")
            let result = try await desk.rollcall(desk.enrolment(of: device))
            try await device.shell("rm /etc/ssh/sshd_config.d/zz-broken.conf")
            #expect(result.status == 95, "\(result.story)")
            #expect(result.errors.contains("NoSuchOption") || result.errors.contains("zz-broken.conf"), "\(result.errors)")
            #expect(try await device.shell("cat /etc/ssh/sshd_config.d/rollcall.conf") == before)
            #expect(try await lab("ssh", device.name, "id", "-u") == "0\n")
        }

        @Test("root's password does where root has no key, typed nowhere; a wrong one is refused in one sentence")
        func password() async throws {
            let bench = try Bench.require()
            let (device, desk) = (bench.first, bench.desk)
            let password = UUID().uuidString
            try await device.shell(
                """
                cp -p /etc/shadow /run/shadow && echo 'root:\(password)' | chpasswd
                printf 'Match User root\nPasswordAuthentication yes\nPermitRootLogin yes\n' > /etc/ssh/sshd_config.d/zz-password.conf
                mv /root/.ssh /root/.ssh-away && systemctl reload ssh
                """)
            let arguments = [
                "device", "enroll", device.name, "--host-key", device.fingerprint, "--trust", desk.trust, "--yes", "--root-password-file",
                desk.folder + "/password",
            ]
            try "not \(password)\n".write(toFile: desk.folder + "/password", atomically: true, encoding: .utf8)
            let refused = try await desk.rollcall(arguments)
            try "\(password)\n".write(toFile: desk.folder + "/password", atomically: true, encoding: .utf8)
            let enrolled = try await desk.rollcall(arguments)
            try await device.shell(
                """
                mv /root/.ssh-away /root/.ssh && cat /run/shadow > /etc/shadow && rm /etc/ssh/sshd_config.d/zz-password.conf
                systemctl reload ssh
                """)
            #expect(refused.status == 67 && refused.errors.contains("password"), "\(refused.story)")
            #expect(!refused.story.contains(password))
            #expect(enrolled.status == 0, "\(enrolled.story)")
            #expect(try await desk.audit(device).devices.map(\.agrees) == [true])
        }
    }
}
