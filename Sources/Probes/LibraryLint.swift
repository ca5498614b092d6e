internal import Catalogue
internal import Wire

/// Checks manifests against each other.
struct LibraryLint {
    let manifests: [Manifest]
    /// Whether every manifest could be read; if not, references are not followed.
    let isWhole: Bool

    var problems: [ManifestProblem] {
        duplicates + manifests.flatMap(templates)
            + (isWhole ? manifests.flatMap(references) + manifests.flatMap(uses) + manifests.flatMap(undo) + cycles : [])
    }

    private func problem(_ manifest: Manifest, _ line: Int, _ message: String, suggestion: String? = nil) -> ManifestProblem {
        ManifestProblem(file: manifest.file, line: line, message: message, suggestion: suggestion)
    }

    private var duplicates: [ManifestProblem] {
        var problems: [ManifestProblem] = []
        var tables: [String: String] = [:]
        var findings: [String: String] = [:]
        for manifest in manifests {
            if let other = tables.updateValue(manifest.id, forKey: manifest.table) {
                problems.append(problem(manifest, 1, "The id \(manifest.id) names the same table as \(other)."))
            }
            for rule in manifest.findings {
                if let other = findings.updateValue(manifest.id, forKey: rule.id) {
                    problems.append(problem(manifest, rule.line, "The finding \(rule.id) stands in \(other) already."))
                }
            }
        }
        return problems
    }

    /// Columns that sentences and subjects use, where the rule's columns are the table's. A query's columns are known to SQLite only.
    private func templates(_ manifest: Manifest) -> [ManifestProblem] {
        let columns = manifest.facts.map(\.name)
        return manifest.findings.flatMap { rule -> [ManifestProblem] in
            guard case .when = rule.test else { return [] }
            let templates = [rule.customer, rule.engineer] + rule.translations.values + rule.remedies.flatMap { $0.parameters.values }
            let used = rule.subject + templates.flatMap(\.columns)
            return Set(used).subtracting(columns).sorted().map {
                problem(
                    manifest, rule.line, "The finding \(rule.id) uses \($0), which is no fact.", suggestion: nearest(to: $0, in: columns))
            }
        }
    }

    private func references(_ manifest: Manifest) -> [ManifestProblem] {
        manifest.findings.flatMap { rule in
            rule.explains.flatMap { explanation($0, in: manifest) } + rule.remedies.flatMap { remedy($0, in: manifest) }
        }
    }

    /// What is asked just before a remedy: something that observes, and gives facts.
    private func uses(_ manifest: Manifest) -> [ManifestProblem] {
        manifest.undoStates.flatMap { asked($0.probe, $0.line, in: manifest, to: "in which state a device is").problems }
            + manifest.inUse.flatMap { rule -> [ManifestProblem] in
                let (problems, probe) = asked(rule.probe, rule.line, in: manifest, to: "whether a device is in use")
                guard problems.isEmpty, let probe, case .when = rule.test else { return problems }
                let columns = probe.facts.map(\.name)
                return Set(rule.sentence.columns).subtracting(columns).sorted().map {
                    problem(manifest, rule.line, "\(probe.id) has no fact \($0).", suggestion: nearest(to: $0, in: columns))
                }
            }
    }

    /// The probe of that id, and why it cannot be asked just before a remedy.
    private func asked(_ id: String, _ line: Int, in manifest: Manifest, to say: String) -> (problems: [ManifestProblem], probe: Manifest?)
    {
        guard let probe = manifests.first(where: { $0.id == id }) else {
            let known = manifests.filter { $0.impact == .observe }.map(\.id)
            return ([problem(manifest, line, "There is no probe \(id) to ask.", suggestion: nearest(to: id, in: known))], nil)
        }
        if probe.source == nil || probe.impact != .observe || !probe.parameters.isEmpty || probe.facts.isEmpty {
            let message = "\(probe.id) does not say \(say): it must observe, state facts and take no parameter."
            return ([problem(manifest, line, message)], probe)
        }
        return ([], probe)
    }

