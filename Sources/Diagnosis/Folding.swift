internal import Probes

/// Folds findings under those that explain them, where the explanation's evidence is there.
struct Folding {
    let findings: [Finding]
    let facts: Facts
    let library: ManifestLibrary

    /// Causes in the verdict's order, each with its symptoms.
    func causes() -> [Verdict.Cause] {
        let ordered = findings.sorted { Self.isBefore($0, $1) }
        let parents = explanations(ordered)
        var symptoms: [Int: [Finding]] = [:]
        var roots: [Int] = []
        for index in ordered.indices {
            guard let first = parents[index]?.first else {
                roots.append(index)
                continue
            }
            var symptom = ordered[index]
            symptom.explainedBy = (parents[index] ?? []).map { ordered[$0].key }
            symptoms[root(of: first, parents), default: []].append(symptom)
        }
        let causes = roots.map { Verdict.Cause(finding: ordered[$0], symptoms: symptoms[$0] ?? []) }
        // Stable by construction: what is equal here stays in the order of severity, id and subject.
        return causes.enumerated().sorted { left, right in
            if left.element.worst != right.element.worst { return left.element.worst > right.element.worst }
            if left.element.symptoms.count != right.element.symptoms.count {
                return left.element.symptoms.count > right.element.symptoms.count
            }
            return left.offset < right.offset
        }.map(\.element)
    }

    private static func isBefore(_ left: Finding, _ right: Finding) -> Bool {
        if left.severity != right.severity { return left.severity > right.severity }
        return (left.id, left.subject.sortKey) < (right.id, right.subject.sortKey)
    }

    /// For each explained finding, the findings that explain it.
    private func explanations(_ findings: [Finding]) -> [Int: [Int]] {
        var parents: [Int: [Int]] = [:]
        for (causeIndex, cause) in findings.enumerated() {
            for explanation in library.rule(cause.id)?.rule.explains ?? [] {
                for (effectIndex, effect) in findings.enumerated()
                where effect.id == explanation.finding && effectIndex != causeIndex && hasEvidence(explanation.condition, cause, effect) {
                    parents[effectIndex, default: []].append(causeIndex)
                }
            }
        }
        return parents
    }

    /// Lint refuses circles of ids, so the way up ends; the bound is for a library that was not linted.
    private func root(of index: Int, _ parents: [Int: [Int]]) -> Int {
        var root = index
        for _ in 0..<findings.count {
            guard let next = parents[root]?.first else { break }
            root = next
        }
        return root
    }

    /// Whether the condition holds, judged only on complete answers.
    private func hasEvidence(_ condition: String, _ cause: Finding, _ effect: Finding) -> Bool {
        let sql = Self.query(condition, cause: cause.values.map(\.name), effect: effect.values.map(\.name))
        guard let (statement, tables) = try? facts.database.prepare(sql) else { return false }
        guard facts.obstacle(in: tables, library: library) == nil else { return false }
        let bindings = cause.values.map(\.value) + effect.values.map(\.value)
        let result = try? facts.database.rows(statement, bindings: bindings, limit: 1)
        return result?.rows.first?.first == .int(1)
    }

    /// The query of an explanation: its condition over one row `cause` and one row `effect`, bound in this order.
    static func query(_ condition: String, cause: [String], effect: [String]) -> String {
        func row(_ columns: [String], from first: Int) -> String {
            let values = columns.enumerated().map { "?\($0.offset + first) AS \"\($0.element)\"" }
            return "(SELECT " + (values.isEmpty ? "NULL" : values.joined(separator: ", ")) + ")"
        }
        return "SELECT NOT NOT (\n\(condition)\n) FROM \(row(cause, from: 1)) AS cause, \(row(effect, from: cause.count + 1)) AS effect"
    }
}
