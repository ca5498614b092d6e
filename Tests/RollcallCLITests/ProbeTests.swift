import Foundation
import Testing
import Wire

@Suite("A probe that goes wrong", .timeLimit(.minutes(10)))
struct ProbeTests {
    private let device = Workplace.device

    @Test(
        "each way has its own exit code and words",
        arguments: [
            ("odd.hang", 86, "probe-timed-out", "took longer than it may"), ("odd.wordy", 87, "output-cut", "bytes were cut"),
            ("odd.flood", 87, "output-cut", "bytes were cut"), ("odd.crash", 88, "probe-died", "signal 11"),
            ("odd.failing", 88, "probe-failed", "exit code 1"), ("odd.absent", 88, "not-started", "No such file"),
        ] as [(String, Int32, String, String)])
    func ways(_ probe: String, _ exit: Int32, _ kind: String, _ words: String) async throws {
        try await Workplace.with { place in
            try await place.expectFailure(["run", device, probe], exit: exit, kind: kind, says: probe, words)
            let kinds = try await place.newEntries().filter { $0.subject == probe }.map(\.kind)
            #expect(kinds == ["probe.requested", "probe.answered", "probe.requested", "probe.answered"])
        }
    }

    /// A device whose agent answers the first request with `message`.
    private func answering(_ messages: Message...) -> Workplace.Behind {
        .script { try FakeAgent.script(saying: [FakeAgent.hello(), FakeAgent.opened] + messages, in: $0) }
    }

    @Test("one that blocks in the device's kernel was left behind, and says so")
    func abandoned() async throws {
        let done = Done(request: 1, ending: .abandoned)
        let closed = Message.closed(Closed(checkpoint: []))
        try await Workplace.with(answering(.done(done), closed)) { place in
            try await place.expectFailure(
                ["run", device, "odd.hang"], exit: 89, kind: "probe-stuck", says: "stuck in the kernel", "not asked again")
        }
    }

    @Test("one that still hangs from before is refused, and says so")
    func stuck() async throws {
        let refused = Refused(request: 1, rule: "stuck", sentence: "odd.hang hangs in the kernel since an earlier request.")
        let closed = Message.closed(Closed(checkpoint: []))
        try await Workplace.with(answering(.refused(refused), closed)) { place in
            try await place.expectFailure(["run", device, "odd.hang"], exit: 89, kind: "refused-stuck", says: "hangs in the kernel")
        }
    }

    @Test("an agent that sends without end is cut off, and is not believed")
    func endless() async throws {
        let chunk = Message.chunk(Chunk(request: 1, stream: .output, bytes: [UInt8](repeating: 120, count: 16_384)))
        try await Workplace.with(answering(chunk)) { place in
            let script = try Scratch.text(place.folder + "/door.sh").replacing(
                "exec cat > /dev/null", with: "while :; do tail -c \(chunk.frame.count) \(place.folder)/frames || exit; done")
            try place.stand(script)
            try await place.expectFailure(["run", device, "odd.wordy"], exit: 75, kind: "no-answer", says: "odd.wordy", "more than it may")
        }
    }

    @Test("a word where a rule wants a number is unknown, not well, and the column is named")
    func missingNumber() async throws {
        try await Workplace.with { place in
            let text = try await place.rollcall("diagnose", device)
            #expect(text.exit == 3, "\(text.error)")
            #expect(text.error.isEmpty)
            #expect(text.output.contains("odd.level-high: The device gave no value for level."))
            let json = try await place.rollcall("diagnose", device, "--json")
            #expect(json.exit == 3)
            #expect(json.output.contains("The device gave no value for level."))
        }
    }

    @Test("a probe that no catalogue has is not asked")
    func unknownProbe() async throws {
        try await Workplace.with { place in
            try await place.expectFailure(
                ["run", device, "odd.nowhere"], exit: 66, kind: "unknown-probe", says: "odd.nowhere", "rollcall probes list")
            try await place.expectFailure(["fix", device, "odd.nowhere", "--yes"], exit: 66, kind: "unknown-probe", says: "odd.nowhere")
            #expect(try await place.newEntries().isEmpty)
        }
    }
}
