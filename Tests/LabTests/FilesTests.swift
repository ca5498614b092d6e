import Foundation
import Testing

extension LabTests {
    @Suite("A probe of files")
    struct Files {
        private static let manifest = """
            id: lab.settings
            title: The settings of the kiosk's parts
            impact: observe
            read: {files: ["/etc/kiosk.d/*"]}
            limits: {time: 2s, output: 64KiB}
            facts:
              path: text
              error: int
              content: text
            """

        @Test("neither waits at a FIFO nor follows a symbolic link, and says why it read neither")
        func fifo() async throws {
            let bench = try Bench.require()
            let (device, desk) = (bench.second, bench.desk)
            try await desk.withProbe("lab/settings", Self.manifest, on: device) { catalogue in
                let result = try await device.with("fifo-in-glob") {
                    try await desk.rollcall(["run", device.name, "lab.settings", "--json", "--catalogue", catalogue])
                }
                #expect(result.elapsed < .seconds(5))
                let rows = try #require(result.json(ProbeAnswer.self).facts)
                let errors = Dictionary(uniqueKeysWithValues: rows.map { ($0["path"]?.text ?? "", $0["error"]?.number) })
                #expect(errors["/etc/kiosk.d/10-printer.conf"] == 0)
                #expect(try #require(errors["/etc/kiosk.d/20-scanner.conf"]) != 0)
                #expect(errors["/etc/kiosk.d/30-display.conf"] == Double(ELOOP))
                for row in rows where row["error"]?.number != 0 { #expect(row["content"] == .null) }
                // What /etc/shadow holds of root, as root can read it there.
                let shadow = try await device.shell("head -n 1 /etc/shadow")
                #expect(shadow.hasPrefix("root:"))
                #expect(!result.output.contains("root:"))
            }
        }
    }
}
