public import Probes

extension Diagnostician {
    /// The engineer's line of findings as it reads by later answers, whether or not the rule still finds them: the "after" of a repair.
    ///
    /// - Parameters:
    ///   - findings: As an earlier verdict has them.
    ///   - answers: The later answers.
    ///   - desk: What the desk itself knows of the device.
    /// - Returns: A line for each finding whose row is still there and whose tables were answered completely; safe to show.
    public func evidence(for findings: [Finding], in answers: [Answer], desk: DeskFacts = DeskFacts()) -> [FindingKey: String] {
        guard let facts = try? Facts(answers: answers, desk: desk, library: library) else { return [:] }
        var lines: [FindingKey: String] = [:]
        for finding in findings {
            guard let (manifest, rule) = library.rule(finding.id), case .when = rule.test,
                let (statement, tables) = try? facts.database.prepare(rule.sql(in: manifest)),
                facts.obstacle(in: tables.union([manifest.table]), library: library) == nil,
                let result = try? facts.database.rows(statement, limit: AnswerReader.rowLimit)
            else { continue }
            for row in result.rows {
                let values = zip(result.columns, row).dropFirst().map { NamedValue(name: $0, value: $1) }
                if values.subject(of: rule) == finding.subject { lines[finding.key] = rule.engineer.rendered(values) }
            }
        }
        return lines
    }
}

/// The rows of one answer, as a table for people.
public struct FactListing: Sendable {
    /// Names of the columns, in the manifest's order.
    public let columns: [String]
    /// Values in the order of the columns; the device's, hostile until displayed.
    public let values: [[FactValue]]
    /// Why the answer is not complete, as the end of a sentence; nil where it is.
    public let obstacle: String?
    /// Whether that is because the device has nothing there to read.
    public let isNoData: Bool

    /// Reads an answer by its manifest; nil for a probe that states no facts.
    public init?(_ answer: Answer, manifest: Manifest) {
        guard !manifest.facts.isEmpty else { return nil }
        let parsed = AnswerReader(manifest: manifest).read(answer)
        columns = manifest.facts.map(\.name)
        values = parsed.rows
        isNoData = if case .nothing = parsed.state { true } else { false }
        switch parsed.state {
        case .complete: obstacle = nil
        case .incomplete(let reason), .nothing(let reason): obstacle = reason
        case .notAsked: obstacle = "was not asked"
        }
    }

    /// The rows by column name.
    public var rows: [[String: FactValue]] {
        values.map { Dictionary(zip(columns, $0)) { first, _ in first } }
    }
}
