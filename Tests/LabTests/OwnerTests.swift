import Foundation
import Testing

extension LabTests {
    @Suite("A device's owner")
    struct Owner {
        @Test("shuts the door with a reason that the desk is told, and opens it; what owner.conf does not allow is not done")
        func door() async throws {
            let bench = try Bench.require()
            let (device, desk) = (bench.first, bench.desk)
            // Tests of the ledgers leave the two sides at odds on purpose.
            let before = try await desk.audit(device).devices[0]
            try await device.shell("rollcall-agent off --reason 'stock-taking till six'")
            let shut = try await desk.rollcall(["diagnose", device.name])
            try await device.shell("rollcall-agent on")
            #expect(shut.status == 79 && shut.errors.contains("stock-taking till six"), "\(shut.story)")
            #expect(try await desk.diagnose(device).heads?.device == "verified")
            try await device.shell("echo 'highest-impact observe' > /etc/rollcall/owner.conf")
            let fix = try await desk.rollcall(["fix", device.name, "storage.clean-packages", "--yes"])
            let diagnosis = try await desk.rollcall(["diagnose", device.name])
            try await device.shell("rm /etc/rollcall/owner.conf")
            #expect(fix.status == 79 && fix.errors.contains("owner"), "\(fix.story)")
            #expect(diagnosis.status <= 2, "\(diagnosis.story)")
            #expect(try await device.shell("rollcall-agent log -n 400").contains("owner"))
            let after = try await desk.audit(device).devices[0]
            #expect(after.agrees == before.agrees, "\(after.discrepancies)")
        }
    }
}
