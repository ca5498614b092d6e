import GoldenVectors
import Wire

/// A message, its name among the vectors, and what an independent reader must find in its bytes.
struct MessageSample: Sendable, CustomStringConvertible {
    let name: String
    let message: Message
    let meaning: Meaning

    init(_ name: String, _ message: Message, _ meaning: [(UInt64, Meaning)]) {
        self.name = name
        self.message = message
        self.meaning = .map(meaning)
    }

    var description: String { name }

    static let digest: [UInt8] = (0..<32).map { UInt8($0) }
    static let note: [UInt8] = Array("desk.example/ledger\n".utf8)

    /// Every message, once with every field and, where fields may be absent, once with as few as there can be.
    static let all: [MessageSample] = session + requests + streams

    private static let session: [MessageSample] = [
        MessageSample(
            "door", .door(Door(operatorName: "alice", role: "repair", key: "ssh-ed25519 AAAA", connection: "192.0.2.7 51022 192.0.2.9 22")),
            [(0, 0), (1, "alice"), (2, "repair"), (3, "ssh-ed25519 AAAA"), (4, "192.0.2.7 51022 192.0.2.9 22")]),
        MessageSample("door, standalone", .door(Door(operatorName: "", role: "", key: "", connection: "")), [(0, 0)]),
        MessageSample(
            "hello",
            .hello(
                Hello(
                    agentVersion: "0.1.0", device: "0123456789abcdef0123456789abcdef", boot: "5c8fd9ee-35f8-4c9c-9d2c-2b1a3f1f0b6a",
                    architecture: "armv7l", clock: 1_767_225_600_000_000, catalogueVersion: 7, catalogueDigest: digest,
                    catalogueExpiry: 1_798_761_600_000_000, checkpoint: note, isStandalone: false, isRoot: true,
                    stuck: ["/mnt/nfs", "files"], rosterVersion: 3)),
            [
                (0, 1), (1, 1), (2, "0.1.0"), (3, "0123456789abcdef0123456789abcdef"), (4, "5c8fd9ee-35f8-4c9c-9d2c-2b1a3f1f0b6a"),
                (5, "armv7l"), (6, 1_767_225_600_000_000), (7, 7), (8, .bytes(digest)), (9, 1_798_761_600_000_000), (10, .bytes(note)),
                (11, 2), (12, .list(["/mnt/nfs", "files"])), (16, 3),
            ]),
        MessageSample(
            "hello without catalogue",
            .hello(
                Hello(agentVersion: "0.1.0", device: "d", boot: "b", architecture: "x86_64", clock: 0, isStandalone: true, isRoot: false)),
            [(0, 1), (1, 1), (2, "0.1.0"), (3, "d"), (4, "b"), (5, "x86_64"), (6, 0), (7, 0), (9, 0), (11, 1)]),
        MessageSample(
            "open",
            .open(
                Open(
                    controllerVersion: "0.1.0", session: "0190f3c2-7b1e-7c3d-9a54-0f7a2b6c8d10",
                    call: "0190f3c2-7000-7000-8000-000000000001",
                    operatorName: "alice", reason: "screen frozen \u{2014} B\u{fc}ro",
                    witness: WitnessOffer(checkpoint: note, provenSize: 5, proof: [digest, digest.reversed()]))),
            [
                (0, 2), (1, 1), (2, "0.1.0"), (3, "0190f3c2-7b1e-7c3d-9a54-0f7a2b6c8d10"), (4, "0190f3c2-7000-7000-8000-000000000001"),
                (5, "alice"), (6, "screen frozen \u{2014} B\u{fc}ro"), (7, .bytes(note)), (8, 5),
                (9, .list([.bytes(digest), .bytes(digest.reversed())])),
            ]),
        MessageSample(
            "open, shortest", .open(Open(controllerVersion: "", session: "s", call: "", operatorName: "", reason: "")),
            [(0, 2), (1, 1), (3, "s"), (8, 0)]),
        MessageSample(
            "opened",
            .opened(
                Opened(
                    session: "s", role: "observe", operatorName: "alice",
                    witness: WitnessAnswer(status: .consistent, lastSeen: note, cosignature: [0x2D, 0x0A]))),
            [(0, 3), (1, "s"), (2, "observe"), (3, "alice"), (4, 2), (5, .bytes(note)), (6, .bytes([0x2D, 0x0A]))]),
        MessageSample(
            "close", .close(Close(witness: WitnessOffer(checkpoint: note, provenSize: 9, proof: [digest]))),
            [(0, 10), (1, .bytes(note)), (2, 9), (3, .list([.bytes(digest)]))]),
        MessageSample("close, shortest", .close(Close()), [(0, 10), (2, 0)]),
        MessageSample(
            "closed", .closed(Closed(checkpoint: note, witness: WitnessAnswer(status: .otherSize, lastSeen: note), busyTime: 1_234_567)),
            [(0, 11), (1, .bytes(note)), (2, 4), (3, .bytes(note)), (5, 1_234_567)]),
    ]

