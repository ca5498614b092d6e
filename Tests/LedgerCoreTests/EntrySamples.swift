import GoldenVectors
import LedgerCore
import Wire

enum EntrySamples {
    static let digest: [UInt8] = (0..<32).map { UInt8(255 - $0) }

    static let all: [(name: String, entry: LedgerEntry, meaning: Meaning)] = [
        (
            "every field",
            LedgerEntry(
                kind: .probeAnswered, time: 1_767_225_600_000_000, session: "s-1", call: "c-1", device: "kiosk-0421", person: digest,
                subject: "storage.space", digest: digest.reversed(), detail: "exited 0 \u{2014} whole", count: 0, request: 1 << 40,
                checkpoint: Array("desk.example/ledger\n".utf8)),
            .map([
                (0, "probe.answered"), (1, 1_767_225_600_000_000), (2, "s-1"), (3, "c-1"), (4, "kiosk-0421"), (5, .bytes(digest)),
                (6, "storage.space"), (7, .bytes(digest.reversed())), (8, "exited 0 \u{2014} whole"), (9, 0), (10, 1_099_511_627_776),
                (11, .bytes(Array("desk.example/ledger\n".utf8))),
            ])
        ),
        ("shortest", LedgerEntry(kind: .logCreated, time: 0), .map([(0, "log.created"), (1, 0)])),
        (
            "gap", LedgerEntry(kind: .gap, time: 5, digest: digest, count: 4_096),
            .map([(0, "gap"), (1, 5), (7, .bytes(digest)), (9, 4_096)])
        ),
        (
            "a kind of a later version", LedgerEntry(kind: LedgerEntry.Kind(name: "shell.opened"), time: .max, subject: "x"),
            .map([(0, "shell.opened"), (1, .number(.max)), (6, "x")])
        ),
    ]
}
