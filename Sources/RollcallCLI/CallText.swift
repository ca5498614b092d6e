internal import Diagnosis
internal import Foundation
internal import Store

/// All that is on record of a call, for people.
struct CallText {
    let terminal: Terminal

    /// The lines, in the order in which things happened.
    func lines(_ history: CallHistory) -> [String] {
        let call = history.call
        var lines = [
            terminal.styled("Call \(call.id)", .bold) + "  \(call.device.name)"
                + (call.caseID.isEmpty ? "" : "  case \(displayed(call.caseID, limit: 60))")
        ]
        lines.append("   opened \(timeText(call.openedAt)) by \(displayed(call.operatorName)): \(displayed(call.symptom))")
        lines.append("   would a truck have rolled: \(call.wouldRoll.rawValue)")
        for session in history.sessions {
            let end =
                session.errorCode.map { "failed: \(displayed($0))" } ?? session.endedAt.map { _ in "ended in good order" } ?? "never ended"
            lines.append("   session \(session.id): \(displayed(session.reason, limit: 60)); \(end)")
        }
        for record in history.callerAnswers {
            lines.append("   caller \(timeText(record.takenAt)): \(record.probe)")
            for exchange in record.exchanges {
                lines.append("      \(displayed(exchange.question)) " + terminal.styled(displayed(exchange.answer), .bold))
            }
        }
        for record in history.verdicts {
            let verdict = try? JSONDecoder().decode(Verdict.self, from: Data(record.json.utf8))
            let names = verdict?.causes.map { cause in
                cause.finding.id + (cause.symptoms.isEmpty ? "" : " (explains \(cause.symptoms.map(\.id).joined(separator: ", ")))")
            }
            lines.append("   verdict \(timeText(record.takenAt)): \(record.severity): \(names?.joined(separator: ", ") ?? "unreadable")")
        }
        for remedy in history.remedies {
            lines.append("   \(Self.name(of: remedy)) \(timeText(remedy.startedAt)): \(Self.outcome(of: remedy))")
        }
        for fix in history.fixes {
            lines.append("   finding \(fix.attempt.finding) after \(fix.attempt.remedy): \(fix.attempt.result.rawValue)")
        }
        if let closing = call.closing, let at = call.closedAt {
            lines.append(
                "   closed \(timeText(at)): " + terminal.styled(closing.outcome.rawValue, .bold)
                    + (closing.notes.isEmpty ? "" : ", \(displayed(closing.notes))"))
            if !closing.parts.isEmpty { lines.append("   parts: \(displayed(closing.parts))") }
            if !closing.skill.isEmpty { lines.append("   skill: \(displayed(closing.skill))") }
        } else {
            lines.append("   still open")
        }
        return lines
    }

    /// A remedy, or what it takes back.
    private static func name(of record: RemedyRecord) -> String {
        guard let undone = record.undoes else { return "remedy \(displayed(record.remedy))" }
        return "undo of \(displayed(undone))" + (record.remedy.isEmpty ? "" : " by \(displayed(record.remedy))")
    }

    private static func outcome(of record: RemedyRecord) -> String {
        let detail = displayed(record.detail, limit: 200)
        return switch record.outcome {
        case .ran: record.prior == "same" ? "ran; the device was so before" : "ran"
        case .failed: "failed"
        case .refused: "refused by the device: \(detail)"
        case .inUse: "not run, the device was in use: \(detail)"
        case .useUnknown: "not run, whether the device was in use was not known: \(detail)"
        case nil: "no answer came, so that nobody knows whether it ran"
        }
    }
}

/// A call for `--json`.
struct CallBody: Encodable {
    let id: String
    let device: String
    let caseID: String
    let symptom: String
    let wouldRoll: String
    let operatorName: String
    let openedAt: String
    let closedAt: String?
    let outcome: String?
    let notes: String?
    let parts: String?
    let skill: String?
    let provisionalUntil: String?
    let sessions: [Session]
    let verdicts: [VerdictItem]
    let fixes: [Fix]
    let remedies: [Remedy]
    let callerAnswers: [CallerItem]

    struct CallerItem: Encodable {
        let probe: String
        let takenAt: String
        let questions: [CallerRecord.Exchange]
    }

    struct Session: Encodable {
        let id: String
        let reason: String
        let startedAt: String
        let endedAt: String?
        let error: String?
    }

    struct VerdictItem: Encodable {
        let id: String
        let takenAt: String
        let exitCode: Int
        let severity: String
        /// Ids, causes first, each followed by what it explains.
        let findings: [String]
    }

    struct Remedy: Encodable {
        let session: String
        let remedy: String
        let parameters: String
        let startedAt: String
        /// Absent where nothing asked for it.
        let prior: String?
        /// The remedy that it takes back; absent for one of its own.
        let undoes: String?
        /// Absent where nobody knows.
        let outcome: String?
        let detail: String
    }

    struct Fix: Encodable {
        let finding: String
        let subject: String
        let remedy: String
        let parameters: String
        let result: String
    }

    init(_ history: CallHistory) {
        let call = history.call
        id = call.id
        device = call.device.name
        caseID = call.caseID
        symptom = call.symptom
        wouldRoll = call.wouldRoll.rawValue
        operatorName = call.operatorName
        openedAt = timeText(call.openedAt)
        closedAt = call.closedAt.map(timeText)
        outcome = call.closing?.outcome.rawValue
        notes = call.closing?.notes
        parts = call.closing?.parts
        skill = call.closing?.skill
        provisionalUntil = call.provisionalUntil(window: avoidanceWindow).map(timeText)
        callerAnswers = history.callerAnswers.map {
            CallerItem(probe: $0.probe, takenAt: timeText($0.takenAt), questions: $0.exchanges)
        }
        sessions = history.sessions.map {
            Session(id: $0.id, reason: $0.reason, startedAt: timeText($0.startedAt), endedAt: $0.endedAt.map(timeText), error: $0.errorCode)
        }
        verdicts = history.verdicts.map { record in
            let verdict = try? JSONDecoder().decode(Verdict.self, from: Data(record.json.utf8))
            return VerdictItem(
                id: record.id, takenAt: timeText(record.takenAt), exitCode: record.exitCode, severity: record.severity,
                findings: verdict?.findings.map(\.id) ?? [])
        }
        remedies = history.remedies.map {
            Remedy(
                session: $0.session, remedy: $0.remedy, parameters: $0.parameters, startedAt: timeText($0.startedAt), prior: $0.prior,
                undoes: $0.undoes, outcome: $0.outcome?.rawValue, detail: $0.detail)
        }
        fixes = history.fixes.map {
            Fix(
                finding: $0.attempt.finding, subject: $0.attempt.subject, remedy: $0.attempt.remedy, parameters: $0.attempt.parameters,
                result: $0.attempt.result.rawValue)
        }
    }
}
