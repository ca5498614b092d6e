import Foundation
import Testing

extension LabTests {
    @Suite("The roster on a device")
    struct Roster {
        @Test("sshd lets in whom it names and nobody else; enrolling anew brings no key back, and takes none away")
        func life() async throws {
            try await Bench.withSpare { device, desk in
                try await tool("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bob", "-f", desk.folder + "/bob")
                func push() async throws {
                    try await desk.must(["operator", "pack"])
                    for reviewer in ["anna", "bruno"] { try await desk.must(["operator", "sign", "--key", desk.folder + "/" + reviewer]) }
                    try await desk.must(["operator", "push", device.name])
                }
                func asBob() async throws -> ProgramResult {
                    try await desk.rollcall(
                        ["run", device.name, "memory.pressure", "--operator", "bob", "--identity", desk.folder + "/bob"])
                }
                try await desk.must(["operator", "add", "alice", "--key", desk.folder + "/alice.pub", "--role", "repair"])
                try await desk.must(
                    ["operator", "add", "bob", "--key", desk.folder + "/bob.pub", "--role", "observe", "--until", "2099-01-31"])
                #expect(try await asBob().status == 67)
                try await push()
                #expect(try await asBob().status == 0)
                #expect(try await device.shell("stat -c '%a %u' /etc/rollcall/authorized_keys") == "644 0\n")
                #expect(try await desk.rollcall(["device", "list", "--drift"]).output.contains("Every device has the newest roster"))

                try await desk.must(["operator", "revoke", "bob", "--reason", "left"])
                #expect(try await desk.rollcall(["device", "list", "--drift"]).output.contains("bob (revoked)"))
                try await push()
                #expect(try await asBob().status == 67)
                #expect(try await device.shell("rollcall-agent log -n 60").contains("1 revoked, 1 kept"))

                // Enrolment leaves a roster's keys alone; without one it keeps those of others.
                try await desk.must(desk.enrolment(of: device))
                #expect(try await asBob().status == 67)
                #expect(try await desk.rollcall(["run", device.name, "memory.pressure"]).status == 0)
                try await device.shell(
                    "rm /var/lib/rollcall/roster && systemctl restart rollcall-agent && echo '# the owner' >> /etc/rollcall/authorized_keys"
                )
                try await desk.must(desk.enrolment(of: device))
                #expect(try await device.shell("cat /etc/rollcall/authorized_keys").contains("# the owner\n"))
                #expect(try await desk.rollcall(["device", "list", "--drift"]).output.contains("none"))
                #expect(try await desk.audit(device).devices.map(\.agrees) == [true])
            }
        }
    }
}
