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
        let facts = try stateBefore(parameters, answers, desk)
        var uses: [String] = []
        var reason: String?
        for rule in remedy.inUse {
            if case .nothing? = facts.states[Manifest.table(of: rule.probe)] { continue }
            let (rows, obstacle) = rows(of: rule.test, asking: rule.probe, in: facts)
            reason = reason ?? obstacle
            uses += rows.map { rule.sentence.rendered($0) }
        }
        if !uses.isEmpty { return .inUse(Array(uses.prefix(Self.useLimit))) }
        return reason.map { .unknown($0) } ?? .idle
    }

    /// Judges by fresh answers whether a remedy changes anything, so that what takes it back leads to the state that was before.
    ///
    /// - Parameters:
    ///   - parameters: Those of the remedy.
    ///   - answers: To the probes that ``Manifest/undoStates`` names.
    /// - Throws: `.database` where the facts do not fit into memory.
    public func priorState(
        of remedy: Manifest, parameters: [NamedValue], answers: [Answer], desk: DeskFacts
    ) throws(DiagnosisError) -> PriorState {
        let facts = try stateBefore(parameters, answers, desk)
        var reason: String?
        for rule in remedy.undoStates {
            if case .nothing? = facts.states[Manifest.table(of: rule.probe)] {
                reason = reason ?? "The device does not have what \(rule.probe) asks."
                continue
            }
            let (rows, obstacle) = rows(of: rule.test, asking: rule.probe, in: facts)
            if !rows.isEmpty { return .other }
            reason = reason ?? obstacle
        }
        return reason.map { .unknown($0) } ?? .same
    }

    private func stateBefore(_ parameters: [NamedValue], _ answers: [Answer], _ desk: DeskFacts) throws(DiagnosisError) -> Facts {
        var desk = desk
        desk.parameters = parameters
        return try Facts(answers: answers, desk: desk, library: library)
    }

    /// The rows for which something asked just before a remedy holds, and why others may be missing, a sentence that is safe to show.
    private func rows(of test: FindingRule.Test, asking probe: String, in facts: Facts) -> (rows: [[NamedValue]], obstacle: String?) {
        let table = Manifest.table(of: probe)
        do throws(DiagnosisError) {
            let (statement, tables) = try facts.database.prepare(test.sql(table: table))
            if let obstacle = facts.obstacle(in: tables.union([table]), library: library) { return ([], obstacle) }
            if !tables.isDisjoint(with: facts.emptyDeskTables.subtracting(["parameters"])) {
                return ([], "The desk does not know enough of the device.")
            }
            var found: [[NamedValue]] = []
            var obstacle: String?
            let rows = try facts.database.rows(statement, limit: AnswerReader.rowLimit)
            for row in rows.rows {
                var values = zip(rows.columns, row).map { NamedValue(name: $0, value: $1) }
                if case .when = test {
                    let verdict = values.removeFirst().value
                    if verdict == .null { obstacle = "\(probe) does not say enough to tell." }
                    if verdict == .null || verdict == .int(0) { continue }
                }
                found.append(values)
            }
            return (found, obstacle)
        } catch {
            return ([], "It could not be judged: \(displayed(error.reason)).")
        }
    }
}

/// Whether a remedy changes anything, as the device stands right before it.
public enum PriorState: Equatable, Sendable {
    /// The state is another one than the remedy brings about.
    case other
    /// It is as the remedy would have it already, or not one that taking it back would lead to.
    case same
    /// It could not be found out, for a reason that is a sentence and safe to show.
    case unknown(String)

    /// Stable word, for records.
    public var word: String {
        switch self {
        case .other: "other"
        case .same: "same"
        case .unknown: "unknown"
        }
    }
}
