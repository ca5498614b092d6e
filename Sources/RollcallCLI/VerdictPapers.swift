internal import Calls
internal import Diagnosis
internal import Probes
internal import Store

/// Why a verdict says what it says: every rule that fired, the row it fired on, and the evidence by which it was folded.
struct VerdictExplanation {
    let library: ManifestLibrary

    /// The lines, in the verdict's order.
    func lines(_ verdict: Verdict, _ terminal: Terminal) -> [String] {
        var lines: [String] = []
        for finding in verdict.findings {
            guard let (manifest, rule) = library.rule(finding.id) else { continue }
            lines.append(terminal.styled(finding.title, .bold) + "  \(manifest.file):\(rule.testLine)")
            let (word, sql): (String, String) =
                switch rule.test {
                case .when(let condition): ("when:  ", condition)
                case .select(let query): ("select:", query)
                }
            lines.append("   \(word) " + terminal.wrapped(Self.oneLine(sql), indent: 11))
            let row = finding.values.map { "\($0.name)=\(displayed($0.value.text, limit: 60))" }.joined(separator: " ")
            lines.append("   row:     " + terminal.wrapped(row, indent: 12))
            for key in finding.explainedBy {
                let condition = library.rule(key.id)?.rule.explains.first { $0.finding == finding.id }?.condition ?? ""
                lines.append("   under:   " + terminal.wrapped("\(key.description), because \(Self.oneLine(condition))", indent: 12))
            }
        }
        let fired = Set(verdict.findings.map(\.id))
        let quiet = verdict.judged.filter { !fired.contains($0) }
        lines.append("\(quiet.count) rules found nothing: " + terminal.wrapped(quiet.joined(separator: " "), indent: 3))
        if !verdict.noData.isEmpty {
            let probes = verdict.noData.map { "\($0.probe): \(displayed($0.reason))" }
            lines.append("Nothing there to ask: " + terminal.wrapped(probes.joined(separator: " "), indent: 3))
        }
        return lines
    }

    private static func oneLine(_ sql: String) -> String { sql.split { $0.isWhitespace }.joined(separator: " ") }
}

/// A verdict for a ticket, in Markdown.
struct VerdictMarkdown {
    let device: Device

    /// The text, ending with a newline. What a device says is only ever text in it.
    func text(_ diagnosis: DeviceDiagnosis) -> String {
        let verdict = diagnosis.verdict
        let word = ["OK", "WARNING", "CRITICAL", "UNKNOWN"][min(max(verdict.exitCode, 0), 3)]
        let place = [device.labels.site, device.labels.model].filter { !$0.isEmpty }.map(Self.plain).joined(separator: ", ")
        var lines = ["## \(word): \(Self.plain(device.name))" + (place.isEmpty ? "" : " (\(place))"), "", Self.plain(verdict.summary), ""]
        for (number, cause) in verdict.causes.enumerated() {
            let finding = cause.finding
            lines.append("\(number + 1). **\(Self.plain(finding.title))** (\(finding.severity.rawValue)): \(Self.plain(finding.engineer))")
            lines.append("   - For the customer: \(Self.plain(finding.customer))")
            for symptom in cause.symptoms {
                lines.append("   - Explains **\(Self.plain(symptom.title))**: \(Self.plain(symptom.engineer))")
            }
            for remedy in ([finding] + cause.symptoms).flatMap(\.remedies) where remedy.refusal == nil {
                let words =
                    ["rollcall fix", device.name, remedy.probe] + remedy.parameters.map { "\($0.name)=\(displayed($0.value.text))" }
                lines.append("   - Remedy: \(Self.plain(remedy.title)): `\(words.joined(separator: " ").replacing("`", with: "'"))`")
            }
            if finding.visit != .none { lines.append("   - Visit: \(finding.visit.rawValue)\(Self.plain(VerdictText.needs(finding)))") }
        }
        if !verdict.unknowns.isEmpty {
            lines += ["", "Could not find out:", ""]
            lines += verdict.unknowns.map { unknown in
                let subject = unknown.subject.map { " " + $0.value.text }.joined()
                return "- \(Self.plain(displayed(unknown.id + subject))): \(Self.plain(unknown.reason))"
            }
        }
        lines += ["", "\(verdict.judged.count) rules judged; session `\(diagnosis.session)`."]
        return lines.joined(separator: "\n") + "\n"
    }

    /// Text in which nothing is markup.
    private static func plain(_ text: String) -> String {
        var plain = ""
        for character in displayed(text, limit: 600) {
            if "\\`*_{}[]<>()#+!|~&".contains(character) { plain += "\\" }
            plain.append(character)
        }
        return plain
    }
}
