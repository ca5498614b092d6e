import Foundation
import Testing

extension LabTests {
    @Suite("Faults")
    struct Faults {
        @Test("a full disk and the service that failed because of it: one call from symptom to outcome")
        func call() async throws {
            let bench = try Bench.require()
            let (device, desk) = (bench.first, bench.desk)
            try await device.with("service-var-full") {
                let called = try await desk.rollcall(
                    ["call", device.name, "--case", "SF-1", "--symptom", "prints nothing", "--would-roll", "yes"])
                #expect(called.status == 2, "\(called.story)")
                let diagnosis = try await desk.diagnose(device)
                #expect(diagnosis.causes.first == "storage.full /var")
                #expect(diagnosis.symptoms(of: "storage.full /var")?.contains("service.failed kiosk-spool.service") == true)
                #expect(diagnosis.verdict.judged.contains("clock.sync-off"), "a full disk does not hide whether a time service runs")

                let vacuum = try await desk.must(["fix", device.name, "storage.vacuum-journal", "--yes"])
                #expect(vacuum.output.contains("gone"), "\(vacuum.story)")
                try await desk.must(["fix", device.name, "service.restart", "unit=kiosk-spool.service", "--yes"])
                let after = try await desk.diagnose(device)
                #expect(!after.causes.contains { $0.hasPrefix("storage.") || $0.hasPrefix("service.") }, "\(after.causes)")
                try await desk.must(["close", "fixed-remotely", "--note", "vacuumed and restarted"])
            }
            let audit = try await desk.audit(device)
            #expect(audit.whole)
            #expect(audit.devices.map(\.agrees) == [true])
            #expect(audit.devices[0].sharedSessions > 0)
        }

        @Test("a service that failed for a reason of its own stands beside the full disk, not under it")
        func unrelated() async throws {
            let bench = try Bench.require()
            let device = bench.first
            let diagnosis = try await device.with("service-config") {
                try await device.with("service-var-full") { try await bench.desk.diagnose(device) }
            }
            #expect(diagnosis.exitCode == 2)
            #expect(diagnosis.causes.contains("storage.full /var"))
            #expect(diagnosis.causes.contains("service.configuration kiosk-display.service"))
            let folded = try #require(diagnosis.symptoms(of: "storage.full /var"))
            #expect(folded.contains("service.failed kiosk-spool.service"))
            #expect(!folded.contains("service.failed kiosk-display.service"))
            #expect(diagnosis.symptoms(of: "service.configuration kiosk-display.service") == ["service.failed kiosk-display.service"])
            #expect(!diagnosis.causes.contains("service.failed kiosk-spool.service"))
        }

        /// What `Tests/Lab/faults/*/expect.json` says of a fault.
        struct Expectation: Decodable {
            let findings: [String]
            let causes: [String]
            let folded: [String: String]
        }

        @Test(
            "a fault gives the findings its folder expects, and healing it takes them away",
            arguments: [
                "time-sync-stopped", "journal-flood", "service-config", "var-full", "fuse-hang", "log-runaway", "mount-failed", "read-only",
                "port-taken", "dependency-failed", "runaway-process", "oom-killed", "emmc-worn", "journald-stopped", "start-limit",
                "restart-loop", "permission-lost",
            ])
        func expected(fault: String) async throws {
            let bench = try Bench.require()
            let device = bench.first
            let path = LabSite.repository + "/Tests/Lab/faults/\(fault)/expect.json"
            let expectation = try JSONDecoder().decode(Expectation.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
            let diagnosis = try await device.with(fault) { try await bench.desk.diagnose(device) }
            let causes = diagnosis.verdict.causes
            let ids = Set(causes.flatMap { [$0.finding] + $0.symptoms }.map(\.id))
            #expect(Set(expectation.findings).subtracting(ids) == [], "\(ids)")
            #expect(Set(expectation.causes).subtracting(causes.map(\.finding.id)) == [])
            for (effect, cause) in expectation.folded {
                #expect(causes.contains { $0.finding.id == cause && $0.symptoms.contains { $0.id == effect } })
            }
            let healed = try await bench.desk.diagnose(device)
            let left = Set(healed.verdict.causes.flatMap { [$0.finding] + $0.symptoms }.map(\.id))
            #expect(left.intersection(expectation.findings) == [])
            #expect(Set(expectation.findings).subtracting(healed.verdict.judged) == [], "gone, not unknown")
        }
    }
}
