import Foundation
import Testing

extension LabTests {
    @Suite("A mount whose server never answers")
    struct HungMount {
        @Test("is named, hides no other mount, and is asked again once it is healed")
        func named() async throws {
            let bench = try Bench.require()
            let (device, desk) = (bench.first, bench.desk)
            let (first, spaces, second) = try await device.with("fuse-hang") {
                let first = try await desk.diagnose(device)
                let spaces: ProbeAnswer = try await desk.ask(["run", device.name, "storage.space"])
                return (first, spaces, try await desk.diagnose(device))
            }
            for diagnosis in [first, second] {
                #expect(diagnosis.causes.contains("storage.mount-hung /mnt/hang"), "\(diagnosis.causes)")
                let unjudged = diagnosis.verdict.unknowns.filter { $0.id != "storage.full" && $0.id != "storage.inodes-full" }
                #expect(unjudged.map(\.id) == [])
            }
            #expect(second.stuck.contains { $0.contains("/mnt/hang") }, "\(second.stuck)")
            let rows = try #require(spaces.facts)
            #expect(rows.filter { $0["answered"]?.number == 0 }.compactMap { $0["mount"]?.text } == ["/mnt/hang"])
            for mount in ["/", "/var"] { #expect(rows.contains { $0["mount"]?.text == mount && $0["error"]?.number == 0 }) }

            try await device.until("! pgrep --parent $(systemctl show -p MainPID --value rollcall-agent) > /dev/null")
            let healed = try await desk.diagnose(device)
            #expect(healed.causes == [])
            #expect(healed.stuck == [])
            #expect(healed.verdict.judged.contains("storage.mount-hung"))
        }

        @Test("the next session is served within a second, and five of them leave no more than one stuck child")
        func served() async throws {
            let bench = try Bench.require()
            let (device, desk) = (bench.first, bench.desk)
            try await device.with("fuse-hang") {
                _ = try await desk.diagnose(device)
                var fastest = Duration.seconds(60)
                for _ in 0..<5 {
                    let visit = try await desk.rollcall(["run", device.name, "load"])
                    #expect(visit.status == 0, "\(visit.story)")
                    fastest = min(fastest, visit.elapsed)
                    _ = try await desk.diagnose(device)
                }
                // From the command's start: login, session, answer, both ledgers' heads, and the end of the program.
                #expect(fastest < .seconds(1))
                let children = try await device.shell(
                    "ps --no-headers --ppid $(systemctl show -p MainPID --value rollcall-agent) -o pid,stat,args || true")
                #expect(children.split(separator: "\n").count <= 1, "\(children)")
            }
        }
    }
}
