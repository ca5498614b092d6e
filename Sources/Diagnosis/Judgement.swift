internal import Probes

/// One diagnosis under way: facts in, findings out.
struct Judgement {
    let facts: Facts
    let library: ManifestLibrary
    private var findings: [Finding] = []
    private var unknowns: [Verdict.Unknown] = []
    private var noData: [Verdict.NoData] = []
    private var judged: [String] = []

    /// Findings of one rule that are listed at most.
    static let findingLimit = 200

    init(facts: Facts, library: ManifestLibrary) {
        self.facts = facts
        self.library = library
    }

    mutating func verdict() -> Verdict {
        for manifest in library.manifests where !manifest.facts.isEmpty {
            switch facts.states[manifest.table] ?? .notAsked {
            case .notAsked: continue
            case .nothing(let reason): noData.append(Verdict.NoData(probe: manifest.id, reason: "On this device \(reason)."))
            case .complete, .incomplete: for rule in manifest.findings { judge(rule, manifest) }
            }
        }
        let folding = Folding(findings: findings, facts: facts, library: library)
        unknowns.sort { ($0.id, $0.subject.sortKey) < ($1.id, $1.subject.sortKey) }
        return Verdict(causes: folding.causes(), unknowns: unknowns, noData: noData, judged: judged.sorted())
    }

    private mutating func judge(_ rule: FindingRule, _ manifest: Manifest) {
        do throws(DiagnosisError) {
            let (statement, tables) = try facts.database.prepare(rule.sql(in: manifest))
            // What the desk has no knowledge of is neither found nor unknown.
            if !tables.isDisjoint(with: facts.emptyDeskTables) { return }
            if let reason = facts.obstacle(in: tables.union([manifest.table]), library: library) {
                unknown(rule, manifest, [], reason)
                return
            }
            let result = try facts.database.rows(statement, limit: Self.findingLimit(rule))
            let unknownCount = unknowns.count
            for row in result.rows { judge(row, result.columns, rule, manifest) }
            if result.isCut { unknown(rule, manifest, [], "There are more rows than are listed.") }
            if unknowns.count == unknownCount { judged.append(rule.id) }
        } catch {
            unknown(rule, manifest, [], "The rule could not be asked: \(displayed(error.reason)).")
        }
    }

    /// A condition gives a row for every row of its table, a query only findings.
    private static func findingLimit(_ rule: FindingRule) -> Int {
        if case .when = rule.test { AnswerReader.rowLimit } else { findingLimit }
    }

    private mutating func judge(_ row: [FactValue], _ columns: [String], _ rule: FindingRule, _ manifest: Manifest) {
        var values = zip(columns, row).map { NamedValue(name: $0, value: $1) }
        if case .when(let condition) = rule.test {
            let verdict = values.removeFirst().value
            if verdict == .int(0) { return }
            if verdict == .null {
                unknown(rule, manifest, values.subject(of: rule), Self.missing(values, condition, manifest))
                return
            }
        }
        if findings.count(where: { $0.id == rule.id }) == Self.findingLimit {
            if !unknowns.contains(where: { $0.id == rule.id && $0.subject.isEmpty }) {
                unknown(rule, manifest, [], "There are more findings than are listed.")
            }
            return
        }
        findings.append(
            Finding(
                id: rule.id, subject: values.subject(of: rule), severity: rule.severity, customer: rule.customer.rendered(values),
                engineer: rule.engineer.rendered(values), probe: manifest.id, values: values,
                remedies: rule.remedies.compactMap { Remedy($0, values: values, library: library) }, visit: rule.visit,
                parts: rule.parts, skill: rule.skill, explainedBy: []))
    }

    private mutating func unknown(_ rule: FindingRule, _ manifest: Manifest, _ subject: [NamedValue], _ reason: String) {
        unknowns.append(Verdict.Unknown(id: rule.id, subject: subject, probe: manifest.id, reason: reason))
    }

    /// Which values of a row the condition wanted and did not get.
    private static func missing(_ values: [NamedValue], _ condition: String, _ manifest: Manifest) -> String {
        let words = Set(condition.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init))
        let names = values.filter { $0.value == .null && words.contains($0.name) }.map(\.name)
        if !manifest.questions.isEmpty { return "The caller did not say: \(names.joined(separator: ", "))." }
        return names.isEmpty
            ? "The rule has no answer for what the device gave." : "The device gave no value for \(names.joined(separator: ", "))."
    }
}

extension [NamedValue] {
    /// The subject of a rule, in the rule's order.
    func subject(of rule: FindingRule) -> [NamedValue] {
        rule.subject.map { name in first { $0.name == name } ?? NamedValue(name: name, value: .null) }
    }

    /// The value of a column; NULL where there is none.
    func value(_ name: String) -> FactValue { first { $0.name == name }?.value ?? .null }

    /// Text by which subjects are put in order.
    var sortKey: String { map { $0.value.text }.joined(separator: "\u{0}") }
}
