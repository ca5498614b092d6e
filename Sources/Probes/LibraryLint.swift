internal import Catalogue
internal import Wire

/// Checks manifests against each other.
struct LibraryLint {
    let manifests: [Manifest]
    /// Whether every manifest could be read; if not, references are not followed.
    let isWhole: Bool

    var problems: [ManifestProblem] {
        duplicates + manifests.flatMap(templates) + (isWhole ? manifests.flatMap(references) + cycles : [])
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
            let templates = [rule.customer, rule.engineer] + rule.remedies.flatMap { $0.parameters.values }
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
