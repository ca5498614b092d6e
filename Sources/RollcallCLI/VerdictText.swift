internal import Calls
internal import Diagnosis
internal import Probes
internal import Store

/// A verdict as a person at the desk reads it: what to say, what is so, what to do.
struct VerdictText {
    let terminal: Terminal
    let device: Device
    /// Whether the verdict is of what a caller said, of a device that cannot be reached.
    var isOfCaller = false
    /// What remedies did before on this model, by finding.
    let history: (String) -> [RemedyHistory]

    /// The lines, causes first.
    func lines(_ diagnosis: DeviceDiagnosis) -> [String] {
        var lines = [headline(diagnosis.verdict)] + self.lines(diagnosis.verdict)
        if let changes = diagnosis.changes, !changes.differences.isEmpty {
            lines += comparison("Not as it was at \(timeText(changes.since)), when it was last well:", changes.differences)
        }
        if !diagnosis.oddities.isEmpty {
            lines += comparison("Not as on the others of its model here:", diagnosis.oddities)
        }
        if let reboot = diagnosis.reboot { lines += RebootText(reboot).lines.map { terminal.wrapped($0, indent: 3) } }
        for name in diagnosis.stuck { lines.append("Stuck on the device, and not asked again until it returns: \(name)") }
        if let other = diagnosis.otherCatalogueVersion {
            lines.append(
                "The device has \(other == 0 ? "no catalogue" : "another catalogue, version \(other)"); `rollcall probes push \(device.name)` brings this desk's."
            )
        }
        lines += Self.alarms(diagnosis.heads)
        return lines
    }

    /// The causes, and what could not be found out.
    func lines(_ verdict: Verdict) -> [String] {
        var lines: [String] = []
        for (number, cause) in verdict.causes.enumerated() { lines += self.lines(cause, number: number + 1) }
        if verdict.causes.isEmpty && verdict.unknowns.isEmpty { lines.append("Every question was answered, and nothing was found.") }
        if !verdict.unknowns.isEmpty {
            lines.append(terminal.styled("Could not find out:", .bold))
            for unknown in verdict.unknowns.prefix(12) {
                let subject = unknown.subject.map { " \(displayed($0.value.text, limit: 80))" }.joined()
                lines.append("   \(unknown.id)\(subject): " + terminal.wrapped(unknown.reason, indent: 6))
            }
            if verdict.unknowns.count > 12 { lines.append("   ... and \(verdict.unknowns.count - 12) more; --json has all of them") }
        }
        return lines
    }

    /// Differences under a heading.
    func comparison(_ title: String, _ differences: [StateDifference]) -> [String] {
        var lines = [terminal.styled(title, .bold)] + differences.prefix(8).map { "   " + terminal.wrapped($0.sentence, indent: 6) }
        if differences.count > 8 { lines.append("   ... and \(differences.count - 8) more; --json has all of them") }
        return lines
    }

    /// The device and where it stands, after a word.
    func headline(_ word: String, _ style: Terminal.Style) -> String {
        let place = [device.labels.site, device.labels.model].filter { !$0.isEmpty }.map { displayed($0, limit: 60) }.joined(
            separator: ", ")
        return terminal.styled(word, style) + "  " + terminal.styled(device.name, .bold) + (place.isEmpty ? "" : "  \(place)")
    }

    private func headline(_ verdict: Verdict) -> String {
        let (word, style): (String, Terminal.Style) =
            switch verdict.exitCode {
            case 0: ("OK", .green)
            case 1: ("WARNING", .yellow)
            case 2: ("CRITICAL", .red)
            default: ("UNKNOWN", .yellow)
            }
        return headline(word, style)
    }

    private func lines(_ cause: Verdict.Cause, number: Int) -> [String] {
        let finding = cause.finding
        var lines = ["\(number). " + terminal.styled(finding.title, .bold) + "  (\(finding.severity.rawValue))"]
        lines.append("   say:  " + terminal.wrapped("\u{201C}\(finding.customer)\u{201D}", indent: 9))
        lines.append("   why:  " + terminal.wrapped(finding.engineer, indent: 9))
        lines += remedies(finding, label: "fix:  ")
        for symptom in cause.symptoms {
            lines.append("   it explains " + terminal.styled(symptom.title, .bold) + ": " + terminal.wrapped(symptom.engineer, indent: 9))
            lines += remedies(symptom, label: "then: ")
        }
        let isHelpless = finding.remedies.allSatisfy { $0.refusal != nil }
        if isOfCaller, finding.visit == .ifRemediesFail {
            lines.append("   visit: if what the customer can do does not help" + Self.needs(finding))
        } else if finding.visit == .advised || (finding.visit == .ifRemediesFail && isHelpless) {
            lines.append("   visit: nothing here mends it from the desk" + Self.needs(finding))
        }
        return lines
    }