    /// What takes a remedy back: another one, whose parameters are this one's, and which this one takes back if anything does.
    private func undo(_ manifest: Manifest) -> [ManifestProblem] {
        guard let reference = manifest.undo else { return [] }
        var problems = remedy(reference, in: manifest)
        guard let other = manifests.first(where: { $0.id == reference.probe }) else { return problems }
        func report(_ message: String) { problems.append(problem(manifest, reference.line, message)) }
        if other.id == manifest.id { report("\(manifest.id) cannot take itself back.") }
        if let back = other.undo, back.probe != manifest.id {
            report("\(other.id), which takes \(manifest.id) back, is taken back by \(back.probe) and not by \(manifest.id).")
        }
        for parameter in other.parameters {
            guard let template = reference.parameters[parameter.name.string] else { continue }
            let name = parameter.name.string
            switch template.pieces.first {
            case .value(let column, .plain)? where template.pieces.count == 1:
                guard let own = manifest.parameters.first(where: { $0.name.string == column }) else {
                    report("\(manifest.id) has no parameter \(column) to take itself back with.")
                    continue
                }
                if own.type != parameter.type { report("\(column) of \(manifest.id) is of another type than \(name) of \(other.id).") }
            case .literal? where template.columns.isEmpty: break
            default: report("\(name) of \(other.id) must be a parameter of \(manifest.id) alone, or a word.")
            }
        }
        return problems
    }

    private func explanation(_ explanation: FindingRule.Explanation, in manifest: Manifest) -> [ManifestProblem] {
        let known = manifests.flatMap { $0.findings.map(\.id) }
        if known.contains(explanation.finding) { return [] }
        return [
            problem(
                manifest, explanation.line, "There is no finding \(explanation.finding) to explain.",
                suggestion: nearest(to: explanation.finding, in: known))
        ]
    }

    private func remedy(_ reference: FindingRule.RemedyReference, in manifest: Manifest) -> [ManifestProblem] {
        guard let remedy = manifests.first(where: { $0.id == reference.probe }) else {
            return [
                problem(
                    manifest, reference.line, "There is no probe \(reference.probe) to be a remedy.",
                    suggestion: nearest(to: reference.probe, in: manifests.filter { $0.impact == .change }.map(\.id)))
            ]
        }
        var problems: [ManifestProblem] = []
        if remedy.impact != .change { problems.append(problem(manifest, reference.line, "\(remedy.id) changes nothing and is no remedy.")) }
        let wanted = remedy.parameters.map(\.name.string)
        for name in wanted where reference.parameters[name] == nil {
            problems.append(problem(manifest, reference.line, "The remedy \(remedy.id) needs the parameter \(name)."))
        }
        for name in reference.parameters.keys.sorted() where !wanted.contains(name) {
            problems.append(
                problem(
                    manifest, reference.line, "The remedy \(remedy.id) takes no parameter \(name).",
                    suggestion: nearest(to: name, in: wanted)
                ))
        }
        return problems
    }

    /// Findings that explain themselves, directly or through others, would fold under one another until nothing is left to show.
    private var cycles: [ManifestProblem] {
        var edges: [String: [String]] = [:]
        for rule in manifests.flatMap(\.findings) { edges[rule.id, default: []] += rule.explains.map(\.finding) }
        var problems: [ManifestProblem] = []
        for manifest in manifests {
            for rule in manifest.findings {
                for explanation in rule.explains where reaches(rule.id, from: explanation.finding, edges) {
                    problems.append(
                        problem(manifest, explanation.line, "\(rule.id) and \(explanation.finding) explain each other in a circle."))
                }
            }
        }
        return problems
    }

    private func reaches(_ goal: String, from start: String, _ edges: [String: [String]]) -> Bool {
        var seen: Set<String> = []
        var open = [start]
        while let next = open.popLast() {
            if next == goal { return true }
            if seen.insert(next).inserted { open += edges[next] ?? [] }
        }
        return false
    }
}
