public import Probes

/// Draws verdicts from answers by the rules of a library.
public struct Diagnostician: Sendable {
    /// The manifests.
    public let library: ManifestLibrary

    /// Judges by the rules of `library`.
    public init(library: ManifestLibrary) { self.library = library }

    /// Judges a device by its answers.
    ///
    /// Probes that were not asked are left out, not unknown. Of two answers to one probe the later counts.
    ///
    /// - Parameter desk: What the desk itself knows of the device.
    /// - Throws: `.database` where the facts do not fit into memory. Whatever else goes wrong is an unknown of the verdict.
    public func judge(_ answers: [Answer], desk: DeskFacts = DeskFacts()) throws(DiagnosisError) -> Verdict {
        judge(try facts(of: answers, desk: desk))
    }

    /// The facts that answers state, for ``judge(_:)``.
    ///
    /// - Throws: `.database` where the facts do not fit into memory.
    public func facts(of answers: [Answer], desk: DeskFacts = DeskFacts()) throws(DiagnosisError) -> Facts {
        try Facts(answers: answers, desk: desk, library: library)
    }

    /// Judges facts by the rules of the library that they were read by.
    public func judge(_ facts: Facts) -> Verdict {
        var judgement = Judgement(facts: facts, library: library)
        return judgement.verdict()
    }

    /// Ids of the probes that a finding's rule reads, ascending: what to ask again to see whether it is gone.
    ///
    /// Empty for a finding that no rule has.
    public func probes(behind finding: String) -> [String] {
        guard let (manifest, rule) = library.rule(finding), let facts = try? Facts(answers: [], desk: DeskFacts(), library: library) else {
            return []
        }
        let tables = (try? facts.database.prepare(rule.sql(in: manifest)).tables) ?? []
        return library.manifests.filter { tables.contains($0.table) || $0.id == manifest.id }.map(\.id)
    }
}

extension FindingRule {
    /// The rule's whole query; a condition becomes a query whose first column is 1, 0 or NULL and the others the row.
    func sql(in manifest: Manifest) -> String { test.sql(table: manifest.table) }
}

extension FindingRule.Test {
    /// The whole query over a probe's table.
    func sql(table: String) -> String {
        switch self {
        case .when(let condition): "SELECT NOT NOT (\n\(condition)\n), * FROM \"\(table)\""
        case .select(let query): query
        }
    }
}

/// The fact tables of one diagnosis, and how much of each is known.
public struct Facts {
    let database: FactDatabase
    private(set) var states: [String: TableState] = [:]

    /// Tables of the desk that have nothing in them: what reads one can be judged neither way.
    let emptyDeskTables: Set<String>

    init(answers: [Answer], desk: DeskFacts, library: ManifestLibrary) throws(DiagnosisError) {
        database = try FactDatabase()
        var empty: Set<String> = []
        for table in DeskFacts.tables {
            try database.create(table.name, columns: table.columns)
            let rows = table.rows(desk)
            if rows.isEmpty { empty.insert(table.name) }
            try database.insert(rows, into: table.name)
        }
        emptyDeskTables = empty
        for manifest in library.manifests where !manifest.facts.isEmpty {
            try database.create(manifest.table, columns: manifest.facts.map { ($0.name, $0.type) })
            guard let answer = answers.last(where: { $0.probe == manifest.id }) else {
                states[manifest.table] = .notAsked
                continue
            }
            let parsed = AnswerReader(manifest: manifest).read(answer)
            try database.insert(parsed.rows, into: manifest.table)
            states[manifest.table] = parsed.state
        }
        for view in library.manifests.flatMap(\.views) { try database.create(view) }
        database.seal()
    }

    /// Why tables cannot be relied upon, as the sentence for an unknown; nil where all are complete.
    func obstacle(in tables: Set<String>, library: ManifestLibrary) -> String? {
        // As a rule all are complete, and then no manifest is looked at.
        let doubtful = tables.filter { states[$0] != .complete }
        if doubtful.isEmpty { return nil }
        for manifest in library.manifests where doubtful.contains(manifest.table) {
            switch states[manifest.table] ?? .notAsked {
            case .complete: continue
            case .incomplete(let reason): return "\(manifest.id) \(reason)."
            case .nothing(let reason): return "\(manifest.id) has nothing to read: \(reason)."
            case .notAsked: return "\(manifest.id) was not asked."
            }
        }
        return nil
    }
}
