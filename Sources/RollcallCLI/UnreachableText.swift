internal import Calls
internal import Diagnosis
internal import Foundation
internal import Probes
internal import Store

/// Where a device cannot be reached: says what is known of it, asks its caller where somebody can be asked, and judges.
///
/// - Returns: The verdict on what the caller said; nil where the error is another one, or there was nothing to be judged. The error is the
///   command's to say.
func attend(
    _ device: Device, failedWith error: any Error, desk: Desk, call: String?, replies: CallerReplies, json: Bool
) async throws -> Verdict? {
    guard let unreachable = try await UnreachableDevice(device, failedWith: error, desk: desk) else { return nil }
    let terminal = Terminal.current
    let text = UnreachableText(terminal: terminal, unreachable: unreachable)
    let failure = CommandFailure(error, device: device)
    if !json { for line in text.lines(failure) { terminal.line(line) } }
    var interview = try await unreachable.interview(desk: desk)
    try interview.hold(replies, mayAsk: !json && terminal.canAsk)
    let verdict = interview.exchanges.isEmpty ? nil : try await unreachable.judge(interview, desk: desk, call: call)
    if json {
        try printJSON(UnreachableBody(unreachable, call: call, failure: failure, interview: interview, verdict: verdict))
    } else if let verdict {
        terminal.line(terminal.styled("By what the caller says:", .bold))
        for line in VerdictText(terminal: terminal, device: device, isOfCaller: true, history: { _ in [] }).lines(verdict) {
            terminal.line(line)
        }
    }
    // On a terminal the call goes on, whether or not the caller could say anything.
    if verdict == nil, terminal.canAsk, !json { return try await unreachable.judge(interview, desk: desk, call: call) }
    return verdict
}

/// What this desk knows of a device that cannot be reached, for people.
struct UnreachableText {
    let terminal: Terminal
    let unreachable: UnreachableDevice

    /// The lines, under a heading.
    func lines(_ failure: CommandFailure?) -> [String] {
        let heading = VerdictText(terminal: terminal, device: unreachable.device, history: { _ in [] })
        var lines = [heading.headline("UNREACHABLE", .red)]
        if let failure { lines.append("   " + terminal.wrapped(failure.sentence + " " + failure.nextStep, indent: 3)) }
        lines.append("   " + terminal.wrapped(lastSeen, indent: 3))
        if let last = unreachable.lastVerdict {
            lines.append(
                "   " + terminal.wrapped("Last verdict, \(timeText(last.takenAt)): \(last.verdict.summary)", indent: 3))
        }
        lines += lastMinutes.map { "   " + terminal.wrapped($0, indent: 3) }
        if let changes = unreachable.changes, !changes.differences.isEmpty {
            lines += heading.comparison("Then not as it was at \(timeText(changes.since)), when it was last well:", changes.differences)
        }
        return lines + siblings
    }

    /// When it was heard last, and what failed since, as sentences.
    private var lastSeen: String {
        let contact = unreachable.contact
        let seen =
            contact.lastSeen.map { session in
                let person = session.operatorName.isEmpty ? "" : " by \(displayed(session.operatorName, limit: 60))"
                return
                    "Last seen \(timeText(session.startedAt)), \(Self.ago(session.startedAt))\(person) (\(displayed(session.reason, limit: 60)))."
            } ?? "This desk never reached it."
        guard let first = contact.firstFailure, contact.failureCount > 1 else { return seen }
        return seen + " Not reached since \(timeText(first.startedAt)), \(contact.failureCount) times tried."
    }

    private static func ago(_ microseconds: Int64) -> String {
        TelemetryText.span(max(0, (RollcallDatabase.systemTime() - microseconds) / 1_000)) + " ago"
    }

    private var lastMinutes: [String] {
        guard let end = unreachable.lastSample else { return ["There is no telemetry of it on this desk."] }
        let time = timeText(end.multipliedReportingOverflow(by: 1_000).partialValue)
        return ["Last telemetry: \(time) by its own clock."] + LastMinutesText(blocks: unreachable.telemetry, end: end).lines
    }

