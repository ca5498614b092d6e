internal import Probes

/// One thing that is not as it was, or not as on like devices.
public struct StateDifference: Codable, Equatable, Sendable {
    /// The probe whose facts differ.
    public var probe: String
    /// The row: empty where the table has one.
    public var subject: [NamedValue]
    /// The column that differs; nil where the row itself is new or gone.
    public var column: String?
    /// The value before, or on most of the others; nil where there is no such row.
    public var expected: FactValue?
    /// The value now; nil where the row is gone.
    public var found: FactValue?
    /// How many of the others have that value; 0 where the device is compared with itself.
    public var agreeingCount = 0

    /// The difference on one line, safe to show.
    public var sentence: String {
        let what = ([probe] + subject.map { displayed($0.value.text, limit: 60) } + (column.map { [$0] } ?? [])).joined(separator: " ")
        func shown(_ value: FactValue?) -> String { displayed(value?.text ?? "nothing", limit: 60) }
        switch (column, expected, found, agreeingCount) {
        case (nil, nil, _, 0): return "\(what) is new"
        case (nil, _, nil, 0): return "\(what) is gone"
        case (nil, _, _, let count): return "\(what) is missing; \(count) others have it"
        case (_, _, _, 0): return "\(what) was \(shown(expected)), is \(shown(found))"
        case (_, _, _, let count): return "\(what) is \(shown(found)); on \(count) others it is \(shown(expected))"
        }
    }
}

extension Diagnostician {
    /// Others of whom so many must agree before a device is told that it differs.
    private static let quorum = 3

    /// What differs between an earlier state of a device and a later one, in what manifests watch.
    ///
    /// Only what was answered completely both times is compared.
    ///
    /// - Returns: In the order of probes and rows.
    public func changes(from earlier: [Answer], to later: [Answer]) -> [StateDifference] {
        watched { manifest, rule in
            guard let before = Self.state(manifest, rule, earlier), let now = Self.state(manifest, rule, later) else { return [] }
            var found: [StateDifference] = []
            for (subject, values) in before.rows {
                guard let present = now.values[subject] else {
                    found.append(Self.difference(manifest, rule, subject, column: nil, expected: .text(""), found: nil))
                    continue
                }
                for (column, pair) in zip(rule.columns, zip(values, present)) where pair.0 != pair.1 {
                    found.append(Self.difference(manifest, rule, subject, column: column, expected: pair.0, found: pair.1))
                }
            }
            for (subject, _) in now.rows where before.values[subject] == nil {
                found.append(Self.difference(manifest, rule, subject, column: nil, expected: nil, found: .text("")))
            }
            return found
        }
    }

    /// What differs between a device and most of its like, in what manifests watch.
    ///
    /// - Parameter others: The answers of each other device. Three of them, and three quarters of those that say anything, must agree.
    public func differences(of answers: [Answer], from others: [[Answer]]) -> [StateDifference] {
        if others.count < Self.quorum { return [] }
        return watched { manifest, rule in
            guard let own = Self.state(manifest, rule, answers) else { return [] }
            let theirs = others.compactMap { Self.state(manifest, rule, $0) }
            if theirs.count < Self.quorum { return [] }
            var subjects: [[FactValue]] = []
            for state in theirs { for (subject, _) in state.rows where !subjects.contains(subject) { subjects.append(subject) } }
            return subjects.flatMap { subject -> [StateDifference] in
                let rows = theirs.compactMap { $0.values[subject] }
                guard rows.count >= Self.quorum, rows.count * 4 >= theirs.count * 3 else { return [] }
                guard let present = own.values[subject] else {
                    return [Self.difference(manifest, rule, subject, column: nil, expected: .text(""), found: nil, agreeing: rows.count)]
                }
                return rule.columns.indices.compactMap { index in
                    var counts: [FactValue: Int] = [:]
                    for row in rows { counts[row[index], default: 0] += 1 }
                    guard let (value, count) = counts.max(by: { $0.value < $1.value }), count >= Self.quorum, count * 4 >= rows.count * 3,
                        value != present[index]
                    else { return nil }
                    return Self.difference(
                        manifest, rule, subject, column: rule.columns[index], expected: value, found: present[index], agreeing: count)
                }
            }
        }
    }

    /// What every one of these devices has, by kind: what a model's devices are expected to have.
    ///
    /// A kind that one of them did not answer completely is left out.
    public func lessons(of devices: [[Answer]]) throws(DiagnosisError) -> [String: [[String]]] {
        var common: [String: [[String]]] = [:]
        for (index, answers) in devices.enumerated() {
            let facts = try Facts(answers: answers, desk: DeskFacts(), library: library)
            for lesson in library.manifests.flatMap(\.lessons) {
                let (statement, tables) = try facts.database.prepare(lesson.query)
                guard facts.obstacle(in: tables, library: library) == nil else {
                    common[lesson.kind] = []
                    continue
                }
                let rows = try facts.database.rows(statement, limit: AnswerReader.rowLimit).rows.map { $0.map(\.text) }
                common[lesson.kind] = index == 0 ? rows : common[lesson.kind]?.filter { rows.contains($0) }
            }
        }
        return common.filter { !$0.value.isEmpty }
    }

    private struct State {
        var rows: [([FactValue], [FactValue])] = []
        var values: [[FactValue]: [FactValue]] = [:]
    }

    private func watched(_ compare: (Manifest, WatchRule) -> [StateDifference]) -> [StateDifference] {
        library.manifests.flatMap { manifest in manifest.watch.map { compare(manifest, $0) } ?? [] }
    }

    /// The watched values of each row by its subject; nil where the answer is not complete.
    private static func state(_ manifest: Manifest, _ rule: WatchRule, _ answers: [Answer]) -> State? {
        guard let answer = answers.last(where: { $0.probe == manifest.id }) else { return nil }
        let parsed = AnswerReader(manifest: manifest).read(answer)
        guard parsed.state == .complete else { return nil }
        let names = manifest.facts.map(\.name)
        func values(_ wanted: [String], _ row: [FactValue]) -> [FactValue] {
            wanted.map { name in names.firstIndex(of: name).map { row[$0] } ?? .null }
        }
        var state = State()
        for row in parsed.rows {
            let (subject, watched) = (values(rule.subject, row), values(rule.columns, row))
            if state.values.updateValue(watched, forKey: subject) == nil { state.rows.append((subject, watched)) }
        }
        return state
    }

    private static func difference(
        _ manifest: Manifest, _ rule: WatchRule, _ subject: [FactValue], column: String?, expected: FactValue?, found: FactValue?,
        agreeing: Int = 0
    ) -> StateDifference {
        StateDifference(
            probe: manifest.id, subject: zip(rule.subject, subject).map { NamedValue(name: $0, value: $1) }, column: column,
            expected: expected, found: found, agreeingCount: agreeing)
    }
}
