public import Probes

/// Whether a device is in use by what a remedy would disturb.
public enum DeviceUse: Equatable, Sendable {
    /// Nothing uses it.
    case idle
    /// It is in use: by what, as ends of sentences that are safe to show; one at least.
    case inUse([String])
    /// It could not be found out, for a reason that is a sentence and safe to show.
    case unknown(String)

    /// Stable word, for records.
    public var word: String {
        switch self {
        case .idle: "idle"
        case .inUse: "in-use"
        case .unknown: "unknown"
        }
    }

    /// What there is to say, safe to show; empty where it is idle.
    public var reasons: [String] {
        switch self {
        case .idle: []
        case .inUse(let uses): uses
        case .unknown(let reason): [reason]
        }
    }
}

extension Diagnostician {
    /// Uses that are told of.
    private static let useLimit = 8

    /// Judges by fresh answers whether a device is in use by what a remedy would disturb. What the device does not have is not in use.
    ///
    /// - Parameters:
    ///   - parameters: Those of the remedy.
    ///   - answers: To the probes that ``Manifest/inUse`` names.
    /// - Throws: `.database` where the facts do not fit into memory.
    public func use(
        _ remedy: Manifest, parameters: [NamedValue], answers: [Answer], desk: DeskFacts
    ) throws(DiagnosisError) -> DeviceUse {
        var desk = desk
        desk.parameters = parameters
        let facts = try Facts(answers: answers, desk: desk, library: library)
        var uses: [String] = []
        var reason: String?
        for rule in remedy.inUse {
            let table = Manifest.table(of: rule.probe)
            if case .nothing? = facts.states[table] { continue }
            do throws(DiagnosisError) {
                let (statement, tables) = try facts.database.prepare(rule.test.sql(table: table))
                if let obstacle = facts.obstacle(in: tables.union([table]), library: library) {
                    reason = reason ?? obstacle
                    continue
                }
                if !tables.isDisjoint(with: facts.emptyDeskTables.subtracting(["parameters"])) {
                    reason = reason ?? "The desk does not know enough of the device."
                    continue
                }
                let rows = try facts.database.rows(statement, limit: AnswerReader.rowLimit)
                for row in rows.rows {
                    var values = zip(rows.columns, row).map { NamedValue(name: $0, value: $1) }
                    if case .when = rule.test {
                        let verdict = values.removeFirst().value
                        if verdict == .null { reason = reason ?? "\(rule.probe) does not say enough to tell." }
                        if verdict == .null || verdict == .int(0) { continue }
                    }
                    uses.append(rule.sentence.rendered(values))
                }
            } catch {
                reason = reason ?? "It could not be judged: \(displayed(error.reason))."
            }
        }
        if !uses.isEmpty { return .inUse(Array(uses.prefix(Self.useLimit))) }
        return reason.map { .unknown($0) } ?? .idle
    }
}
