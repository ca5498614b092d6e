internal import ArgumentParser
internal import Calls
internal import Catalogue
internal import Diagnosis
internal import Foundation
internal import Probes
internal import Store
internal import Wire

/// Runs one probe and shows its answer.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "run", abstract: "Run one probe on a device and show its answer.")

    @Argument(help: "The device's name.")
    var device: String

    @Argument(help: "Id of the probe, such as storage.space.")
    var probe: String

    @Argument(help: "Parameters as name=value.")
    var parameters: [String] = []

    @OptionGroup var urgency: UrgencyOptions

    @Flag(help: "Do not ask before a probe that may be noticed or changes the device.")
    var yes = false

    @OptionGroup var options: DeskOptions

    func run() async throws {
        let desk = try await options.desk()
        let found = try findDevice(device, desk.database)
        let manifest = try await desk.library().manifest(probe)
        let values = try RollcallCLI.parameters(parameters).map { Parameter(name: Text($0.name), value: Text($0.value)) }
        guard let definition = manifest.definition else {
            throw CommandFailure(
                .usage, kind: "asks-the-caller", "\(manifest.id) asks the caller, and no device.",
                next: "`rollcall call \(found.name)` asks its questions where the device cannot be reached.")
        }
        try await withProbe(probe) { _ = try definition.check(values) }
        if manifest.impact != .observe, !yes {
            try confirm("\(manifest.id) may \(manifest.impact == .change ? "change" : "disturb") \(found.name). Run it?")
        }
        let call = try openCall(of: found, desk.database)
        let reason = try urgency.reason()
        let (use, taken) = try await withDevice(found) {
            let question = DeviceSession.Question(probe: manifest.id, parameters: values)
            // How the session ended is on record; the answer is worth showing all the same.
            return try await DeviceSession.with(
                found, desk: desk, call: call?.id, reason: "run \(manifest.id)" + (reason.map { ", now: \($0)" } ?? ""),
                questions: { manifest.impact == .observe ? [question] : [] }
            ) { session -> (DeviceUse, Answer?) in
                if manifest.impact == .observe { return (.idle, try await session.firstAnswers()[0]) }
                let attempt = try await RemedyRun.attempt(manifest, parameters: values, in: session, desk: desk, urgency: reason)
                return (attempt.use, attempt.answer)
            }.result
        }
        guard let answer = taken else { throw CommandFailure(use, of: found.name, remedy: manifest.id) }
        try show(answer, manifest: manifest)
    }

    private func show(_ answer: Answer, manifest: Manifest) throws {
        let facts = FactListing(answer, manifest: manifest)
        if options.json {
            try printJSON(AnswerBody(answer, facts: facts))
        } else if let facts {
            var table = TextTable(facts.columns)
            for row in facts.values { table.add(row.map { displayed($0.text, limit: 60) }) }
            for line in table.lines(.current) { Terminal.current.line(line) }
        } else {
            for line in String(decoding: answer.output, as: UTF8.self).split(separator: "\n") {
                Terminal.current.line(displayed(String(line), limit: 2_000))
            }
        }
        for line in String(decoding: answer.errorOutput, as: UTF8.self).split(separator: "\n").prefix(20) {
            Terminal.current.complain("  " + displayed(String(line)))
        }
        if let failure = CommandFailure(answer, accepted: manifest.acceptedExitCodes, device: device) { throw failure }
        if !options.json, case .done(let done) = answer.ending, !done.measures.isEmpty {
            Terminal.current.complain("limits in force: " + done.measures.words.joined(separator: ", "))
        }
    }
}

/// Asks before something is done; without a terminal the answer is no.
func confirm(_ question: String) throws(CommandFailure) {
    guard Terminal.current.canAsk else {
        throw CommandFailure(
            .declined, kind: "not-confirmed", "Nobody is here to answer \"\(question)\", so nothing was done.",
            next: "Say yes beforehand with --yes.")
    }
    guard Terminal.current.confirm(question) else {
        throw CommandFailure(.declined, kind: "declined", "Nothing was done.", next: "Run it again when it may be done.")
    }
}