    /// What a visit must bring, as the end of a line.
    static func needs(_ finding: Finding) -> String {
        var words = finding.parts.isEmpty ? "" : "; bring " + finding.parts.joined(separator: ", ")
        if let skill = finding.skill { words += "; it takes: \(skill)" }
        return words
    }

    private func remedies(_ finding: Finding, label: String) -> [String] {
        let known = history(finding.id)
        return finding.remedies.map { remedy in
            if let refusal = remedy.refusal { return "   \(label)\(remedy.probe) cannot be used here: \(displayed(refusal))" }
            let words = ["rollcall fix", device.name, remedy.probe] + remedy.parameters.map { "\($0.name)=\(displayed($0.value.text))" }
            let past = known.first { $0.remedy == remedy.probe }.map { "   held \($0.heldCount) of \($0.triedCount)" } ?? ""
            return "   \(label)" + words.joined(separator: " ") + terminal.styled("   \(remedy.title)\(past)", .faint)
        }
    }

    /// What is missing where a device does not witness this desk's ledger.
    private static let unwitnessed =
        "The device does not vouch for this desk's record, because it does not know the desk's key: add what `rollcall audit key` prints to /etc/rollcall/desks on it, or enrol it again."

    /// What is wrong between the two ledgers, loudly; and what is missing, in a sentence.
    static func alarms(_ heads: HeadJudgement?) -> [String] {
        guard let heads else { return [] }
        if heads.isQuiet { return heads.isUnwitnessed ? [unwitnessed] : [] }
        var lines: [String] = []
        switch heads.head {
        case .badSignature: lines.append("ALARM: the device's ledger head is not signed by the key pinned at its enrolment.")
        case .withheld: lines.append("ALARM: the device no longer shows the head of its ledger.")
        case .shorter: lines.append("ALARM: the device's ledger is shorter than it was; its history was lost or dropped.")
        case .rewritten: lines.append("ALARM: the device's ledger was rewritten.")
        default: break
        }
        switch heads.witness {
        case .inconsistent: lines.append("ALARM: the device says that this desk's ledger does not continue what it saw before.")
        case .badCosignature: lines.append("ALARM: the device's cosignature is not valid.")
        default: break
        }
        return lines + ["`rollcall audit verify --device` says more."]
    }
}

/// A diagnosis for `--json`.
struct DiagnosisBody: Encodable {
    let device: String
    let session: String
    let call: String?
    let exitCode: Int
    let summary: String
    let findings: [String]
    let verdict: Verdict
    let totalMilliseconds: Int
    let agentMilliseconds: Int
    let stuck: [String]
    let reboot: [String]?
    let changes: Changes?
    let oddities: [StateDifference]
    let heads: Heads?

    struct Changes: Encodable {
        let since: Int64
        let differences: [StateDifference]
    }

    struct Heads: Encodable {
        let device: String
        let witness: String
    }

    init(_ diagnosis: DeviceDiagnosis, device: Device, call: String?) {
        self.device = device.name
        session = diagnosis.session
        self.call = call
        exitCode = diagnosis.verdict.exitCode
        summary = diagnosis.verdict.summary
        findings = diagnosis.verdict.findings.map(\.id)
        verdict = diagnosis.verdict
        totalMilliseconds = diagnosis.timing.total.milliseconds
        agentMilliseconds = diagnosis.timing.agent.milliseconds
        stuck = diagnosis.stuck
        reboot = diagnosis.reboot.map { RebootText($0).lines }
        changes = diagnosis.changes.map { Changes(since: $0.since, differences: $0.differences) }
        oddities = diagnosis.oddities
        heads = diagnosis.heads.map { Heads(device: $0.head.rawValue, witness: $0.witness.rawValue) }
    }
}

extension Duration {
    /// Whole milliseconds.
    var milliseconds: Int { Int(components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000) }
}
