import Catalogue
import GoldenVectors
import LedgerCore
import Wire

enum CatalogueSamples {
    static let now: UInt64 = 1_767_225_600_000_000
    static let hour: UInt64 = 3_600_000_000

    static let probes: [ProbeDefinition] = [
        ProbeDefinition(
            id: "service.restart", impact: .change,
            source: .run([.literal("/usr/bin/systemctl"), .literal("restart"), .literal("--"), .parameter(0)]),
            parameters: [
                ParameterDefinition(name: "unit", type: .unit), ParameterDefinition(name: "tries", type: .integer(minimum: -1, maximum: 9)),
                ParameterDefinition(name: "mode", type: .choice(["replace", "fail"])),
            ], timeLimit: 30_000, outputLimit: 4_096, user: "root", groups: ["systemd-journal"], mayUseNetwork: true),
        ProbeDefinition(id: "load", impact: .observe, source: .files(["/proc/loadavg", "/sys/class/thermal/*/temp"])),
        ProbeDefinition(id: "storage.space", impact: .observe, source: .statfs, timeLimit: 2_000),
        ProbeDefinition(id: "clock.kernel", impact: .observe, source: .clock),
        ProbeDefinition(id: "permission.temporary", impact: .observe, source: .stat(["/tmp", "/var/*"])),
        ProbeDefinition(
            id: "network.ports", impact: .observe, source: .connect(["127.0.0.1:80", "/run/cups/cups.sock"]), mayUseNetwork: true,
            mayUseLocalSockets: true),
        ProbeDefinition(id: "network.lookup", impact: .observe, source: .resolve(["."]), mayUseNetwork: true),
    ]

    /// What an independent reader must find in the device part: probes ascending by id.
    static let meaning: Meaning = .list([
        .map([(0, "clock.kernel"), (1, 0), (4, 2), (6, 5_000), (7, 65_536), (8, "nobody")]),
        .map([
            (0, "load"), (1, 0), (3, .list(["/proc/loadavg", "/sys/class/thermal/*/temp"])), (6, 5_000), (7, 65_536), (8, "nobody"),
        ]),
        .map([
            (0, "network.lookup"), (1, 0), (6, 5_000), (7, 65_536), (8, "nobody"), (10, 1), (14, .list(["."])),
        ]),
        .map([
            (0, "network.ports"), (1, 0), (6, 5_000), (7, 65_536), (8, "nobody"), (10, 1), (11, 1),
            (15, .list(["127.0.0.1:80", "/run/cups/cups.sock"])),
        ]),
        .map([
            (0, "permission.temporary"), (1, 0), (6, 5_000), (7, 65_536), (8, "nobody"), (13, .list(["/tmp", "/var/*"])),
        ]),
        .map([
            (0, "service.restart"), (1, 2), (2, .list(["/usr/bin/systemctl", "restart", "--", 0])),
            (
                5,
                .list([
                    .map([(0, "unit"), (1, 1)]), .map([(0, "tries"), (1, 2), (2, .signed(-1)), (3, 9)]),
                    .map([(0, "mode"), (1, 3), (4, .list(["replace", "fail"]))]),
                ])
            ), (6, 30_000), (7, 4_096), (8, "root"), (9, .list(["systemd-journal"])), (10, 1),
        ]),
        .map([(0, "storage.space"), (1, 0), (4, 1), (6, 2_000), (7, 65_536), (8, "nobody")]),
    ])

    static let part = DevicePart(probes: probes).encoded

    static func header(version: UInt64 = 7, signedAt: UInt64 = now, expiresAt: UInt64 = now + hour, part: [UInt8] = part) -> DocumentHeader
    {
        DocumentHeader(
            name: "example", version: version, signedAt: signedAt, expiresAt: expiresAt, partDigest: SHA256.hash(part),
            deskDigest: SHA256.hash(Array("desk".utf8)))
    }

    static func signed(_ header: DocumentHeader = header(), by reviewers: [Reviewer]) -> SignedDocument {
        SignedDocument(header: header.encoded, part: part, signatures: reviewers.map { $0.sign(header.encoded) })
    }
}
