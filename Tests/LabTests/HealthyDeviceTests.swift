import Foundation
import Testing

extension LabTests {
    @Suite("A healthy device")
    struct HealthyDevice {
        @Test("every rule is judged, and nothing worse than a note is found")
        func healthy() async throws {
            let bench = try Bench.require()
            #expect(try await bench.first.shell("systemctl list-units --failed --plain --no-legend") == "")
            let diagnosis = try await bench.desk.diagnose(bench.first)
            #expect(diagnosis.isHealthy, "exit code \(diagnosis.exitCode), causes \(diagnosis.causes)")
            #expect(diagnosis.verdict.unknowns.map(\.id) == [])
            let rules = [
                "agent.not-enabled", "boot.rescue", "boot.unclean", "clock.not-synced", "clock.sync-off", "cpu.runaway", "load.high",
                "log.errors", "log.file-large", "log.flood", "log.journal-stopped", "log.not-kept", "memory.low", "memory.oom",
                "memory.stalls", "process.limit", "process.zombies", "service.dependency-failed", "service.failed", "service.masked",
                "service.not-reloaded", "service.port-taken", "service.restarting", "service.stopped", "service.timer-stopped",
                "storage.disk-slow", "storage.full", "storage.inodes-full", "storage.io-error", "storage.mount-hung",
                "storage.mount-missing", "storage.read-only", "storage.reclaimable",
            ]
            #expect(Set(rules).subtracting(diagnosis.verdict.judged) == [])
            #expect(diagnosis.heads?.device == "verified")
            #expect(diagnosis.heads?.witness == "cosigned")
        }

        @Test("the devices' name server that has ended is there again with the next device")
        func nameServer() async throws {
            _ = try Bench.require()
            try await tool("sh", "-c", "kill -KILL $(cat \(LabSite.lab)/dns.pid)")
            try await Bench.withSpare { spare, desk in
                let addresses = try await spare.shell("getent ahostsv4 desk.lab")
                #expect(addresses.contains("198.18.0.1"))
                let diagnosis = try await desk.diagnose(spare)
                #expect(diagnosis.isHealthy, "exit code \(diagnosis.exitCode), causes \(diagnosis.causes)")
            }
        }

        @Test("the probe of storage sees the mounts that df sees outside the agent's unit, with their sizes")
        func noMountNamespace() async throws {
            let bench = try Bench.require()
            let answer: ProbeAnswer = try await bench.desk.ask(["run", bench.first.name, "storage.space"])
            let rows = try #require(answer.facts)
            // The last mount on a path is the one that can be seen, for df and statfs alike.
            let probed = Dictionary(rows.map { ($0["mount"]?.text ?? "", $0) }, uniquingKeysWith: { _, last in last })
            let lines = try await bench.first.shell("df --block-size=1 --output=target,size,fstype").split(separator: "\n").dropFirst()
            #expect(lines.count >= 4)
            for line in lines {
                let words = line.split(separator: " ").map(String.init)
                let row = try #require(probed[words[0]], "the probe does not know \(words[0])")
                // What is mounted in files of /proc and /run by the container is only for root to see.
                guard row["error"]?.number == 0 else { continue }
                #expect(row["size_bytes"]?.number == Double(words[1]), "\(words[0])")
                #expect(row["fstype"]?.text == words[2])
            }
            #expect(probed["/var"]?["read_only"]?.number == 0)
            let ours = try await bench.first.shell("readlink /proc/1/ns/mnt")
            let agents = try await bench.first.shell("readlink /proc/$(systemctl show -p MainPID --value rollcall-agent)/ns/mnt")
            #expect(ours == agents)
        }
    }
}