extension CommandFailure {
    /// What kept an answer from being whole; nil for a whole one.
    init?(_ answer: Answer, accepted: [UInt64], device: String) {
        let probe = answer.probe
        switch answer.ending {
        case .refused(let refused):
            self.init(
                refusedBy: refused.rule.string, sentence: displayed(refused.sentence.string, limit: 600), what: probe, device: device)
        case .none(let reason):
            self.init(.connectionLost, kind: "no-answer", "\(probe) gave no answer: \(displayed(reason)).", next: "Try again.")
        case .done(let done):
            switch done.ending {
            // One that floods is ended for it, so this outranks how it ended.
            case .signalled where done.cutByteCount > 0: self.init(cut: done.cutByteCount, of: probe, device: device)
            case .timedOut:
                self.init(
                    .probeTimedOut, kind: "probe-timed-out", "\(probe) took longer than it may, and was ended on \(device).",
                    next: "What it asks for may hang; look at load, memory and mounts with `rollcall diagnose \(device)`.")
            case .abandoned:
                self.init(
                    .probeStuck, kind: "probe-stuck", "\(probe) is stuck in the kernel of \(device) and was left behind.",
                    next: "It is not asked again until it returns; a restart of the device may be needed.")
            case .exited where !accepted.contains(done.code):
                let line = answer.errorOutput.split(separator: 10).last.map { String(decoding: $0, as: UTF8.self) }
                let words = line.map { ": \(displayed($0, limit: 200))" } ?? ""
                self.init(
                    .probeFailed, kind: "probe-failed", "\(probe) ended with exit code \(done.code), which is no answer\(words).",
                    next: "`rollcall probes show \(probe)` says what it runs.")
            case .exited where done.cutByteCount > 0: self.init(cut: done.cutByteCount, of: probe, device: device)
            case .exited: return nil
            case .signalled:
                self.init(
                    .probeFailed, kind: "probe-died", "\(probe) was ended by signal \(done.code).",
                    next: "Run it again; if it stays, look at the device's memory with `rollcall diagnose \(device)`.")
            case .notStarted:
                let reason = String(cString: strerror(Int32(clamping: done.code)))
                self.init(
                    .probeFailed, kind: "not-started", "\(probe) could not be started on \(device): \(reason).",
                    next: "`rollcall probes show \(probe)` says what it runs; the device may not have that.")
            default: self.init(.probeFailed, kind: "probe-ended", "\(probe) did not end by itself.", next: "Run it again.")
            }
        }
    }

    private init(cut byteCount: UInt64, of probe: String, device: String) {
        self.init(
            .probeOutputCut, kind: "output-cut",
            "\(probe) wrote more than it may; \(byteCount) bytes were cut, and the answer is incomplete.",
            next: "What is shown is its beginning; ask \(device) something narrower.")
    }
}

extension Done.Measures {
    /// The measures in force, a word or two for each; those of a newer agent by their numbers.
    var words: [String] {
        let known: [(Done.Measures, String)] = [
            (.isolatedProcess, "own process"), (.noNewPrivileges, "no new privileges"), (.user, "user"), (.resourceLimits, "resources"),
            (.lowPriority, "low priority"), (.noNetwork, "no network"), (.landlock, "files"), (.noLocalSockets, "no local sockets"),
            (.processLimit, "processes"), (.systemCalls, "system calls"),
        ]
        let rest = subtracting(known.reduce(into: []) { $0.formUnion($1.0) })
        let unknown = (0..<64).filter { rest.rawValue >> $0 & 1 == 1 }.map { "measure \(UInt64(1) << $0)" }
        return known.filter { contains($0.0) }.map(\.1) + unknown
    }
}

/// An answer for `--json`.
private struct AnswerBody: Encodable {
    let probe: String
    let complete: Bool
    let facts: [[String: FactValue]]?
    let output: String?
    let error: String
    /// What limited the probe; absent where it did not run.
    let limits: [String]?

    init(_ answer: Answer, facts: FactListing?) {
        probe = answer.probe
        if case .done(let done) = answer.ending, done.ending == .exited, done.cutByteCount == 0 {
            complete = true
        } else {
            complete = false
        }
        self.facts = facts?.rows
        output = facts == nil ? String(decoding: answer.output, as: UTF8.self) : nil
        error = String(decoding: answer.errorOutput, as: UTF8.self)
        if case .done(let done) = answer.ending { limits = done.measures.words } else { limits = nil }
    }
}
