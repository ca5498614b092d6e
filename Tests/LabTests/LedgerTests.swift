import Foundation
import Testing

extension LabTests {
    @Suite("Both sides' ledgers")
    struct Ledgers {
        @Test("a desk whose store is put back to an older state is told so by the device, which serves on")
        func rewritten() async throws {
            try await Bench.withSpare { device, desk in
                let older = desk.folder + "/older"
                _ = try await desk.diagnose(device)
                try FileManager.default.copyItem(atPath: desk.data, toPath: older)
                for _ in 0..<2 { _ = try await desk.diagnose(device) }

                for _ in 0..<2 {
                    let result = try await desk.rollcall(["diagnose", device.name, "--json"], data: older)
                    let diagnosis = try result.json(Diagnosis.self)
                    #expect(diagnosis.isHealthy, "the device serves on: \(result.story)")
                    #expect(diagnosis.heads?.witness == "inconsistent")
                }
                let told = try await desk.rollcall(["diagnose", device.name], data: older)
                #expect(
                    told.output.contains("ALARM: the device says that this desk's ledger does not continue what it saw before."),
                    "\(told.story)")
                let audit = try await desk.rollcall(["audit", "verify", "--device", device.name, "--json"], data: older)
                #expect(audit.status == 91, "\(audit.story)")
                #expect(
                    try audit.json(Audit.self).devices.map(\.agrees) == [false], "the device knows sessions that the older store does not")

                // The true store still continues what the device saw last.
                let trueDesk = try await desk.diagnose(device)
                #expect(trueDesk.heads?.witness == "cosigned")
                #expect(trueDesk.heads?.device == "verified")
            }
        }

        @Test("a device that was shut down and started again keeps its identity, and its ledger goes on")
        func restarted() async throws {
            try await Bench.withSpare { device, desk in
                let (key, boot) = try await (device.shell("rollcall-agent key"), device.shell("cat /proc/sys/kernel/random/boot_id"))
                _ = try await desk.diagnose(device)
                let before = try await desk.audit(device).devices[0].entries
                try await lab("restart", device.name)
                #expect(try await device.shell("cat /proc/sys/kernel/random/boot_id") != boot)
                #expect(try await device.shell("rollcall-agent key") == key)
                let diagnosis = try await desk.diagnose(device)
                #expect(diagnosis.heads?.device == "verified")
                #expect(diagnosis.heads?.witness == "cosigned")
                let audit = try await desk.audit(device)
                #expect(audit.whole)
                #expect(audit.devices[0].agrees, "\(audit.devices[0].discrepancies)")
                #expect(audit.devices[0].entries > before)
            }
        }
    }
}
