import Foundation
import Testing

extension LabTests {
    @Suite("A sweep")
    struct Fleet {
        struct Sweep: Decodable {
            struct Target: Decodable {
                let device: String
                let state: String
            }

            let targetCount: Int
            let sums: [String: Int]
            let targets: [Target]
        }

        @Test("of two devices and an address where nothing answers ends each in one state, and the states add up")
        func sums() async throws {
            let bench = try Bench.require()
            let (devices, desk) = ([bench.first, bench.second], bench.desk)
            let silent = "lt-silent"
            // A third door of the inventory, enrolled while its address answered; then the address is gone.
            // Another run's address may still be in the desk's table of neighbours, with hardware that is gone.
            let run = ProcessInfo.processInfo.processIdentifier
            let address = "198.18.\(128 + run / 250 % 120).\(1 + run % 250)"
            try await bench.first.network("address", "add", address + "/16", "dev", "eth0")
            try await desk.must(["device", "add", silent, "--host", address, "--site", "lab", "--model", "bench"])
            try await desk.must([
                "device", "enroll", silent, "--no-install", "--host-key", bench.first.fingerprint, "--yes", "--ledger-key",
                try await bench.first.shell("rollcall-agent key").trimmingCharacters(in: .whitespacesAndNewlines),
            ])
            try await bench.first.network("address", "delete", address + "/16", "dev", "eth0")
            let result = try await desk.rollcall(["sweep", "--site", "lab", "--json"])
            let sweep = try result.json(Sweep.self)
            #expect(sweep.targetCount == 3)
            #expect(sweep.sums.values.reduce(0, +) == 3)
            #expect(Set(sweep.targets.map(\.device)) == Set(devices.map(\.name) + [silent]))
            #expect(
                sweep.targets.first { $0.device == silent }.map { ["unreachable", "path-down"].contains($0.state) } == true,
                "\(result.story)")
            for device in devices {
                let state = sweep.targets.first { $0.device == device.name }?.state
                // A lab device shows the load of the whole machine; nothing else may be wrong with it.
                if state == "degraded" { #expect(try await desk.diagnose(device).isHealthy, "\(device.name)") }
                #expect(state == "healthy" || state == "degraded", "\(device.name) is \(state ?? "missing")")
            }
            #expect([1, 3].contains(result.status), "what could not be reached is not well")
            try await desk.must(["device", "remove", silent, "--yes"])
        }
    }
}