    private static let requests: [MessageSample] = [
        MessageSample("run", .run(Run(request: 1, probe: "storage.space")), [(0, 4), (1, 1), (2, "storage.space")]),
        MessageSample(
            "run with parameters",
            .run(
                Run(
                    request: 24, probe: "service.restart",
                    parameters: [Parameter(name: "unit", value: "cups.service"), Parameter(name: "note", value: "")])),
            [(0, 4), (1, 24), (2, "service.restart"), (3, .list([.list(["unit", "cups.service"]), .list(["note", ""])]))]),
        MessageSample(
            "chunk", .chunk(Chunk(request: 1, stream: .error, bytes: [0, 0xFF, 0x0A])),
            [(0, 5), (1, 1), (2, 2), (3, .bytes([0, 0xFF, 0x0A]))]),
        MessageSample(
            "done",
            .done(
                Done(
                    request: 1, ending: .timedOut, code: 15, sentByteCount: 65_536, cutByteCount: 1, duration: 5_000_123, cpuTime: 999,
                    measures: [.isolatedProcess, .noNewPrivileges, .landlock], digest: digest, note: "/mnt/nfs did not answer")),
            [
                (0, 6), (1, 1), (2, 2), (3, 15), (4, 65_536), (5, 1), (6, 5_000_123), (7, 999), (8, 67), (9, .bytes(digest)),
                (10, "/mnt/nfs did not answer"),
            ]),
        MessageSample(
            "done with numbers that 32 bits do not hold",
            .done(
                Done(
                    request: .max, ending: Done.Ending(rawValue: .max), code: .max, sentByteCount: .max, cutByteCount: .max, duration: .max,
                    cpuTime: .max, measures: Done.Measures(rawValue: .max))),
            [(0, 6)] + (1...8).map { ($0, .number(.max)) }),
        MessageSample(
            "refused", .refused(Refused(request: 0, rule: "protocol", sentence: "This agent speaks version 1.")),
            [(0, 7), (1, 0), (2, "protocol"), (3, "This agent speaks version 1.")]),
        MessageSample(
            "push", .push(Push(request: 3, kind: "catalogue", size: 5, offset: 2, bytes: [1, 2, 3])),
            [(0, 8), (1, 3), (2, "catalogue"), (3, 5), (4, 2), (5, .bytes([1, 2, 3]))]),
        MessageSample("entries", .entries(Entries(request: 4, first: 0, count: 100)), [(0, 9), (1, 4), (2, 0), (3, 100)]),
        MessageSample("cancel", .cancel(Cancel(request: 4)), [(0, 12), (1, 4)]),
        MessageSample(
            "telemetry",
            .telemetry(TelemetryRequest(request: 5, after: 41, ring: [UInt8](repeating: 9, count: 16), sizeLimit: 65_536)),
            [(0, 13), (1, 5), (2, 41), (3, .bytes([UInt8](repeating: 9, count: 16))), (4, 65_536)]),
        MessageSample("telemetry of now", .telemetry(TelemetryRequest(request: 6, sizeLimit: 0)), [(0, 13), (1, 6), (2, 0), (4, 0)]),
    ]

    private static let streams: [MessageSample] = [
        MessageSample(
            "stream",
            .stream(
                OpenStream(
                    request: 5, kind: "put", target: "/srv/menu \u{e9}.pdf", size: 1 << 40, offset: 7, time: 1_767_225_600_000_000,
                    digest: digest, flags: [.replace, .afresh], credit: 4_194_304)),
            [
                (0, 16), (1, 5), (2, "put"), (3, "/srv/menu \u{e9}.pdf"), (4, 1_099_511_627_776), (5, 7), (6, 1_767_225_600_000_000),
                (7, .bytes(digest)), (8, 3), (9, 4_194_304),
            ]),
        MessageSample(
            "stream, shortest", .stream(OpenStream(request: 1, kind: "shell", target: "", credit: 0)),
            [(0, 16), (1, 1), (2, "shell"), (4, 0), (5, 0), (6, 0), (8, 0), (9, 0)]),
        MessageSample(
            "stream opened",
            .streamOpened(StreamOpened(request: 5, size: 10, offset: 3, time: 1_767_225_600_000_000, digest: digest, credit: 65_536)),
            [(0, 17), (1, 5), (2, 10), (3, 3), (4, 1_767_225_600_000_000), (5, .bytes(digest)), (6, 65_536)]),
        MessageSample("data", .data(StreamData(request: 5, bytes: [0, 0xFF])), [(0, 18), (1, 5), (2, .bytes([0, 0xFF]))]),
        MessageSample(
            "credit", .control(StreamControl(request: 5, kind: .credit, value: 1 << 53)),
            [(0, 19), (1, 5), (2, 1), (3, 9_007_199_254_740_992), (4, 0)]),
        MessageSample("end of a stream", .control(StreamControl(request: 5, kind: .end)), [(0, 19), (1, 5), (2, 2), (3, 0), (4, 0)]),
        MessageSample(
            "window size", .control(StreamControl(request: 5, kind: .resize, value: 132, other: 43)),
            [(0, 19), (1, 5), (2, 3), (3, 132), (4, 43)]),
        MessageSample(
            "signal", .control(StreamControl(request: 5, kind: .signal, value: 2)), [(0, 19), (1, 5), (2, 4), (3, 2), (4, 0)]),
    ]
}