    /// Whether the others at its site are there.
    private var siblings: [String] {
        let device = unreachable.device
        guard !device.labels.site.isEmpty else { return [] }
        let site = displayed(device.labels.site, limit: 60)
        let all = unreachable.siblings
        if all.isEmpty { return ["   No other device is known at \(site)."] }
        let tried = all.filter { $0.wasTriedSince && $0.isReached != nil }
        let reached = tried.filter { $0.isReached == true }
        var lines = [
            tried.isEmpty
                ? "   None of the \(all.count) others at \(site) was tried since; `rollcall sweep --site \(Self.quoted(device.labels.site))` asks them."
                : "   Of the \(all.count) others at \(site), \(tried.count) were tried since then; \(reached.count) were reached."
        ]
        for sibling in (tried + all.filter { sibling in !tried.contains { $0.record.name == sibling.record.name } }).prefix(8) {
            let record = sibling.record
            let state =
                sibling.isReached.map { $0 ? terminal.styled("reached", .green) : terminal.styled("not reached", .red) } ?? "not tried"
            let when = record.lastTriedAt.map { sibling.isReached == nil ? "" : " \(Self.ago($0))" } ?? ""
            let seen = record.lastSeenAt.map { sibling.isReached == true ? "" : ", last seen \(timeText($0))" } ?? ", never seen"
            lines.append("      \(record.name): \(state)\(when)\(seen)")
        }
        if all.count > 8 { lines.append("      ... and \(all.count - 8) more; --json has all of them") }
        return lines
    }

    /// A word for the shell.
    private static func quoted(_ word: String) -> String {
        let shown = displayed(word, limit: 60)
        let isPlain = shown.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
        return isPlain ? shown : "'" + shown.replacing("'", with: "'\\''") + "'"
    }
}

/// A device that cannot be reached, for `--json`.
struct UnreachableBody: Encodable {
    let device: String
    let call: String?
    let reached = false
    let failure: String
    let sentence: String
    let lastSeenAt: String?
    let notReachedSince: String?
    let attempts: Int
    let lastVerdict: Last?
    let lastSampleAt: String?
    let lastMinutes: [String]
    let changes: [StateDifference]
    let siblings: [Sibling]
    /// What the caller of such a device is asked.
    let questions: [Question]
    /// Of what the caller said; absent where nothing was answered.
    let verdict: Verdict?

    struct Last: Encodable {
        let takenAt: String
        let exitCode: Int
        let summary: String
        let findings: [String]
    }

    struct Sibling: Encodable {
        let name: String
        let reached: Bool?
        let lastTriedAt: String?
        let lastSeenAt: String?
    }

    struct Question: Encodable {
        let probe: String
        let name: String
        let question: String
        let answers: String
        /// Absent where it was not asked.
        let answer: String?
    }

    init(
        _ unreachable: UnreachableDevice, call: String?, failure: CommandFailure?, interview: CallerInterview, verdict: Verdict?
    ) {
        device = unreachable.device.name
        self.call = call
        self.failure = unreachable.failureCode
        sentence = failure?.sentence ?? ""
        lastSeenAt = unreachable.contact.lastSeen.map { timeText($0.startedAt) }
        notReachedSince = unreachable.contact.firstFailure.map { timeText($0.startedAt) }
        attempts = unreachable.contact.failureCount
        lastVerdict = unreachable.lastVerdict.map {
            Last(
                takenAt: timeText($0.takenAt), exitCode: $0.verdict.exitCode, summary: $0.verdict.summary,
                findings: $0.verdict.findings.map(\.id))
        }
        lastSampleAt = unreachable.lastSample.map { timeText($0.multipliedReportingOverflow(by: 1_000).partialValue) }
        lastMinutes = unreachable.lastSample.map { LastMinutesText(blocks: unreachable.telemetry, end: $0).lines } ?? []
        changes = unreachable.changes?.differences ?? []
        siblings = unreachable.siblings.map {
            Sibling(
                name: $0.record.name, reached: $0.isReached, lastTriedAt: $0.record.lastTriedAt.map(timeText),
                lastSeenAt: $0.record.lastSeenAt.map(timeText))
        }
        questions = interview.manifests.flatMap { manifest in
            manifest.questions.map { question in
                let exchange = interview.exchanges.first { $0.manifest.id == manifest.id && $0.question.name == question.name }
                return Question(
                    probe: manifest.id, name: question.name, question: question.sentence, answers: question.choices,
                    answer: exchange.map { $0.question.word($0.reply) })
            }
        }
        self.verdict = verdict
    }
}
